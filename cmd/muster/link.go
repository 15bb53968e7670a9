package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newLink() *cobra.Command {
	var over, org string
	c := a.command(manual{
		use:   "link [metered|normal|now MESSAGE] [--files-over SIZE]",
		short: "what this device's link is like: whether large files wait",
		about: `Says whether this device's link to the network is metered, or chooses it. On a metered link
files of more than 100K a message, or what --files-over says, wait here for a better one,
and what others send you beyond 16K waits at the rendezvous node. Texts go at once. With now
the files of one message go all the same. The choice is for this device alone.`,
		args: []string{
			"metered      large files wait", "normal       everything goes, which is how it begins",
			"now MESSAGE  the files of this message do not wait",
		},
		output:   "What the link is, above which size files wait, and how many messages do.",
		json:     `{"mode", "files_over", "waiting"}`,
		examples: []string{"muster link", "muster link metered --files-over 1M", "muster link now Kq7r2mzz", "muster link normal"},
		see:      []string{"send", "read"},
	}, func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 2 && args[0] == "now", len(args) == 0:
			return nil
		case len(args) == 1 && (args[0] == string(api.LinkMetered) || args[0] == string(api.LinkNormal)):
			return nil
		}
		return usage("say metered, normal, or now with a message")
	}, func(c *cobra.Command, args []string) error {
		request := api.LinkRequest{Org: org}
		if over != "" {
			size, err := sizeOf(over)
			if err != nil {
				return err
			}
			request.FilesOver = &size
		}
		switch len(args) {
		case 1:
			request.Mode = api.LinkMode(args[0])
		case 2:
			request.Now = args[1]
		}
		return a.withNode(func(client *apiclient.Client) error {
			ask := client.Link
			if len(args) > 0 || over != "" {
				ask = func(ctx context.Context) (api.Link, error) { return client.SetLink(ctx, request) }
			}
			link, err := ask(c.Context())
			if err != nil {
				return err
			}
			return a.answer(link, func(w io.Writer) {
				if request.Now != "" {
					terminal.Printf(w, "the files of %s do not wait\n", request.Now)
				}
				printLinkChoice(w, link)
			})
		})
	})
	c.Flags().StringVar(&over, "files-over", "", "files of a message above this `SIZE` wait on a metered link")
	c.Flags().StringVar(&org, "org", "", "where the message is: an `ORG`, by name or id")
	return c
}

func printLinkChoice(w io.Writer, link api.Link) {
	if link.Mode != api.LinkMetered {
		terminal.Printf(w, "normal: everything goes\n")
		if link.FilesOver != api.DefaultFilesOver {
			terminal.Printf(w, "were it metered, files above %s would wait\n", fileSize(link.FilesOver))
		}
		return
	}
	terminal.Printf(w, "metered: files above %s wait\n", fileSize(link.FilesOver))
	if link.Waiting > 0 {
		terminal.Printf(w, "the files of %s wait; muster link now MESSAGE sends those of one\n", plural(link.Waiting, "message"))
	}
}

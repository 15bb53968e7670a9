package main

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newLink() *cobra.Command {
	var over, org string
	c := a.command(manual{
		use:   "link [auto|metered|normal|now MESSAGE] [--files-over SIZE]",
		short: "what this device's link is like: whether large files wait",
		about: `Says whether this device's link to the network is metered, or chooses it. On a metered link
files of more than 100K a message, or what --files-over says, wait here for a better one,
and what others send you beyond 16K waits at the rendezvous node. Texts go at once. With now
the files of one message go all the same. Unless something else is chosen the link is what
the system says, which on Linux NetworkManager does. The choice is for this device alone.`,
		args: []string{
			"auto         as the system says, which is how it begins; normal where it says nothing",
			"metered      large files wait", "normal       everything goes",
			"now MESSAGE  the files of this message do not wait",
		},
		output:   "What the link is, above which size files wait, and how many messages do.",
		json:     `{"mode", "metered", "files_over", "waiting"}`,
		examples: []string{"muster link", "muster link metered --files-over 1M", "muster link now Kq7r2mzz", "muster link auto"},
		see:      []string{"send", "read"},
	}, func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 2 && args[0] == "now", len(args) == 0:
			return nil
		case len(args) == 1 && slices.Contains([]api.LinkMode{api.LinkAuto, api.LinkMetered, api.LinkNormal}, api.LinkMode(args[0])):
			return nil
		}
		return usage("say auto, metered, normal, or now with a message")
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
	if !link.Metered {
		terminal.Printf(w, "normal: everything goes\n")
		switch {
		case link.Mode == api.LinkAuto:
			terminal.Printf(w, "once the system says that it is metered, files above %s wait\n", fileSize(link.FilesOver))
		case link.FilesOver != api.DefaultFilesOver:
			terminal.Printf(w, "were it metered, files above %s would wait\n", fileSize(link.FilesOver))
		}
		return
	}
	says := ""
	if link.Mode == api.LinkAuto {
		says = ", as the system says"
	}
	terminal.Printf(w, "metered%s: files above %s wait\n", says, fileSize(link.FilesOver))
	if link.Waiting > 0 {
		terminal.Printf(w, "the files of %s wait; muster link now MESSAGE sends those of one\n", plural(link.Waiting, "message"))
	}
}

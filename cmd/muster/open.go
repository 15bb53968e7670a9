package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/filename"
	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// savingTakes is for how long a message is held open while its files are saved, in seconds.
const savingTakes = api.MaxOpen

func (a *app) newOpen() *cobra.Command {
	var o openOptions
	c := a.command(manual{
		use:   "open ID [--for TIME] [--save DIR]",
		short: "open a locked message",
		about: `Opens a message that its sender locked (muster send --lock-to, --lock-pass), with your keys
(muster keys), a key file, or a passphrase. What it says is printed and stored nowhere: in
the history, the index and the backups it stays locked, and muster read goes on showing
that it is. With --for it stays open in the node's memory for so long, and opens again
without a passphrase; --close ends that.

Files are opened only with --save, into DIR, where they then lie open.`,
		args:   []string{"ID   a message's id, or the start of one, at least eight characters"},
		output: "The text; where files were saved.",
		json: `{"id", "org", "from", "subject", "text", "attachments": [{"name", "locked"}], "until"},
with --save "saved": [..]`,
		examples: []string{
			"muster open k3x9ab2cd4ef", "muster open k3x9ab2cd4ef --for 5m --save ~/plans",
			"muster open k3x9ab2cd4ef --pass-fd 3 3<passphrase.txt", "muster open k3x9ab2cd4ef --identity-file ~/key.txt",
		},
		see: []string{"send", "keys", "read"},
	}, exactly("ID"), func(c *cobra.Command, args []string) error {
		o.request.ID = args[0]
		return a.open(c, o)
	})
	c.Flags().StringVar(&o.request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	c.Flags().StringVar(&o.keep, "for", "", "hold it open for a `TIME`: 30s, 5m, at most 1h")
	c.Flags().StringVar(&o.save, "save", "", "open the files too, and write them into this `DIR`")
	c.Flags().IntVar(&o.fd, "pass-fd", -1, "read the passphrase from descriptor `N`, its first line")
	c.Flags().StringVar(&o.identity, "identity-file", "", "also try the private keys in this `FILE`")
	c.Flags().BoolVar(&o.shut, "close", false, "lock it again, if it is open")
	return c
}

// openOptions are the flags of open.
type openOptions struct {
	request              api.OpenRequest
	keep, save, identity string
	fd                   int
	shut                 bool
}

func (a *app) open(c *cobra.Command, o openOptions) error {
	if o.keep != "" {
		d, err := time.ParseDuration(o.keep)
		if err != nil || d < time.Second || d > api.MaxOpen*time.Second {
			return usage("--for %q is not a time of 1s to 1h", o.keep)
		}
		o.request.For = int(d / time.Second)
	}
	if o.identity != "" {
		var err error
		if o.request.Identity, err = a.identityFrom(o.identity); err != nil {
			return err
		}
	}
	if c.Flags().Changed("pass-fd") {
		passphrase, err := a.lockPassphrase(c.Context(), o.fd, true, false)
		if err != nil {
			return err
		}
		o.request.Passphrase = passphrase
	}
	return a.withNode(func(client *apiclient.Client) error {
		ctx := c.Context()
		if o.shut {
			result, err := client.CloseOpened(ctx, api.CloseRequest{Org: o.request.Org, ID: o.request.ID})
			if err != nil {
				return err
			}
			return a.answer(result, func(io.Writer) {})
		}
		request := o.request
		if o.save != "" {
			request.For = max(request.For, savingTakes)
		}
		opened, err := a.openAsking(ctx, client, request)
		if err != nil {
			return err
		}
		answer := struct {
			api.Opened
			Saved []string `json:"saved,omitzero"`
		}{Opened: opened}
		if o.save != "" {
			answer.Saved, err = saveOpened(ctx, client, opened, o.save)
			// It was held for the files alone.
			held := o.request
			if held.For == 0 {
				_, closeErr := client.CloseOpened(context.WithoutCancel(ctx), api.CloseRequest{Org: held.Org, ID: opened.ID})
				err, answer.Until = errors.Join(err, closeErr), time.Time{}
			} else if err == nil {
				var again api.Opened
				again, err = client.Open(ctx, api.OpenRequest{Org: held.Org, ID: opened.ID, For: held.For})
				answer.Until = again.Until
			}
			if err != nil {
				return err
			}
		}
		return a.answer(answer, func(w io.Writer) { a.printOpened(w, answer.Opened, answer.Saved) })
	})
}

// openAsking opens a message, and asks for the passphrase if it needs one.
func (a *app) openAsking(ctx context.Context, client *apiclient.Client, request api.OpenRequest) (api.Opened, error) {
	opened, err := client.Open(ctx, request)
	if known, ok := errors.AsType[*api.Error](err); !ok || known.Reason != "lock-passphrase" || request.Passphrase != "" {
		return opened, err
	}
	if _, person := a.terminal(); !person {
		return opened, err
	}
	if request.Passphrase, err = a.lockPassphrase(ctx, 0, false, false); err != nil {
		return opened, err
	}
	return client.Open(ctx, request)
}

func (a *app) printOpened(w io.Writer, opened api.Opened, saved []string) {
	if opened.Text != "" {
		terminal.Printf(w, "%s\n", terminal.PlainLines(strings.TrimRight(opened.Text, "\n"), "    "))
	}
	for _, path := range saved {
		terminal.Printf(w, "saved %s\n", terminal.Line(path))
	}
	if len(saved) == 0 && len(opened.Attachments) > 0 {
		a.inform("%s: --save DIR opens and writes them", plural(len(opened.Attachments), "file"))
	}
	if !opened.Until.IsZero() {
		a.inform("Open until %s. Lock it again: muster open %s --close", moment(opened.Until), opened.ID[:min(12, len(opened.ID))])
	}
}

// lockPassphrase reads the passphrase of a lock from a descriptor, or asks for it on the terminal: twice for a new one.
func (a *app) lockPassphrase(ctx context.Context, fd int, given, fresh bool) (string, error) {
	if given {
		if fd < 0 {
			return "", usage("%d is not a descriptor", fd)
		}
		line, err := a.passphraseFrom(fd)
		if err == nil && len(line) == 0 {
			err = usage("descriptor %d holds no passphrase", fd).WithHint("the passphrase is the first line that is read")
		}
		return string(line), err
	}
	tty, person := a.terminal()
	if !person {
		return "", usage("no passphrase: there is no terminal to ask on").WithHint("give it on a descriptor: --lock-pass-fd N, or --pass-fd N to open")
	}
	if !fresh {
		return a.askHidden(ctx, tty, "Passphrase of the message: ")
	}
	typed, err := a.askHidden(ctx, tty, "Passphrase to lock with: ")
	if err != nil {
		return "", err
	}
	again, err := a.askHidden(ctx, tty, "The same again: ")
	if err == nil && !bytes.Equal([]byte(typed), []byte(again)) {
		err = api.Errorf(api.CodeFailed, "the two passphrases differ").WithHint("start again")
	}
	return typed, err
}

// saveOpened writes every file of an opened message into dir, open, and returns the paths.
func saveOpened(ctx context.Context, client *apiclient.Client, opened api.Opened, dir string) ([]string, error) {
	return saveAll(dir, len(opened.Attachments), func(root *os.Root, i int) (string, error) {
		file, content, err := client.OpenedAttachment(ctx, opened.ID, i)
		if err != nil {
			return "", err
		}
		return saveContent(root, filename.Safe(file.Name), content)
	})
}

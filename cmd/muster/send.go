package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
	"muster.example/node/localapi"
)

// maxText is the longest text of a message, in bytes.
const maxText = 256 << 10

func (a *app) newSend() *cobra.Command {
	var request api.SendRequest
	var files, mentions []string
	var expires string
	c := a.command(manual{
		use:   "send [TO...] [-m TEXT | -]",
		short: "send a message, with files",
		about: `Sends one message to one or more members. It is saved before anything is sent: when the
command returns the node delivers it, now or whenever there is a way, until each device
of each recipient has confirmed that it has it. A member can be written to after an
introduction was accepted.`,
		args: []string{
			"TO       a name, name@org where it is in doubt, or a member id; or one group; for a guest: desk.",
			"         Without any, --reply goes to all in the conversation of the message that it answers",
			"-        as the last argument: read the text from stdin",
		},
		output: `The message's id, then a line for each recipient's device with its state:
  held        kept here until a way opens
  queued      durable at a rendezvous node
  carried     handed to a carrier
  delivered   opened and saved by the device
  returned    given up: not delivered in the policy's time
  refused     the recipient's leave or the rules forbid it
If every recipient is refused the exit status is 4, and nothing is sent.`,
		json: `{"id", "conversation", "recipients": [{"member", "name", "device", "state"}], "refused",
  "warnings", "delivery": [{"member", "name", "devices", "delivered", "state"}]}`,
		examples: []string{
			`muster send Bo -m "The key is under the mat."`,
			"muster send Bo Cy -s Charts -m 'As promised.' -a north.pdf -a south.pdf",
			"muster send Bo - <letter.txt",
		},
		see: []string{"read", "inbox", "introduce"},
	}, func(_ *cobra.Command, args []string) error {
		if request.Reply == "" && (len(args) == 0 || len(args) == 1 && args[0] == "-") {
			return usage("TO is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		if err := a.text(c, &request, args, files); err != nil {
			return err
		}
		request.Mentions = mentions
		if expires != "" {
			lifetime, err := api.ParseLifetime(expires)
			if err != nil {
				return err
			}
			request.Expires = int64(lifetime / time.Second)
		}
		return a.withNode(func(client *apiclient.Client) error { return a.send(c.Context(), client, request, files) })
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for TO in this `ORG`, by name or id")
	c.Flags().StringVarP(&request.Subject, "subject", "s", "", "the `SUBJECT`, of one line")
	c.Flags().StringVarP(&request.Text, "message", "m", "", "the `TEXT`")
	c.Flags().StringArrayVarP(&files, "attach", "a", nil, "a `FILE` to send with it; can be given several times")
	c.Flags().StringArrayVar(&mentions, "mention", nil, "a `MEMBER` whom it mentions; can be given several times")
	c.Flags().StringVar(&expires, "expires", "", "remove it from every device after a `TIME`: 10m, 24h, 7d")
	c.Flags().IntVar(&request.Undo, "undo", 0, "let it wait for `SECONDS`, at most 60: muster undo takes it back")
	c.Flags().StringVar(&request.Reply, "reply", "", "the `ID` of the message that this one answers")
	return acceptLater(c)
}

// text fills in the recipients and the text, from -m or from stdin.
func (a *app) text(c *cobra.Command, request *api.SendRequest, args, files []string) error {
	request.To = args
	given := c.Flags().Changed("message")
	if len(args) > 0 && args[len(args)-1] == "-" {
		if given {
			return usage("the text is given twice: with -m and with -")
		}
		text, err := io.ReadAll(io.LimitReader(a.stdin, maxText+1))
		if err != nil {
			return fmt.Errorf("reading the text from stdin: %w", err)
		}
		request.To, request.Text, given = args[:len(args)-1], string(text), true
	}
	if !given && len(files) == 0 {
		return usage("there is nothing to send").WithHint("give -m TEXT, - to read the text from stdin, or -a FILE")
	}
	if len(request.Text) > maxText {
		return usage("the text is longer than a message holds (%d bytes)", maxText).WithHint("send it as a file: -a FILE")
	}
	if !utf8.ValidString(request.Text) || !utf8.ValidString(request.Subject) {
		return usage("the text or subject is not UTF-8").WithHint("convert it, or send it as a file: -a FILE")
	}
	return nil
}

func (a *app) send(ctx context.Context, client *apiclient.Client, request api.SendRequest, files []string) error {
	for _, path := range files { // all are looked at before the first is uploaded
		if err := checkFile(path); err != nil {
			return err
		}
	}
	for _, path := range files {
		upload, err := uploadFile(ctx, client, path)
		if err != nil {
			return fmt.Errorf("attaching %s: %w", path, err)
		}
		request.Attachments = append(request.Attachments, upload.ID)
	}
	result, err := client.Send(ctx, request)
	if err != nil {
		return err
	}
	a.warn(result.Warnings, nil)
	err = a.answer(result, func(w io.Writer) {
		terminal.Println(w, result.ID)
		printStates(w, result.Recipients)
		printProgress(w, result.Delivery)
		for _, r := range result.Refused {
			a.inform("%s gets nothing: %s", person(r.Name, r.Member), r.Reason)
		}
	})
	if err == nil && allRefused(result) {
		return api.Errorf(api.CodeRefused, "every recipient is refused").WithHint("muster contacts shows whom you can write to")
	}
	return err
}

func allRefused(result api.SendResult) bool {
	for _, r := range result.Recipients {
		if r.State != api.StateRefused {
			return false
		}
	}
	return len(result.Recipients) > 0 || len(result.Refused) > 0
}

// printStates prints how far a message got, a line for each device.
func printStates(w io.Writer, recipients []api.Recipient) {
	for _, r := range recipients {
		device := "-"
		if r.Device != "" {
			device = shortDevice(r.Device)
		}
		terminal.Printf(w, "  %s  device %s  %s\n", person(r.Name, r.Member), device, string(r.State))
	}
}

func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return api.Errorf(api.CodeNotFound, "there is no file %s", path)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return usage("%s is not a file", path)
	case info.Size() > localapi.MaxUpload:
		return api.Errorf(api.CodeRefused, "%s is larger than a file may be (%s)", path, fileSize(localapi.MaxUpload)).
			WithHint("send it in parts")
	}
	return nil
}

func uploadFile(ctx context.Context, client *apiclient.Client, path string) (api.Upload, error) {
	file, err := os.Open(path)
	if err != nil {
		return api.Upload{}, err
	}
	defer file.Close()
	return client.Upload(ctx, filepath.Base(path), file)
}

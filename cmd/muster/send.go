package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
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
	var expires, again string
	var locking lockOptions
	c := a.command(manual{
		use:   "send [TO...] [-m TEXT | -] | send --again ID",
		short: "send a message, with files",
		about: `Sends one message to one or more members. It is saved before anything is sent: when the
command returns the node delivers it, now or whenever there is a way, until each device
of each recipient has confirmed that it has it. A member can be written to after an
introduction was accepted.

With --lock-to or --lock-pass text and files are locked before anything is stored: they stay
locked on the way, in every history, index and backup, and on the screen, until somebody
opens them (muster open). Your own key is in each lock for keys, if you have one. The subject
is not locked, nor are the names and sizes of files. A passphrase you tell by another way.

With --again it sends a message of yours that was returned once more, under the same id,
to those devices that did not get it and may have it.`,
		args: []string{
			"TO       a name, name@org where it is in doubt, or a member id; or one group; for a guest: desk.",
			"         Without any, --reply goes to all in the conversation of the message that it answers",
			"-        as the last argument: read the text from stdin",
		},
		output: `The message's id, then a line for each recipient's device with its state:
  held        waiting here until a way opens, or the rendezvous node has room
  queued      durable at a rendezvous node
  carried     handed to devices around that carry it on, or written into a bundle
  delivered   opened and saved by the device: direct, through the rendezvous node, by carriers
  returned    given up: the device did not come in time, or stays away, or may act no more
  refused     the recipient's leave or the rules forbid it
and why, of the last two.
If every recipient is refused the exit status is 4, and nothing is sent.`,
		json: `{"id", "conversation", "recipients": [{"member", "name", "device", "state", "reason",
  "time", "lack", "via", "carriers", "carried", "bundled"}],
  "refused", "warnings", "delivery": [{"member", "name", "devices", "delivered", "state"}]}`,
		examples: []string{
			`muster send Bo -m "The key is under the mat."`,
			"muster send Bo Cy -s Charts -m 'As promised.' -a north.pdf -a south.pdf",
			"muster send Bo - <letter.txt",
			"muster send Bo --lock-to member -m 'The code is 4711.' -a plan.pdf",
			"muster send --again k3x9ab2cd4ef",
		},
		see: []string{"read", "inbox", "introduce", "open", "keys"},
	}, func(c *cobra.Command, args []string) error {
		if again != "" {
			return alone(c, args)
		}
		if request.Reply == "" && (len(args) == 0 || len(args) == 1 && args[0] == "-") {
			return usage("TO is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		if again != "" {
			return a.withNode(func(client *apiclient.Client) error {
				result, err := client.SendAgain(c.Context(), api.AgainRequest{Org: request.Org, ID: again})
				if err != nil {
					return err
				}
				return a.sent(result)
			})
		}
		if err := a.text(c, &request, args, files); err != nil {
			return err
		}
		if err := locking.checkLock(c, request.Undo); err != nil {
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
		return a.withNode(func(client *apiclient.Client) error {
			if err := checkFiles(files); err != nil {
				return err
			}
			if err := a.heedArchive(c.Context(), client, request); err != nil {
				return err
			}
			if err := a.prepareLock(c.Context(), c, client, locking, &request); err != nil {
				return err
			}
			return a.send(c.Context(), client, request, files)
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for TO in this `ORG`, by name or id")
	c.Flags().StringVarP(&request.Subject, "subject", "s", "", "the `SUBJECT`, of one line")
	c.Flags().StringVarP(&request.Text, "message", "m", "", "the `TEXT`")
	c.Flags().StringArrayVarP(&files, "attach", "a", nil, "a `FILE` to send with it; can be given several times")
	c.Flags().StringArrayVar(&mentions, "mention", nil, "a `MEMBER` whom it mentions; can be given several times")
	c.Flags().StringVar(&expires, "expires", "", "remove it from every device after a `TIME`: 10m, 24h, 7d")
	c.Flags().IntVar(&request.Undo, "undo", 0, "let it wait for `SECONDS`, at most 60: muster undo takes it back")
	c.Flags().StringVar(&again, "again", "", "send the message `ID` once more, to those who did not get it")
	c.Flags().StringVar(&request.Reply, "reply", "", "the `ID` of the message that this one answers")
	locking.flags(c)
	return c
}

// alone refuses what goes with a new message only.
func alone(c *cobra.Command, args []string) error {
	for _, name := range []string{"subject", "message", "attach", "mention", "expires", "undo", "reply", "lock-pass", "lock-pass-fd", "lock-to"} {
		if c.Flags().Changed(name) {
			return usage("--%s does not go with --again: the message is sent as it is", name)
		}
	}
	if len(args) > 0 {
		return usage("nobody is named with --again: it goes to those who did not get it")
	}
	return nil
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
	for _, path := range files {
		upload, err := uploadFile(ctx, client, request.Lock, path)
		if err != nil {
			return fmt.Errorf("attaching %s: %w", path, err)
		}
		request.Attachments = append(request.Attachments, upload.ID)
	}
	result, err := client.Send(ctx, request)
	if err != nil {
		return err
	}
	return a.sent(result)
}

// sent says what became of a message.
func (a *app) sent(result api.SendResult) error {
	a.warn(result.Warnings, nil)
	err := a.answer(result, func(w io.Writer) {
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
		printState(w, r, "")
	}
}

// printState prints how far a message got to one device; after is written behind it.
func printState(w io.Writer, r api.Recipient, after string) {
	device := "-"
	if r.Device != "" {
		device = shortDevice(r.Device)
	}
	why := map[api.Lack]string{
		api.LackDevice: ": the rendezvous node has no room for this device now", api.LackNode: ": the rendezvous node has no room now",
		api.LackArchive: ": the organization's archive is behind, and messages wait for it",
		api.LackLink:    ": it waits here for a better link (muster link now MESSAGE sends it all the same)",
		api.LackFault:   ": the rendezvous node has a fault, which may pass",
	}[r.Lack]
	if text := reasonText[r.Reason]; text != "" {
		why = ": " + text
	}
	if way := wayOf(r); way != "" {
		why += ": " + way
	}
	terminal.Printf(w, "  %s  device %s  %s%s%s\n", person(r.Name, r.Member), device, string(r.State), terminal.Plain(why), terminal.Plain(after))
}

// viaText says by which way a message went.
var viaText = map[api.Via]string{
	api.ViaNode:     "through the rendezvous node",
	api.ViaDirect:   "direct",
	api.ViaCarriers: "carried by other members' devices",
	api.ViaBundle:   "in a bundle",
}

// wayOf says by which ways a message went to a device, or is on its way.
func wayOf(r api.Recipient) string {
	if r.State == api.StateDelivered {
		return viaText[r.Via]
	}
	var ways []string
	if r.Carriers > 0 {
		by := "by "
		if r.State != api.StateCarried {
			by = "carried by "
		}
		ways = append(ways, by+plural(r.Carriers, "device"))
	}
	if !r.Bundled.IsZero() {
		ways = append(ways, "in a bundle of "+r.Bundled.Local().Format(time.DateOnly))
	}
	return strings.Join(ways, ", ")
}

// sinceText says since when a message stands as it does, or when it came there for good.
func sinceText(r api.Recipient) string {
	if r.Time.IsZero() {
		return ""
	}
	if r.State.Final() {
		return ", " + moment(r.Time)
	}
	return ", since " + moment(r.Time)
}

// reasonText says why a message was returned or refused.
var reasonText = map[api.StateReason]string{
	api.ReasonTime:     "it did not come in time",
	api.ReasonParked:   "it has stayed away for so long that nothing is kept for it",
	api.ReasonBarred:   "it may not act any more",
	api.ReasonRemoved:  "no member any more",
	api.ReasonUnopened: "it could not open it",
	api.ReasonErased:   "the message was taken back, or its lifetime is over",
	api.ReasonLeft:     "takes no part there any more",
	api.ReasonLeave:    "has not let you write",
	api.ReasonRules:    "the rules of the organization forbid it",
}

// checkFiles looks at all files before the first is uploaded.
func checkFiles(paths []string) error {
	for _, path := range paths {
		if err := checkFile(path); err != nil {
			return err
		}
	}
	return nil
}

func checkFile(path string) error {
	info, err := plainFile(path)
	if err != nil {
		return err
	}
	if info.Size() > localapi.MaxUpload {
		return api.Errorf(api.CodeRefused, "%s is larger than a file may be (%s)", path, fileSize(localapi.MaxUpload)).
			WithHint("send it in parts")
	}
	return nil
}

func uploadFile(ctx context.Context, client *apiclient.Client, lock, path string) (api.Upload, error) {
	file, err := openFile(path)
	if err != nil {
		return api.Upload{}, err
	}
	defer file.Close()
	if lock != "" {
		return client.UploadLocked(ctx, lock, filepath.Base(path), file)
	}
	return client.Upload(ctx, filepath.Base(path), file)
}

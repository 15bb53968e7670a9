package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newDeviceAdd() *cobra.Command {
	return a.command(manual{
		use:   "add",
		short: "add another device to your account",
		about: `Shows a QR code, a link and a short code, and waits up to ten minutes for the other device:
enter one of them there, with muster pair. Both devices then show two words. If they are
the same, say yes here, or with muster device confirm from anywhere: the other device becomes
one of yours in every organization that you are in.

On the same local network the other device finds this one by the code alone. Everybody there
can see that a device is being added, and nobody what the two say. Nothing is added before you
say yes. Three wrong tries void the code, and so does ending this command. What a rendezvous
node passes on it cannot read; one must be in reach of this device to add the other.`,
		output: "The code, the link and its QR code; then what came of it in each organization.",
		json: `first line: {"code", "link", "qr", "at": [..], "expires"}
last line: {"state", "new", "words": [..], "tries",
  "orgs": [{"org", "name", "member", "device", "state", "why"}]}
"state" of an organization is "added", "refused" or "missed".`,
		examples: []string{"muster device add", "muster device add --json"},
		see:      []string{"pair", "device confirm", "device list", "device bar"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			made, err := client.AddDevice(c.Context(), api.AddDeviceRequest{})
			if err != nil {
				return err
			}
			defer endPairing(client)
			picture, err := drawQR(made.Link)
			if err != nil {
				return err
			}
			first := struct {
				api.AddDeviceResult
				QR string `json:"qr"`
			}{made, picture}
			err = a.answer(first, func(w io.Writer) {
				terminal.Printf(w, "code  %s\n", made.Code)
				for _, at := range made.At {
					terminal.Printf(w, "at    %s\n", terminal.Address(at))
				}
				printLink(w, made.Link, picture)
			})
			if err != nil {
				return err
			}
			if len(made.At) == 0 {
				a.inform("No rendezvous node is in reach now: the devices find each other on this network, and nothing is added before one is.")
			}
			a.inform("On the other device, until %s:  muster pair CODE   (elsewhere: --at ADDRESS)   or   muster pair LINK", moment(made.Expires))
			done, err := a.followPairing(c.Context(), client, a.askWords)
			if err != nil {
				return err
			}
			return a.answer(done, func(w io.Writer) { a.printPaired(w, done) })
		})
	})
}

// endPairing ends what is still under way, when the command that began it ends.
func endPairing(client *apiclient.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client.ConfirmPairing(ctx, api.ConfirmRequest{No: true}) //nolint:errcheck // the node ends it by itself in ten minutes
}

// followPairing waits for the end of a pairing, and calls compare for each pair of words.
func (a *app) followPairing(ctx context.Context, client *apiclient.Client,
	compare func(ctx context.Context, client *apiclient.Client, words []string) error) (api.Pairing, error) {
	var said api.Pairing
	shown, tries := "", 0
	for {
		next, err := client.Pairing(ctx, api.PairingQuery{After: said.Version})
		if err != nil {
			return said, err
		}
		said = next
		if said.Over() {
			break
		}
		if tries > said.Tries && !said.New {
			a.inform("Somebody tried a wrong code; tries left: %d", said.Tries)
		}
		tries = said.Tries
		switch words := strings.Join(said.Words, " "); {
		case said.State == api.PairingWaiting:
			shown = ""
		case said.State == api.PairingAdding:
		case said.State != api.PairingCompare || len(said.Words) != 2:
			return said, api.Errorf(api.CodeFailed, "the node's answer is not understood: a pairing of state %q", said.State)
		case words != shown:
			shown = words
			a.inform("Both devices must show the words:  %s", words)
			if err := compare(ctx, client, said.Words); err != nil {
				return said, err
			}
		}
	}
	if said.State == api.PairingDone {
		return said, nil
	}
	if said.Error != nil {
		return said, said.Error
	}
	return said, api.Errorf(api.CodeFailed, "the pairing has ended")
}

// askWords asks on the terminal whether the words are the same. With none it leaves that to device confirm.
func (a *app) askWords(ctx context.Context, client *apiclient.Client, words []string) error {
	_, person := a.terminal()
	if !person && !a.yes && os.Getenv("MUSTER_YES") != "1" {
		a.inform("Say yes with: muster device confirm")
		return nil
	}
	yes, err := a.confirmUnlessEnded(ctx, "Does the other device show them? Then it becomes one of yours. Add it?", func() { endPairing(client) })
	if err != nil {
		return err
	}
	if !yes {
		return api.Errorf(api.CodeInterrupted, "nothing was added").WithHint("if the words were not the same, somebody is on the line: make another code")
	}
	_, err = client.ConfirmPairing(ctx, api.ConfirmRequest{Words: words})
	return err
}

// confirmUnlessEnded asks the person, and ends what is asked about if they say no, or interrupt: a read of a terminal does not end with
// a context.
func (a *app) confirmUnlessEnded(ctx context.Context, question string, end func()) (yes bool, err error) {
	stop := context.AfterFunc(ctx, func() {
		end()
		os.Exit(api.ExitInterrupted)
	})
	yes = a.confirm(question)
	if !stop() {
		return false, ctx.Err()
	}
	if !yes {
		end()
	}
	return yes, nil
}

func (a *app) newDeviceConfirm() *cobra.Command {
	var no bool
	c := a.command(manual{
		use:   "confirm [--no]",
		short: "say that both devices show the same words",
		about: `Shows the two words of the device that is being added, and asks whether it shows the same.
With yes it becomes one of yours. It can be said here while muster device add waits elsewhere.`,
		output:   "What came of it in each organization.",
		json:     `as the last line of muster device add`,
		examples: []string{"muster device confirm", "muster device confirm --yes", "muster device confirm --no"},
		see:      []string{"device add", "pair"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			said, err := client.Pairing(c.Context(), api.PairingQuery{})
			if err != nil {
				return err
			}
			switch {
			case no:
				said, err := client.ConfirmPairing(c.Context(), api.ConfirmRequest{No: true})
				if err != nil {
					return err
				}
				return a.answer(said, func(w io.Writer) { terminal.Println(w, "No device is being added.") })
			case said.State == api.PairingCompare && !said.New:
				a.inform("Both devices must show the words:  %s", strings.Join(said.Words, " "))
				if !a.confirm("Does the other device show them? Then it becomes one of yours. Add it?") {
					return a.refusedUnlessYes()
				}
			}
			if _, err := client.ConfirmPairing(c.Context(), api.ConfirmRequest{Words: said.Words}); err != nil {
				return err
			}
			done, err := a.followPairing(c.Context(), client, func(context.Context, *apiclient.Client, []string) error { return nil })
			if err != nil {
				return err
			}
			return a.answer(done, func(w io.Writer) { a.printPaired(w, done) })
		})
	})
	c.Flags().BoolVar(&no, "no", false, "end the pairing: nothing is added")
	return c
}

func (a *app) printPaired(w io.Writer, said api.Pairing) {
	a.table(w, "ORGANIZATION\tDEVICE\tSTATE\t", func(row func(cells ...any)) {
		for _, org := range said.Orgs {
			row(org.Name, shortDevice(org.Device), org.State, org.Why)
		}
	})
}

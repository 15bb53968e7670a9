package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newWatch() *cobra.Command {
	var query api.WatchQuery
	c := a.command(manual{
		use:   "watch",
		short: "show what arrives, as it arrives",
		about: `Shows messages and introductions as they arrive, until it is interrupted or the node
stops. It marks nothing as read.`,
		output: "The same as muster inbox, a message at a time.",
		json: `one object a line: {"kind", "time", "org", "message" | "change" | "contact" | "notice"}.
Kinds: ready (the first: from now on nothing is missed), message, introduction, state (a sent
message got further), contact, presence and typing (with "presence"), org, skin (it looks
different), notice (told once: a contact's new name, a fallen verification). More kinds may
be added.`,
		examples: []string{"muster watch", "muster watch --json | while read -r event; do ...; done"},
		see:      []string{"inbox", "read"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			for {
				err := client.Watch(c.Context(), query, a.showEvent)
				if !errors.Is(err, apiclient.ErrLagged) {
					return err
				}
				a.inform("Some were missed, they came too fast: muster inbox has them.")
			}
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only of this `ORG`, by name or id")
	return c
}

func (a *app) showEvent(event api.Event) error {
	if !a.json && event.Kind == api.EventReady {
		a.inform("Watching. Ctrl-C ends it.")
		return nil
	}
	return a.answer(event, func(w io.Writer) {
		if m := event.Message; m != nil && !m.Sent {
			printMessage(w, *m)
		}
		printPresence(w, event)
		if notice := event.Notice; notice != nil {
			terminal.Printf(w, "! %s\n", notice.Text)
		}
		if change := event.Change; change != nil && change.Recipient.State == api.StateReturned {
			terminal.Printf(w, "! message %s was returned:\n", shortID(change.ID))
			printStates(w, []api.Recipient{change.Recipient})
		}
	})
}

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// statusLimit is how long a node may take to say how it is.
const statusLimit = 15 * time.Second

func (a *app) newStatus() *cobra.Command {
	return a.command(manual{
		use:   "status",
		short: "what the node is and whom it reaches",
		about: `Shows the running node: its organizations, how far it knows each roll, whether it reaches
the rendezvous nodes, and what still waits to be delivered. With no organization it says
so and exits 0.`,
		output: "A paragraph for each organization.",
		json: `{"version", "orgs": [{"org", "name", "member", "member_name", "devices": [{"device", "this"}],
  "roll": {"size", "fresh", "time"}, "rendezvous": [{"address", "node", "connected"}],
  "peers": [{"device", "member", "name", "address"}], "outbox", "alarms": [..]}]}`,
		examples: []string{"muster status", "muster status --json"},
		see:      []string{"start", "org list"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			ctx, cancel := context.WithTimeoutCause(c.Context(), statusLimit,
				api.Errorf(api.CodeFailed, "the node does not answer").WithHint("its log, on the stderr of muster start, may say why"))
			defer cancel()
			status, err := client.Status(ctx)
			if err != nil {
				return err
			}
			return a.answer(status, func(w io.Writer) {
				fmt.Fprintf(w, "muster %s, %s\n", clean(status.Version), plural(len(status.Orgs), "organization"))
				for _, o := range status.Orgs {
					printOrg(w, o)
				}
			})
		})
	})
}

func printOrg(w io.Writer, o api.OrgStatus) {
	fmt.Fprintf(w, "\n%s (%s)\n  you         %s\n", clean(o.Name), shortID(o.Org), person(o.MemberName, o.Member))
	for _, d := range o.Devices {
		this := ""
		if d.This {
			this = "  this one"
		}
		fmt.Fprintf(w, "  device      %s%s\n", clean(d.Device), this)
	}
	fmt.Fprintf(w, "  roll        %s, %s\n", plural(int(o.Roll.Size), "event"), freshness(o.Roll))
	for _, r := range o.Rendezvous {
		state := "not connected"
		if r.Connected {
			state = "connected"
		}
		fmt.Fprintf(w, "  rendezvous  %s  %s\n", clean(r.Address), state)
	}
	for _, p := range o.Peers {
		fmt.Fprintf(w, "  peer        %s  device %s  %s\n", person(p.Name, p.Member), shortDevice(p.Device), clean(p.Address))
	}
	if o.Outbox > 0 {
		fmt.Fprintf(w, "  outbox      %d not confirmed by the receiving device yet\n", o.Outbox)
	}
	if o.Missing > 0 {
		fmt.Fprintf(w, "  missing     %s for you, known of and not here yet\n", plural(int(o.Missing), "message"))
	}
	for _, alarm := range o.Alarms {
		fmt.Fprintf(w, "  ALARM       %s\n", clean(alarm))
	}
}

// freshness says how far the roll can be relied on.
func freshness(roll api.RollStatus) string {
	switch {
	case roll.Fresh:
		return "as of " + moment(roll.Time)
	case roll.Time.IsZero():
		return "of unknown age"
	default:
		return "old: as of " + moment(roll.Time) + "; what changed since, such as who has left, is not known here"
	}
}

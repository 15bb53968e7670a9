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
	fresh := "fresh"
	if !o.Roll.Fresh {
		fresh = "not fresh: no new members are accepted until a rendezvous node is reached"
	}
	fmt.Fprintf(w, "  roll        %d events, %s\n", o.Roll.Size, fresh)
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
		fmt.Fprintf(w, "  outbox      %s still to deliver\n", fmt.Sprint(o.Outbox))
	}
	for _, alarm := range o.Alarms {
		fmt.Fprintf(w, "  ALARM       %s\n", clean(alarm))
	}
}

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAdminRendezvous() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:    "rendezvous [list|add|remove KEY|move LINK|here|status]",
		short:  "list the rendezvous nodes, add one, move to another",
		about:  `Lists the rendezvous nodes that order the roll or did, each in its term.`,
		output: "One line each: term, since when, node, addresses, and whether it is the one now.",
		json: `{"org", "org_name", "terms": [{"number", "node", "addresses": [..], "from", "since", "current",
  "connected"}], "nodes": [as muster admin rendezvous list]}`,
		examples: []string{"muster admin rendezvous", "muster admin rendezvous move muster:claim/..."},
		see:      []string{"admin rendezvous move", "status"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Rendezvous(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { a.printTerms(w, result) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.AddCommand(a.newAdminRendezvousList(), a.newAdminRendezvousAdd(), a.newAdminRendezvousRemove())
	c.AddCommand(a.newAdminRendezvousMove(), a.newAdminRendezvousHere(), a.newAdminRendezvousStatus())
	return c
}

func (a *app) printTerms(w io.Writer, result api.RendezvousResult) {
	a.table(w, "TERM\tSINCE\tNODE\tADDRESSES\tNOW", func(row func(cells ...any)) {
		for _, t := range result.Terms {
			now := ""
			switch {
			case t.Connected:
				now = "connected"
			case t.Current:
				now = "not connected"
			}
			row(fmt.Sprint(t.Number), moment(t.Since), shortDevice(t.Node), addresses(t.Addresses), now)
		}
	})
}

func (a *app) newAdminRendezvousMove() *cobra.Command {
	var request api.MoveRequest
	var root rootFlags
	var here hereFlags
	c := a.command(manual{
		use:   "move LINK|--to KEY|--here",
		short: "move the organization to another rendezvous node",
		about: `Moves the organization to the rendezvous node that printed the claim link: gives it the
roll, and the signed event by which it takes over. The old node, if it can be reached, tells
the devices. If it cannot, pass the printed line on: muster org follow takes it.

With --to the duty of ordering the roll moves to a node that serves already; the one that had
it takes its place, and serves on. This works while that one is gone, too.

With --here the new node is part of your own muster start, as with muster org create --here.
A node here that the organization moves away from stays until it has delivered what waits
and every device knows, at most 30 days, and is then removed.` + hereHelp + rootHelp,
		args:     []string{"LINK   the new node's claim link, muster:claim/..., or - to read it from stdin"},
		output:   "The line muster:move/... for members who do not reach the old node.",
		json:     `{"org", "node", "term", "link"}`,
		examples: []string{"muster admin rendezvous move muster:claim/...", "muster admin rendezvous move --here"},
		see:      []string{"org follow", "admin rendezvous"},
	}, upTo("LINK"), func(c *cobra.Command, args []string) error {
		if err := here.check(len(args) > 0 || request.To != "", "LINK or --to"); err != nil {
			return err
		}
		request.Here, request.Listen, request.Announce = here.here, here.listen, here.announce
		if len(args) > 0 {
			link, err := a.firstLine(args[0], "LINK")
			if err != nil {
				return err
			}
			request.Claim = link
		}
		var err error
		if err := a.sure("Move the organization to another rendezvous node?"); err != nil {
			return err
		}
		if request.RootWords, err = a.rootWords(c.Context(), root); err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.MoveRendezvous(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				a.inform("Node %s orders the roll now, in term %d. For members who do not follow by themselves:", shortDevice(result.Node), result.Term)
				terminal.Println(w, terminal.Line(result.Link))
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().StringVar(&request.To, "to", "", "the `NODE` that serves already: its key, the end of that, or an address")
	here.add(c, true)
	root.add(c)
	return c
}

func (a *app) newOrgFollow() *cobra.Command {
	return a.command(manual{
		use:   "follow LINK",
		short: "follow your organization to another rendezvous node",
		about: `Follows a move to another rendezvous node that the old one does not tell of, because it
is gone. The line is signed by an admin or the root key; the new node must show the roll
that goes on from the one that this device has.`,
		args:     []string{"LINK   the line muster:move/... from an admin, or - to read it from stdin"},
		output:   "The rendezvous nodes, as muster admin rendezvous lists them.",
		json:     `as muster admin rendezvous`,
		examples: []string{"muster org follow muster:move/..."},
		see:      []string{"status", "admin rendezvous"},
	}, exactly("LINK"), func(c *cobra.Command, args []string) error {
		link, err := a.firstLine(args[0], "LINK")
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Follow(c.Context(), api.FollowRequest{Link: link})
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { a.printTerms(w, result) })
		})
	})
}

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

const nodesJSON = `{"org", "org_name", "nodes": [{"node", "addresses": [..], "role", "connected", "latency_ms",
  "posting"}], "terms": [..], "already"}`

func (a *app) newAdminRendezvousList() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:      "list",
		short:    "list the rendezvous nodes that serve",
		about:    `Lists the rendezvous nodes that serve the organization now: the one that orders the roll first.`,
		output:   "One line each: node, role, addresses, whether connected, round trip, posted to.",
		json:     nodesJSON,
		examples: []string{"muster admin rendezvous list"},
		see:      []string{"admin rendezvous add", "admin rendezvous move"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Rendezvous(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { a.printNodes(w, result) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	return c
}

func (a *app) printNodes(w io.Writer, result api.RendezvousResult) {
	a.table(w, "NODE\tROLE\tADDRESSES\tNOW\tROUND TRIP\tPOSTED TO", func(row func(cells ...any)) {
		for _, node := range result.Nodes {
			now, trip, posting := "not connected", "", ""
			if node.Connected {
				now, trip = "connected", fmt.Sprintf("%d ms", node.LatencyMS)
			}
			if node.Posting {
				posting = "yes"
			}
			row(shortDevice(node.Node), node.Role, addresses(node.Addresses), now, trip, posting)
		}
	})
}

func (a *app) newAdminRendezvousAdd() *cobra.Command {
	var request api.NodesRequest
	var root rootFlags
	c := a.command(manual{
		use:   "add --claim LINK",
		short: "have one more rendezvous node serve the organization",
		about: `Adds a rendezvous node beside the one that orders the roll: members' devices listen to all,
post to the nearest that answers, and go on when one is gone. The node prints the claim link
when it is first run, or by muster-rendezvous claim. If the command is cut short, run it again.` + rootHelp,
		output:   "The nodes, as muster admin rendezvous list prints them.",
		json:     nodesJSON,
		examples: []string{"muster admin rendezvous add --claim muster:claim/..."},
		see:      []string{"admin rendezvous list", "admin rendezvous remove", "admin policy"},
	}, exactly(), func(c *cobra.Command, _ []string) (err error) {
		if request.Claim == "" {
			return usage("name the node: --claim LINK").WithHint("the node prints the link: muster-rendezvous claim")
		}
		if request.Claim, err = a.firstLine(request.Claim, "LINK"); err != nil {
			return err
		}
		return a.changeNodes(c, &request, root)
	})
	c.Flags().StringVar(&request.Claim, "claim", "", "the node's claim `LINK`, muster:claim/..., or - to read it from stdin")
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	root.add(c)
	return c
}

func (a *app) newAdminRendezvousRemove() *cobra.Command {
	var request api.NodesRequest
	var root rootFlags
	c := a.command(manual{
		use:   "remove KEY|ADDRESS",
		short: "take a rendezvous node away",
		about: `Takes away a rendezvous node that serves beside the one that orders the roll. Members'
devices post to it no more, and listen until it has delivered what it has: let it run until
muster-rendezvous status shows no entries.` + rootHelp,
		args:     []string{"KEY|ADDRESS   the node: its key, the end of that, or one of its addresses"},
		output:   "The nodes that are left, as muster admin rendezvous list prints them.",
		json:     nodesJSON,
		examples: []string{"muster admin rendezvous remove 9mExHX659m"},
		see:      []string{"admin rendezvous list", "admin rendezvous add"},
	}, exactly("KEY|ADDRESS"), func(c *cobra.Command, args []string) error {
		request.Remove = args[0]
		if err := a.sure("Take this rendezvous node away?"); err != nil {
			return err
		}
		return a.changeNodes(c, &request, root)
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	root.add(c)
	return c
}

func (a *app) changeNodes(c *cobra.Command, request *api.NodesRequest, root rootFlags) (err error) {
	if request.RootWords, err = a.rootWords(c.Context(), root); err != nil {
		return err
	}
	return a.withNode(func(client *apiclient.Client) error {
		result, err := client.ChangeNodes(c.Context(), *request)
		if err != nil {
			return err
		}
		return a.answer(result, func(w io.Writer) { a.printNodes(w, result) })
	})
}

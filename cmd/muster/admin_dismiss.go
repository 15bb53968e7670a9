package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAdminDismiss() *cobra.Command {
	var request api.DismissRequest
	var root rootFlags
	var since string
	c := a.command(manual{
		use:   "dismiss --since DURATION | --from N [--to N]",
		short: "remove many guests at once",
		about: `Removes all guests who joined in some time, or between two positions of the roll, by one
event: for a flood. With --invitation only those who joined by that invitation. Members,
desks and admins who joined meanwhile stay. To close the door first, take the invitation
back: muster admin revoke KEY.` + rootHelp,
		output:   "One line saying how many were removed. That there is none is no error.",
		json:     `{"org", "org_name", "from", "to", "count", "guests": [{"member", "name"}], "already"}`,
		examples: []string{"muster admin dismiss --since 2h", "muster admin dismiss --from 1200 --to 4711 --invitation …xVCFz83m"},
		see:      []string{"admin revoke", "admin roll", "admin remove"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		if since == "" == !c.Flags().Changed("from") {
			return usage("--since DURATION or --from N is needed: since when they joined")
		}
		if since != "" {
			life, err := parseLife(since)
			if err != nil {
				return err
			}
			request.Since = int64(life / time.Second)
		}
		words, err := a.rootWords(c.Context(), root)
		if err != nil {
			return err
		}
		request.RootWords = words
		return a.withNode(func(client *apiclient.Client) error { return a.dismiss(c, client, request) })
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().StringVar(&since, "since", "", "who joined in the last `DURATION`: 30m, 12h, 7d, 2w")
	c.Flags().Uint64Var(&request.From, "from", 0, "the first position `N` of the roll, as muster admin roll shows it")
	c.Flags().Uint64Var(&request.To, "to", 0, "the first position `N` that is not meant; without it all from there on")
	c.Flags().StringVar(&request.Invitation, "invitation", "", "only who joined by it: the end of its `KEY`, or its link")
	root.add(c)
	return c
}

// dismiss asks a person at a terminal, who is told how many it is about, and does it.
func (a *app) dismiss(c *cobra.Command, client *apiclient.Client, request api.DismissRequest) error {
	request.Check = true
	planned, err := client.Dismiss(c.Context(), request)
	if err != nil {
		return err
	}
	if !planned.Already {
		question := fmt.Sprintf("Remove %s who joined %s from #%d to #%d, for good?",
			plural(planned.Count, "guest"), planned.OrgName, planned.From, planned.To-1)
		if err := a.sure(question); err != nil {
			return err
		}
		request.From, request.To, request.Since = planned.From, planned.To, 0 // whom the person has agreed to
	}
	request.Check = false
	result, err := client.Dismiss(c.Context(), request)
	if err != nil {
		return err
	}
	return a.answer(result, func(w io.Writer) {
		terminal.Printf(w, "%s: %s removed, who joined from #%d to #%d.\n",
			result.OrgName, plural(result.Count, "guest"), result.From, result.To-1)
	})
}

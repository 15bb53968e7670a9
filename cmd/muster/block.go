package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newBlock() *cobra.Command {
	return a.standing(manual{
		use:   "block MEMBER",
		short: "hear nothing more of a member",
		about: `Ends a member's leave to write to you. The rendezvous node drops what they send you, from
now on or from the next connection on, and your other devices are told. They are not:
what they send looks to them as if you were away. What they write in groups is kept and
hidden, also where others forward it; muster inbox --hidden and muster read --hidden show
it, marked. What members report to you reaches you all the same.`,
		args:     []string{memberArgument},
		output:   "One line saying how you stand with the member.",
		json:     `{"contact": {"org", "member", "name", "state", ..}, "already"}`,
		examples: []string{"muster block Bo"},
		see:      []string{"unblock", "decline", "contacts"},
	}, (*apiclient.Client).Block)
}

func (a *app) newUnblock() *cobra.Command {
	return a.standing(manual{
		use:   "unblock MEMBER",
		short: "let a member write again whom you blocked",
		about: `Gives a member leave to write to you again. Who could write before is not told that they
could not for a while, and what they sent meanwhile may still come.`,
		args:     []string{memberArgument},
		output:   "One line saying how you stand with the member.",
		json:     `{"contact": {"org", "member", "name", "state", ..}, "already"}`,
		examples: []string{"muster unblock Bo"},
		see:      []string{"block", "contacts"},
	}, (*apiclient.Client).Unblock)
}

func (a *app) newDecline() *cobra.Command {
	return a.standing(manual{
		use:   "decline MEMBER",
		short: "put an introduction away without an answer",
		about: `Takes an introduction out of your inbox. Its author is not told, and may introduce
themselves again after a week. muster accept still lets them write; muster block ends it.`,
		args:     []string{memberArgument},
		output:   "One line saying how you stand with the member.",
		json:     `{"contact": {"org", "member", "name", "state", ..}, "already"}`,
		examples: []string{"muster decline Bo"},
		see:      []string{"accept", "block", "contacts"},
	}, (*apiclient.Client).Decline)
}

// standing makes a command that changes how one stands with a member.
func (a *app) standing(page manual,
	change func(*apiclient.Client, context.Context, api.ContactRequest) (api.ContactResult, error)) *cobra.Command {
	var org string
	c := a.command(page, exactly("MEMBER"), func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := change(client, c.Context(), api.ContactRequest{Org: org, Member: args[0]})
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { printStanding(w, result.Contact) })
		})
	})
	c.Flags().StringVar(&org, "org", "", "look for MEMBER in this `ORG`, by name or id")
	return c
}

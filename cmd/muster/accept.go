package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAccept() *cobra.Command {
	var org string
	c := a.command(manual{
		use:   "accept MEMBER",
		short: "let a member who introduced themselves write to you",
		about: `Gives a member leave to write to you. Since their introduction carried their leave for
you, both of you can write when the command returns. To accept twice is no error.`,
		args:     []string{memberArgument},
		output:   "One line saying how you stand with the member.",
		json:     `{"contact": {"org", "member", "name", "state", ..}, "already"}`,
		examples: []string{"muster accept Ada", "muster accept Ada@Lighthouse"},
		see:      []string{"decline", "block", "introduce", "contacts"},
	}, exactly("MEMBER"), func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Accept(c.Context(), api.AcceptRequest{Org: org, Member: args[0]})
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { printStanding(w, result.Contact) })
		})
	})
	c.Flags().StringVar(&org, "org", "", "look for MEMBER in this `ORG`, by name or id")
	return c
}

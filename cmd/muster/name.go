package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newName() *cobra.Command {
	var request api.NameRequest
	c := a.command(manual{
		use:   "name NAME",
		short: "take another name in an organization",
		about: `Gives you another name in an organization. Your contacts are told, once; your id stays.
A name that looks like another member's is refused. Where the policy says that admins
approve names it is refused too: an admin gives it.`,
		args:     []string{"NAME   the new name"},
		output:   "One line with the name and your id.",
		json:     `{"org", "org_name", "do", "member": {"member", "name"}, "already"}`,
		examples: []string{`muster name "Bo Larsen"`},
		see:      []string{"status", "contacts", "admin rename"},
	}, exactly("NAME"), func(c *cobra.Command, args []string) error {
		request.Name = args[0]
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Rename(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				terminal.Printf(w, "You are %s in %s.\n", person(result.Member.Name, result.Member.Member), result.OrgName)
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	return c
}

package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newContacts() *cobra.Command {
	var query api.ContactsQuery
	c := a.command(manual{
		use:   "contacts",
		short: "list whom you know, and who asks to know you",
		about: `Lists members with whom there is an acquaintance or an introduction:
  acquainted   both of you can write
  introduced   you introduced yourself, they have not accepted
  asks         they introduced themselves: muster accept lets them write
  member       neither; shown with --all only`,
		output:   "One line each: name, member id, state, organization, and the text of an introduction.",
		json:     `[{"org", "org_name", "member", "name", "role", "state", "introduction", "since"}]`,
		examples: []string{"muster contacts", "muster contacts --all --org Lighthouse"},
		see:      []string{"introduce", "accept"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			contacts, err := client.Contacts(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(api.List[api.Contact](contacts), func(w io.Writer) {
				if len(contacts) == 0 {
					a.inform("No contacts yet. --all lists every member; muster introduce makes first contact.")
				}
				a.table(w, "NAME\tMEMBER\tSTATE\tORG\tINTRODUCTION", func(row func(cells ...string)) {
					for _, k := range contacts {
						org := clean(k.OrgName) + " (" + shortID(k.Org) + ")"
						row(clean(k.Name), shortID(k.Member), clean(string(k.State)), org, clean(k.Introduction))
					}
				})
				for _, k := range contacts {
					if k.State == api.ContactAsks {
						a.inform("%s waits for your answer: muster accept %s lets them write to you.", clean(k.Name), quote(k.Name))
					}
				}
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only of this `ORG`, by name or id")
	c.Flags().BoolVar(&query.All, "all", false, "every member, also without any contact")
	return c
}

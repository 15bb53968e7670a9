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
  declined     they introduced themselves, and you put that away
  allowed      they can write, you cannot: introduce yourself
  blocked      you hear nothing of them: muster unblock ends it
  member       neither; shown with --all only`,
		output: `One line each: name, member id, state, whether the safety number was compared,
organization, and the text of an introduction.`,
		json: `[{"org", "org_name", "member", "name", "role", "state", "introduction", "since", "verified",
  "warning", "contact"}], with --all also "formerly": [..]`,
		examples: []string{"muster contacts", "muster contacts --all --org Lighthouse"},
		see:      []string{"introduce", "accept", "block", "verify"},
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
				a.table(w, "NAME\tMEMBER\tSTATE\tVERIFIED\tORG\tINTRODUCTION", func(row func(cells ...any)) {
					for _, k := range contacts {
						org := k.OrgName + " (" + shortID(k.Org) + ")"
						state := string(k.State)
						if k.Archived {
							state += ", archived"
						}
						if text := unconfirmedText(k.Unconfirmed); text != "" {
							state += ", " + text
						}
						row(k.Name, shortID(k.Member), state, verification(k), org, k.Introduction)
					}
				})
				for _, k := range contacts {
					if k.Warning != "" {
						a.warn([]string{k.Warning}, nil)
					}
					if k.State == api.ContactAsks {
						a.inform("%s waits for your answer: muster accept %s lets them write to you.", person(k.Name, k.Member), quote(k.Name, k.Member))
					}
				}
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "only of this `ORG`, by name or id")
	c.Flags().BoolVar(&query.All, "all", false, "every member, also without any contact")
	return c
}

// unconfirmedText says that the roll does not have somebody; empty if it has. [API-187]
func unconfirmedText(u api.Unconfirmed) string {
	switch u {
	case api.UnconfirmedYet:
		return "not confirmed by the roll yet"
	case api.UnconfirmedNever:
		return "NEVER WAS A MEMBER"
	}
	return ""
}

// verification says whether a contact is verified.
func verification(k api.Contact) string {
	switch {
	case k.Verified:
		return "yes"
	case k.Warning != "":
		return "FALLEN"
	}
	return "no"
}

package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// memberArgument explains MEMBER in every page that has it.
const memberArgument = "MEMBER   a name, name@org where it is in doubt, or a member id"

func (a *app) newIntroduce() *cobra.Command {
	var org string
	c := a.command(manual{
		use:   "introduce MEMBER TEXT",
		short: "make first contact with a member",
		about: `Sends an introduction: at most 140 characters of plain text, the only thing that a
member who does not know you receives from you. It carries your leave for them to write
to you, so after they accept, both of you can write.

To introduce yourself to somebody you are acquainted with sends nothing and is no error.`,
		args:     []string{memberArgument, "TEXT     what they read"},
		output:   "One line saying how you stand with the member.",
		json:     `{"contact": {"org", "member", "name", "state", ..}, "id", "already"}`,
		examples: []string{`muster introduce Bo "We met at the harbour. Ada"`},
		see:      []string{"accept", "contacts", "send"},
	}, exactly("MEMBER", "TEXT"), func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			request := api.IntroduceRequest{Org: org, Member: args[0], Text: args[1]}
			result, err := client.Introduce(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) { printStanding(w, result.Contact) })
		})
	})
	c.Flags().StringVar(&org, "org", "", "look for MEMBER in this `ORG`, by name or id")
	return c
}

// printStanding says in a sentence how one stands with a contact.
func printStanding(w io.Writer, contact api.Contact) {
	who := person(contact.Name, contact.Member)
	switch contact.State {
	case api.ContactAcquainted:
		terminal.Printf(w, "%s: acquainted, both of you can write.\n", who)
	case api.ContactIntroduced:
		terminal.Printf(w, "%s: introduced, they have not accepted yet.\n", who)
	case api.ContactAllowed:
		terminal.Printf(w, "%s: they can write to you, and have not let you write.\n", who)
	case api.ContactBlocked:
		terminal.Printf(w, "%s: blocked, you hear nothing of them, and they are not told.\n", who)
	case api.ContactDeclined:
		terminal.Printf(w, "%s: declined, they get no answer.\n", who)
	case api.ContactAsks:
		terminal.Printf(w, "%s: asks to write to you.\n", who)
	default:
		terminal.Printf(w, "%s: %s.\n", who, string(contact.State))
	}
}

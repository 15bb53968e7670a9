package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newOrg() *cobra.Command {
	c := a.command(manual{
		use:   "org COMMAND",
		short: "found an organization, list those you are in",
		about: "Organizations: members-only messaging services.",
		see:   []string{"invite", "join"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("org has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newOrgCreate(), a.newOrgList(), a.newOrgFollow())
	return c
}

func (a *app) newOrgCreate() *cobra.Command {
	var claim, as string
	var here hereFlags
	c := a.command(manual{
		use:   "create NAME --claim LINK|--here --as NAME",
		short: "found an organization, with or without a server",
		about: `Founds an organization on the rendezvous node that issued the claim link, with you as
its first member and admin. The link works once.

With --here there is no server: the rendezvous node is part of your own muster start, and
runs whenever that does and its folder is unlocked. While this computer is off, asleep or
away, members cannot join or look for news, and what they send waits on their own devices;
nothing is lost. That is enough for a small organization, and it can move to a server at any
time: muster admin rendezvous move.` + hereHelp + `

Prints the organization's 24 root words, and, the first time you are in any
organization, your 24 recovery words. Nothing else shows them again and nothing keeps
them: write both down, and keep them apart from this device, with the card that is
printed below them.`,
		args:   []string{"NAME   the organization's name"},
		output: "The ids of the organization, of you and of this device, and the words.",
		json:   `{"org", "member", "device", "recovery_words": [..], "root_words": [..], "card"}`,
		examples: []string{
			"muster org create Lighthouse --claim muster:claim/... --as Ada",
			"muster org create Lighthouse --here --as Ada",
		},
		see: []string{"org list", "invite", "admin rendezvous"},
	}, exactly("NAME"), func(c *cobra.Command, args []string) error {
		if err := here.check(claim != "", "--claim LINK"); err != nil {
			return err
		}
		if as == "" {
			return usage("--as NAME is needed: your name in the organization")
		}
		link, err := a.firstLine(claim, "LINK")
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			request := api.CreateOrgRequest{
				Claim: link, Name: args[0], As: as, Here: here.here, Listen: here.listen, Announce: here.announce,
			}
			result, err := client.CreateOrg(c.Context(), request)
			if err != nil {
				return err
			}
			err = a.answer(result, func(w io.Writer) {
				terminal.Printf(w, "organization  %s  %s\nmember        %s  %s\ndevice        %s\n",
					result.Org, args[0], result.Member, as, result.Device)
				printWords(w, "Root words of the organization", result.RootWords)
				printWords(w, "Your recovery words", result.RecoveryWords)
				printCard(w, result.Card)
			})
			a.untilWritten(result.RootWords)
			return err
		})
	})
	c.Flags().StringVar(&claim, "claim", "", "the claim `LINK`, or - to read it from stdin")
	here.add(c, true)
	c.Flags().StringVar(&as, "as", "", "your `NAME` in the organization")
	return c
}

// printWords prints words numbered, six a line, as they are written down.
func printWords(w io.Writer, title string, words []string) {
	if len(words) == 0 {
		return
	}
	terminal.Printf(w, "\n%s: write them down, in this order.\n", title)
	for start := 0; start < len(words); start += 6 {
		var line strings.Builder
		for i := start; i < min(start+6, len(words)); i++ {
			terminal.Printf(&line, "%4d %-9s", i+1, words[i])
		}
		terminal.Println(w, strings.TrimRight(line.String(), " "))
	}
}

// untilWritten waits at a terminal until a person says that the words are written down.
func (a *app) untilWritten(words []string) {
	if _, person := a.terminal(); len(words) == 0 || a.json || !person {
		return
	}
	for range 3 {
		if a.confirm("They are not shown again. Have you written them down?") {
			return
		}
	}
}

func (a *app) newOrgList() *cobra.Command {
	return a.command(manual{
		use:      "list",
		short:    "list the organizations that you are in",
		about:    "Lists the organizations that this node is in.",
		output:   "One line each: id, name, your name and role there, how many members.",
		json:     `[{"org", "name", "member", "member_name", "role", "members", "roll_size"}]`,
		examples: []string{"muster org list --json"},
		see:      []string{"status", "org create", "join"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			orgs, err := client.Orgs(c.Context())
			if err != nil {
				return err
			}
			status, err := client.Status(c.Context())
			if err != nil {
				return err
			}
			joining := status.Joining
			return a.answer(api.List[api.OrgSummary](orgs), func(w io.Writer) {
				for _, c := range joining {
					a.inform("%s (%s): %s", c.OrgName, shortID(c.Org), joinStates[c.State])
				}
				if len(orgs) == 0 && len(joining) == 0 {
					a.informNone()
				}
				a.table(w, "ORG\tNAME\tYOU\tROLE\tMEMBERS", func(row func(cells ...any)) {
					for _, o := range orgs {
						row(shortID(o.Org), o.Name, person(o.MemberName, o.Member), o.Role, fmt.Sprint(o.Members))
					}
				})
			})
		})
	})
}

// informNone is what lists say that have nothing to list for want of an organization.
func (a *app) informNone() {
	a.inform("You are in no organization yet: muster join, or muster org create.")
}

// table prints aligned columns under a head, or nothing if there is no row.
func (a *app) table(w io.Writer, head terminal.Text, rows func(row func(cells ...any))) {
	var table *terminal.Table
	rows(func(cells ...any) {
		if table == nil {
			table = terminal.NewTable(w, head)
		}
		table.Row(cells...)
	})
	if table != nil {
		table.Flush() //nolint:errcheck // w keeps the error
	}
}

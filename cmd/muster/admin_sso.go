package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAdminSSO() *cobra.Command {
	c := a.command(manual{
		use:   "sso COMMAND",
		short: "joining by a login at your organization's provider",
		about: `Lets people join with the login that they have at an OpenID Connect provider. A process of
yours, the enrolment service, holds a key; the roll says what the key may do: admit so many
people a day, and suspend those alone whom it admitted. See docs/sso.md.`,
		see: []string{"join", "admin policy", "admin members"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("admin sso has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newAdminSSOShow(), a.newAdminSSOSet(), a.newAdminSSOEnd())
	return c
}

func (a *app) newAdminSSOShow() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:   "show",
		short: "show which enrolment keys the roll names, and whom they admitted",
		about: `Shows the enrolment keys of the roll: what each may do, whether it may still, and whom it
admitted. The link is what members join by; the card is what the enrolment service takes as
--org. Every member may look.`,
		output: "The card, and for each key its link, terms and members.",
		json: `{"org", "org_name", "card", "keys": [{"key", "link", "issuer", "client", "url", "claim", "role",
  "daily", "groups": [..], "pin", "by": {"member", "name"}, "named", "speaks", "why",
  "admitted": [{"member", "name"}]}]}`,
		examples: []string{"muster admin sso show", "muster admin sso show --all --json"},
		see:      []string{"admin sso set", "admin sso end", "join"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			sso, err := client.SSO(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(sso, func(w io.Writer) { printSSO(w, sso) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().BoolVar(&query.All, "all", false, "keys that have ended too")
	return c
}

func printSSO(w io.Writer, sso api.AdminSSO) {
	terminal.Printf(w, "card      %s\n", terminal.Line(sso.Card))
	if len(sso.Keys) == 0 {
		terminal.Println(w, "Nobody joins by a login.")
	}
	for _, key := range sso.Keys {
		terminal.Println(w)
		standing := "speaks"
		if !key.Speaks {
			standing = "does not speak: " + key.Why
		}
		terminal.Printf(w, "key       %s\n          %s\n", key.Key, standing)
		terminal.Printf(w, "link      %s\n", terminal.Line(key.Link))
		terminal.Printf(w, "provider  %s, client %s\nservice   %s\n", key.Issuer, key.Client, key.URL)
		name := "chosen by the member"
		if key.Claim != "" {
			name = "the claim " + key.Claim
		}
		terminal.Printf(w, "names     %s\nadmits    %d a day, as %s at most\n", name, key.Daily, key.Role)
		if len(key.Groups) > 0 {
			terminal.Printf(w, "groups    %s\n", strings.Join(key.Groups, ", "))
		}
		if key.Pin != "" {
			terminal.Printf(w, "pin       %s\n", key.Pin)
		}
		by := "the root words"
		if key.By.Member != "" {
			by = person(key.By.Name, key.By.Member)
		}
		terminal.Printf(w, "named     %s by %s\nadmitted  %s\n", moment(key.Named), by, plural(len(key.Admitted), "member"))
		for _, m := range key.Admitted {
			terminal.Printf(w, "          %s\n", person(m.Name, m.Member))
		}
	}
}

func (a *app) newAdminSSOSet() *cobra.Command {
	var request api.SSOSetRequest
	var root rootFlags
	c := a.command(manual{
		use:   "set KEY --issuer URL --client-id ID --url URL",
		short: "name an enrolment key, or change what it may do",
		about: `Puts an enrolment key on the roll, with what it may do; of a key that is there already it
changes what you say and leaves the rest. What it says holds for every device: the enrolment
service cannot go beyond it.

The key speaks as long as the admin who named it is one: when they leave, another admin says
the same again. For names that the login gives, set the policy too:
muster admin policy set names=claim.` + rootHelp,
		args:     []string{"KEY   the key that muster-rendezvous enrol keygen printed"},
		output:   "What admin sso show shows.",
		json:     `As admin sso show.`,
		examples: []string{"muster admin sso set KEY --issuer https://a.example --client-id m --url https://b.example", "muster admin sso set …xVCFz83m --daily 500"},
		see:      []string{"admin sso show", "admin sso end", "admin policy"},
	}, exactly("KEY"), func(c *cobra.Command, args []string) error {
		words, err := a.rootWords(c.Context(), root)
		if err != nil {
			return err
		}
		request.Key, request.RootWords = args[0], words
		return a.withNode(func(client *apiclient.Client) error {
			sso, err := client.SetSSO(c.Context(), request)
			if err != nil {
				return err
			}
			return a.answer(sso, func(w io.Writer) { printSSO(w, sso) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().StringVar(&request.Issuer, "issuer", "", "the provider's issuer, a `URL`")
	c.Flags().StringVar(&request.Client, "client-id", "", "the service's `ID` at the provider")
	c.Flags().StringVar(&request.URL, "url", "", "the `URL` of the enrolment service")
	c.Flags().StringVar(&request.Claim, "claim", "", "the `CLAIM` that gives the name; - if members choose it")
	c.Flags().StringVar(&request.Role, "role", "", "the highest `ROLE` that it gives: member, or desk")
	c.Flags().Uint64Var(&request.Daily, "daily", 0, "how many it admits in 24 hours, a `NUMBER` (100 for a new key)")
	c.Flags().StringArrayVar(&request.Groups, "group", nil, "a listed `GROUP` into which it may take members; - for none")
	c.Flags().StringVar(&request.Pin, "pin", "", "the SHA-256 of the public key of the service's certificate, in `HEX`; - for none")
	c.Flags().StringVar(&request.Replaces, "replaces", "", "the `KEY` in whose place it comes, whose members it gets")
	root.add(c)
	return c
}

func (a *app) newAdminSSOEnd() *cobra.Command {
	var request api.SSOEndRequest
	var root rootFlags
	var since string
	var all bool
	c := a.command(manual{
		use:   "end KEY [--suspend-since DURATION | --suspend-all]",
		short: "end an enrolment key, for good",
		about: `Ends an enrolment key: nobody joins by it any more, and it suspends nobody. Whom it admitted
stays, unless you say otherwise: if the key was stolen, suspend with the same event those whom
it admitted since, and reinstate by hand who is real. Admins are not suspended. Another key can
take its place: muster admin sso set KEY --replaces OLD.` + rootHelp,
		args:     []string{"KEY   the key, or the last eight characters of it"},
		output:   "One line, and one for each member who was suspended.",
		json:     `{"org", "org_name", "key", "suspended": [{"member", "name"}], "already"}`,
		examples: []string{"muster admin sso end …xVCFz83m", "muster admin sso end …xVCFz83m --suspend-since 2d"},
		see:      []string{"admin sso show", "admin reinstate"},
	}, exactly("KEY"), func(c *cobra.Command, args []string) error {
		switch {
		case all && since != "":
			return usage("--suspend-since or --suspend-all, not both")
		case all:
			request.Suspend = -1
		case since != "":
			life, err := parseLife(since)
			if err != nil {
				return err
			}
			request.Suspend = int64(life / time.Second)
		}
		words, err := a.rootWords(c.Context(), root)
		if err != nil {
			return err
		}
		request.Key, request.RootWords = args[0], words
		return a.withNode(func(client *apiclient.Client) error { return a.endSSO(c, client, request) })
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().StringVar(&since, "suspend-since", "", "suspend whom it admitted in the last `DURATION`: 30m, 12h, 7d, 2w")
	c.Flags().BoolVar(&all, "suspend-all", false, "suspend all whom it admitted")
	root.add(c)
	return c
}

// endSSO asks a person at a terminal, who is told how many it suspends, and does it.
func (a *app) endSSO(c *cobra.Command, client *apiclient.Client, request api.SSOEndRequest) error {
	request.Check = true
	planned, err := client.EndSSO(c.Context(), request)
	if err != nil {
		return err
	}
	if !planned.Already {
		question := fmt.Sprintf("End the key, and suspend %s of %s?", plural(len(planned.Suspended), "member"), planned.OrgName)
		if err := a.sure(question); err != nil {
			return err
		}
	}
	request.Check = false
	result, err := client.EndSSO(c.Context(), request)
	if err != nil {
		return err
	}
	return a.answer(result, func(w io.Writer) {
		terminal.Printf(w, "%s: nobody joins by the key %s any more, %s suspended.\n", result.OrgName, shortDevice(result.Key), plural(len(result.Suspended), "member"))
		for _, m := range result.Suspended {
			terminal.Printf(w, "  %s\n", person(m.Name, m.Member))
		}
	})
}

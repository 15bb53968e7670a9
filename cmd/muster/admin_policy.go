package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAdminPolicy() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:   "policy [set KEY=VALUE...]",
		short: "show the policy, change it",
		about: `Shows what an organization decides about itself: who may write to whom, who may invite,
who decides on names, and limits. Every member may look.`,
		output:   "One line for each setting, in the form in which it is set: KEY=VALUE, and what it is.",
		json:     `{"org", "org_name", "settings": [{"key", "value", "about"}], "changes": [], "already"}`,
		examples: []string{"muster admin policy", "muster admin policy set contact.member.desk=free queue-time=60d"},
		see:      []string{"admin policy set", "admin roll"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Policy(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(result, func(w io.Writer) {
				a.inform("The policy of %s.", result.OrgName)
				a.table(w, "SETTING\tWHAT IT IS", func(row func(cells ...any)) {
					for _, s := range result.Settings {
						row(policyKey(s.Key)+"="+policyValue(s.Value), terminal.Line(s.About))
					}
				})
			})
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.AddCommand(a.newAdminPolicySet())
	return c
}

func (a *app) newAdminPolicySet() *cobra.Command {
	var request api.PolicyRequest
	var root rootFlags
	c := a.command(manual{
		use:   "set KEY=VALUE...",
		short: "change the policy",
		about: `Changes settings of the policy, all in one event. They are checked against their bounds
before anything is signed, and what changes is shown. A change takes effect on each device
when it sees it.

Times are 30m, 12h, 7d or 2w; sizes 512KiB or 1MiB; lists have commas between.` + rootHelp,
		args:   []string{"KEY=VALUE   as muster admin policy shows them"},
		output: "One line for each setting that changes: the old value and the new one.",
		json:   `{"org", "org_name", "settings": [..], "changes": [{"key", "from", "to"}], "already"}`,
		examples: []string{
			"muster admin policy set contact.member.desk=free",
			"muster admin policy set invite.member=member,guest names=approved",
			"muster admin policy set names=pattern:'* Sales' reserved=admin,support queue-time=60d",
		},
		see: []string{"admin policy"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("KEY=VALUE is missing")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		request.Set = args
		words, err := a.rootWords(c.Context(), root)
		if err != nil {
			return err
		}
		request.RootWords = words
		return a.withNode(func(client *apiclient.Client) error { return a.setPolicy(c, client, request) })
	})
	c.Flags().StringVar(&request.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	root.add(c)
	return c
}

// setPolicy shows a person at a terminal what would change, and changes it.
func (a *app) setPolicy(c *cobra.Command, client *apiclient.Client, request api.PolicyRequest) error {
	request.Check = true
	planned, err := client.SetPolicy(c.Context(), request)
	if err != nil {
		return err
	}
	if _, person := a.terminal(); person && !planned.Already {
		printChanges(a.stderr, planned)
		if err := a.sure("Change the policy of " + planned.OrgName + "?"); err != nil {
			return err
		}
	}
	request.Check = false
	result, err := client.SetPolicy(c.Context(), request)
	if err != nil {
		return err
	}
	return a.answer(result, func(w io.Writer) {
		if result.Already {
			a.inform("Nothing changes: it was so before.")
		}
		printChanges(w, result)
	})
}

func printChanges(w io.Writer, result api.PolicyResult) {
	for _, change := range result.Changes {
		terminal.Printf(w, "%s: %s -> %s\n", policyKey(change.Key), policyValue(orNothing(change.From)), policyValue(orNothing(change.To)))
	}
}

func orNothing(value string) string {
	if value == "" {
		return "(nothing)"
	}
	return value
}

// policyKey shows a key, which the program named, so that it can be copied.
func policyKey(key string) terminal.Text { return terminal.Line(key) }

// policyValue shows a value, in which an admin may have chosen a pattern or names.
func policyValue(value string) terminal.Text {
	if pattern, ok := strings.CutPrefix(value, "pattern:"); ok {
		return "pattern:" + terminal.Plain(pattern)
	}
	return terminal.Plain(value)
}

// policyKeys are the keys that have dots, which roll text names too.
func policyKeys() (keys []string) {
	roles := []string{"admin", "member", "desk", "guest"}
	for _, from := range roles {
		keys = append(keys, "invite."+from)
		for _, to := range roles {
			keys = append(keys, "contact."+from+"."+to)
		}
	}
	return keys
}

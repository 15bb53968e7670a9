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

func (a *app) newRetention() *cobra.Command {
	var org string
	c := a.command(manual{
		use:   "retention [12m|forever]",
		short: "for how long your history is kept",
		about: `Says for how long your history is kept in each organization, or chooses it: a number of
months, or forever, which is how it begins. What came earlier is removed from all your
devices, messages with their files and what was noted about them, and no device and no
backup brings it back. Nothing is excepted: muster export what you want to keep. Others
keep their copies. A shorter choice of another device takes effect here after 72 hours, of
which you are told, so that a stolen device cannot remove what the others have.`,
		args:     []string{"12m      months, from 1m to 1200m; forever: all"},
		output:   "For each organization how long its history is kept, and from when on.",
		json:     `[{"org", "org_name", "keep", "default", "from", "older", "due", "chosen"}]`,
		examples: []string{"muster retention", "muster retention 12m --org Lighthouse", "muster retention 24m --yes"},
		see:      []string{"settings", "send"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("give a number of months like 12m, or forever")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			if len(args) == 0 {
				all, err := client.Retention(c.Context(), api.RetentionQuery{Org: org})
				if err != nil {
					return err
				}
				return a.answer(api.List[api.Retention](all), func(w io.Writer) { printRetention(w, all) })
			}
			request := api.RetentionRequest{Org: org, Keep: args[0]}
			all, err := client.SetRetention(c.Context(), request)
			if err != nil {
				return err
			}
			if question := goes(all); question != "" {
				if !a.confirm(question) {
					return api.Errorf(api.CodeFailed, "nothing was chosen").WithHint("%s: say so with --yes", question)
				}
				request.Erase = true
				if all, err = client.SetRetention(c.Context(), request); err != nil {
					return err
				}
			}
			return a.answer(api.List[api.Retention](all), func(w io.Writer) { printRetention(w, all) })
		})
	})
	c.Flags().StringVar(&org, "org", "", "only in this `ORG`, by name or id")
	return c
}

// goes asks about what a choice that was not made would remove; empty: it was made.
func goes(all []api.Retention) string {
	older, from := 0, time.Time{}
	for _, r := range all {
		if r.Chosen {
			return ""
		}
		older, from = older+r.Older, r.From
	}
	if older == 0 {
		return ""
	}
	messages := "messages"
	if older == 1 {
		messages = "message"
	}
	return fmt.Sprintf("%d %s older than %s will be removed from all your devices, for good. Go on?", older, messages, from.Format(time.DateOnly))
}

func printRetention(w io.Writer, all []api.Retention) {
	for _, r := range all {
		var notes []string
		if !r.From.IsZero() {
			notes = append(notes, "from "+r.From.Format(time.DateOnly)+" on")
		}
		if !r.Due.IsZero() {
			notes = append(notes, fmt.Sprintf("another device chose it, here from %s: %d messages go", r.Due.Local().Format(time.DateTime), r.Older))
		}
		terminal.Printf(w, "%-8s %s  %s\n", r.Keep, r.OrgName, strings.Join(notes, "; "))
	}
}

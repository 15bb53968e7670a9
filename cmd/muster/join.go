package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newJoin() *cobra.Command {
	var as, text, giveUp, code, sso string
	var wait, nearby bool
	c := a.command(manual{
		use:   "join INVITATION|--nearby|--sso URL [--as NAME] [-m TEXT] [--wait]",
		short: "join an organization with an invitation or a login",
		about: `Joins the organization that the invitation is from, under a name of your choice. The
name must be free there. When the command returns you are a member, and the next
command can use it. A join that is refused uses nothing up. As a guest you may leave --as out,
and stay without a name.

An invitation may let you apply only: say with -m who you are, in at most 140 characters. You
are in when members have vouched for you. Until then muster status shows the application, this
device asks by itself, and the same command again asks at once.

While no rendezvous node can be reached, the joining is kept: this device tries again by itself,
at once when the network changes, until it is in. The answer is then "waiting", and muster
status shows it; the same command again tries at once. With --wait it is also kept where the
node answers and does not know the invitation yet, because whoever made it has not reached it.
--give-up ends a joining that waits, and deletes what was said with members while it did.

With --nearby you enter a code that somebody on the same Wi-Fi or cable reads out, as muster
invite --nearby shows it. You are asked first, and told which organization it is and who
invites you. No server is needed: the answer may be "waiting". Where the policy has early-joins,
you can write at once to one member in reach at a time.

With --sso you join with the login that you have at your organization, at the address or link
that it gives you. From a terminal with a display the browser opens; else a page and a code are
shown, for a browser anywhere, and words to compare. It waits until you have logged in, for ten
minutes. With --as you choose your name, where the login gives none.

The first time you join anything it prints your 24 recovery words. Nothing else shows
them again and nothing keeps them: write them down, and keep them apart from this
device, with the card that is printed below them.`,
		args:   []string{"INVITATION   the link, muster:join/..., or - to read it from stdin"},
		output: "The ids of the organization, of you and of this device, and the words.",
		json: `{"state", "org", "org_name", "member", "device", "recovery_words": [..], "card"}
"state" is "member", "waiting", "applied", "declined" or "failed". With --give-up:
{"org", "org_name", "name", "state", "why", "since"} as it stood`,
		examples: []string{"muster join muster:join/... --as Bo", "muster join muster:join/... --as Bo -m 'Bo from the harbour'", "muster join - --as Bo <invitation.txt", "muster join --nearby --as Bo", "muster join --sso https://enrol.example.org", "muster join --give-up Lighthouse"},
		see:      []string{"invite", "status", "introduce", "contacts"},
	}, upTo("INVITATION"), func(c *cobra.Command, args []string) error {
		if giveUp != "" {
			return a.giveUp(c.Context(), giveUp)
		}
		if sso != "" {
			if nearby || len(args) > 0 {
				return usage("--sso takes a URL, and neither an INVITATION nor --nearby").WithHint("muster join --sso URL")
			}
			return a.joinSSO(c.Context(), sso, as)
		}
		if nearby && len(args) > 0 {
			return usage("--nearby takes a code, and no INVITATION").WithHint("muster join --nearby --as NAME")
		}
		if nearby {
			return a.joinNearby(c.Context(), code, as, text)
		}
		if len(args) == 0 {
			return usage("INVITATION is missing")
		}
		link, err := a.firstLine(args[0], "INVITATION")
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Join(c.Context(), api.JoinRequest{Invitation: link, As: as, Text: text, Wait: wait})
			if err != nil {
				return err
			}
			return a.printJoined(result, as)
		})
	})
	c.Flags().StringVar(&as, "as", "", "your `NAME` in the organization")
	c.Flags().BoolVar(&nearby, "nearby", false, "join by a code that somebody on the same local network shows")
	c.Flags().StringVar(&sso, "sso", "", "join with your login, at the organization's `URL` or link muster:sso/...")
	c.Flags().StringVar(&code, "code", "", "with --nearby: the `CODE`, or - to read it from stdin")
	c.Flags().BoolVar(&wait, "wait", false, "wait for the organization too if it does not know the invitation yet")
	c.Flags().StringVar(&giveUp, "give-up", "", "end the joining of `ORG` that waits, by name or id")
	c.Flags().StringVarP(&text, "message", "m", "", "for an invitation to apply: a `TEXT` saying who you are")
	return c
}

// joinStates says what a join has come to, if it is no membership.
var joinStates = map[api.JoinState]string{
	api.JoinApplied:  "applied: you are in when others have vouched for you",
	api.JoinWaiting:  "waiting for the organization: this device tries again by itself until it is in",
	api.JoinDeclined: "declined",
	api.JoinFailed:   "cannot succeed any more",
}

// printJoined answers what joining came to, and has the words written down.
func (a *app) printJoined(result api.JoinResult, as string) error {
	err := a.answer(result, func(w io.Writer) {
		terminal.Printf(w, "organization  %s  %s\nmember        %s  %s\ndevice        %s\n",
			result.Org, result.OrgName, result.Member, as, result.Device)
		printJoinState(w, result.State)
		printWords(w, "Your recovery words", result.RecoveryWords)
		printCard(w, result.Card)
	})
	a.untilWritten(result.RecoveryWords)
	return err
}

// giveUp ends a joining that waits.
func (a *app) giveUp(ctx context.Context, org string) error {
	return a.withNode(func(client *apiclient.Client) error {
		ended, err := client.GiveUp(ctx, api.GiveUpRequest{Org: org})
		if err != nil {
			return err
		}
		return a.answer(ended, func(w io.Writer) { terminal.Printf(w, "%s: not joined any more.\n", ended.OrgName) })
	})
}

func printJoinState(w io.Writer, state api.JoinState) {
	if text, waits := joinStates[state]; waits {
		terminal.Printf(w, "state         %s\n", text)
	}
}

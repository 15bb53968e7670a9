package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newJoin() *cobra.Command {
	var as, text string
	c := a.command(manual{
		use:   "join INVITATION [--as NAME] [-m TEXT]",
		short: "join an organization with an invitation",
		about: `Joins the organization that the invitation is from, under a name of your choice. The
name must be free there. When the command returns you are a member, and the next
command can use it. A join that is refused uses nothing up. As a guest you may leave --as out,
and stay without a name.

An invitation may let you apply only: say with -m who you are, in at most 140 characters. You
are in when members have vouched for you. Until then muster status shows the application, this
device asks by itself, and the same command again asks at once.

The first time you join anything it prints your 24 recovery words. Nothing else shows
them again and nothing keeps them: write them down, and keep them apart from this
device, with the card that is printed below them.`,
		args:   []string{"INVITATION   the link, muster:join/..., or - to read it from stdin"},
		output: "The ids of the organization, of you and of this device, and the words.",
		json: `{"state", "org", "org_name", "member", "device", "recovery_words": [..], "card"}
"state" is "member", "applied", "declined" or "failed".`,
		examples: []string{"muster join muster:join/... --as Bo", "muster join muster:join/... --as Bo -m 'Bo from the harbour'", "muster join - --as Bo <invitation.txt"},
		see:      []string{"invite", "status", "introduce", "contacts"},
	}, exactly("INVITATION"), func(c *cobra.Command, args []string) error {
		link, err := a.firstLine(args[0], "INVITATION")
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Join(c.Context(), api.JoinRequest{Invitation: link, As: as, Text: text})
			if err != nil {
				return err
			}
			err = a.answer(result, func(w io.Writer) {
				terminal.Printf(w, "organization  %s  %s\nmember        %s  %s\ndevice        %s\n",
					result.Org, result.OrgName, result.Member, as, result.Device)
				printJoinState(w, result.State)
				printWords(w, "Your recovery words", result.RecoveryWords)
				printCard(w, result.Card)
			})
			a.untilWritten(result.RecoveryWords)
			return err
		})
	})
	c.Flags().StringVar(&as, "as", "", "your `NAME` in the organization")
	c.Flags().StringVarP(&text, "message", "m", "", "for an invitation to apply: a `TEXT` saying who you are")
	return acceptLater(c)
}

// joinStates says what a join has come to, if it is no membership.
var joinStates = map[api.JoinState]string{
	api.JoinApplied:  "applied: you are in when others have vouched for you",
	api.JoinDeclined: "declined",
	api.JoinFailed:   "cannot succeed any more",
}

func printJoinState(w io.Writer, state api.JoinState) {
	if text, waits := joinStates[state]; waits {
		terminal.Printf(w, "state         %s\n", text)
	}
}

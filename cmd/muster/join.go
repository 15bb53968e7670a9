package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newJoin() *cobra.Command {
	var as string
	c := a.command(manual{
		use:   "join INVITATION --as NAME",
		short: "join an organization with an invitation",
		about: `Joins the organization that the invitation is from, under a name of your choice. The
name must be free there. When the command returns you are a member, and the next
command can use it. A join that is refused uses nothing up.

The first time you join anything it prints your 24 recovery words. Nothing else shows
them again and nothing keeps them: write them down, and keep them apart from this
device.`,
		args:     []string{"INVITATION   the link, muster:join/..., or - to read it from stdin"},
		output:   "The ids of the organization, of you and of this device, and the words.",
		json:     `{"org", "org_name", "member", "device", "recovery_words": [..]}`,
		examples: []string{"muster join muster:join/... --as Bo", "muster join - --as Bo <invitation.txt"},
		see:      []string{"invite", "introduce", "contacts"},
	}, exactly("INVITATION"), func(c *cobra.Command, args []string) error {
		if as == "" {
			return usage("--as NAME is needed: your name in the organization")
		}
		link, err := a.firstLine(args[0], "INVITATION")
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.Join(c.Context(), api.JoinRequest{Invitation: link, As: as})
			if err != nil {
				return err
			}
			err = a.answer(result, func(w io.Writer) {
				fmt.Fprintf(w, "organization  %s  %s\nmember        %s  %s\ndevice        %s\n",
					result.Org, clean(result.OrgName), result.Member, clean(as), result.Device)
				printWords(w, "Your recovery words", result.RecoveryWords)
			})
			a.untilWritten(result.RecoveryWords)
			return err
		})
	})
	c.Flags().StringVar(&as, "as", "", "your `NAME` in the organization")
	return acceptLater(c)
}

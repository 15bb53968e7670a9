package main

import (
	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

const longClaim = `claim asks the running node for a link with which somebody can found one more
organization on it, once, and prints it:
  muster org create NAME --claim LINK --as NAME
Hand it over as a secret. It does not expire until it is used.

With --json it prints {"claim"}.`

func newClaim() *cobra.Command {
	return &cobra.Command{
		Use:     "claim",
		Short:   "a link to found one more organization",
		Example: "muster-rendezvous claim >link",
		Long:    longClaim,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			link, err := rendezvous.AskClaim(c.Context(), dir)
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), link)
			}
			_, err = terminal.Println(c.OutOrStdout(), terminal.Line(link.Claim))
			return err
		},
	}
}

package main

import (
	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "the version of this program",
		Example: "muster-rendezvous version --json",
		Long:    "Shows the version of this program. It needs no folder.\n\nWith --json it prints {\"version\"}.",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), map[string]string{"version": version})
			}
			_, err := terminal.Println(c.OutOrStdout(), "muster-rendezvous", terminal.Line(version))
			return err
		},
	}
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"
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
				return writeJSON(c.OutOrStdout(), map[string]string{"version": version})
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), "muster-rendezvous", version)
			return err
		},
	}
}

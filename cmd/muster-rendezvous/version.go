package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"muster.example/rendezvous"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "The version of this program",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if wantsJSON(c) {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"version": rendezvous.Version()})
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), "muster-rendezvous", rendezvous.Version())
			return err
		},
	}
}

package main

import (
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

const longStatus = `status asks the running node what it holds.

With --json it prints
  {"version", "node", "addresses": [..],
   "orgs": [{"org", "name", "members", "devices_online",
             "entries", "bodies", "bytes", "roll_size"}]}
entries counts pairs of a message and a device that has not acknowledged it;
bodies counts messages, which are stored once however many devices wait for them.`

func newStatus() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "what a running node holds",
		Example: "muster-rendezvous status\nmuster-rendezvous status --json --dir /srv/muster",
		Long:    longStatus,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			status, err := rendezvous.AskStatus(c.Context(), dir)
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), status)
			}
			return printStatus(c.OutOrStdout(), status)
		},
	}
}

func printStatus(w io.Writer, status rendezvous.Status) error {
	terminal.Printf(w, "node %s, version %s\n", status.Node, terminal.Line(status.Version))
	for _, address := range status.Addresses {
		terminal.Printf(w, "  %s\n", terminal.Address(address))
	}
	if len(status.Orgs) == 0 {
		_, err := terminal.Println(w, "no organization yet: found one with a claim link")
		return err
	}
	table := terminal.NewTable(w, "ORGANIZATION\tID\tMEMBERS\tONLINE\tENTRIES\tBODIES\tBYTES")
	for _, o := range status.Orgs {
		table.Row(o.Name, o.Org.Short(), o.Members, o.DevicesOnline, o.Entries, o.Bodies, o.Bytes)
	}
	return table.Flush()
}

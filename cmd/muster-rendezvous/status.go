package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

const longStatus = `status asks the running node what it holds.

With --json it prints
  {"version", "node", "addresses": [..],
   "orgs": [{"org", "name", "members", "devices_online",
             "entries", "bodies", "bytes", "roll_size",
             "moved", "moved_at", "untold"}],
   "troubles": [..]}
entries counts pairs of a message and a device that has not acknowledged it;
bodies counts messages, which are stored once however many devices wait for them.
An organization that moved to another node is done with here once entries and
untold, the devices that do not know of it yet, are 0.
With --healthy the exit code is 1 if something keeps the node from its work, which
"troubles" names: what /healthz of --metrics says too, for containers.`

// errTroubled is how status --healthy ends for a node that is not.
var errTroubled = errors.New("something keeps the node from its work")

func newStatus() *cobra.Command {
	var healthy bool
	command := &cobra.Command{
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
				err = terminal.JSON(c.OutOrStdout(), status)
			} else {
				err = printStatus(c.OutOrStdout(), status)
			}
			if err == nil && healthy && len(status.Troubles) > 0 {
				err = errTroubled
			}
			return err
		},
	}
	command.Flags().BoolVar(&healthy, "healthy", false, "exit with 1 if something keeps the node from its work")
	return command
}

// printArchive says how an organization's archive does, if it has one.
func printArchive(w io.Writer, o rendezvous.OrgStatus) {
	a := o.Archive
	if a == nil {
		return
	}
	state := "connected"
	if !a.Connected {
		state = "not connected"
	}
	terminal.Printf(w, "archive of %s: %s, %d envelopes wait (%d bytes)", terminal.Plain(o.Name), state, a.Waiting, a.Bytes)
	if a.Behind && a.Closed {
		terminal.Printf(w, ": behind, messages of archived accounts wait with their senders")
	} else if a.Behind {
		terminal.Printf(w, ": behind, messages go on without a copy")
	}
	terminal.Printf(w, "; %d went on without a copy\n", a.Missed)
}

func printStatus(w io.Writer, status rendezvous.Status) error {
	terminal.Printf(w, "node %s, version %s\n", status.Node, terminal.Line(status.Version))
	for _, address := range status.Addresses {
		terminal.Printf(w, "  %s\n", terminal.Address(address))
	}
	for _, trouble := range status.Troubles {
		terminal.Printf(w, "trouble: %s\n", terminal.Line(trouble))
	}
	if len(status.Orgs) == 0 {
		_, err := terminal.Println(w, "no organization yet: found one with a claim link")
		return err
	}
	table := terminal.NewTable(w, "ORGANIZATION\tID\tMEMBERS\tONLINE\tENTRIES\tBODIES\tBYTES")
	for _, o := range status.Orgs {
		table.Row(o.Name, o.Org.Short(), o.Members, o.DevicesOnline, o.Entries, o.Bodies, o.Bytes)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, o := range status.Orgs {
		printArchive(w, o)
		if o.Moved {
			terminal.Printf(w, "%s has moved to another node; %d devices do not know yet\n", terminal.Plain(o.Name), o.Untold)
		}
	}
	return nil
}

package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

const longCheck = `check verifies what the node has: each roll from its first entry, with every
signature, against what the node has kept of it; every value of the store; and
the queue, of which it says how much waits, since when, and how much of it is on
disk. A running node answers itself and goes on serving; else check reads the
folder, and a node does not start meanwhile.

When everything was delivered, bodies and bytes are 0; within a minute of quiet,
dead is 0 too, and the keys and files of what was delivered are gone. Orphans are
files, keys and entries of the queue that belong to nothing; a start removes
them. What is damaged is named with its file, and the exit code is 1. Nothing is
mended or removed: custody does that, since each sender keeps a message until
it was received.

With --json it prints
  {"running", "node", "orgs": [{"org", "name", "members", "roll_size", "root"}],
   "queue": {"bodies", "entries", "bytes", "disk", "dead", "oldest", "orphans"},
   "troubles": [..], "damage": [..]}
and in orgs "forgot": entries that the node has signed and lost, until devices
bring them back; and "moved": another node has taken over.`

// errFound is how check ends that has found something.
var errFound = errors.New("not everything is as it should be")

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use:     "check",
		Short:   "verify the rolls, count what waits, name damage",
		Example: "muster-rendezvous check\nmuster-rendezvous check --json --dir /srv/muster",
		Long:    longCheck,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			found, err := rendezvous.AskCheck(c.Context(), dir)
			if errors.Is(err, rendezvous.ErrNotRunning) {
				found, err = rendezvous.CheckFolder(c.Context(), dir)
				err = errors.Join(err, keepOwner(dir))
			}
			if err != nil {
				return err
			}
			return answerChecked(c, found)
		},
	}
}

func printChecked(w io.Writer, found rendezvous.Checked) error {
	state := "at rest"
	if found.Running {
		state = "running"
	}
	terminal.Printf(w, "node %s, %s\n", found.Node, terminal.Line(state))
	for _, o := range found.Orgs {
		terminal.Printf(w, "%s (%s): %d members; roll of %d entries verified\n", terminal.Plain(o.Name), o.Org.Short(), o.Members, o.RollSize)
		if o.Forgot > 0 {
			terminal.Printf(w, "  %d entries that this node has signed are lost: it orders nothing before a member's device brings them back\n", o.Forgot)
		}
		if o.Moved {
			terminal.Println(w, "  another node has taken over")
		}
	}
	q := found.Queue
	terminal.Printf(w, "queue: bodies %d, entries %d, bytes %d, dead %d, orphans %d; %d bytes on disk\n", q.Bodies, q.Entries, q.Bytes, q.Dead, q.Orphans, q.Disk)
	if q.Oldest != nil {
		terminal.Printf(w, "  the oldest waits since %s\n", terminal.Line(q.Oldest.Format("2006-01-02 15:04:05 UTC")))
	}
	for _, trouble := range found.Troubles {
		terminal.Printf(w, "trouble: %s\n", terminal.Line(trouble))
	}
	for _, damage := range found.Damage {
		terminal.Printf(w, "damage: %s\n", terminal.Line(damage))
	}
	if !found.Good() {
		return nil
	}
	_, err := terminal.Println(w, "nothing is damaged")
	return err
}

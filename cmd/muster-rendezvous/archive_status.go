package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous/archive"
)

const longArchiveStatus = `status tells what the service of a folder said last: what it has stored, which
rendezvous nodes give it deliveries, and what keeps it from its work. The head that it
prints says how far the store goes: keep it, and archive verify --head holds the store
against it.

With --json it prints
  {"version", "service", "org", "store", "running", "since", "told",
   "segment", "items", "head", "stored", "waiting",
   "nodes": [{"node", "connected", "moved", "since", "error"}], "troubles": [..]}
With --healthy the exit code is 1 if the service does not run, has trouble, or is
connected to no node. If no service has ever run in the folder, it is 3.`

func newArchiveStatus() *cobra.Command {
	var healthy bool
	command := &cobra.Command{
		Use:     "status",
		Short:   "what the service of a folder is like",
		Example: "muster-rendezvous archive status --dir /srv/archive",
		Long:    longArchiveStatus,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			status, err := archive.ReadStatus(dir, time.Now())
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				err = terminal.JSON(c.OutOrStdout(), status)
			} else {
				err = printArchiveStatus(c.OutOrStdout(), status)
			}
			if err == nil && healthy && !status.Healthy() {
				err = errTroubled
			}
			return err
		},
	}
	command.Flags().BoolVar(&healthy, "healthy", false, "exit with 1 if something keeps the service from its work")
	return command
}

const statusTime = "2006-01-02 15:04:05 UTC"

func printArchiveStatus(w io.Writer, status archive.Status) error {
	state := "not running since " + status.Told.UTC().Format(statusTime)
	if status.Running {
		state = "running since " + status.Since.UTC().Format(statusTime)
	}
	terminal.Printf(w, "service %s, version %s, %s\n", status.Service, terminal.Line(status.Version), terminal.Line(state))
	terminal.Printf(w, "organization %s, store %s\n", status.Org, terminal.Line(status.Store))
	terminal.Printf(w, "%d segments, %d items, %d deliveries on their way\n", status.Segment, status.Items, status.Waiting)
	if status.Head != "" {
		terminal.Printf(w, "the last was stored %s\nhead %s\n", terminal.Line(status.Stored.UTC().Format(statusTime)), terminal.Line(status.Head))
	}
	for _, node := range status.Nodes {
		what := "not connected since " + node.Since.UTC().Format(statusTime)
		switch {
		case node.Moved:
			what = "connected, but the organization has moved to another node"
		case node.Connected:
			what = "connected since " + node.Since.UTC().Format(statusTime)
		case node.Error != "":
			what += ": " + node.Error
		}
		terminal.Printf(w, "node %s: %s\n", node.Node, terminal.Diagnosis(what))
	}
	for _, trouble := range status.Troubles {
		terminal.Printf(w, "trouble: %s\n", terminal.Diagnosis(trouble))
	}
	return nil
}

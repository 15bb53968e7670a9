package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAdminRendezvousStatus() *cobra.Command {
	var query api.AdminQuery
	c := a.command(manual{
		use:   "status",
		short: "how the rendezvous node is, and what waits there",
		about: `Asks the rendezvous node how it is: since when it runs, what waits there and for how long,
how full it is, what it returned or refused in the last day and week, what on its disk
it cannot read. Only admins are told. Nothing of it says who writes to whom. A node that
serves other organizations too (shared) does not tell oldest and damage, and how full it is
only from 80 percent on. Where several nodes serve it is the one that orders the roll, or while
that is away the one that stands in for it: the first line names it.`,
		output: "A line for each thing, and a WARNING for each that an admin should look at.",
		json: `{"org", "org_name", "node", "addresses": [..], "reachable", "why", "version",
  "since", "signed", "clock", "devices_online", "entries", "bodies", "bytes", "free",
  "share_used", "room_used", "shared", "oldest", "disk", "damaged", "damage": [..],
  "day": {"expired", "parked", "shut", "full", "leave", "allowance", "other"},
  "week": as "day",
  "warnings": [{"kind", "count"}]}`,
		examples: []string{"muster admin rendezvous status", "muster admin rendezvous status --json"},
		see:      []string{"admin rendezvous", "status"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			health, err := client.RendezvousHealth(c.Context(), query)
			if err != nil {
				return err
			}
			return a.answer(health, func(w io.Writer) { printHealth(w, health) })
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	return c
}

func printHealth(w io.Writer, h api.NodeHealth) {
	terminal.Printf(w, "node      %s\n", shortDevice(h.Node))
	if h.Reachable {
		terminal.Printf(w, "runs      version %s, since %s; newest checkpoint %s\n", quote(h.Version, ""), moment(h.Since), moment(h.Signed))
		terminal.Printf(w, "online    %s\n", plural(h.DevicesOnline, "device"))
		terminal.Printf(w, "waiting   %s deliveries to devices that are away: %s, %s", fmt.Sprint(h.Entries), plural(int(h.Bodies), "message"), bytesText(h.Bytes))
		if !h.Oldest.IsZero() {
			terminal.Printf(w, ", the oldest since %s", moment(h.Oldest))
		}
		terminal.Printf(w, "\n")
		if h.Free > 0 {
			terminal.Printf(w, "disk      %s or more left\n", bytesText(h.Free))
		}
		terminal.Printf(w, "used      %s of the room, %s of this organization's share of it\n", percentUsed(h.RoomUsed, h.Shared), percentUsed(h.ShareUsed, h.Shared))
		printUndone(w, "day", h.Day)
		printUndone(w, "week", h.Week)
	}
	for _, warning := range h.Warnings {
		terminal.Printf(w, "WARNING   %s\n", healthWarning(warning, h))
	}
	for _, damage := range h.Damage {
		terminal.Printf(w, "damage    %s\n", terminal.Diagnosis(damage))
	}
}

func printUndone(w io.Writer, span terminal.Text, u api.Undone) {
	terminal.Printf(w, "%-9s came back %d: time over %d, device away too long %d, barred or removed %d\n",
		span, u.Returned(), u.Expired, u.Parked, u.Shut)
	terminal.Printf(w, "          refused: no room %d, no leave %d, too many introductions %d, otherwise %d\n",
		u.Full, u.Leave, u.Allowance, u.Other)
}

// percentUsed says how much of something is used.
func percentUsed(percent int, shared bool) terminal.Text {
	switch {
	case shared && percent == 0:
		return "less than 80 %"
	case shared && percent < 100:
		return terminal.Plain(fmt.Sprintf("%d %% or more", percent))
	}
	return terminal.Plain(fmt.Sprintf("%d %%", percent))
}

// bytesText says a number of bytes.
func bytesText(n int64) terminal.Text {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return terminal.Plain(fmt.Sprintf("%d bytes", n))
	}
	return terminal.Plain(fmt.Sprintf("%.1f %s", value, units[unit]))
}

// healthWarning says a warning in words.
func healthWarning(warning api.HealthWarning, h api.NodeHealth) terminal.Text {
	text := ""
	switch n := warning.Count; warning.Kind {
	case api.HealthUnreachable:
		text = "it cannot be reached now: " + h.Why
	case api.HealthOld:
		text = fmt.Sprintf("a message has waited for %d days", n)
	case api.HealthDisk:
		text = fmt.Sprintf("its disk is nearly full: less than %s are left", bytesText(2*n))
	case api.HealthDamage:
		text = fmt.Sprintf("it cannot read %d things on its disk", n)
	case api.HealthUnsigned:
		text = fmt.Sprintf("it has signed no checkpoint for %s", time.Duration(n)*time.Minute)
	case api.HealthClock:
		text = fmt.Sprintf("its clock and this computer's are %s apart", time.Duration(max(n, -n))*time.Second)
	case api.HealthFull:
		text = fmt.Sprintf("it had no room for %d deliveries in the last day", n)
	case api.HealthReturned:
		text = fmt.Sprintf("%d deliveries came back to their senders in the last day", n)
	case api.HealthRoom:
		text = fmt.Sprintf("its room is %d %% used: from 80 %% on it refuses guests and applications, from 95 %% on all posts", n)
	case api.HealthShare:
		text = fmt.Sprintf("this organization's share of its room is %d %% used: from 80 %% on it refuses guests and applications, from 95 %% on all posts", n)
	case api.HealthDiskFull:
		text = "its disk is full, and it takes nothing: its operator has to make room"
	case api.HealthQueue:
		text = "it cannot write or read what waits, and takes nothing: its operator has to look at the log"
	case api.HealthArchive:
		text = fmt.Sprintf("the archive is behind: %d envelopes wait for it", n)
	case api.HealthArchiveMissed:
		text = fmt.Sprintf("%d envelopes of archived accounts went on without a copy for the archive", n)
	default:
		text = string(warning.Kind)
	}
	return terminal.Diagnosis(text)
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// statusLimit is how long a node may take to say how it is.
const statusLimit = 15 * time.Second

func (a *app) newStatus() *cobra.Command {
	return a.command(manual{
		use:   "status",
		short: "what the node is and whom it reaches",
		about: `Shows the running node: its organizations, how far it knows each roll, whether it reaches
the rendezvous nodes, and what still waits to be delivered. With no organization it says
so and exits 0.`,
		output: "A paragraph for each organization.",
		json: `{"version", "orgs": [{"org", "name", "member", "member_name",
  "devices": [{"device", "this", "path"}], "roll": {"size", "fresh", "time", "distrusted"},
  "rendezvous": [{"address", "node", "connected", "here", "role", "latency_ms", "posting"}],
  "peers": [..],
  "missing", "missing_since", "outbox", "parked": {"from", "until", "came", "caught_up"},
  "alarms": [..], "raised": [{"time", "kind", "text", "evidence"}], "warnings": [..],
  "notices": [..], "evidence": [..], "excluded", "frozen_until", "readmissions": [..],
  "newcomers": [{"member", "device", "name", "clash", "by", "since", "until"}]}],
  "applications": [..], "joining": [..], "wiped": [..],
  "backup": {"drives", "last", "running",
  "warnings": [{"kind", "drive", "time", "error", "text"}]}}
"here" is as muster admin rendezvous here prints it, of a rendezvous node in this program.
"path" of another device of yours is lan, direct or relayed, as it is reached or was last.
"peers" holds {"device", "member", "name", "address"}, devices of other members that a direct
connection stands to; "evidence" the paths of the files that prove an alarm.`,
		examples: []string{"muster status", "muster status --json"},
		see:      []string{"start", "around", "org list", "check"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			ctx, cancel := context.WithTimeoutCause(c.Context(), statusLimit,
				api.Errorf(api.CodeFailed, "the node does not answer").WithHint("its log, on the stderr of muster start, may say why"))
			defer cancel()
			status, err := client.Status(ctx)
			if err != nil {
				return err
			}
			return a.answer(status, func(w io.Writer) {
				terminal.Printf(w, "muster %s, %s\n", terminal.Line(status.Version), plural(len(status.Orgs), "organization"))
				for _, o := range status.Orgs {
					printOrg(w, o)
				}
				printJoining(w, status.Joining)
				printApplications(w, status)
				printBackupStatus(w, status.Backup)
			})
		})
	})
}

// printBackupStatus says how backups stand, where there are any.
func printBackupStatus(w io.Writer, b api.BackupStatus) {
	switch {
	case b.Drives > 0:
		terminal.Printf(w, "\nbackup        %s marked, the last backup %s\n", plural(b.Drives, "drive"), moment(b.Last))
	case len(b.Warnings) > 0:
		terminal.Printf(w, "\nbackup        no drive marked\n")
	}
	for _, warning := range b.Warnings {
		terminal.Printf(w, "  WARNING     %s\n", warning.Text)
	}
}

// pathText says how another device of the account is reached.
func pathText(path api.Path) string {
	switch path {
	case api.PathLAN:
		return "on the local network"
	case api.PathDirect:
		return "directly"
	case api.PathRelayed:
		return "through the rendezvous node"
	}
	return ""
}

// printJoining prints the applications of this device to join.
func printJoining(w io.Writer, all []api.Candidacy) {
	for _, c := range all {
		state := joinStates[c.State]
		if c.Why != "" {
			state += ": " + c.Why
		}
		terminal.Printf(w, "\n%s (%s), to join as %s\n  %s\n  since       %s\n  id          %s\n",
			c.OrgName, shortID(c.Org), quote(c.Name, ""), state, moment(c.Since), shortID(c.ID))
	}
}

func printOrg(w io.Writer, o api.OrgStatus) {
	terminal.Printf(w, "\n%s (%s)\n  you         %s\n", o.Name, shortID(o.Org), person(o.MemberName, o.Member))
	switch o.Unconfirmed {
	case api.UnconfirmedYet:
		terminal.Println(w, "  the roll has not confirmed you yet: you can write to one member in reach at a time")
	case api.UnconfirmedNever:
		terminal.Println(w, "  YOU WERE NOT TAKEN AS A MEMBER: the notices say why")
	}
	printExclusion(w, "  ", o.Excluded)
	printFreeze(w, "  ", o.FrozenUntil)
	printReadmissions(w, "  ", o.Readmissions)
	for _, n := range o.Newcomers {
		clash := ""
		if n.Clash {
			clash = "; ANOTHER WHO JOINS HAS A NAME LIKE IT"
		}
		terminal.Printf(w, "  %s, invited by %s: not confirmed by the roll yet%s\n", quote(n.Name, ""), person(n.By.Name, n.By.Member), clash)
	}
	for _, d := range o.Devices {
		note := pathText(d.Path)
		if d.This {
			note = "this one"
		}
		terminal.Printf(w, "  device      %s\n", strings.TrimSpace(d.Device+"  "+note))
	}
	terminal.Printf(w, "  roll        %s, %s\n", plural(int(o.Roll.Size), "event"), freshness(o.Roll))
	for _, r := range o.Rendezvous {
		state := "not connected"
		if r.Connected {
			state = "connected"
		}
		if len(o.Rendezvous) > 1 && r.Role == api.NodeOrders {
			state += ", orders the roll"
		}
		terminal.Printf(w, "  rendezvous  %s  %s\n", terminal.Address(r.Address), state)
		printHere(w, r.Here)
	}
	for _, p := range o.Peers {
		terminal.Printf(w, "  peer        %s  device %s  %s\n", person(p.Name, p.Member), shortDevice(p.Device), terminal.Address(p.Address))
	}
	if o.Outbox > 0 {
		terminal.Printf(w, "  outbox      %d not confirmed by the receiving device yet\n", o.Outbox)
	}
	if o.Missing > 0 {
		since := ""
		if !o.MissingSince.IsZero() {
			since = ", since " + moment(o.MissingSince)
		}
		terminal.Printf(w, "  missing     %s for you, known of and not here yet%s\n", plural(int(o.Missing), "message"), since)
	}
	if o.Parked != nil {
		terminal.Printf(w, "  away        %s\n", parkedText(*o.Parked))
	}
	for _, warning := range o.Warnings {
		terminal.Printf(w, "  WARNING     %s\n", warning)
	}
	for _, notice := range o.Notices {
		terminal.Printf(w, "  note        %s  %s\n", moment(notice.Time), notice.Text)
	}
	for _, alarm := range o.Alarms {
		terminal.Printf(w, "  ALARM       %s\n", terminal.Diagnosis(alarm))
	}
}

// parkedText says that this device was parked, and what of that time has come since.
func parkedText(p api.Parked) string {
	state := "more may come"
	if p.CaughtUp {
		state = "in step with them"
	}
	return fmt.Sprintf("from %s to %s: nothing was kept for it; %s came from your other devices, %s; what nobody has is shown as missing",
		p.From.UTC().Format(time.DateOnly), p.Until.UTC().Format(time.DateOnly), plural(p.Came, "message"), state)
}

// freshness says how far the roll can be relied on.
func freshness(roll api.RollStatus) string {
	switch {
	case roll.Distrusted:
		return "as of " + moment(roll.Time) + "; the rendezvous node was caught lying, and no event is taken from it any more"
	case roll.Fresh:
		return "as of " + moment(roll.Time)
	case roll.Time.IsZero():
		return "of unknown age"
	default:
		return "old: as of " + moment(roll.Time) + "; what changed since, such as who has left, is not known here"
	}
}

package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// backupLookTime is how often a command that waits for a backup looks how far it is.
const backupLookTime = 250 * time.Millisecond

func (a *app) newBackupNow() *cobra.Command {
	var noWait bool
	c := a.command(manual{
		use:   "now [DRIVE]",
		short: "make a backup at once, and wait for it",
		about: `Makes a backup to DRIVE, or to each marked drive that is connected, also while backups are
paused, as fast as the drive takes it. Ctrl-C ends the waiting, not the backup.`,
		args:     []string{driveArgument},
		output:   "One line each: the drive, when the backup was complete, and whether it may be taken out.",
		json:     `{"drives": [..]} as of muster backup list`,
		examples: []string{"muster backup now", "muster backup now stick"},
		see:      []string{"backup list", "backup verify"},
	}, upTo("DRIVE"), func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			begun, err := client.BackupNow(c.Context(), driveRequest(args))
			if err != nil {
				return err
			}
			if !noWait {
				if begun.Drives, err = a.awaitBackups(c.Context(), client, begun.Drives); err != nil {
					return err
				}
			}
			return a.answer(begun, func(w io.Writer) {
				for _, d := range begun.Drives {
					done := "a backup begins"
					if !noWait {
						done = "complete " + moment(d.Done)
					}
					terminal.Printf(w, "%s: %s; %s\n", textOfDrive(d), done, driveText(d))
				}
			})
		})
	})
	c.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it is complete")
	return c
}

func driveRequest(args []string) api.DriveRequest {
	if len(args) == 0 {
		return api.DriveRequest{}
	}
	return api.DriveRequest{Drive: args[0]}
}

// awaitBackups waits until each of the drives has had the backup that was asked for. An error says which had not.
func (a *app) awaitBackups(ctx context.Context, client *apiclient.Client, before []api.BackupDrive) ([]api.BackupDrive, error) {
	ticker := time.NewTicker(backupLookTime)
	defer ticker.Stop()
	for {
		result, err := client.Backups(ctx, api.BackupQuery{})
		if err != nil {
			return nil, err
		}
		var after []api.BackupDrive
		for _, was := range before {
			d, over, err := backupOver(was, result.Drives)
			if err != nil {
				return nil, err
			}
			if over {
				after = append(after, d)
			}
		}
		if len(after) == len(before) {
			return after, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

// backupOver reports whether the backup that was asked for when a drive was as it was is complete.
func backupOver(was api.BackupDrive, all []api.BackupDrive) (now api.BackupDrive, over bool, err error) {
	for _, d := range all {
		if d.ID != was.ID {
			continue
		}
		busy := d.State == api.BackupRunning || d.State == api.BackupWaiting
		switch {
		case d.State == api.BackupAway:
			return d, false, api.Errorf(api.CodeFailed, "%s was taken away before the backup was complete", d.Name).WithHint("connect it again")
		case !d.Begun.After(was.Begun) || busy:
			return d, false, nil
		case !d.Done.Before(d.Begun):
			return d, true, nil
		case d.Error != "":
			return d, false, api.Errorf(api.CodeFailed, "the backup to %s is not complete: %s", d.Name, d.Error)
		}
		return d, false, api.Errorf(api.CodeInterrupted, "the backup to %s was stopped", d.Name)
	}
	return was, false, api.Errorf(api.CodeNotFound, "%s is not marked any more", was.Name)
}

func (a *app) newBackupList() *cobra.Command {
	return a.command(manual{
		use:   "list",
		short: "marked drives, what is on them, and how they are",
		about: `Lists the marked drives: when each had its last complete backup, when all of it was last read
and found whole, and what it is doing; and of each that is connected the backups on it.`,
		output: "A table of drives, and one line for each backup.",
		json: `{"key": {"state", "recipient", "fingerprint"}, "drives": [{"id", "name", "path", "state",
"safe", "marked", "seen", "begun", "done", "verified", "damage", "failed", "error", "next",
"progress": {"phase", "done", "total", "bytes"}, "overdue", "failing", "keep", "also", "bytes",
"snapshots": [{"number", "time", "items", "bytes", "complete"}]}], "paused", "every", "absent",
"rate", "warnings": [{"kind", "drive", "time", "error", "text"}]}
"state" is away, ready, waiting, running, paused or locked. A drive that is "safe" may be
taken out now.`,
		examples: []string{"muster backup list"},
		see:      []string{"backup auto", "backup verify"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			return a.answerBackups(client.Backups(c.Context(), api.BackupQuery{Snapshots: true}))
		})
	})
}

func (a *app) newBackupVerify() *cobra.Command {
	return a.command(manual{
		use:   "verify [DRIVE]",
		short: "read all of a backup and say whether it is whole",
		about: `Reads everything that lies on the drive and holds it against what was written, as far as that
goes without your recovery words. A large drive takes a while; Ctrl-C ends it. What is damaged
the next backup writes anew, as far as this device has it.`,
		args:     []string{driveArgument},
		output:   "What was read, and what is damaged. The exit status is 1 if something is.",
		json:     `{"id", "name", "files", "items", "damage": [..]}`,
		examples: []string{"muster backup verify", "muster backup verify stick"},
		see:      []string{"backup list"},
	}, upTo("DRIVE"), func(c *cobra.Command, args []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			result, err := client.VerifyBackup(c.Context(), driveRequest(args))
			if err != nil {
				return err
			}
			err = a.answer(result, func(w io.Writer) {
				for _, damage := range result.Damage {
					terminal.Printf(w, "DAMAGED  %s\n", damage)
				}
				if len(result.Damage) == 0 {
					terminal.Printf(w, "%s: %s read, all whole.\n", result.Name, plural(result.Files, "file"))
				}
			})
			if err == nil && len(result.Damage) > 0 {
				err = api.Errorf(api.CodeFailed, "what is on %s is damaged", result.Name).
					WithHint("muster backup now writes anew what is lost there; a drive that does so again is broken")
			}
			return err
		})
	})
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
)

const driveArgument = "DRIVE   a marked drive: its name, its path, or the beginning of its id"

func (a *app) newBackup() *cobra.Command {
	c := a.command(manual{
		use:   "backup COMMAND",
		short: "backups on drives: auto, now, list, verify, restore, pause, resume, key",
		about: `What this device has, in a form that only your recovery words open, on a drive. Mark one once
with muster backup auto: from then on a backup begins by itself when it is connected, and
while it stays. Only what is new is written.`,
		examples: []string{"muster backup auto --to /media/ada/stick", "muster backup list"},
		see:      []string{"device", "status"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("backup has no command %q", args[0])
		}
		return nil
	}, func(c *cobra.Command, _ []string) error { return c.Help() })
	c.AddCommand(a.newBackupAuto(), a.newBackupNow(), a.newBackupList(), a.newBackupVerify(), a.newBackupPause(), a.newBackupResume(),
		a.newBackupKey(), a.newBackupRestore())
	return c
}

// driveStates says what a drive is doing.
var driveStates = map[api.BackupDriveState]string{
	api.BackupAway: "not here", api.BackupReady: "ready", api.BackupWaiting: "waits for its turn", api.BackupRunning: "a backup is made",
	api.BackupPaused: "paused", api.BackupLocked: "needs the recovery words, or to be marked again",
}

// driveText says in a line how a drive is.
func driveText(d api.BackupDrive) string {
	parts := []string{driveStates[d.State]}
	if d.Progress != nil {
		parts[0] += ": " + progressText(*d.Progress)
	}
	if d.Safe {
		parts = append(parts, "may be taken out now")
	}
	if d.Error != "" {
		parts = append(parts, "the last backup failed: "+d.Error)
	}
	if d.Damage != "" {
		parts = append(parts, "damaged: "+d.Damage)
	}
	return strings.Join(parts, "; ")
}

func progressText(p api.BackupProgress) string {
	if p.Total == 0 {
		return string(p.Phase)
	}
	return fmt.Sprintf("%s, %d of %d", p.Phase, p.Done, p.Total)
}

// printWarnings prints what a person must do something about.
func (a *app) printWarnings(warnings []api.BackupWarning) {
	for _, w := range warnings {
		a.inform("WARNING: %s", w.Text)
	}
}

// textOfDrive names a drive.
func textOfDrive(d api.BackupDrive) terminal.Text {
	return terminal.Plain(d.Name + " (" + d.Path + ")")
}

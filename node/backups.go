package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster.example/node/api"
	"muster.example/node/autobackup"
	"muster.example/node/store"
)

// backups is what a node does about backups: the scheduler, and one at a time who reads or writes on a drive.
type backups struct {
	node      *Node
	scheduler *autobackup.Scheduler
	turn      chan struct{} // capacity 1: held by who reads or writes on a drive; outside every lock
}

func newBackups(n *Node) *backups {
	b := &backups{node: n, turn: make(chan struct{}, 1)}
	b.scheduler = autobackup.New(autobackup.Config{
		Drives: n.config.Drives, Work: backupWork{b}, Memory: backupMemory{n.store}, Log: n.log, Now: n.now,
		Changed: func() { n.hub.publish(api.Event{Kind: api.EventBackup, Time: time.Now().UTC()}) },
	})
	return b
}

// run has backups made, where there are drives.
func (b *backups) run(ctx context.Context) error {
	if b.node.config.Drives == nil {
		return nil
	}
	return b.scheduler.Run(ctx)
}

// look has the scheduler look at everything anew.
func (b *backups) look() { b.scheduler.Look() }

// take waits for the turn to read or write on a drive, and returns how it is given back.
func (b *backups) take(ctx context.Context) (give func(), err error) {
	select {
	case b.turn <- struct{}{}:
		return func() { <-b.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// backupMemory keeps what the scheduler knows in the store.
type backupMemory struct{ store *store.Store }

// Drives implements autobackup.Memory.
func (m backupMemory) Drives() (drives []store.BackupDrive, err error) {
	all, err := m.all()
	return slices.DeleteFunc(all, func(d store.BackupDrive) bool { return d.Off }), err
}

// all returns also those that are not used any more.
func (m backupMemory) all() (drives []store.BackupDrive, err error) {
	err = m.store.View(func(tx *store.Tx) error {
		drives, err = tx.BackupDrives()
		return err
	})
	return drives, err
}

// Change implements autobackup.Memory.
func (m backupMemory) Change(id string, change func(*store.BackupDrive)) error {
	return m.store.Update(func(tx *store.Tx) error {
		drives, err := tx.BackupDrives()
		if err != nil {
			return err
		}
		for _, d := range drives {
			if d.ID == id {
				change(&d)
				return tx.PutBackupDrive(d)
			}
		}
		return nil
	})
}

// Choice implements autobackup.Memory.
func (m backupMemory) Choice() (choice store.BackupChoice, err error) {
	err = m.store.View(func(tx *store.Tx) error {
		choice, err = tx.BackupChoice()
		return err
	})
	return choice, err
}

// backupStatus is the part of Status about backups.
func (b *backups) status() (api.BackupStatus, error) {
	reports, err := b.scheduler.Reports()
	if err != nil {
		return api.BackupStatus{}, err
	}
	status := api.BackupStatus{Drives: len(reports)}
	for _, r := range reports {
		status.Running = status.Running || r.Running != nil
		if done := moment(r.Drive.Done); done.After(status.Last) {
			status.Last = done
		}
	}
	status.Warnings, err = b.warnings(reports)
	return status, err
}

// noteRestored notes that this device was restored: the person had backups, and has none of this device until a drive is marked.
func (b *backups) noteRestored() error {
	return b.node.store.Update(func(tx *store.Tx) error {
		drives, err := tx.BackupDrives()
		if err != nil || len(drives) > 0 {
			return err
		}
		choice, err := tx.BackupChoice()
		if err != nil {
			return err
		}
		choice.Restored = true
		return tx.PutBackupChoice(choice)
	})
}

// unmarked says how a device that was restored goes on with backups.
func (b *backups) unmarked() ([]api.BackupWarning, error) {
	choice, err := backupMemory{b.node.store}.Choice()
	if err != nil || !choice.Restored {
		return nil, err
	}
	text := "this device was restored from a backup, and makes none yet: mark a drive, `muster backup auto --to DRIVE`"
	if _, err := b.node.backupKey(); err != nil {
		text = "this device was restored from a backup, and makes none yet: the recovery words are needed once, `muster backup key`; " +
			"then mark a drive, `muster backup auto --to DRIVE`"
	}
	return []api.BackupWarning{{Kind: api.BackupWarnUnmarked, Text: text}}, nil
}

// warnings says what the person must do something about. There is nothing to warn of where no drive is marked, but that a restored
// device has none.
func (b *backups) warnings(reports []autobackup.Report) ([]api.BackupWarning, error) {
	if len(reports) == 0 {
		return b.unmarked()
	}
	key, err := b.node.describeBackupKey()
	if err != nil {
		return nil, err
	}
	var warnings []api.BackupWarning
	switch key.State {
	case api.BackupKeyMissing:
		warnings = append(warnings, api.BackupWarning{Kind: api.BackupWarnKey,
			Text: "no backup is made: the recovery words are needed once, `muster backup key`"})
	case api.BackupKeyReplaced:
		warnings = append(warnings, api.BackupWarning{Kind: api.BackupWarnReplaced,
			Text: "no backup is made: the recovery words are new ones, which are needed once, `muster backup key`"})
	}
	for _, r := range reports {
		d := r.Drive
		if r.Overdue {
			text := fmt.Sprintf("no backup to %s was ever complete", d.Name)
			if d.Done > 0 {
				text = fmt.Sprintf("no backup to %s since %s", d.Name, moment(d.Done).Format(time.DateOnly))
			}
			if r.Folder == "" {
				text += ": connect it"
			}
			warnings = append(warnings, api.BackupWarning{Kind: api.BackupWarnOverdue, Drive: d.Name, Time: moment(d.Done), Text: text})
		}
		if r.Failing && d.Error != "" {
			warnings = append(warnings, api.BackupWarning{Kind: api.BackupWarnFailing, Drive: d.Name, Time: moment(d.Failed), Error: d.Error,
				Text: fmt.Sprintf("backups to %s fail: %s", d.Name, d.Error)})
		}
		if d.Damage != "" {
			warnings = append(warnings, api.BackupWarning{Kind: api.BackupWarnDamaged, Drive: d.Name, Error: d.Damage,
				Text: fmt.Sprintf("what is on %s is damaged: %s", d.Name, d.Damage)})
		}
	}
	return warnings, nil
}

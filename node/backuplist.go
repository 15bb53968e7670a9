package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/drive"
	"muster.example/node/api"
	"muster.example/node/autobackup"
	"muster.example/node/backup"
	"muster.example/node/store"
)

// Backups tells how backups stand. [API-120]
func (n *Node) Backups(ctx context.Context, query api.BackupQuery) (api.BackupResult, error) {
	result, err := n.backups.result()
	if err != nil || !query.Snapshots {
		return result, err
	}
	writer, err := n.backupKey()
	if err != nil { // they cannot be read
		return result, nil //nolint:nilerr // the result says so
	}
	for i := range result.Drives {
		d := &result.Drives[i]
		if d.State == api.BackupAway || d.State == api.BackupLocked {
			continue
		}
		if d.Snapshots, err = snapshotsOf(ctx, d.Path, d.ID, backup.WriterKeys(writer)); err != nil {
			if !(backupWork{n.backups}).Recognize(d.Path, d.ID) { // it was taken away just now
				d.State, d.Safe = api.BackupAway, false
				n.backups.look()
				continue
			}
			return result, api.Errorf(api.CodeFailed, "reading what is on %s: %v", d.Name, err)
		}
	}
	return result, nil
}

func snapshotsOf(ctx context.Context, path, id string, keys backup.Keys) (list []api.BackupSnapshot, err error) {
	repository, err := backup.ParseID(id)
	if err != nil {
		return nil, err
	}
	reader, err := backup.Open(ctx, backup.Disk(path), repository, keys)
	if err != nil {
		return nil, err
	}
	for _, s := range reader.Snapshots() {
		list = append(list, api.BackupSnapshot{Number: s.Number, Time: s.Time.UTC(), Items: s.Items, Bytes: s.Bytes, Complete: s.Complete})
	}
	return list, nil
}

// result is how backups stand, without lists of snapshots.
func (b *backups) result() (result api.BackupResult, err error) {
	if result.Key, err = b.node.describeBackupKey(); err != nil {
		return result, err
	}
	choice, err := backupMemory{b.node.store}.Choice()
	if err != nil {
		return result, err
	}
	result.BackupChoice = api.BackupChoice{
		Paused: choice.Paused, Every: int64(autobackup.Every(choice) / time.Second), Absent: int64(autobackup.Absent(choice) / time.Second),
		Rate: choice.Rate,
	}
	if result.Rate == 0 {
		result.Rate = defaultBackupRate
	}
	reports, err := b.scheduler.Reports()
	if err != nil {
		return result, err
	}
	for _, r := range reports {
		result.Drives = append(result.Drives, describeDrive(r, choice))
	}
	result.Warnings, err = b.warnings(reports)
	return result, err
}

// describe describes every marked drive.
func (b *backups) describe() ([]api.BackupDrive, error) {
	result, err := b.result()
	return result.Drives, err
}

func (b *backups) describeOne(id string) (api.BackupDrive, error) {
	all, err := b.describe()
	for _, d := range all {
		if d.ID == id {
			return d, err
		}
	}
	return api.BackupDrive{}, errors.Join(err, errors.New("the drive is not marked any more"))
}

func describeDrive(r autobackup.Report, choice store.BackupChoice) api.BackupDrive {
	d := r.Drive
	described := api.BackupDrive{
		ID: d.ID, Name: d.Name, Path: d.Path, State: api.BackupReady, Marked: moment(d.Marked), Seen: moment(d.Seen), Begun: moment(d.Begun), Done: moment(d.Done),
		Verified: moment(d.Verified), Damage: d.Damage, Failed: moment(d.Failed), Error: d.Error, Next: r.Next.UTC(), Overdue: r.Overdue,
		Failing: r.Failing, Keep: d.Keep, Also: d.Also, Bytes: int64(d.Bytes),
	}
	switch {
	case r.Running != nil:
		described.State = api.BackupRunning
		described.Progress = &api.BackupProgress{
			Phase: api.BackupPhase(r.Running.Phase), Done: r.Running.Items, Total: r.Running.Total, Bytes: r.Running.Bytes,
		}
	case r.Folder == "":
		described.State = api.BackupAway
	case r.Locked != nil:
		described.State = api.BackupLocked
	case choice.Paused:
		described.State = api.BackupPaused
	case r.Waiting:
		described.State = api.BackupWaiting
	}
	if r.Folder != "" {
		described.Path = r.Folder
		described.Safe = described.State != api.BackupRunning && described.State != api.BackupWaiting
	}
	return described
}

// maxDamage is how many findings of a verification are told.
const maxDamage = 100

// VerifyBackup reads all that lies on a drive and holds it against what was written. It returns when it is done, and can be given
// up at any time. [API-123]
func (n *Node) VerifyBackup(ctx context.Context, request api.DriveRequest) (api.BackupVerified, error) {
	d, err := n.backups.named(request.Drive)
	if err != nil {
		return api.BackupVerified{}, err
	}
	result := api.BackupVerified{ID: d.ID, Name: d.Name}
	if d.State == api.BackupAway {
		return result, api.Errorf(api.CodeNotFound, "%s is not there", d.Name).WithHint("connect it")
	}
	writer, err := n.backupKey()
	if err != nil {
		return result, noBackupKey(err)
	}
	give, err := n.backups.take(ctx)
	if err != nil {
		return result, err
	}
	defer give()
	repository, err := backup.ParseID(d.ID)
	if err != nil {
		return result, err
	}
	report, err := backup.Verify(ctx, backup.Disk(d.Path), repository, backup.WriterKeys(writer), nil)
	if err != nil {
		return result, api.Errorf(api.CodeFailed, "reading what is on %s: %v", d.Name, err)
	}
	result.Files, result.Items = report.Files, report.Items
	for _, damage := range report.Damage[:min(len(report.Damage), maxDamage)] {
		result.Damage = append(result.Damage, fmt.Sprintf("%s: %v", damage.File, damage.Err))
	}
	now := n.now().UnixMilli()
	err = backupMemory{n.store}.Change(d.ID, func(kept *store.BackupDrive) {
		if kept.Damage = ""; len(report.Damage) == 0 {
			kept.Verified = now
			return
		}
		kept.Damage = fmt.Sprintf("%d files, %d things lost", len(report.Damage), report.Lost())
	})
	n.backups.look()
	return result, err
}

// BackupVolumes lists the places that a drive could be marked at: what can be taken out, and other volumes. [API-121]
func (n *Node) BackupVolumes(context.Context) ([]api.BackupVolume, error) {
	if n.config.Drives == nil {
		return nil, nil
	}
	volumes, err := n.config.Drives.List()
	if err != nil {
		return nil, api.Errorf(api.CodeFailed, "reading which drives there are: %v", err)
	}
	drives, err := n.backups.describe()
	if err != nil {
		return nil, err
	}
	var all []api.BackupVolume
	for _, v := range volumes {
		if v.Memory { // a backup there would be gone with the power
			continue
		}
		described := api.BackupVolume{Path: v.Path, Name: v.Name, Removable: v.Removable, Free: -1}
		same, err := drive.Same(v.Path, n.config.Dir)
		if err != nil {
			continue // it went, or is not ours to look at
		}
		described.SameDisk = same
		if free, err := backup.Disk(v.Path).Free(); err == nil {
			described.Free = free
		}
		for _, d := range drives {
			if d.State != api.BackupAway && d.Path == v.Path {
				described.Marked = d.ID
			}
		}
		all = append(all, described)
	}
	return all, nil
}

package node

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster.example/internal/drive"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/backup"
	"muster.example/node/store"
)

// MarkDrive has backups made to a drive from now on, or changes how. What is on the drive already stays. [API-121]
func (n *Node) MarkDrive(ctx context.Context, request api.MarkDriveRequest) (api.BackupDrive, error) {
	d, writer, err := n.plannedDrive(request)
	if err != nil {
		return api.BackupDrive{}, err
	}
	give, err := n.backups.take(ctx)
	if err != nil {
		return api.BackupDrive{}, err
	}
	defer give()
	held, err := drive.Hold(d.Path)
	if err != nil {
		return api.BackupDrive{}, api.Errorf(api.CodeNotFound, "opening %s: %v", d.Path, err)
	}
	defer held.Close() //nolint:errcheck // only open
	folder := heldFolder{backup.Disk(held.Path()), held}
	had, err := n.backups.knownAt(folder)
	if err != nil {
		return api.BackupDrive{}, api.Errorf(api.CodeFailed, "looking at what is on the drive: %v", err)
	}
	switch {
	case had != nil && bytes.Equal(had.Key, keyPrint(writer)):
		had.Path, had.Within, had.Name, had.Also, had.Keep, had.Off = d.Path, d.Within, d.Name, d.Also, d.Keep, false
		d = *had
	default:
		made, err := backup.Create(ctx, folder, writer, rand.Reader)
		if err != nil {
			return api.BackupDrive{}, api.Errorf(api.CodeFailed, "preparing the drive: %v", err).WithHint("can files be written there?")
		}
		d.ID, d.Key, d.Marked = made.String(), keyPrint(writer), n.now().UnixMilli()
	}
	err = n.store.Update(func(tx *store.Tx) error {
		if had != nil && had.ID != d.ID { // it was made for other words
			had.Off = true
			if err := tx.PutBackupDrive(*had); err != nil {
				return err
			}
		}
		choice, err := tx.BackupChoice()
		if err == nil && choice.Restored {
			choice.Restored = false
			err = tx.PutBackupChoice(choice)
		}
		return errors.Join(err, tx.PutBackupDrive(d))
	})
	if err != nil {
		return api.BackupDrive{}, err
	}
	n.backups.look()
	return n.backups.describeOne(d.ID)
}

// plannedDrive checks what is asked for before anything is written.
func (n *Node) plannedDrive(request api.MarkDriveRequest) (d store.BackupDrive, writer keys.BackupWriter, err error) {
	if n.config.Drives == nil {
		return d, writer, api.Errorf(api.CodeFailed, "this program makes no backups by itself")
	}
	if !filepath.IsAbs(request.Path) {
		return d, writer, api.Errorf(api.CodeUsage, "a drive is named by an absolute path, and %q is none", request.Path)
	}
	path := filepath.Clean(request.Path)
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return d, writer, api.Errorf(api.CodeNotFound, "there is no folder %s", path).WithHint("connect the drive, or make the folder")
	}
	if len(request.Also) > 1 {
		return d, writer, api.Errorf(api.CodeUsage, "there can be one further recipient")
	}
	for _, also := range request.Also {
		if _, err := parseRecipient(also); err != nil {
			return d, writer, api.Errorf(api.CodeUsage, "a further recipient cannot be used: %v", err)
		}
	}
	if _, err := parseKeep(request.Keep); request.Keep != "" && err != nil {
		return d, writer, api.Errorf(api.CodeUsage, "what to keep cannot be read: %v", err)
	}
	if writer, err = n.backupKey(); err != nil {
		return d, writer, noBackupKey(err)
	}
	same, err := drive.Same(path, n.config.Dir)
	if err != nil {
		return d, writer, api.Errorf(api.CodeFailed, "looking which disk %s is on: %v", path, err)
	}
	if same && !request.SameDisk {
		return d, writer, api.Errorf(api.CodeRefused, "%s is on the disk that Muster's own folder is on: what takes the one takes the other", path).
			WithHint("is the drive connected? If that is meant: --same-disk")
	}
	volumes, err := n.config.Drives.List()
	if err != nil {
		n.log.Warn("reading which drives there are", "error", err)
	}
	mark := drive.NewMark(volumes, "", path)
	name := nameOfFolder(path)
	if v, ok := drive.On(volumes, path); ok && v.Name != "" && mark.Within == "." {
		name = v.Name
	}
	return store.BackupDrive{Path: path, Within: mark.Within, Name: name, Also: request.Also, Keep: request.Keep}, writer, nil
}

// noBackupKey is the error of who needs the key of backups.
func noBackupKey(err error) error {
	switch {
	case errors.Is(err, errNoBackupKey):
		return api.Errorf(api.CodeRefused, "no backup can be made without the key of the recovery words").
			WithHint("muster backup key asks for the words, once")
	case errors.Is(err, errBackupKeyReplaced):
		return api.Errorf(api.CodeRefused, "no backup can be made: the recovery words were replaced").
			WithHint("muster backup key asks for the new words, once")
	}
	return err
}

// knownAt returns the drive in whose folder this is, if it was ever marked.
func (b *backups) knownAt(folder backup.Folder) (*store.BackupDrive, error) {
	found, err := backup.Find(folder, backup.Keys{})
	if err != nil {
		return nil, err
	}
	all, err := backupMemory{b.node.store}.all()
	var best *store.BackupDrive
	for _, d := range all {
		there := slices.ContainsFunc(found, func(f backup.Found) bool { return f.ID.String() == d.ID })
		if there && (best == nil || best.Off && !d.Off || best.Off == d.Off && d.Marked > best.Marked) {
			best = &d
		}
	}
	return best, err
}

// ForgetDrive has no more backups made to a drive. What is on it stays. [API-121]
func (n *Node) ForgetDrive(_ context.Context, request api.DriveRequest) (api.BackupDrive, error) {
	d, err := n.backups.named(request.Drive)
	if err != nil {
		return d, err
	}
	if err := (backupMemory{n.store}).Change(d.ID, func(kept *store.BackupDrive) { kept.Off = true }); err != nil {
		return d, err
	}
	n.backups.look()
	return d, nil
}

// named returns the one marked drive that a name, a path, the beginning of an id, or nothing stands for.
func (b *backups) named(name string) (api.BackupDrive, error) {
	all, err := b.describe()
	if err != nil {
		return api.BackupDrive{}, err
	}
	for _, is := range []func(api.BackupDrive) bool{
		func(d api.BackupDrive) bool { return name == "" || d.Path == name || d.Name == name || d.ID == name },
		func(d api.BackupDrive) bool { return filepath.Clean(name) == d.Path || strings.EqualFold(d.Name, name) },
		func(d api.BackupDrive) bool { return len(name) >= 4 && strings.HasPrefix(d.ID, strings.ToLower(name)) },
	} {
		var found []api.BackupDrive
		for _, d := range all {
			if is(d) {
				found = append(found, d)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return api.BackupDrive{}, api.Errorf(api.CodeUsage, "more than one drive is meant").WithHint("name one: muster backup list")
		}
	}
	if len(all) == 0 {
		return api.BackupDrive{}, api.Errorf(api.CodeNotFound, "no drive is marked for backups").WithHint("muster backup auto --to DRIVE")
	}
	return api.BackupDrive{}, api.Errorf(api.CodeNotFound, "no drive %q is marked for backups", name).WithHint("muster backup list shows them")
}

// BackupNow begins a backup on a drive, or on all that are there. It returns at once. [API-122]
func (n *Node) BackupNow(_ context.Context, request api.DriveRequest) (api.BackupNowResult, error) {
	var meant []api.BackupDrive
	if request.Drive != "" {
		d, err := n.backups.named(request.Drive)
		if err != nil {
			return api.BackupNowResult{}, err
		}
		meant = append(meant, d)
	} else {
		var err error
		if meant, err = n.backups.describe(); err != nil {
			return api.BackupNowResult{}, err
		}
		if len(meant) == 0 {
			_, err := n.backups.named("")
			return api.BackupNowResult{}, err
		}
	}
	if _, err := n.backupKey(); err != nil {
		return api.BackupNowResult{}, noBackupKey(err)
	}
	var result api.BackupNowResult
	for _, d := range meant {
		switch {
		case d.State == api.BackupAway:
		case d.State == api.BackupLocked && request.Drive != "":
			return result, api.Errorf(api.CodeRefused, "no backup to %s: %s", d.Name, errOtherKey)
		case d.State == api.BackupLocked:
		default:
			n.backups.scheduler.Now(d.ID)
			result.Drives = append(result.Drives, d)
		}
	}
	if len(result.Drives) == 0 {
		return result, api.Errorf(api.CodeNotFound, "no marked drive is there").WithHint("connect one: muster backup list shows them")
	}
	return result, nil
}

// StopBackup ends the backup that is made now. The next begins after an hour, or when the drive comes again. [API-122]
func (n *Node) StopBackup(_ context.Context, request api.DriveRequest) (api.BackupResult, error) {
	id := ""
	if request.Drive != "" {
		d, err := n.backups.named(request.Drive)
		if err != nil {
			return api.BackupResult{}, err
		}
		id = d.ID
	}
	n.backups.scheduler.Stop(id)
	return n.backups.result()
}

// ChooseBackup changes what was chosen for all drives. [API-122]
func (n *Node) ChooseBackup(_ context.Context, request api.BackupChoiceRequest) (api.BackupResult, error) {
	const leastEvery, leastAbsent, mostSeconds = 60, 3600, 366 * 24 * 3600
	if request.Every != 0 && (request.Every < leastEvery || request.Every > mostSeconds) ||
		request.Absent != 0 && (request.Absent < leastAbsent || request.Absent > mostSeconds) ||
		request.Rate != 0 && request.Rate < 1<<16 {
		return api.BackupResult{}, api.Errorf(api.CodeUsage,
			"backups are a minute to a year apart, are missed after an hour to a year, and write 64 KiB a second or more")
	}
	err := n.store.Update(func(tx *store.Tx) error {
		choice, err := tx.BackupChoice()
		if err != nil {
			return err
		}
		if request.Paused != nil {
			choice.Paused = *request.Paused
		}
		choice.Every = cmp.Or(request.Every*1000, choice.Every)
		choice.Absent = cmp.Or(request.Absent*1000, choice.Absent)
		choice.Rate = cmp.Or(request.Rate, choice.Rate)
		return tx.PutBackupChoice(choice)
	})
	if err != nil {
		return api.BackupResult{}, fmt.Errorf("storing what was chosen: %w", err)
	}
	n.backups.look()
	return n.backups.result()
}

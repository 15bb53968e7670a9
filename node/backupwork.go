package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"

	"muster.example/internal/drive"
	"muster.example/internal/keys"
	"muster.example/node/autobackup"
	"muster.example/node/backup"
	"muster.example/node/store"
)

// defaultBackupRate is how many bytes a second are written at most by what begins by itself, so that the disk of a person who works
// stays quick.
const defaultBackupRate = 24 << 20

// errOtherKey means that a drive was marked with another backup key than this device has now.
var errOtherKey = errors.New("the recovery words are other ones than those that this drive was marked with: mark it again")

// backupWork makes backups for the scheduler.
type backupWork struct{ b *backups }

// Recognize implements autobackup.Work. Whether the repository is ours, Run looks before it writes.
func (w backupWork) Recognize(folder, id string) bool {
	found, err := backup.Find(backup.Disk(folder), backup.Keys{})
	return err == nil && slices.ContainsFunc(found, func(f backup.Found) bool { return f.ID.String() == id })
}

// Ready implements autobackup.Work.
func (w backupWork) Ready(d store.BackupDrive) error {
	_, err := w.b.job(d)
	return err
}

// State implements autobackup.Work.
func (w backupWork) State() ([]byte, error) { return w.b.node.backupState() }

// BackUp implements autobackup.Work.
func (w backupWork) BackUp(
	ctx context.Context, folder string, d store.BackupDrive, hasty bool, tell func(autobackup.Progress),
) (autobackup.Outcome, error) {
	n := w.b.node
	give, err := w.b.take(ctx)
	if err != nil {
		return autobackup.Outcome{}, err
	}
	defer give()
	job, err := w.b.job(d)
	if err != nil {
		return autobackup.Outcome{}, err
	}
	held, err := drive.Hold(folder)
	if err != nil {
		return autobackup.Outcome{}, err
	}
	defer held.Close() //nolint:errcheck // only open
	choice, err := backupMemory{n.store}.Choice()
	if err != nil {
		return autobackup.Outcome{}, err
	}
	if job.Rate = choice.Rate; job.Rate == 0 {
		job.Rate = defaultBackupRate
	}
	if hasty {
		job.Rate = 0
	}
	state, err := n.backupState()
	if err != nil {
		return autobackup.Outcome{}, err
	}
	said, err := n.backedUpAccount()
	if err != nil {
		return autobackup.Outcome{}, err
	}
	source := backupSource{node: n, said: said}
	job.Folder, job.Source = heldFolder{backup.Disk(held.Path()), held}, source.items
	job.Progress = func(p backup.Progress) {
		tell(autobackup.Progress{Phase: string(p.Phase), Items: uint64(p.Items), Total: uint64(p.Total), Bytes: uint64(p.Bytes)})
	}
	result, err := backup.Run(ctx, job)
	if err != nil {
		return autobackup.Outcome{}, w.explain(err, held)
	}
	if len(result.Repaired) > 0 {
		n.log.Warn("a backup found damage on its drive and wrote it anew", "files", len(result.Repaired))
	}
	return autobackup.Outcome{
		Snapshot: strconv.FormatUint(result.Snapshot.Number, 10), State: state, Bytes: uint64(result.Snapshot.Bytes),
	}, nil
}

// explain makes an error one that a person can do something about.
func (w backupWork) explain(err error, held *drive.Anchor) error {
	switch gone := held.Check(); {
	case errors.Is(err, context.Canceled):
		return err
	case gone != nil:
		return fmt.Errorf("the drive was taken away in the middle: %w", gone)
	case errors.Is(err, backup.ErrFull):
		return errors.New("the drive is full: make room on it, or mark a larger one")
	case errors.Is(err, backup.ErrReadBack):
		return errors.New("the drive does not give back what was written to it: use another one")
	case errors.Is(err, backup.ErrOther):
		return errOtherKey
	}
	return fmt.Errorf("writing to the drive: %w", err)
}

// job is what is to be written to a drive, but for where and what.
func (b *backups) job(d store.BackupDrive) (job backup.Job, err error) {
	if job.Writer, err = b.node.backupKey(); err != nil {
		return job, err
	}
	if !bytes.Equal(d.Key, keyPrint(job.Writer)) {
		return job, errOtherKey
	}
	if job.Repository, err = backup.ParseID(d.ID); err != nil {
		return job, err
	}
	if len(d.Also) > 0 {
		if job.Further, err = parseRecipient(d.Also[0]); err != nil {
			return job, err
		}
	}
	if d.Keep != "" {
		job.Policy, err = parseKeep(d.Keep)
	}
	job.Now, job.Sober = b.node.now(), b.node.sober()
	return job, err
}

// keyPrint is what a drive remembers of the key that it was marked with.
func keyPrint(writer keys.BackupWriter) []byte {
	sum := sha256.Sum256(writer.Bytes())
	return sum[:16]
}

// parseRecipient reads a further recipient. age refuses to mix a post-quantum one, which the words' own is, with others.
func parseRecipient(text string) (*age.HybridRecipient, error) {
	recipient, err := age.ParseHybridRecipient(strings.TrimSpace(text))
	if err != nil {
		return nil, errors.New("it is no post-quantum recipient of age, which begins age1pq1: `age-keygen -pq` makes one")
	}
	return recipient, nil
}

// parseKeep reads which snapshots are kept: last=3,daily=7,weekly=4,monthly=0, of which each may be left out.
func parseKeep(text string) (backup.Policy, error) {
	policy := backup.DefaultPolicy
	into := map[string]*int{"last": &policy.Last, "daily": &policy.Daily, "weekly": &policy.Weekly, "monthly": &policy.Monthly}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		count, err := strconv.ParseUint(value, 10, 10)
		field, known := into[name]
		if err != nil || !known {
			return policy, fmt.Errorf("%q is none of last=N, daily=N, weekly=N, monthly=N, each up to 1023", part)
		}
		*field = int(count)
	}
	return policy, nil
}

// heldFolder is a Folder of a drive that is held on to: no name is made, changed or removed where the drive was, once it is gone.
type heldFolder struct {
	backup.Folder
	held *drive.Anchor
}

// MakeDir implements backup.Folder.
func (f heldFolder) MakeDir(dir string) error {
	if err := f.held.Check(); err != nil {
		return err
	}
	return f.Folder.MakeDir(dir)
}

// Create implements backup.Folder.
func (f heldFolder) Create(name string) (backup.File, error) {
	if err := f.held.Check(); err != nil {
		return nil, err
	}
	return f.Folder.Create(name)
}

// Change implements backup.Folder.
func (f heldFolder) Change(name string) (backup.File, error) {
	if err := f.held.Check(); err != nil {
		return nil, err
	}
	return f.Folder.Change(name)
}

// Remove implements backup.Folder.
func (f heldFolder) Remove(name string) error {
	if err := f.held.Check(); err != nil {
		return err
	}
	return f.Folder.Remove(name)
}

// nameOfFolder is what people know a folder by.
func nameOfFolder(path string) string {
	if name := filepath.Base(path); name != string(filepath.Separator) && name != "." {
		return name
	}
	return path
}

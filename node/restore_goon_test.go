package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/internal/drive"
	"muster.example/node/api"
)

// noDrives is a machine without drives.
type noDrives struct{}

func (noDrives) List() ([]drive.Volume, error) { return nil, nil }

func (noDrives) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

// warns returns what a device says of backups in its status.
func warns(t *testing.T, n *Node) string {
	t.Helper()
	status, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	result, err := n.Backups(t.Context(), api.BackupQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(status.Backup.Warnings) != len(result.Warnings) {
		t.Errorf("status says %+v, backups %+v", status.Backup.Warnings, result.Warnings)
	}
	var all []string
	for _, w := range result.Warnings {
		all = append(all, string(w.Kind)+": "+w.Text)
	}
	return strings.Join(all, "\n")
}

// await waits until the one marked drive is as it should be.
func await(t *testing.T, n *Node, is func(api.BackupDrive) bool) {
	t.Helper()
	events, err := n.Watch(t.Context(), api.WatchQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		result, err := n.Backups(t.Context(), api.BackupQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Drives) == 1 && is(result.Drives[0]) {
			return
		}
		<-events
	}
}

// A restored device says that it makes no backups yet, and does once a drive is marked: without the words, if the backup held what the
// recovery key said of backups. [BACKUP-60] [API-120]
func TestRestoredDeviceGoesOnBackingUp(t *testing.T) {
	org := newRoll(t, "bo")
	seed := worded(t, org, org.Founder)
	p := newPartiesOf(t, org, 1)
	ada := p.all[0]
	without := ada.backUp(t)
	if err := ada.noteBackupKey(seed.Key(0), seed); err != nil {
		t.Fatal(err)
	}
	with := ada.backUp(t)
	mark := api.MarkDriveRequest{SameDisk: true}

	t.Run("with the statement", func(t *testing.T) {
		n := runsAlone(t)
		if said := warns(t, n); said != "" {
			t.Errorf("a new device says %s", said)
		}
		restores(t, n, seed, with)
		if said := warns(t, n); !strings.Contains(said, "unmarked: ") || !strings.Contains(said, "muster backup auto --to") || strings.Contains(said, "words") {
			t.Errorf("it says %s", said)
		}
		mark.Path = t.TempDir()
		d, err := n.MarkDrive(t.Context(), mark)
		if err != nil || d.ID == "" {
			t.Fatalf("marking: %+v, %v", d, err)
		}
		if said := warns(t, n); said != "" {
			t.Errorf("with a drive it says %s", said)
		}
		await(t, n, func(d api.BackupDrive) bool { return !d.Done.IsZero() })
		if err := os.RemoveAll(filepath.Join(mark.Path, "MUSTER")); err != nil { // it is torn away, and nobody has noticed
			t.Fatal(err)
		}
		result, err := n.Backups(t.Context(), api.BackupQuery{Snapshots: true})
		if err != nil || len(result.Drives) != 1 || result.Drives[0].State != api.BackupAway {
			t.Errorf("of a drive that is torn away: %+v, %v", result.Drives, err)
		}
		if _, err := n.ForgetDrive(t.Context(), api.DriveRequest{Drive: d.ID}); err != nil {
			t.Fatal(err)
		}
		if said := warns(t, n); said != "" {
			t.Errorf("after a drive was forgotten on purpose it says %s", said)
		}
	})
	t.Run("without it", func(t *testing.T) {
		n := runsAlone(t)
		restores(t, n, seed, without)
		if said := warns(t, n); !strings.Contains(said, "unmarked: ") || !strings.Contains(said, "muster backup key") {
			t.Errorf("it says %s", said)
		}
		mark.Path = t.TempDir()
		_, err := n.MarkDrive(t.Context(), mark)
		if known := api.AsError(err); known.Code != api.CodeRefused || !strings.Contains(known.Hint, "muster backup key") {
			t.Errorf("marking: %v", err)
		}
	})
}

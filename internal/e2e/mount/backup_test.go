//go:build mounts && linux

package mount

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"muster.example/internal/keys"
	"muster.example/node/backup"
)

var words = keys.RecoverySeed{5}.Backup()

// things are what is backed up: records, then pieces of attachments.
type things struct{ records, pieces int }

func (a things) entry(i int) backup.Entry {
	e := backup.Entry{Kind: backup.KindRecord, Size: 600}
	if i >= a.records {
		e.Kind, e.Size, i = backup.KindPiece, 128<<10, i-a.records
	}
	e.Time = int64(i)
	binary.BigEndian.PutUint64(e.ID[:], uint64(i)+1)
	e.ID[31] = byte(e.Kind)
	return e
}

// body is what an item has in it: noise that its name tells.
func body(e backup.Entry) []byte {
	data := make([]byte, e.Size)
	sum := sha256.Sum256(e.ID[:])
	for i := range data {
		data[i] = sum[i%32] + byte(i/32) + byte(i>>13)
	}
	return data
}

func (a things) source(ctx context.Context) iter.Seq2[backup.Item, error] {
	return func(yield func(backup.Item, error) bool) {
		for i := range a.records + a.pieces {
			e := a.entry(i)
			if !yield(backup.Item{Entry: e, Load: func(context.Context) ([]byte, error) { return body(e), nil }}, ctx.Err()) {
				return
			}
		}
	}
}

// create makes a repository with a snapshot on a volume.
func create(t *testing.T, v *volume, what things) backup.Job {
	t.Helper()
	id, err := backup.Create(t.Context(), backup.Disk(v.dir), words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	job := backup.Job{Folder: backup.Disk(v.dir), Repository: id, Writer: words.Writer(), Source: what.source, Policy: backup.Policy{Last: 2},
		Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	mustRun(t, job)
	return job
}

func mustRun(t *testing.T, job backup.Job) backup.Result {
	t.Helper()
	result, err := backup.Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// holds sees that the newest complete snapshot is one of those, to equal bytes, and returns its number.
func holds(t *testing.T, dir string, id backup.ID, snapshots ...things) uint64 {
	t.Helper()
	r, err := backup.Open(t.Context(), backup.Disk(dir), id, backup.WordsKeys(words))
	if err != nil {
		t.Fatal(err)
	}
	var newest backup.Snapshot
	for _, one := range r.Snapshots() {
		if one.Complete {
			newest = one
		}
	}
	if newest.Number == 0 || newest.Number > uint64(len(snapshots)) {
		t.Fatalf("the newest complete snapshot is %d of %+v, %+v", newest.Number, r.Snapshots(), r.Damage())
	}
	got := 0
	report, err := r.Read(t.Context(), newest, backup.Reading{Give: func(_ context.Context, e backup.Entry, data []byte) error {
		got++
		if !bytes.Equal(data, body(e)) {
			return fmt.Errorf("the item at %d is another", e.Time)
		}
		return nil
	}})
	want := snapshots[newest.Number-1]
	if err != nil || len(report.Damage) > 0 || got != want.records+want.pieces {
		t.Fatalf("%d items of %+v: %+v, %v", got, want, report, err)
	}
	return newest.Number
}

// sound sees that a whole repository is intact.
func sound(t *testing.T, dir string, id backup.ID) {
	t.Helper()
	report, err := backup.Verify(t.Context(), backup.Disk(dir), id, backup.WordsKeys(words), nil)
	if err != nil || len(report.Damage) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
}

func TestMountBackupOutlivesTheMount(t *testing.T) {
	onEach(t, "160M", func(t *testing.T, v *volume) {
		first, second := things{3000, 100}, things{6000, 200}
		job := create(t, v, first)
		v.unmount()
		v.mount()
		holds(t, v.dir, job.Repository, first)
		job.Folder, job.Source, job.Now = backup.Disk(v.dir), second.source, job.Now.Add(time.Hour)
		if result := mustRun(t, job); result.Added != 3100 {
			t.Errorf("%+v", result)
		}
		v.unmount()
		v.mount()
		if holds(t, v.dir, job.Repository, first, second) != 2 {
			t.Error("the second snapshot is not there")
		}
		sound(t, v.dir, job.Repository)
	})
}

// At each moment what has reached the drive holds a whole snapshot, and the next run goes on from there. [BAK-10]
func TestMountTornAway(t *testing.T) {
	onEach(t, "160M", func(t *testing.T, v *volume) {
		first, second := things{3000, 100}, things{5000, 250}
		job := create(t, v, first)
		id := job.Repository
		// Taken away with the first snapshot just made, not unmounted.
		copies := []*volume{v.torn()}
		job.Source, job.Now = second.source, job.Now.Add(time.Hour)
		steps, closing := 0, false
		job.Progress = func(p backup.Progress) {
			if steps++; p.Phase == backup.PhaseWriting && p.Items%700 == 699 || p.Phase == backup.PhaseClosing && !closing {
				closing = p.Phase == backup.PhaseClosing
				copies = append(copies, v.torn())
			}
		}
		mustRun(t, job)
		copies = append(copies, v.torn())
		v.detach()
		for i, torn := range copies {
			torn.comeBack()
			number := holds(t, torn.dir, id, first, second)
			if last := i == len(copies)-1; last != (number == 2) {
				t.Errorf("moment %d of %d holds snapshot %d", i, len(copies), number)
			}
			if i%2 == 1 {
				again := job
				again.Folder, again.Progress = backup.Disk(torn.dir), nil
				if result := mustRun(t, again); i == len(copies)-2 && result.Added > 100 {
					t.Errorf("at the end %d items were written once more", result.Added)
				}
				holds(t, torn.dir, id, first, second)
				sound(t, torn.dir, id)
			}
			torn.detach()
		}
	})
}

// A drive that goes from under a run leaves nothing in the folder where it was, and comes back with its last snapshot.
func TestMountDetached(t *testing.T) {
	onEach(t, "160M", func(t *testing.T, v *volume) {
		first, second := things{3000, 100}, things{3000, 360}
		job := create(t, v, first)
		dir := v.dir
		job.Source, job.Now = second.source, job.Now.Add(time.Hour)
		job.Progress = func(p backup.Progress) {
			if p.Phase == backup.PhaseWriting && p.Items == 150 {
				v.detach()
			}
		}
		if _, err := backup.Run(t.Context(), job); err == nil {
			t.Error("a backup to a drive that is gone succeeds")
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("in the empty folder lies %v, %v", left, err)
		}
		v.comeBack()
		holds(t, v.dir, job.Repository, first, second)
		job.Folder, job.Progress = backup.Disk(v.dir), nil
		mustRun(t, job)
		holds(t, v.dir, job.Repository, first, second)
		sound(t, v.dir, job.Repository)
	})
}

// A drive that has lost a part, as one does that has less room than it says: what is there of it is told item by item, and the next run
// that looks mends it. [BAK-13]
func TestMountLosesAPart(t *testing.T) {
	onEach(t, "100M", losePart)
}

func losePart(t *testing.T, v *volume) {
	what := things{3000, 200}
	job := create(t, v, what)
	packs, err := filepath.Glob(filepath.Join(v.dir, "MUSTER", "*", "*", "*.pck"))
	if err != nil || len(packs) < 3 {
		t.Fatal(packs, err)
	}
	pack, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	v.unmount()
	lose(t, v.image, pack[len(pack)/2:][:1<<20])
	v.mount()
	job.Folder = backup.Disk(v.dir)
	report, err := backup.Verify(t.Context(), job.Folder, job.Repository, backup.WordsKeys(words), nil)
	if err != nil || len(report.Damage) != 1 || report.Lost() == 0 || report.Lost() > 2000 || report.Items+report.Lost() != what.records+what.pieces {
		t.Errorf("%d items are intact, %d lost in %d files, %v", report.Items, report.Lost(), len(report.Damage), err)
	}
	job.Check, job.Now = true, job.Now.Add(time.Hour)
	if result := mustRun(t, job); len(result.Repaired) != 1 || result.Added == 0 {
		t.Errorf("%+v", result)
	}
	holds(t, v.dir, job.Repository, what, what)
	sound(t, v.dir, job.Repository)
}

// lose has a drive give zeros where it has a part of a file.
func lose(t *testing.T, image string, part []byte) {
	t.Helper()
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, part[:4096])
	if at < 0 {
		t.Fatal("the file is not on the drive")
	}
	file, err := os.OpenFile(image, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteAt(make([]byte, len(part)), int64(at))
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// A full drive is called full, has its last snapshot, and takes a smaller one. [BAK-11]
func TestMountFillsUp(t *testing.T) {
	onEach(t, "40M", fillUp)
	t.Run("tmpfs", func(t *testing.T) {
		v := &volume{t: t, kind: "tmpfs", dir: t.TempDir()}
		system(t, "mount", "-t", "tmpfs", "-o", "size=40M", "tmpfs", v.dir)
		defer func() { system(t, "umount", "-l", v.dir) }()
		fillUp(t, v)
	})
}

func fillUp(t *testing.T, v *volume) {
	first, much, third := things{3000, 100}, things{3000, 600}, things{3100, 130}
	job := create(t, v, first)
	job.Source, job.Now = much.source, job.Now.Add(time.Hour)
	// The FAT of fusefat calls a full drive by another name, and does not tell how full it is.
	if _, err := backup.Run(t.Context(), job); !errors.Is(err, backup.ErrFull) && !(v.kind == "fat" && errors.Is(err, syscall.EPERM)) {
		t.Fatalf("a drive of 40 MB takes 75 MB: %v", err)
	}
	holds(t, v.dir, job.Repository, first)
	job.Source = third.source
	mustRun(t, job)
	holds(t, v.dir, job.Repository, first, third)
	sound(t, v.dir, job.Repository)
}

// What lies on a drive is opened by age's own program with the identity of the words, or with that of a further recipient. [BAK-4]
func TestMountAgeOpensPacks(t *testing.T) {
	program := filepath.Join(t.TempDir(), "age")
	build := exec.Command("go", "build", "-o", program, "filippo.io/age/cmd/age")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	further, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	id, err := backup.Create(t.Context(), backup.Disk(dir), words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	what := things{50, 3}
	mustRun(t, backup.Job{Folder: backup.Disk(dir), Repository: id, Writer: words.Writer(), Further: further.Recipient(), Source: what.source})
	opened := 0
	for _, identity := range []string{words.AgeIdentity(), further.String()} {
		file := filepath.Join(t.TempDir(), "identity")
		if err := os.WriteFile(file, []byte(identity+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(name, ".id") {
				return err
			}
			command := exec.Command(program, "-d", "-i", file, name)
			var said bytes.Buffer
			command.Stderr = &said
			plain, err := command.Output()
			if err != nil {
				return fmt.Errorf("%s: %w: %s", name, err, &said)
			}
			if opened++; strings.HasSuffix(name, ".pck") {
				for i := range what.records + what.pieces {
					if !bytes.Contains(plain, body(what.entry(i))) {
						t.Errorf("item %d is not in the pack", i)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if opened != 8 {
		t.Errorf("%d files were opened", opened)
	}
}

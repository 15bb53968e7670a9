package backup_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/backup"
	"muster.example/node/backup/backuptest"
)

// story is a repository with a snapshot, and a run that adds to it, is rid of items, writes packs anew and removes what is old.
type story struct {
	drive         *backuptest.Drive // after the first snapshot
	job           backup.Job        // of the second run
	before, after map[backup.Entry]string
}

func tell(t *testing.T, namesWithFiles bool) *story {
	t.Helper()
	backup.SmallPacks(t, 4000)
	s := &story{drive: &backuptest.Drive{NamesWithFiles: namesWithFiles}}
	id, err := backup.Create(t.Context(), s.drive, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, c := new(collection), new(collection)
	old.add(backup.KindRecord, 16, 600)
	s.job = backup.Job{Folder: s.drive, Repository: id, Writer: words.Writer(), Source: old.source, Now: begin,
		Policy: backup.Policy{Last: 1, Erase: 48 * time.Hour}}
	run(t, s.job)
	s.before = old.bodies(t)
	c.add(backup.KindRecord, 24, 600)
	c.items = append(c.items[:2], c.items[3:]...) // one is gone, and its pack is written anew
	s.after = c.bodies(t)
	s.job.Source, s.job.Now = c.source, begin.Add(30*time.Hour)
	return s
}

// holds sees that the newest complete snapshot of a drive is one of the two, whole, and that nothing is named that is not there.
func (s *story) holds(t *testing.T, drive *backuptest.Drive) {
	t.Helper()
	r, err := backup.Open(t.Context(), drive, s.job.Repository, backup.WordsKeys(words))
	if err != nil {
		t.Fatal(err)
	}
	want := s.before
	for _, one := range r.Snapshots() {
		if one.Complete && one.Number >= 2 {
			want = s.after
		}
	}
	got, report := restored(t, drive, s.job.Repository, backup.WordsKeys(words))
	same(t, got, want)
	if len(report.Damage) > 0 {
		t.Fatalf("damage: %+v", report.Damage)
	}
}

// mends sees that the next run makes all good.
func (s *story) mends(t *testing.T, drive *backuptest.Drive) {
	t.Helper()
	job := s.job
	job.Folder, job.Now = drive, s.job.Now.Add(time.Hour)
	run(t, job)
	got, _ := restored(t, drive, job.Repository, backup.WordsKeys(words))
	same(t, got, s.after)
	s.clean(t, drive)
}

// clean sees that a drive has what the newest snapshot needs and nothing else.
func (s *story) clean(t *testing.T, drive *backuptest.Drive) {
	t.Helper()
	report, err := backup.Verify(t.Context(), drive, s.job.Repository, backup.WordsKeys(words), nil)
	if err != nil || len(report.Damage) > 0 {
		t.Fatalf("looking through it: %+v, %v", report.Damage, err)
	}
	r, err := backup.Open(t.Context(), drive, s.job.Repository, backup.WordsKeys(words))
	if err != nil {
		t.Fatal(err)
	}
	if _, loose := r.Loose(); loose || len(r.Snapshots()) != 1 || report.Items != len(s.after) {
		t.Fatalf("%d snapshots, of which packs have %d items for %d; others: %v", len(r.Snapshots()), report.Items, len(s.after), loose)
	}
	if violations := drive.Violations(); len(violations) > 0 {
		t.Fatalf("not what FAT has: %q", violations)
	}
}

// A drive that is torn away at any operation has its last complete snapshot, and the next run goes on. [BAK-9] [BAK-10]
func TestDriveIsTornAwayAtAnyOperation(t *testing.T) {
	for _, namesWithFiles := range []bool{false, true} {
		t.Run(fmt.Sprintf("names durable with files %v", namesWithFiles), func(t *testing.T) {
			s := tell(t, namesWithFiles)
			for n := 1; ; n++ {
				drive, job := s.drive.Clone(), s.job
				job.Folder = drive
				drive.FailAt(n, true)
				_, err := backup.Run(t.Context(), job)
				if err == nil {
					if n < 50 {
						t.Errorf("only %d operations", n)
					}
					break
				}
				if !errors.Is(err, backuptest.ErrTorn) {
					t.Fatalf("operation %d: %v", n, err)
				}
				back := drive.Torn(mathrand.New(mathrand.NewPCG(uint64(n), 1)))
				s.holds(t, back)
				s.mends(t, back)
				if t.Failed() {
					t.Fatalf("at operation %d", n)
				}
			}
		})
	}
}

// So it is when one operation fails and the drive stays.
func TestAnyOperationFails(t *testing.T) {
	s := tell(t, false)
	failed := 0
	for n := 1; ; n++ {
		drive, job := s.drive.Clone(), s.job
		job.Folder = drive
		drive.FailAt(n, false)
		_, err := backup.Run(t.Context(), job)
		if drive.Ops() < n {
			break
		}
		if err != nil {
			failed++
			if !errors.Is(err, backuptest.ErrBroken) {
				t.Fatalf("operation %d: %v", n, err)
			}
		}
		drive.FailAt(0, false)
		s.holds(t, drive)
		s.mends(t, drive)
		// What the run before had left without making it durable is durable now, too.
		torn := drive.Torn(mathrand.New(mathrand.NewPCG(uint64(n), 3)))
		got, report := restored(t, torn, job.Repository, backup.WordsKeys(words))
		if same(t, got, s.after); len(report.Damage) > 0 || t.Failed() {
			t.Fatalf("at operation %d: %+v", n, report.Damage)
		}
	}
	if failed < 40 {
		t.Errorf("only %d failures were told", failed)
	}
}

// The very first run, too, can end anywhere: with it the making of the repository.
func TestFirstRunIsTornAwayAtAnyOperation(t *testing.T) {
	backup.SmallPacks(t, 4000)
	c := new(collection)
	c.add(backup.KindRecord, 9, 600)
	for n := 1; ; n++ {
		drive := new(backuptest.Drive)
		drive.FailAt(n, true)
		id, err := backup.Create(t.Context(), drive, words.Writer(), rand.Reader)
		job := backup.Job{Folder: drive, Repository: id, Writer: words.Writer(), Source: c.source, Now: begin}
		if err == nil {
			_, err = backup.Run(t.Context(), job)
		}
		if err == nil {
			break
		}
		drive = drive.Torn(mathrand.New(mathrand.NewPCG(uint64(n), 2)))
		job.Folder = drive
		if _, err := backup.Run(t.Context(), job); err != nil {
			if !errors.Is(err, backup.ErrNotFound) && !errors.Is(err, backup.ErrOther) {
				t.Fatalf("operation %d: %v", n, err)
			}
			if job.Repository, err = backup.Create(t.Context(), drive, words.Writer(), rand.Reader); err != nil {
				t.Fatal(err)
			}
			run(t, job)
		}
		got, _ := restored(t, drive, job.Repository, backup.WordsKeys(words))
		same(t, got, c.bodies(t))
	}
}

// A drive fills up: that is said, the last snapshot stays, and with more room the next run goes on. [BAK-11]
func TestDriveFillsUp(t *testing.T) {
	s := tell(t, false)
	used := int64(0)
	for _, info := range s.drive.Files() {
		used += (info.Size + 511) / 512 * 512
	}
	full := 0
	for capacity := used; ; capacity += 700 {
		drive, job := s.drive.Clone(), s.job
		drive.Capacity, job.Folder = capacity, drive
		_, err := backup.Run(t.Context(), job)
		if err == nil {
			s.holds(t, drive)
			break
		}
		full++
		if !errors.Is(err, backup.ErrFull) {
			t.Fatalf("%d bytes: %v", capacity, err)
		}
		s.holds(t, drive)
		drive.Capacity = 0
		s.mends(t, drive)
	}
	if full < 10 {
		t.Errorf("it was full %d times", full)
	}
}

// On a full drive older snapshots yield to the new one. [BAK-11]
func TestOldSnapshotsMakeRoom(t *testing.T) {
	backup.SmallPacks(t, 4000)
	drive := new(backuptest.Drive)
	id, err := backup.Create(t.Context(), drive, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	job := backup.Job{Folder: drive, Repository: id, Writer: words.Writer(), Policy: backup.Policy{Last: 5}}
	for i := range 3 { // each with items of its own
		c := new(collection)
		c.add(backup.KindRecord, 40*(i+1), 600)
		c.items = c.items[40*i:]
		job.Source, job.Now = c.source, begin.Add(time.Duration(i)*time.Hour)
		run(t, job)
	}
	c := new(collection)
	c.add(backup.KindRecord, 160, 600)
	c.items = c.items[120:]
	for _, info := range drive.Files() {
		drive.Capacity += (info.Size + 511) / 512 * 512
	}
	job.Source, job.Now = c.source, begin.Add(4*time.Hour)
	result := run(t, job)
	if result.Dropped != 2+0 && result.Dropped != 3 {
		t.Errorf("%d snapshots made room", result.Dropped)
	}
	got, _ := restored(t, drive, id, backup.WordsKeys(words))
	same(t, got, c.bodies(t))
}

// A drive that gives back other bytes than it took is found out before it is relied on. [BAK-9]
func TestLyingDriveIsFoundOut(t *testing.T) {
	s := tell(t, false)
	s.drive.Lying = true
	if _, err := backup.Run(t.Context(), s.job); !errors.Is(err, backup.ErrReadBack) {
		t.Errorf("the run: %v", err)
	}
	s.drive.Lying = false
	s.holds(t, s.drive)
	s.mends(t, s.drive)
}

// A run that is paused is no loss: what it wrote whole is used by the next one. [BAK-9]
func TestPausedRunGoesOn(t *testing.T) {
	backup.SmallPacks(t, 4000)
	drive := new(backuptest.Drive)
	id, err := backup.Create(t.Context(), drive, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := new(collection)
	c.add(backup.KindRecord, 100, 600)
	ctx, pause := context.WithCancel(t.Context())
	job := backup.Job{Folder: drive, Repository: id, Writer: words.Writer(), Source: c.source, Progress: func(p backup.Progress) {
		if p.Phase == backup.PhaseWriting && p.Items == 50 {
			pause()
		}
	}}
	if _, err := backup.Run(ctx, job); !errors.Is(err, context.Canceled) {
		t.Fatalf("paused: %v", err)
	}
	job.Progress = nil
	c.loaded = 0
	if result := run(t, job); c.loaded < 50 || c.loaded > 56 || result.Added != c.loaded {
		t.Errorf("%d items of the 50 that were left were loaded, %+v", c.loaded, result)
	}
	got, _ := restored(t, drive, id, backup.WordsKeys(words))
	same(t, got, maps.Clone(c.bodies(t)))
}

// Several people and devices use one drive, which shows names in upper case, and see their own. [BAK-1] [BAK-2]
func TestSeveralUseOneDrive(t *testing.T) {
	drive := new(backuptest.Drive)
	people := []keys.BackupKey{words, keys.RecoverySeed{4}.Backup(), words}
	var ids []backup.ID
	var wants []map[backup.Entry]string
	for i, key := range people {
		id, err := backup.Create(t.Context(), drive, key.Writer(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := new(collection)
		c.add(backup.KindRecord, 3+i, 100)
		run(t, backup.Job{Folder: drive, Repository: id, Writer: key.Writer(), Source: c.source})
		ids, wants = append(ids, id), append(wants, c.bodies(t))
	}
	drive.Upper()
	for i, key := range people {
		got, _ := restored(t, drive, ids[i], backup.WordsKeys(key))
		same(t, got, wants[i])
		found, err := backup.Find(drive, backup.WriterKeys(key.Writer()))
		if err != nil || len(found) != 3 {
			t.Fatalf("found %+v, %v", found, err)
		}
		for _, one := range found {
			if own := people[0] == key && one.ID != ids[1] || people[0] != key && one.ID == ids[1]; one.Own != own || one.Err != nil {
				t.Errorf("person %d finds %+v", i, one)
			}
		}
	}
	if violations := drive.Violations(); len(violations) > 0 {
		t.Errorf("not what FAT has: %q", violations)
	}
}

// A drive that is full and cannot be read just then is not relieved of what may be its last whole snapshot. [BAK-10]
func TestFullDriveThatCannotBeRead(t *testing.T) {
	s := tell(t, false)
	s.job.Policy, s.job.Now = backup.Policy{Last: 3}, begin.Add(time.Hour)
	run(t, s.job)
	c := new(collection)
	c.add(backup.KindRecord, 60, 600)
	job, used := s.job, int64(0)
	job.Source, job.Now = c.source, begin.Add(2*time.Hour)
	for _, info := range s.drive.Files() {
		used += (info.Size + 511) / 512 * 512
	}
	for n := 1; n < 80; n++ {
		drive := s.drive.Clone()
		drive.Capacity, job.Folder = used+600, drive
		drive.FailAt(n, false)
		if _, err := backup.Run(t.Context(), job); !errors.Is(err, backup.ErrFull) && !errors.Is(err, backuptest.ErrBroken) {
			t.Fatalf("operation %d: %v", n, err)
		}
		drive.FailAt(0, false)
		got, _ := restored(t, drive, job.Repository, backup.WordsKeys(words))
		if same(t, got, s.after); t.Failed() {
			t.Fatalf("at operation %d", n)
		}
	}
}

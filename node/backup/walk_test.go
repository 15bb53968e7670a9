package backup_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"path"
	"slices"
	"testing"
	"time"

	"muster.example/node/backup"
	"muster.example/node/backup/backuptest"
)

// walk is a drive in the hands of chance.
type walk struct {
	t       *testing.T
	chance  *mathrand.Rand
	drive   *backuptest.Drive
	id      backup.ID
	now     time.Time
	c       *collection
	every   *collection
	bodies  map[int64]map[backup.Entry]string // what there was, by the time of the run
	goneAt  map[[32]byte]time.Time
	newest  time.Time // of the snapshot of the last run that ended well
	damaged bool      // whether something on the drive was spoilt since
}

const walkErase = 6 * 24 * time.Hour

// Runs end well, are torn away, fail, find the drive full or a file spoilt, in any order: the drive always has the last complete
// snapshot, it is never older than the last run that ended well, and what is gone goes in time. [BAK-10] [BAK-11]
func TestWhateverComes(t *testing.T) {
	backup.SmallPacks(t, 3000)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &walk{t: t, chance: mathrand.New(mathrand.NewPCG(seed, 3)), drive: &backuptest.Drive{NamesWithFiles: seed%2 == 1}, now: begin,
				c: new(collection), every: new(collection), bodies: make(map[int64]map[backup.Entry]string), goneAt: make(map[[32]byte]time.Time)}
			id, err := backup.Create(t.Context(), w.drive, words.Writer(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			w.id = id
			for step := 0; step < 40 && !t.Failed(); step++ {
				w.change()
				w.step()
			}
		})
	}
}

// change has items come and go.
func (w *walk) change() {
	at := len(w.every.items)
	w.every.add(backup.KindRecord, 1+w.chance.IntN(6), 300)
	w.c.items = append(w.c.items, w.every.items[at:]...)
	for range w.chance.IntN(3) {
		i := w.chance.IntN(len(w.c.items))
		w.goneAt[w.c.items[i].ID] = w.now
		w.c.items = slices.Delete(w.c.items, i, i+1)
	}
	w.now = w.now.Add(time.Duration(1+w.chance.IntN(30)) * time.Hour)
}

// step makes a run, to which something may happen, and looks.
func (w *walk) step() {
	w.bodies[w.now.UnixMilli()] = w.c.bodies(w.t)
	job := backup.Job{Folder: w.drive, Repository: w.id, Writer: words.Writer(), Source: w.c.source, Now: w.now, Check: w.damaged,
		Policy: backup.Policy{Last: 2, Daily: 3, Erase: walkErase}}
	what := w.chance.IntN(5)
	switch what {
	case 0, 1:
		w.drive.FailAt(1+w.chance.IntN(120), what == 0)
	case 2:
		used := int64(0)
		for _, info := range w.drive.Files() {
			used += (info.Size + 511) / 512 * 512
		}
		w.drive.Capacity = used + int64(w.chance.IntN(12_000))
	}
	result, err := backup.Run(w.t.Context(), job)
	if err != nil && !errors.Is(err, backuptest.ErrTorn) && !errors.Is(err, backuptest.ErrBroken) && !errors.Is(err, backup.ErrFull) {
		w.t.Fatal(err)
	}
	if violations := w.drive.Violations(); len(violations) > 0 {
		w.t.Fatalf("not what FAT has: %q", violations)
	}
	w.drive.FailAt(0, false)
	if w.drive.Capacity = 0; what == 0 {
		w.drive = w.drive.Torn(w.chance)
	}
	if err == nil {
		w.newest, w.damaged = result.Snapshot.Time, false
	}
	w.look(err == nil)
	if what == 3 && err == nil {
		w.spoil()
	}
}

// look sees that the newest complete snapshot is what there was.
func (w *walk) look(ended bool) {
	if w.damaged || w.newest.IsZero() {
		return
	}
	r, err := backup.Open(w.t.Context(), w.drive, w.id, backup.WordsKeys(words))
	if err != nil {
		w.t.Fatal(err)
	}
	var newest backup.Snapshot
	for _, one := range r.Snapshots() {
		if one.Complete {
			newest = one
		}
	}
	got, report := restored(w.t, w.drive, w.id, backup.WordsKeys(words))
	same(w.t, got, w.bodies[newest.Time.UnixMilli()])
	if len(report.Damage) > 0 || newest.Time.Before(w.newest) {
		w.t.Fatalf("the newest is of %v, the last run was at %v: %+v", newest.Time, w.newest, report.Damage)
	}
	if !ended {
		return
	}
	for e := range onDrive(w.t, w.drive, w.id) {
		if gone, ok := w.goneAt[e.ID]; ok && w.now.Sub(gone) >= walkErase {
			w.t.Fatalf("an item that was gone at %v is on the drive at %v", gone, w.now)
		}
	}
}

// spoil changes a byte of some file but the marker.
func (w *walk) spoil() {
	var files []backup.Info
	for _, info := range w.drive.Files() {
		if path.Ext(info.Name) != ".id" && info.Size > 0 {
			files = append(files, info)
		}
	}
	info := files[w.chance.IntN(len(files))]
	w.damaged = true
	w.drive.Edit(info.Name, func(data []byte) []byte { data[w.chance.IntN(len(data))] ^= 4; return data })
}

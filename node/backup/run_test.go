package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/backup"
)

var words = keys.RecoverySeed{1, 2, 3}.Backup()

// begin is when the runs of tests begin.
var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// collection is what a test backs up.
type collection struct {
	items  []backup.Item
	loaded int
}

func (c *collection) add(kind backup.Kind, n, size int) {
	for range n {
		number := len(c.items)
		body := make([]byte, size)
		for i := 0; i < size; i += 32 {
			sum := sha256.Sum256(fmt.Append(nil, number, i))
			copy(body[i:], sum[:])
		}
		e := backup.Entry{Kind: kind, Time: begin.UnixMilli() + int64(number)}
		binary.BigEndian.PutUint64(e.ID[:], uint64(number)+1)
		if kind == backup.KindRecord {
			e.Org = keys.OrgID{byte(number%3) + 1}
		}
		c.items = append(c.items, backup.Item{Entry: e, Load: func(context.Context) ([]byte, error) {
			c.loaded++
			return body, nil
		}})
	}
}

func (c *collection) source(context.Context) iter.Seq2[backup.Item, error] {
	return func(yield func(backup.Item, error) bool) {
		for _, item := range c.items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// bodies is what a restore must give.
func (c *collection) bodies(t *testing.T) map[backup.Entry]string {
	t.Helper()
	all := make(map[backup.Entry]string)
	for _, item := range c.items {
		body, err := item.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e := item.Entry
		e.Size = len(body)
		all[e] = string(body)
	}
	return all
}

func run(t *testing.T, job backup.Job) backup.Result {
	t.Helper()
	result, err := backup.Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// restored reads the newest complete snapshot.
func restored(t *testing.T, folder backup.Folder, id backup.ID, k backup.Keys) (map[backup.Entry]string, backup.Report) {
	t.Helper()
	r, err := backup.Open(t.Context(), folder, id, k)
	if err != nil {
		t.Fatal(err)
	}
	var newest backup.Snapshot
	for _, s := range r.Snapshots() {
		if s.Complete {
			newest = s
		}
	}
	all := make(map[backup.Entry]string)
	report, err := r.Read(t.Context(), newest, backup.Reading{Give: func(_ context.Context, e backup.Entry, body []byte) error {
		if _, twice := all[e]; twice {
			t.Errorf("an item comes twice")
		}
		all[e] = string(body)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return all, report
}

func same(t *testing.T, got, want map[backup.Entry]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d items, want %d", len(got), len(want))
	}
	for e, body := range want {
		if there, ok := got[e]; !ok || there != body {
			t.Fatalf("the item of %d bytes at %d is not there, or another (%v)", e.Size, e.Time, ok)
		}
	}
}

func TestWhatIsBackedUpIsRestored(t *testing.T) {
	folder := backup.Disk(t.TempDir())
	id, err := backup.Create(t.Context(), folder, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := new(collection)
	c.add(backup.KindAccount, 1, 500)
	c.add(backup.KindRecord, 5000, 600)
	c.add(backup.KindPiece, 40, 131_072)
	c.add(backup.KindRecord, 1, backup.MaxBody)
	c.add(backup.KindRecord, 1, 0)
	job := backup.Job{Folder: folder, Repository: id, Writer: words.Writer(), Source: c.source, Now: begin}
	first := run(t, job)
	if first.Added != len(c.items) || c.loaded != len(c.items) || first.Snapshot.Items != len(c.items) || !first.Snapshot.Complete || first.Unchanged {
		t.Errorf("the first run: %+v, %d loaded", first, c.loaded)
	}
	got, report := restored(t, folder, id, backup.WordsKeys(words))
	same(t, got, c.bodies(t))
	if len(report.Damage) > 0 {
		t.Errorf("damage: %+v", report.Damage)
	}
	c.loaded = 0
	if again := run(t, job); !again.Unchanged || again.Written != 0 || c.loaded != 0 || again.Snapshot.Number != 1 {
		t.Errorf("a run with nothing new: %+v", again)
	}
	c.add(backup.KindRecord, 3, 700)
	job.Now = begin.Add(time.Hour)
	if next := run(t, job); next.Added != 3 || c.loaded != 3 || next.Snapshot.Number != 2 || next.Written > 20_000 {
		t.Errorf("a run with three new ones: %+v, %d loaded", next, c.loaded)
	}
	got, _ = restored(t, folder, id, backup.WordsKeys(words))
	same(t, got, c.bodies(t))
	for name, k := range map[string]backup.Keys{"none": {}, "the device's": backup.WriterKeys(words.Writer()), "the words'": backup.WordsKeys(words)} {
		if report, err := backup.Verify(t.Context(), folder, id, k, nil); err != nil || len(report.Damage) > 0 || report.Files < 5 {
			t.Errorf("verified with the keys %s: %+v, %v", name, report, err)
		}
	}
	found, err := backup.Find(folder, backup.WriterKeys(words.Writer()))
	if err != nil || len(found) != 1 || found[0] != (backup.Found{ID: id, Own: true}) {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestOthersOpenNothing(t *testing.T) {
	folder := backup.Disk(t.TempDir())
	id, err := backup.Create(t.Context(), folder, words.Writer(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := new(collection)
	c.add(backup.KindRecord, 10, 100)
	job := backup.Job{Folder: folder, Repository: id, Writer: words.Writer(), Source: c.source}
	run(t, job)
	other := keys.RecoverySeed{9}.Backup()
	if _, err := backup.Open(t.Context(), folder, id, backup.WordsKeys(other)); !bytes.Contains([]byte(fmt.Sprint(err)), []byte("other recovery words")) {
		t.Errorf("others open: %v", err)
	}
	job.Writer = other.Writer()
	if _, err := backup.Run(t.Context(), job); !bytes.Contains([]byte(fmt.Sprint(err)), []byte("other recovery words")) {
		t.Errorf("others write: %v", err)
	}
	r, err := backup.Open(t.Context(), folder, id, backup.WriterKeys(words.Writer()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), r.Snapshots()[0], backup.Reading{}); err == nil {
		t.Error("a device reads items")
	}
}

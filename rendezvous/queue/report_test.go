package queue_test

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// counts is a report without what differs from run to run.
func counts(r queue.Report) queue.Report {
	r.Disk, r.Oldest, r.Damage = 0, time.Time{}, nil
	return r
}

func inspect(t *testing.T, dir string) queue.Report {
	t.Helper()
	r, err := queue.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReportCountsWhatWaits(t *testing.T) {
	dir := t.TempDir()
	e, stop := start(t, dir, queue.Options{SegmentBytes: 700})
	before := time.Now().Add(-time.Millisecond)
	receipt := queuetest.Item(5, 2)
	receipt.Kind = queue.Receipt
	for _, item := range []queue.Item{queuetest.Item(1, 1, 2, 3), queuetest.Item(2, 1), queuetest.Item(3, 2), receipt} {
		if err := e.Put(t.Context(), []queue.Item{item})[0]; err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Put(t.Context(), []queue.Item{queuetest.Item(1, 4)})[0]; err != nil { // a gain
		t.Fatal(err)
	}
	after := time.Now().Add(time.Millisecond)
	if err := e.Ack(t.Context(), queuetest.Device(1), []keys.EnvelopeID{queuetest.ID(1), queuetest.ID(2)}); err != nil {
		t.Fatal(err)
	}
	want := queue.Report{Bodies: 3, Entries: 5, Bytes: 300, Dead: 1, Segments: 2}
	got, err := e.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, counts(got)); diff != "" {
		t.Errorf("running (-want +got):\n%s", diff)
	}
	if got.Oldest.Before(before) || got.Oldest.After(after) {
		t.Errorf("the oldest entry is of %v, put between %v and %v", got.Oldest, before, after)
	}
	if size := sizeOfFolder(t, dir); got.Disk != size {
		t.Errorf("%d bytes on disk, want %d", got.Disk, size)
	}
	stop()
	rest := inspect(t, dir)
	if diff := cmp.Diff(want, counts(rest)); diff != "" {
		t.Errorf("at rest (-want +got):\n%s", diff)
	}
	if !rest.Oldest.Equal(got.Oldest) || rest.Disk != sizeOfFolder(t, dir) || len(rest.Damage) > 0 {
		t.Errorf("at rest: oldest %v, %d bytes, damage %v", rest.Oldest, rest.Disk, rest.Damage)
	}
	if _, err := e.Report(t.Context()); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func sizeOfFolder(t *testing.T, dir string) (total int64) {
	t.Helper()
	for _, path := range logs(t, dir, "*") {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

func TestAnEmptyQueueReportsNothing(t *testing.T) {
	dir := t.TempDir()
	e, stop := start(t, dir, queue.Options{})
	got, err := e.Report(t.Context())
	if err != nil || counts(got).Bodies != 0 || !got.Oldest.IsZero() {
		t.Errorf("running: %+v, %v", got, err)
	}
	stop()
	if got := inspect(t, dir); counts(got).Segments != 0 || !got.Oldest.IsZero() {
		t.Errorf("at rest: %+v", got)
	}
}

// picture is a folder's files: names, contents, modes and times.
func picture(t *testing.T, dir string) map[string]any {
	t.Helper()
	all := map[string]any{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var sum [32]byte
		if !entry.IsDir() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(data)
		}
		all[path] = []any{sum, info.Mode().String(), info.ModTime()}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestInspectingFindsOrphansAndChangesNothing(t *testing.T) {
	dir, _ := filled(t, 20)
	segments := logs(t, dir, "seg-*.log")
	if len(segments) < 4 {
		t.Fatalf("%d segments", len(segments))
	}
	// A log that no slot is of, with its notes; a slot whose log is gone; a draft; an unreadable record.
	keyless := filepath.Join(dir, "seg-0000000000000007")
	for _, path := range []string{keyless + ".log", keyless + ".ack", filepath.Join(dir, "FORMAT.new")} {
		if err := os.WriteFile(path, []byte("something"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(segments[1]); err != nil {
		t.Fatal(err)
	}
	change(t, segments[2], flip(300))
	before := picture(t, dir)
	got := inspect(t, dir)
	if diff := cmp.Diff(before, picture(t, dir)); diff != "" {
		t.Errorf("inspecting changed (-before +after):\n%s", diff)
	}
	slices.Sort(got.Keyless)
	if want := []string{filepath.Base(keyless) + ".ack", filepath.Base(keyless) + ".log"}; !slices.Equal(got.Keyless, want) {
		t.Errorf("without a slot: %v, want %v", got.Keyless, want)
	}
	if got.Fileless != 1 {
		t.Errorf("%d slots without a file, want 1", got.Fileless)
	}
	if len(got.Damage) != 1 || !errors.Is(got.Damage[0], queue.ErrCorrupt) ||
		!strings.Contains(got.Damage[0].Error(), filepath.Base(segments[2])) {
		t.Errorf("damage %v, want one in %s", got.Damage, segments[2])
	}
	if got.Entries >= 20 || got.Entries < 10 {
		t.Errorf("%d entries", got.Entries)
	}
}

func TestInspectingFindsAFooterThatLies(t *testing.T) {
	dir := t.TempDir()
	queue.MisleadFooter(t, dir)
	got := inspect(t, dir)
	if len(got.Damage) == 0 || !strings.Contains(got.Damage[0].Error(), "footer") {
		t.Errorf("damage %v, want one of a footer", got.Damage)
	}
}

func TestInspectingAgreesWithTheEngine(t *testing.T) {
	dir := t.TempDir()
	e, stop := start(t, dir, queue.Options{SegmentBytes: 3000})
	for n := range 40 {
		item := queuetest.ForSet(n, queuetest.Set(0, 6), n%7)
		if n%3 == 0 {
			item = queuetest.Item(n, n%7, 7)
		}
		if err := e.Put(t.Context(), []queue.Item{item, queuetest.Item(n/2, 8)})[0]; err != nil {
			t.Fatal(err)
		}
		for d := range 7 {
			if n%5 == d {
				err := e.Ack(t.Context(), queuetest.Device(d), []keys.EnvelopeID{queuetest.ID(n - d), queuetest.ID(n - 5), queuetest.ID(n)})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	want, err := e.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	got := inspect(t, dir)
	if diff := cmp.Diff(counts(want), counts(got)); diff != "" || !got.Oldest.Equal(want.Oldest) || len(got.Damage) > 0 {
		t.Errorf("running and at rest (-running +at rest), oldest %v and %v, damage %v:\n%s", want.Oldest, got.Oldest, got.Damage, diff)
	}
	if want.Entries < 50 || want.Segments < 3 {
		t.Errorf("the test looks at too little: %+v", want)
	}
}

func TestInspectingFindsEntriesWithoutABody(t *testing.T) {
	dir, opt := filled(t, 1)
	lost := logs(t, dir, "seg-*.log")[0]
	e, stop := start(t, dir, opt)
	if err := e.Put(t.Context(), []queue.Item{queuetest.Item(0, 2, 3)})[0]; err != nil { // a gain, in the next segment
		t.Fatal(err)
	}
	stop()
	if got := inspect(t, dir); got.Stray != 0 || got.Entries != 3 {
		t.Fatalf("%d stray of %d entries", got.Stray, got.Entries)
	}
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	if got := inspect(t, dir); got.Stray != 2 || got.Entries != 0 || got.Bodies != 0 {
		t.Errorf("stray %d, entries %d, bodies %d; want 2, 0, 0", got.Stray, got.Entries, got.Bodies)
	}
}

func TestInspectingRefuses(t *testing.T) {
	dir, opt := filled(t, 3)
	_, stop := start(t, dir, opt)
	if _, err := queue.Inspect(dir); !errors.Is(err, queue.ErrLocked) {
		t.Errorf("while it is open: %v", err)
	}
	stop()
	if _, err := queue.Inspect(t.TempDir()); !errors.Is(err, queue.ErrFormat) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil { // a copy without it
		t.Fatal(err)
	}
	if got := inspect(t, dir); got.Bodies != 3 {
		t.Errorf("a copy: %d bodies", got.Bodies)
	}
	if _, err := os.Stat(filepath.Join(dir, "LOCK")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("inspecting made a lock: %v", err)
	}
	os.Remove(logs(t, dir, "root-*")[0])
	if _, err := queue.Inspect(dir); !errors.Is(err, queue.ErrCorrupt) {
		t.Errorf("without the root key: %v", err)
	}
}

// Numbers follow the clock, so that the age of what waits can be told.
func TestTheOldestEntryHasItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, stop := start(t, "", queue.Options{Files: newMemFiles()})
		put := func(n int) {
			if err := e.Put(t.Context(), []queue.Item{queuetest.Item(n, 1)})[0]; err != nil {
				t.Fatal(err)
			}
		}
		put(1)
		time.Sleep(time.Hour)
		second := time.Now()
		put(2)
		time.Sleep(time.Hour)
		if err := e.Ack(t.Context(), queuetest.Device(1), []keys.EnvelopeID{queuetest.ID(1)}); err != nil {
			t.Fatal(err)
		}
		got, err := e.Report(t.Context())
		if err != nil || got.Oldest.Sub(second).Abs() > time.Millisecond {
			t.Errorf("the oldest is of %v, %v; want %v", got.Oldest, err, second)
		}
		stop()
	})
}

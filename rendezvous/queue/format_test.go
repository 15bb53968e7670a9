package queue_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// copyOf copies a kept folder, so that a test may open it.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "queue")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inFixture is what waits in the kept folders of format 1. They were written by the program that knew no other, with
// segments of 1,500 bytes: puts for one and for several, gains, acknowledgements, copies forward, a receipt of another
// organization, and an envelope whose time is over. One folder was left by a clean stop, one by a kill.
var inFixture = map[int][]int{1: {15, 18, 21, 32}, 2: {2, 3, 10, 16, 19, 32, 34}, 3: {2, 11, 14, 17, 20, 33}, 4: {2, 30, 31, 32}}

func TestAFolderOfFormatOneIsServedAndRaised(t *testing.T) { // [STO-1]
	for _, name := range []string{"format1/stopped", "format1/killed"} {
		t.Run(name, func(t *testing.T) {
			dir := copyOf(t, name)
			before, err := queue.Inspect(dir)
			if err != nil || len(before.Damage) > 0 || len(before.Keyless) > 0 || before.Fileless > 0 || before.Stray > 0 {
				t.Fatalf("as it was kept: %+v, %v", before, err)
			}
			for range 3 { // also after it was opened, and written to, in the new format
				e, stop := start(t, dir, queue.Options{SegmentBytes: 1500})
				if format, err := os.ReadFile(filepath.Join(dir, "FORMAT")); err != nil || string(format) != "muster queue 2\n" {
					t.Errorf("FORMAT says %q, %v", format, err)
				}
				wantWaiting(t, e, inFixture)
				put := []queue.Item{queuetest.Item(40, 1, 2), queuetest.ForSet(41, queuetest.Set(1, 4), 2)}
				if errs := e.Put(t.Context(), put); errs[0] != nil || errs[1] != nil {
					t.Fatal(errs)
				}
				for device := 1; device <= 4; device++ {
					if err := e.Ack(t.Context(), queuetest.Device(device), []keys.EnvelopeID{queuetest.ID(40), queuetest.ID(41)}); err != nil {
						t.Fatal(err)
					}
				}
				stop()
			}
			after, err := queue.Inspect(dir)
			if err != nil || len(after.Damage) > 0 {
				t.Fatal(after, err)
			}
			if diff := cmp.Diff([]int64{before.Bodies, before.Entries, before.Bytes}, []int64{after.Bodies, after.Entries, after.Bytes}); diff != "" {
				t.Errorf("bodies, entries and bytes (-before +after):\n%s", diff)
			}
			if !after.Oldest.Equal(before.Oldest) {
				t.Errorf("the oldest entry was of %v, and is of %v", before.Oldest, after.Oldest)
			}
		})
	}
}

// wantWaiting checks that exactly these envelopes wait, by device.
func wantWaiting(t *testing.T, e queue.Engine, want map[int][]int) {
	t.Helper()
	got := map[int][]int{}
	for device := range want {
		list, err := e.Next(t.Context(), queuetest.Device(device), 0, 1000, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			n := 0
			for n < 100 && queuetest.ID(n) != d.ID {
				n++
			}
			if string(d.Body) != string(queuetest.Body(n, 100)) {
				t.Errorf("device %d: a wrong body for envelope %d", device, n)
			}
			got[device] = append(got[device], n)
		}
		slices.Sort(got[device])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
}

// The check that this program makes for format 3 is the one that a program of format 1 made for this one.
func TestAFormatThatIsNotKnownIsRefused(t *testing.T) { // [STO-1]
	for text, want := range map[string]struct {
		known int
		ok    bool
	}{
		"muster queue 1\n": {1, true}, "muster queue 2\n": {1, false}, "muster queue 2": {2, false}, "muster queue 02\n": {2, false},
		"muster queue 0\n": {2, false}, "muster store 1\n": {2, false}, "": {2, false}, "muster queue 2\n2\n": {2, false},
		"muster queue 18446744073709551617\n": {2, false},
	} {
		if _, err := queue.ParseFormat([]byte(text), want.known); (err == nil) != want.ok || err != nil && !errors.Is(err, queue.ErrFormat) {
			t.Errorf("%q for a program that knows %d: %v", text, want.known, err)
		}
	}
}

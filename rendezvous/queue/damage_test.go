package queue_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// filled returns a folder with a queue of several segments, all for device 1.
func filled(t *testing.T, count int) (dir string, opt queue.Options) {
	dir, opt = t.TempDir(), queue.Options{SegmentBytes: 1500}
	e, stop := start(t, dir, opt)
	for n := range count {
		if err := e.Put(t.Context(), []queue.Item{queuetest.Item(n, 1)})[0]; err != nil {
			t.Fatal(err)
		}
	}
	stop()
	return dir, opt
}

func logs(t *testing.T, dir, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(list) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return list
}

func change(t *testing.T, path string, edit func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, edit(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(at int) func([]byte) []byte {
	return func(data []byte) []byte { data[at] ^= 1; return data }
}

func TestDamageIsNamedAndTheRestServed(t *testing.T) { // [STO-27]
	const count = 20
	for name, at := range map[string]int{"in a body": 300, "in the header of a frame": 17, "in the magic of the file": 3} {
		t.Run(name, func(t *testing.T) {
			dir, opt := filled(t, count)
			path := logs(t, dir, "seg-*.log")[1]
			change(t, path, flip(at))
			e, err := queue.Open(dir, opt)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			list, err := e.Next(t.Context(), queuetest.Device(1), 0, 100, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			damage := e.Damage()
			if len(damage) != 1 || !errors.Is(damage[0], queue.ErrCorrupt) ||
				!strings.Contains(damage[0].Error(), filepath.Base(path)) {
				t.Fatalf("damage %v, want one that names %s", damage, path)
			}
			if lost := count - len(list); lost > 1 || lost == 0 && at > 16 {
				t.Errorf("%d of %d lost", lost, count)
			}
		})
	}
}

func TestABodyThatRotsLaterIsNamedAndCanBePutAgain(t *testing.T) {
	dir, opt := filled(t, 20)
	opt.CacheBytes = 1
	e, stop := start(t, dir, opt)
	change(t, logs(t, dir, "seg-*.log")[0], flip(200))
	list, err := e.Next(t.Context(), queuetest.Device(1), 0, 100, 1<<20)
	if err != nil || len(list) != 19 || len(e.Damage()) != 1 {
		t.Fatalf("%d deliveries, %v, damage %v; want 19 and one damage", len(list), err, e.Damage())
	}
	if err := e.Put(t.Context(), []queue.Item{queuetest.Item(0, 2)})[0]; err != nil {
		t.Fatal(err)
	}
	for device, want := range map[int]int{1: 20, 2: 1} {
		list, err = e.Next(t.Context(), queuetest.Device(device), 0, 100, 1<<20)
		if err != nil || len(list) != want || list[0].ID != queuetest.ID(0) {
			t.Errorf("device %d: %d deliveries, %v; want %d", device, len(list), err, want)
		}
	}
	stop()
	e, _ = start(t, dir, opt)
	if list, err = e.Next(t.Context(), queuetest.Device(1), 0, 100, 1<<20); err != nil || len(list) != 20 {
		t.Errorf("after reopening: %d deliveries, %v", len(list), err)
	}
}

// What repairs a body and, further on in the same call, gains it a recipient keeps each device's numbers in order.
func TestARepairKeepsTheOrder(t *testing.T) {
	dir, opt := filled(t, 3)
	opt.CacheBytes = 1
	e, _ := start(t, dir, opt)
	change(t, logs(t, dir, "seg-*.log")[0], flip(200))
	if list, err := e.Next(t.Context(), queuetest.Device(1), 0, 100, 1<<20); err != nil || len(list) != 2 {
		t.Fatalf("%d deliveries, %v", len(list), err)
	}
	items := []queue.Item{queuetest.Item(0, 1), queuetest.Item(50, 2), queuetest.Item(0, 2)}
	for i, err := range e.Put(t.Context(), items) {
		if err != nil {
			t.Fatalf("item %d: %v", i, err)
		}
	}
	list, err := e.Next(t.Context(), queuetest.Device(2), 0, 100, 1<<20)
	if err != nil || len(list) != 2 || list[0].Number > list[1].Number {
		t.Fatalf("%v, %v", list, err)
	}
	if err := e.Ack(t.Context(), queuetest.Device(2), []keys.EnvelopeID{queuetest.ID(0), queuetest.ID(50)}); err != nil {
		t.Fatal(err)
	}
	if list, err = e.Next(t.Context(), queuetest.Device(2), 0, 100, 1<<20); err != nil || len(list) != 0 {
		t.Errorf("%d stay after their ack, %v", len(list), err)
	}
}

func TestATornEndIsCut(t *testing.T) { // [STO-27]
	for _, cut := range []int{1, 20, 300} {
		dir, opt := filled(t, 3)
		path := logs(t, dir, "seg-*.log")[0]
		var size int64
		change(t, path, func(data []byte) []byte {
			data = data[:bytes.LastIndex(data, []byte("mqR1"))-cut] // the last frame is the seal
			size = int64(len(data))
			return data
		})
		e, err := queue.Open(dir, opt)
		if err != nil {
			t.Fatal(err)
		}
		if damage := e.Damage(); len(damage) > 0 {
			t.Errorf("cut by %d: %v", cut, damage)
		}
		if info, err := os.Stat(path); err != nil || info.Size() >= size {
			t.Errorf("cut by %d: a torn end is left", cut)
		}
		list, err := e.Next(t.Context(), queuetest.Device(1), 0, 100, 1<<20)
		if want := 2 - cut/200; err != nil || len(list) != want {
			t.Errorf("cut by %d: %d deliveries, %v; want %d", cut, len(list), err, want)
		}
		e.Close()
	}
}

func TestOpenRefuses(t *testing.T) {
	refused := func(t *testing.T, dir string, want error, name string) {
		t.Helper()
		if _, err := queue.Open(dir, queue.Options{}); !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %v that names %s", err, want, name)
		}
	}
	t.Run("a newer format", func(t *testing.T) { // [STO-1]
		dir, _ := filled(t, 1)
		change(t, filepath.Join(dir, "FORMAT"), func([]byte) []byte { return []byte("muster queue 3\n") })
		refused(t, dir, queue.ErrFormat, "newer program")
	})
	t.Run("a changed root key", func(t *testing.T) { // [STO-20]
		dir, _ := filled(t, 1)
		change(t, logs(t, dir, "root-*")[0], flip(20))
		refused(t, dir, queue.ErrCorrupt, "root-")
	})
	t.Run("a missing root key", func(t *testing.T) {
		dir, _ := filled(t, 1)
		os.Remove(logs(t, dir, "root-*")[0])
		refused(t, dir, queue.ErrCorrupt, "root-")
	})
	t.Run("missing slots", func(t *testing.T) {
		dir, _ := filled(t, 1)
		os.Remove(logs(t, dir, "slots-*")[0])
		refused(t, dir, queue.ErrCorrupt, "slots-")
	})
	t.Run("a second opener", func(t *testing.T) {
		dir, opt := filled(t, 1)
		start(t, dir, opt)
		refused(t, dir, queue.ErrLocked, "")
	})
}

func TestADamagedSlotKeepsItsSegmentAndIsNamed(t *testing.T) { // [STO-21]
	dir, opt := filled(t, 20)
	change(t, logs(t, dir, "slots-*")[0], flip(50))
	before := len(logs(t, dir, "seg-*.log"))
	e, err := queue.Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if damage := e.Damage(); len(damage) != 2 {
		t.Errorf("damage %v, want the slot and the segment", damage)
	}
	if after := len(logs(t, dir, "seg-*.log")); after != before {
		t.Errorf("%d of %d segments left", after, before)
	}
	if list, err := e.Next(t.Context(), queuetest.Device(1), 0, 100, 1<<20); err != nil || len(list) == 0 {
		t.Errorf("the other segments serve %d, %v", len(list), err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir, _ := filled(t, 1)
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	for _, path := range logs(t, dir, "*") {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

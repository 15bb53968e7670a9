package drive

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(path, id string) Volume { return Volume{Path: filepath.FromSlash(path), ID: id} }

func TestCompareTellsWhatCameAndWent(t *testing.T) {
	system, stick, again, card := at("/", "1"), at("/media/stick", "2"), at("/media/stick", "3"), at("/media/card", "4")
	for name, c := range map[string]struct{ before, now, appeared, gone []Volume }{
		"nothing":               {[]Volume{system}, []Volume{system}, nil, nil},
		"a drive appears":       {[]Volume{system}, []Volume{system, stick}, []Volume{stick}, nil},
		"a drive goes":          {[]Volume{system, stick}, []Volume{system}, nil, []Volume{stick}},
		"one went and came":     {[]Volume{system, stick}, []Volume{system, again}, []Volume{again}, []Volume{stick}},
		"one takes another's":   {[]Volume{stick, system}, []Volume{system, card}, []Volume{card}, []Volume{stick}},
		"the order says naught": {[]Volume{stick, system}, []Volume{system, stick}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			appeared, gone := Compare(c.before, c.now)
			if diff := cmp.Diff(c.appeared, appeared) + cmp.Diff(c.gone, gone); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheLongestTopFolderCounts(t *testing.T) {
	volumes := []Volume{at("/", "1"), at("/media/stick", "2"), at("/media/stick/inner", "3")}
	for path, want := range map[string]string{
		"/home": "1", "/media/stick": "2", "/media/stick/backup": "2", "/media/sticky": "1", "/media/stick/inner/a/b": "3",
	} {
		if v, ok := On(volumes, filepath.FromSlash(path)); !ok || v.ID != want {
			t.Errorf("%s lies on volume %q, want %q", path, v.ID, want)
		}
	}
	if v, ok := On(volumes[1:2], "/home"); ok {
		t.Errorf("/home lies on %v", v)
	}
}

// The classic fault: a drive is away, its mount point is an empty folder, and the backup fills the system disk.
func TestAnEmptyMountPointIsNotTheDrive(t *testing.T) {
	here := t.TempDir()
	point := filepath.Join(here, "stick")
	if err := os.MkdirAll(filepath.Join(point, "backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	mark := Mark{ID: "abc", Path: filepath.Join(point, "backup"), Within: "backup"}
	read := func(place, id string) bool {
		data, err := os.ReadFile(filepath.Join(place, "id"))
		return err == nil && string(data) == id
	}
	if found := Find([]Mark{mark}, []Volume{{Path: here}}, read); len(found) != 0 {
		t.Fatalf("the mount point was taken for the drive: %v", found)
	}
	if err := os.WriteFile(filepath.Join(mark.Path, "id"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := Find([]Mark{mark}, []Volume{{Path: here}}, read); len(found) != 0 {
		t.Fatalf("another drive was taken for it: %v", found)
	}
}

func TestADriveIsFoundWhereverItIsMounted(t *testing.T) {
	volumes := []Volume{at("/", "1"), at("/media/ada/stick", "2")}
	mark := NewMark(volumes, "abc", filepath.FromSlash("/media/ada/stick/backup"))
	if mark.Within != "backup" {
		t.Fatalf("the mark is %+v", mark)
	}
	whole := NewMark(volumes, "whole", filepath.FromSlash("/media/ada/stick"))
	for name, c := range map[string]struct {
		lies  map[string]string // place to id
		where []Volume
		want  map[string]string
	}{
		"where it was":     {map[string]string{"/media/ada/stick/backup": "abc"}, volumes, map[string]string{"abc": "/media/ada/stick/backup"}},
		"elsewhere":        {map[string]string{"/mnt/backup": "abc"}, []Volume{at("/", "1"), at("/mnt", "7")}, map[string]string{"abc": "/mnt/backup"}},
		"nowhere":          {nil, volumes, map[string]string{}},
		"not a folder off": {map[string]string{"/mnt/other/backup": "abc"}, []Volume{at("/mnt", "7")}, map[string]string{}},
		"a copy beside it": {map[string]string{"/mnt/backup": "abc", "/media/ada/stick/backup": "abc"}, []Volume{at("/mnt", "7")},
			map[string]string{"abc": "/media/ada/stick/backup"}},
		"the top of a drive": {map[string]string{"/mnt": "whole"}, []Volume{at("/mnt", "7")}, map[string]string{"whole": "/mnt"}},
		"two of them": {map[string]string{"/mnt": "whole", "/x/backup": "abc"}, []Volume{at("/mnt", "7"), at("/x", "8")},
			map[string]string{"whole": "/mnt", "abc": "/x/backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			found := Find([]Mark{mark, whole}, c.where, func(place, id string) bool { return c.lies[filepath.ToSlash(place)] == id })
			got := make(map[string]string)
			for id, place := range found {
				got[id] = filepath.ToSlash(place)
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}

func TestPollingTellsOfEachChangeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mounted atomic.Pointer[[]Volume]
		var calls atomic.Int32
		mount := func(volumes ...Volume) { mounted.Store(&volumes) }
		mount(at("/", "1"))
		ended := make(chan error, 1)
		go func() {
			ended <- poll(ctx, func() ([]Volume, error) { return *mounted.Load(), nil }, func() { calls.Add(1) })
		}()
		expect := func(what string, want int32) {
			t.Helper()
			time.Sleep(2 * pollTime)
			synctest.Wait()
			if calls := calls.Load(); calls != want {
				t.Errorf("%s: called %d times, want %d", what, calls, want)
			}
		}
		expect("at the start", 1)
		mount(at("/", "1"), at("/media/stick", "2"))
		expect("a drive came", 2)
		mount(at("/", "1"))
		expect("it went", 3)
		expect("nothing changed", 3)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestTheListHoldsThisFolder(t *testing.T) {
	volumes, err := List()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := On(volumes, t.TempDir()); !ok {
		t.Errorf("no volume has the folder of this test: %v", volumes)
	}
}

package kv

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// contents are what a store of a test holds.
type contents map[string]string

// fill makes a store with all kinds of files, and returns what it holds: values in tables and in logs, large values in several files,
// and entries that were replaced and deleted.
func fill(t testing.TB, s *Store) contents {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	held := contents{}
	for i := range 60 {
		err := s.Update(func(tx *Tx) error {
			for j := range 12 {
				key := fmt.Sprintf("key %d", (i*12+j)%500)
				if j == 7 {
					delete(held, key)
					if err := tx.Delete([]byte(key)); err != nil {
						return err
					}
					continue
				}
				value := make([]byte, 1+random.IntN(16<<10))
				for at := range value {
					value[at] = byte(random.Uint32())
				}
				held[key] = string(value)
				if err := tx.Put([]byte(key), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if i%12 == 0 {
			key := fmt.Sprintf("large %d", i)
			held[key] = strings.Repeat(key, 20_000)
			put(t, s, key, held[key])
		}
	}
	return held
}

// read returns all that a store holds.
func read(s *Store) (contents, error) {
	held := contents{}
	err := s.View(func(tx *Tx) error {
		return tx.Range(nil, nil, false, func(key, value []byte) (bool, error) {
			held[string(key)] = string(value)
			return true, nil
		})
	})
	return held, err
}

// copyFolder copies a store's files as they are now, which is what a crash leaves, while no update runs. The engine may merge tables
// meanwhile, which the manifest shows: then it is copied anew, as a copy is to be of one moment.
func copyFolder(t testing.TB, from string) string {
	t.Helper()
	for {
		before, _ := os.ReadFile(filepath.Join(from, manifestFile))
		to := t.TempDir()
		entries, err := os.ReadDir(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			copyFile(t, filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name()))
		}
		if after, _ := os.ReadFile(filepath.Join(from, manifestFile)); bytes.Equal(before, after) {
			return to
		}
	}
}

// copyFile copies a file if it is there, without the pages that hold zeroes alone.
func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(len(data))); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(data); at += len(nothing) {
		page := data[at:min(at+len(nothing), len(data))]
		if zeroes(page) {
			continue
		}
		if _, err := f.WriteAt(page, int64(at)); err != nil {
			t.Fatal(err)
		}
	}
}

// judge opens a store that was tampered with. It is well if the store is refused as damaged, or some value is, or if all that was
// answered is there.
func judge(t testing.TB, dir string, held contents) (verdict string) {
	t.Helper()
	s, err := Open(dir, testKey, Options{})
	if err != nil {
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrKey) && !errors.Is(err, ErrFormat) {
			return fmt.Sprintf("WRONG ERROR %v", err)
		}
		return "refused: " + err.Error()
	}
	defer s.Close()
	got, err := read(s)
	switch {
	case errors.Is(err, ErrCorrupt):
		return "reported: " + err.Error()
	case err != nil:
		return fmt.Sprintf("WRONG ERROR %v", err)
	case !maps.Equal(got, held):
		return fmt.Sprintf("SILENT: %d entries of %d", len(got), len(held))
	}
	return whole
}

// tampered is a store, closed in order or as a crash leaves it, with what it holds.
type tampered struct {
	name string
	dir  string
	held contents
}

func storesToTamper(t testing.TB) []tampered {
	dir := t.TempDir()
	s, err := Open(dir, testKey, Options{})
	if err != nil {
		t.Fatal(err)
	}
	held := fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	inOrder := tampered{"closed", copyFolder(t, dir), maps.Clone(held)}
	if s, err = Open(dir, testKey, Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		key := fmt.Sprintf("late %d", i)
		held[key] = strings.Repeat(key, 1+i*30)
		put(t, s, key, held[key])
		if i%10 == 5 {
			held["large "+key] = strings.Repeat(key, 20_000)
			put(t, s, "large "+key, held["large "+key])
		}
	}
	killed := tampered{"killed", copyFolder(t, dir), held}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return []tampered{inOrder, killed}
}

// flip turns a bit of a file over.
func flip(t testing.TB, path string, at int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	one := make([]byte, 1)
	if _, err := f.ReadAt(one, int64(at)); err != nil {
		t.Fatal(err)
	}
	one[0] ^= 1 << (at % 8)
	if _, err := f.WriteAt(one, int64(at)); err != nil {
		t.Fatal(err)
	}
}

func fileNames(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != "LOCK" {
			names = append(names, entry.Name())
		}
	}
	return names
}

// filled returns how long a file is without the zeroes at its end, if it does not hold zeroes alone.
func filled(t testing.TB, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if size := len(bytes.TrimRight(data, "\x00")); size > 0 {
		return size
	}
	return len(data)
}

// whole finds fault with nothing that was not changed.
const whole = "whole"

// A store of which anything was changed is refused, or says what is damaged when that is read. Nothing that was answered is missing
// in silence, and nothing comes back. [STO-8]
func TestTamperingIsNoticed(t *testing.T) { tamper(t, 3) }

// TestLongTamperingIsNoticed changes every file in more places.
func TestLongTamperingIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("this test is a long one: make long runs it")
	}
	tamper(t, 1)
}

// tamper changes every file in every so manieth of its places, cuts it, and removes it.
func tamper(t *testing.T, stride int) {
	t.Helper()
	for _, of := range storesToTamper(t) {
		if verdict := judge(t, copyFolder(t, of.dir), of.held); verdict != whole {
			t.Fatalf("%s and untouched: %s", of.name, verdict)
		}
		for _, name := range fileNames(t, of.dir) {
			size := filled(t, filepath.Join(of.dir, name))
			try := func(what string, by func(path string) error) {
				dir := copyFolder(t, of.dir)
				if err := by(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				verdict := judge(t, dir, of.held)
				hint := name == "DISCARD" && of.name == "killed" // holds hints alone
				if strings.ToUpper(verdict[:5]) == verdict[:5] || verdict == whole && !hint {
					t.Errorf("%s, %s %s: %s", of.name, name, what, verdict)
				}
				os.RemoveAll(dir)
			}
			for at := range slices.Chunk(places(name, size), stride) {
				at := at[len(at)-1]
				try(fmt.Sprintf("changed at %d of %d", at, size), func(path string) error { flip(t, path, at); return nil })
			}
			for _, left := range []int{0, size / 2, size - 1} {
				if left < size {
					try(fmt.Sprintf("cut to %d of %d", left, size), func(path string) error { return os.Truncate(path, int64(left)) })
				}
			}
			try("removed", os.Remove)
		}
	}
}

// places are where a file is changed: where its parts begin and end, and some in between that are drawn by its name.
func places(name string, size int) (all []int) {
	digest := sha256.Sum256([]byte(name))
	random := rand.New(rand.NewChaCha8(digest))
	for _, at := range []int{0, 7, 12, 20, 23, size - 1, size - 20} {
		if at >= 0 && at < size {
			all = append(all, at)
		}
	}
	for range 3 {
		if size > 0 {
			all = append(all, random.IntN(size))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// A file that is put back as it was at an earlier closing is noticed, whichever it is. [STO-8]
func TestAnOlderCopyOfAFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	fill(t, s)
	s.Close()
	before := copyFolder(t, dir)
	s = open(t, dir, Options{})
	for i := range 500 {
		put(t, s, fmt.Sprintf("key %d", i), "a later value")
	}
	held, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, name := range fileNames(t, before) {
		data, err := os.ReadFile(filepath.Join(before, name))
		if err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(filepath.Join(dir, name)); err == nil && bytes.Equal(now, data) {
			continue
		}
		tampered := copyFolder(t, dir)
		if err := os.WriteFile(filepath.Join(tampered, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if verdict := judge(t, tampered, held); !strings.HasPrefix(verdict, "refused") {
			t.Errorf("%s: %s", name, verdict)
		}
	}
}

// What is refused is left as it is, and named by file.
func TestDamageChangesNothing(t *testing.T) {
	for _, of := range storesToTamper(t) {
		name := map[string]string{"closed": "000001.sst", "killed": "00001.mem"}[of.name]
		flip(t, filepath.Join(of.dir, name), 100)
		before := picture(t, of.dir)
		for range 2 {
			_, err := Open(of.dir, testKey, Options{})
			damage := new(Damage)
			if !errors.As(err, &damage) || len(damage.Found) != 1 || damage.Found[0].File != name {
				t.Errorf("%s: %v", of.name, err)
			}
		}
		if now := picture(t, of.dir); !maps.Equal(before, now) {
			t.Errorf("%s: the refused store was changed", of.name)
		}
	}
}

func picture(t testing.TB, dir string) map[string][32]byte {
	t.Helper()
	all := make(map[string][32]byte)
	for _, name := range fileNames(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = sha256.Sum256(data)
	}
	return all
}

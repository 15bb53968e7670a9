package kv

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// change puts, replaces, deletes and collects at random, and keeps what was answered.
func change(t testing.TB, s *Store, held contents, random *rand.Rand) {
	t.Helper()
	for range 5 + random.IntN(40) {
		next := maps.Clone(held)
		if random.IntN(8) == 0 {
			s.write.Lock()
			s.books.made = time.Time{} // the minute is over
			s.write.Unlock()
		}
		err := s.Update(func(tx *Tx) error {
			for range 1 + random.IntN(20) {
				key := fmt.Sprintf("key %d", random.IntN(400))
				if random.IntN(3) == 0 {
					delete(next, key)
					if err := tx.Delete([]byte(key)); err != nil {
						return err
					}
					continue
				}
				next[key] = strings.Repeat(key, random.IntN(2000))
				if err := tx.Put([]byte(key), []byte(next[key])); err != nil {
					return err
				}
			}
			if random.IntN(6) > 0 {
				return nil
			}
			key := fmt.Sprintf("large %d", random.IntN(4))
			next[key] = strings.Repeat(key, 10_000+random.IntN(100_000))
			return tx.Put([]byte(key), []byte(next[key]))
		})
		if err != nil {
			t.Fatal(err)
		}
		clear(held)
		maps.Copy(held, next)
	}
	if random.IntN(3) == 0 {
		if err := s.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// crashSeeds is how many courses a store is led through.
const crashSeeds = 3

// However often a store crashes or is closed, it opens with all that was answered. [STO-8]
func TestACrashIsNoDamage(t *testing.T) {
	for seed := range uint64(crashSeeds) {
		random, dir, held := rand.New(rand.NewPCG(seed, 7)), t.TempDir(), contents{}
		for generation := range 8 {
			s, err := Open(dir, testKey, Options{})
			if err != nil {
				t.Fatalf("seed %d, generation %d: %v", seed, generation, err)
			}
			got, err := read(s)
			if err != nil || !maps.Equal(got, held) {
				t.Fatalf("seed %d, generation %d: %d entries of %d, %v", seed, generation, len(got), len(held), err)
			}
			if random.IntN(5) > 0 {
				change(t, s, held, random)
			}
			if random.IntN(2) == 0 {
				s.write.Lock() // a copy is of one moment only while nothing is written
				dir = copyFolder(t, dir)
				s.write.Unlock()
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A process that is killed while the engine takes away a file that it has replaced leaves an empty one of its name: that is no
// damage. An empty table that is in use is. [STO-8]
func TestAReplacedFileThatWasOnlyEmptiedIsNoDamage(t *testing.T) {
	random, dir, held := rand.New(rand.NewPCG(3, 7)), t.TempDir(), contents{}
	s := open(t, dir, Options{})
	for range 6 {
		change(t, s, held, random)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, Options{}).Close(); err != nil { // leaves a log of values that holds none
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	listed := slices.Clone(s.books.tally.files) // as it was closed; no other is made within a minute
	gone := func() (replaced []string) {
		names := fileNames(t, dir)
		for _, f := range listed {
			if strings.HasSuffix(f.name, tableEnd) && !slices.Contains(names, f.name) {
				replaced = append(replaced, f.name)
			}
		}
		return replaced
	}
	for round := 0; len(gone()) == 0 && round < 2000; round++ {
		err := s.Update(func(tx *Tx) error {
			for n := range 20 {
				key, value := fmt.Sprintf("key %d", (20*round+n)%400), strings.Repeat("v", 8000+round)
				held[key] = value
				if err := tx.Put([]byte(key), []byte(value)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.write.Lock()
	crashed := copyFolder(t, dir)
	s.write.Unlock()
	names, replaced := fileNames(t, crashed), gone()
	tables := len(replaced)
	for _, f := range listed { // a log of values that holds none goes at the next opening
		if strings.HasSuffix(f.name, valueEnd) && f.size == valueHead {
			replaced = append(replaced, f.name)
		}
	}
	if tables == 0 || len(replaced) == tables {
		t.Fatalf("the engine replaces %d tables, and %d logs of values", tables, len(replaced)-tables)
	}
	for _, name := range replaced {
		if err := os.WriteFile(filepath.Join(crashed, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range names {
		if strings.HasSuffix(f, tableEnd) {
			used := copyFolder(t, crashed)
			if err := os.Truncate(filepath.Join(used, f), 0); err != nil {
				t.Fatal(err)
			}
			if verdict := judge(t, used, held); verdict == whole {
				t.Errorf("a table in use was emptied: %s", verdict)
			}
		}
	}
	if verdict := judge(t, crashed, held); verdict != whole {
		t.Errorf("%d files were emptied on their way out: %s", len(replaced), verdict)
	}
}

// The torn end of an update that was not answered is no damage: any part of it may be on the disk.
func TestATornUpdateIsNoDamage(t *testing.T) {
	random, dir, held := rand.New(rand.NewPCG(1, 9)), t.TempDir(), contents{}
	s := open(t, dir, Options{})
	for round := range 6 {
		change(t, s, held, random)
		before := copyFolder(t, dir)
		err := s.Update(func(tx *Tx) error { // which has several pages in each log
			for i := range 20 {
				if err := tx.Put([]byte(fmt.Sprintf("torn %d", i)), make([]byte, 3000)); err != nil {
					return err
				}
			}
			return tx.Put([]byte("torn and large"), make([]byte, 100_000))
		})
		if err != nil {
			t.Fatal(err)
		}
		after := copyFolder(t, dir)
		torn := 0
		for _, name := range fileNames(t, before) {
			if strings.HasSuffix(name, logEnd) || strings.HasSuffix(name, valueEnd) {
				torn += tear(t, filepath.Join(before, name), filepath.Join(after, name), random)
			}
		}
		if verdict := judge(t, before, held); torn == 0 || verdict != whole {
			t.Errorf("round %d, %d pages: %s", round, torn, verdict)
		}
		if err := s.Update(func(tx *Tx) error {
			return tx.Range([]byte("torn"), nil, false, func(key, _ []byte) (bool, error) { return true, tx.Delete(key) })
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// tear brings some of the pages that an update wrote into a file of before it, but not all of those of its log.
func tear(t testing.TB, before, after string, random *rand.Rand) (torn int) {
	t.Helper()
	old, err := os.ReadFile(before)
	if err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile(after)
	if err != nil || len(now) != len(old) {
		return 0 // another log was begun
	}
	const page = 4096
	var differ []int
	for at := 0; at < len(old); at += page {
		if end := min(at+page, len(old)); !bytes.Equal(old[at:end], now[at:end]) {
			differ = append(differ, at)
		}
	}
	for i, at := range differ {
		last := strings.HasSuffix(before, logEnd) && i == 1 // without it the update is not whole
		if !last && random.IntN(3) > 0 {
			copy(old[at:min(at+page, len(old))], now[at:])
			torn++
		}
	}
	if err := os.WriteFile(before, old, 0o600); err != nil {
		t.Fatal(err)
	}
	return torn
}

package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var testKey = [32]byte{1, 2, 3}

func open(t testing.TB, dir string, opt Options) *Store {
	t.Helper()
	s, err := Open(dir, testKey, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t testing.TB, s *Store, key, value string) {
	t.Helper()
	if err := s.Update(func(tx *Tx) error { return tx.Put([]byte(key), []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

func get(s *Store, key string) (value string, err error) {
	err = s.View(func(tx *Tx) error {
		data, err := tx.Get([]byte(key))
		value = string(data)
		return err
	})
	return value, err
}

func eachMode(t *testing.T, run func(t *testing.T, dir string, opt Options)) {
	t.Run("on disk", func(t *testing.T) { run(t, t.TempDir(), Options{}) })
	t.Run("in memory", func(t *testing.T) { run(t, "", Options{InMemory: true}) })
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, dir string, opt Options) {
		s := open(t, dir, opt)
		put(t, s, "a", "1")
		stop := errors.New("stop")
		err := s.Update(func(tx *Tx) error {
			if err := tx.Put([]byte("a"), []byte("2")); err != nil {
				return err
			}
			if v, err := tx.Get([]byte("a")); err != nil || string(v) != "2" {
				t.Errorf("own write not seen: %q, %v", v, err)
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Errorf("got %v, want the function's own error", err)
		}
		if v, err := get(s, "a"); err != nil || v != "1" {
			t.Errorf("got %q, %v after a refused update", v, err)
		}
		if _, err := get(s, "b"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if err := s.View(func(tx *Tx) error { return tx.Put([]byte("a"), nil) }); !errors.Is(err, ErrReadOnly) {
			t.Errorf("write in a view: %v", err)
		}
	})
}

func TestValuesSurviveReopeningWhateverTheirSize(t *testing.T) {
	dir := t.TempDir()
	sizes := []int{0, 1, 1024, valueThreshold - 1, valueThreshold + 1, 1 << 20, MaxValue}
	s := open(t, dir, Options{})
	for _, size := range sizes {
		put(t, s, fmt.Sprint(size), strings.Repeat("x", size))
	}
	err := s.Update(func(tx *Tx) error { return tx.Put([]byte("k"), make([]byte, MaxValue+1)) })
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	for _, size := range sizes {
		if v, err := get(s, fmt.Sprint(size)); err != nil || len(v) != size {
			t.Errorf("size %d: got %d bytes, %v", size, len(v), err)
		}
	}
	if err := s.Collect(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMemoryHoldsItsLargestValue(t *testing.T) {
	s := open(t, "", Options{InMemory: true})
	put(t, s, "k", strings.Repeat("x", MaxMemoryValue))
	if v, err := get(s, "k"); err != nil || len(v) != MaxMemoryValue {
		t.Errorf("got %d bytes, %v", len(v), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	made := func(t *testing.T) string {
		dir := t.TempDir()
		s := open(t, dir, Options{})
		put(t, s, "a", "1")
		s.Close()
		return dir
	}
	write := func(t *testing.T, dir, content string) {
		if err := os.WriteFile(filepath.Join(dir, formatFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a wrong key", func(t *testing.T) { // [STO-2]
		if _, err := Open(made(t), [32]byte{9}, Options{}); !errors.Is(err, ErrKey) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a newer format", func(t *testing.T) { // [STO-1]
		dir := made(t)
		write(t, dir, "muster store 3\n")
		if _, err := Open(dir, testKey, Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a broken marker", func(t *testing.T) {
		dir := made(t)
		write(t, dir, "hello")
		if _, err := Open(dir, testKey, Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a store without its marker", func(t *testing.T) {
		dir := made(t)
		write(t, dir, "")
		if _, err := Open(dir, testKey, Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a broken key registry", func(t *testing.T) {
		dir := made(t)
		if err := os.WriteFile(filepath.Join(dir, "KEYREGISTRY"), []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, testKey, Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a second opener, and not a third after Close", func(t *testing.T) {
		dir := made(t)
		s := open(t, dir, Options{})
		if _, err := Open(dir, testKey, Options{}); !errors.Is(err, ErrLocked) {
			t.Errorf("got %v", err)
		}
		s.Close()
		open(t, dir, Options{})
	})
}

func TestFolderIsPrivateAndHoldsNoPlainText(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, Options{})
	put(t, s, "secret-name", strings.Repeat("secret-value", 10000))
	put(t, s, "secret-small", "secret-value")
	s.Close()
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("folder has mode %v", info.Mode())
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("secret-")) {
			t.Errorf("%s holds plain text", f.Name())
		}
	}
}

func TestAValueMovedToAnotherKeyIsDamage(t *testing.T) { // [STO-3]
	s := open(t, t.TempDir(), Options{})
	put(t, s, "a", "1")
	txn := s.db.NewTransaction(true)
	item, err := txn.Get([]byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := item.ValueCopy(nil)
	txn.Set([]byte("b"), sealed)
	txn.Set([]byte("c"), []byte("short"))
	if err := txn.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"b", "c"} {
		if _, err := get(s, key); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", key, err)
		}
	}
	err = s.View(func(tx *Tx) error {
		return tx.Range(nil, nil, false, func(_, _ []byte) (bool, error) { return true, nil })
	})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("range: got %v, want ErrCorrupt", err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	s.Close()
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := s.Update(func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Update: %v", err)
	}
	if err := s.View(func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("View: %v", err)
	}
}

// TestRangeAgreesWithAModel puts and deletes at random, in updates that range while they write, and compares every
// kind of range with a sorted map.
func TestRangeAgreesWithAModel(t *testing.T) {
	s := open(t, "", Options{InMemory: true})
	rapid.Check(t, func(t *rapid.T) {
		err := s.Update(func(tx *Tx) error {
			return tx.Range(nil, nil, false, func(key, _ []byte) (bool, error) { return true, tx.Delete(key) })
		})
		if err != nil {
			t.Fatal(err)
		}
		model := map[string]string{}
		key := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', 0xff}), 1, 3, -1)
		count := rapid.IntRange(0, 120).Draw(t, "count")
		err = s.Update(func(tx *Tx) error {
			for i := range count {
				k, v := key.Draw(t, "key")+fmt.Sprint(i%7), fmt.Sprint(i)
				model[k] = v
				if err := tx.Put([]byte(k), []byte(v)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		prefix := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', 0xff}), 0, 2, -1).Draw(t, "prefix")
		after := rapid.SampledFrom([]string{"", prefix, prefix + "a", prefix + "b3"}).Draw(t, "after")
		reverse := rapid.Bool().Draw(t, "reverse")
		stop := rapid.IntRange(1, 200).Draw(t, "stop")
		want := modelRange(model, prefix, after, reverse, stop)
		var got []string
		err = s.View(func(tx *Tx) error {
			var from []byte
			if after != "" {
				from = []byte(after)
			}
			return tx.Range([]byte(prefix), from, reverse, func(k, v []byte) (bool, error) {
				got = append(got, string(k)+"="+string(v))
				return len(got) < stop, nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("prefix %q after %q reverse %v:\n%s", prefix, after, reverse, diff)
		}
	})
}

func modelRange(model map[string]string, prefix, after string, reverse bool, stop int) []string {
	var out []string
	for _, k := range sortedKeys(model, reverse) {
		behind := after == "" || !reverse && k > after || reverse && k < after
		if strings.HasPrefix(k, prefix) && behind && len(out) < stop {
			out = append(out, k+"="+model[k])
		}
	}
	return out
}

func sortedKeys(model map[string]string, reverse bool) []string {
	keys := slices.Sorted(maps.Keys(model))
	if reverse {
		slices.Reverse(keys)
	}
	return keys
}

func TestKeyPartsCannotRunTogether(t *testing.T) { // [STO-5]
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3), 1, 4)
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		if same := cmp.Equal(a, b); same != bytes.Equal(Key(a...), Key(b...)) {
			t.Fatalf("%v and %v: equal parts %v, equal keys %v", a, b, same, !same)
		}
		if len(a) > 1 && !bytes.HasPrefix(Key(a...), Key(a[:1]...)) {
			t.Fatal("a shorter list of parts is not a prefix")
		}
	})
	if bytes.Compare(Key(Number(255)), Key(Number(256))) >= 0 {
		t.Error("numbers do not sort")
	}
}

func TestConcurrentUpdatesDoNotConflict(t *testing.T) {
	s := open(t, "", Options{InMemory: true})
	done := make(chan error)
	for range 8 {
		go func() {
			for range 50 {
				err := s.Update(func(tx *Tx) error {
					v, err := tx.Get([]byte("n"))
					if err != nil && !errors.Is(err, ErrNotFound) {
						return err
					}
					return tx.Put([]byte("n"), append(v, 'x'))
				})
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if v, _ := get(s, "n"); len(v) != 400 {
		t.Errorf("%d of 400 updates counted", len(v))
	}
}

func TestWorksInsideABubble(t *testing.T) {
	eachMode(t, func(t *testing.T, dir string, opt Options) {
		synctest.Test(t, func(t *testing.T) {
			s, err := Open(dir, testKey, opt)
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, "a", "1")
			synctest.Wait()
			if v, err := get(s, "a"); err != nil || v != "1" {
				t.Errorf("got %q, %v", v, err)
			}
			if err := s.Collect(context.Background()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

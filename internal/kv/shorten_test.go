package kv_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"muster.example/internal/kv"
)

// all returns what a store says.
func all(t *testing.T, s *kv.Store) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := s.View(func(tx *kv.Tx) error {
		return tx.Range(nil, nil, false, func(key, value []byte) (bool, error) {
			found[string(key)] = string(value)
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func shorten(t *testing.T, s *kv.Store) {
	t.Helper()
	if err := s.Shorten(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

// busy makes changes of which few hold in the end, and some that delete.
func busy(t *testing.T, s *kv.Store, rounds int) {
	t.Helper()
	for n := range rounds {
		set(t, s, fmt.Sprintf("key %02d", n%40), fmt.Sprintf("%0200d", n))
	}
	err := s.Update(func(tx *kv.Tx) error { return tx.Delete([]byte("key 07")) })
	if err != nil {
		t.Fatal(err)
	}
}

// A journal that is mostly of what holds no more is shortened to what does. Who has a copy hears of nothing, and a new copy is the same. [STO-98]
func TestAJournalIsShortened(t *testing.T) {
	journal := newList()
	told := 0
	a := openShared(t, t.TempDir(), journal, ignore)
	b := openShared(t, t.TempDir(), journal, func(keys [][]byte) { told += len(keys) })
	busy(t, a, 400)
	if err := b.CatchUp(); err != nil {
		t.Fatal(err)
	}
	long, _ := journal.Size()
	before := told
	shorten(t, a) // says it anew
	if said, _ := journal.Size(); said <= long || journal.gone != 0 {
		t.Fatalf("%d bytes after %d, %d changes gone", said, long, journal.gone)
	}
	shorten(t, a) // leaves time to those who are behind
	if journal.gone != 0 {
		t.Fatal("what others may be reading is gone")
	}
	if err := b.CatchUp(); err != nil || told != before {
		t.Errorf("%d keys changed for who has a copy: %v", told-before, err)
	}
	shorten(t, a) // removes
	short, _ := journal.Size()
	if short > long/5 || journal.gone != 401 {
		t.Errorf("%d bytes are left of %d, %d changes gone", short, long, journal.gone)
	}
	set(t, b, "more", "x")
	fresh := openShared(t, t.TempDir(), journal, ignore)
	if err := a.CatchUp(); err != nil {
		t.Fatal(err)
	}
	want := all(t, a)
	if len(want) != 40 || !maps.Equal(want, all(t, fresh)) || !maps.Equal(want, all(t, b)) {
		t.Errorf("%d keys, in a new copy %d, in another %d", len(want), len(all(t, fresh)), len(all(t, b)))
	}
	ended := len(journal.changes)
	for range 5 {
		shorten(t, a)
	}
	if len(journal.changes) > ended+2 {
		t.Errorf("%d changes were made of a journal that is short", len(journal.changes)-ended)
	}
	t.Logf("%d changes of %d bytes became %d of %d", 401, long, len(journal.changes)-journal.gone, short)
}

// A journal of which the beginning is missing without that it was said anew is damaged, also for a copy that was broken off there.
func TestAJournalThatWasCutIsNotBelieved(t *testing.T) {
	journal := newList()
	a := openShared(t, t.TempDir(), journal, ignore)
	busy(t, a, 100)
	shorten(t, a)
	whole := len(journal.changes) - 2 // one page, and that it is all
	for gone, want := range map[int]error{whole: nil, whole + 1: kv.ErrCorrupt, 50: nil} {
		journal.gone = gone
		dir := t.TempDir()
		for range 2 {
			s, err := kv.Open(dir, sharedKey, kv.Options{Brief: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Share(journal, sharedKey, ignore); !errors.Is(err, want) {
				t.Errorf("behind change %d of %d: %v", gone, len(journal.changes), err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Another changes keys between the pages: what it did holds.
func TestChangesWhileAJournalIsSaidAnew(t *testing.T) {
	journal := &meddled{list: newList()}
	a := openShared(t, t.TempDir(), journal, ignore)
	for round := range 3 {
		for n := range 300 {
			set(t, a, fmt.Sprintf("key %03d", n), fmt.Sprintf("%04000d", n+round))
		}
	}
	b := openShared(t, t.TempDir(), journal.list, ignore)
	meddles := 0
	journal.before = func() { // of each page
		meddles++
		set(t, b, "key 001", fmt.Sprint(meddles))
		set(t, b, "key 299", fmt.Sprint(meddles))
		set(t, b, fmt.Sprintf("new %d", meddles), "x")
		if err := b.Update(func(tx *kv.Tx) error { return tx.Delete(fmt.Appendf(nil, "key %03d", 50*meddles)) }); err != nil {
			t.Error(err)
		}
	}
	shorten(t, a)
	journal.before = nil
	if meddles < 4 {
		t.Fatalf("%d pages", meddles)
	}
	shorten(t, a)
	shorten(t, a)
	fresh := openShared(t, t.TempDir(), journal, ignore)
	if err := errors.Join(a.CatchUp(), b.CatchUp()); err != nil {
		t.Fatal(err)
	}
	want := all(t, b)
	if journal.gone == 0 || !maps.Equal(want, all(t, a)) || !maps.Equal(want, all(t, fresh)) {
		t.Errorf("%d changes gone; %d keys, %d in a new copy", journal.gone, len(want), len(all(t, fresh)))
	}
}

// meddled is a journal to which others append first, and which fails at some operation.
type meddled struct {
	*list
	before func()
	met    bool
	left   int // operations until it fails, before that when negative is never
	done   bool
}

var errKilled = errors.New("killed")

func (m *meddled) Append(after uint64, change []byte) error {
	if m.met = !m.met && m.before != nil; m.met { // each is tried twice
		m.before()
	}
	return m.maybe(func() error { return m.list.Append(after, change) })
}

func (m *meddled) Remove(upTo uint64) error {
	return m.maybe(func() error { return m.list.Remove(upTo) })
}

// maybe does something, or ends: once what was to be done is done, and once it is not.
func (m *meddled) maybe(do func() error) error {
	if m.left--; m.left == 0 {
		if m.done {
			_ = do()
		}
		return errKilled
	}
	return do()
}

// Killed at any step, with it done or not, nothing is lost and nothing comes back, here and in new copies; and the next call goes on.
func TestKilledWhileAJournalIsShortened(t *testing.T) {
	for _, done := range []bool{false, true} {
		killed := 0
		for step := 1; ; step++ {
			journal, dir := &meddled{list: newList(), done: done}, t.TempDir()
			s := openShared(t, filepath.Join(dir, "a"), journal, ignore)
			busy(t, s, 100)
			want := all(t, s)
			journal.left = step
			var err error
			for range 3 {
				err = errors.Join(err, s.Shorten(t.Context(), 0))
				if err != nil {
					break
				}
			}
			journal.left = 0
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openShared(t, filepath.Join(dir, "a"), journal, ignore)
			fresh := openShared(t, filepath.Join(dir, "b"), journal, ignore)
			if !maps.Equal(want, all(t, s)) || !maps.Equal(want, all(t, fresh)) {
				t.Errorf("step %d, done %v: %d keys, %d in a new copy, of %d", step, done, len(all(t, s)), len(all(t, fresh)), len(want))
			}
			for range 3 {
				shorten(t, s)
			}
			later := openShared(t, filepath.Join(dir, "c"), journal, ignore)
			if journal.gone == 0 || !maps.Equal(want, all(t, later)) {
				t.Errorf("step %d, done %v: afterwards %d changes are gone, %d keys", step, done, journal.gone, len(all(t, later)))
			}
			if err := errors.Join(s.Close(), fresh.Close(), later.Close()); err != nil {
				t.Fatal(err)
			}
			if err == nil {
				break
			}
			killed++
		}
		if killed != 3 { // a page, that it is all, the removal
			t.Errorf("killed at %d steps", killed)
		}
	}
}

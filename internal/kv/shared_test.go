package kv_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"muster.example/internal/kv"
)

// list is a journal in memory.
type list struct {
	mu      sync.Mutex
	changes [][]byte
	gone    int   // of its beginning
	fail    error // what Append answers
	changed chan struct{}
}

func newList() *list { return &list{changed: make(chan struct{}, 1)} }

func (l *list) Append(after uint64, change []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	if after != uint64(len(l.changes)) {
		return kv.ErrBehind
	}
	l.changes = append(l.changes, slices.Clone(change))
	return nil
}

func (l *list) Since(after uint64) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after < uint64(l.gone) {
		return nil, kv.ErrBehind
	}
	return slices.Clone(l.changes[min(after, uint64(len(l.changes))):]), nil
}

func (l *list) End() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.changes)), nil
}

func (l *list) Begin() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(l.gone), nil
}

func (l *list) Size() (size uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, change := range l.changes[l.gone:] {
		size += uint64(len(change))
	}
	return size, nil
}

func (l *list) Remove(upTo uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = max(l.gone, int(upTo))
	return nil
}

func (l *list) Changed() <-chan struct{} { return l.changed }

var sharedKey = [32]byte{7}

func openShared(t *testing.T, dir string, journal kv.Journal, changed func([][]byte)) *kv.Store {
	t.Helper()
	s, err := kv.Open(dir, sharedKey, kv.Options{Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if journal != nil {
		if err := s.Share(journal, sharedKey, changed); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func set(t *testing.T, s *kv.Store, key, value string) {
	t.Helper()
	if err := s.Update(func(tx *kv.Tx) error { return tx.Put([]byte(key), []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *kv.Store, key string) (value string) {
	t.Helper()
	err := s.View(func(tx *kv.Tx) error {
		found, err := tx.Get([]byte(key))
		value = string(found)
		return err
	})
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		t.Fatal(err)
	}
	return value
}

func ignore([][]byte) {}

// Two stores that share a journal count together: each change is made over what the other had done.
func TestSharedStoresChangeOneAfterAnother(t *testing.T) {
	journal := newList()
	var told [][]byte
	a := openShared(t, t.TempDir(), journal, ignore)
	b := openShared(t, t.TempDir(), journal, func(keys [][]byte) { told = append(told, keys...) })
	count := func(s *kv.Store) error {
		return s.Update(func(tx *kv.Tx) error {
			n := 0
			if value, err := tx.Get([]byte("count")); err == nil {
				fmt.Sscan(string(value), &n)
			}
			return tx.Put([]byte("count"), fmt.Append(nil, n+1))
		})
	}
	var wait sync.WaitGroup
	for _, s := range []*kv.Store{a, b} {
		wait.Go(func() {
			for range 10 {
				if err := count(s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	set(t, a, "more", "x")
	if err := errors.Join(a.CatchUp(), b.CatchUp()); err != nil {
		t.Fatal(err)
	}
	if get(t, a, "count") != "20" || get(t, b, "count") != "20" || get(t, b, "more") != "x" {
		t.Errorf("they counted to %s and %s", get(t, a, "count"), get(t, b, "count"))
	}
	if len(told) != 11 {
		t.Errorf("told of %d changes of the other", len(told))
	}
	if err := a.Update(func(tx *kv.Tx) error { return tx.Delete([]byte("more")) }); err != nil {
		t.Fatal(err)
	}
	if err := b.CatchUp(); err != nil || get(t, b, "more") != "" {
		t.Errorf("what the other deleted is there: %v", err)
	}
}

// A folder gives a new journal what it has, and another folder takes it from there; what the journal refuses is nowhere.
func TestAFolderGoesIntoAJournal(t *testing.T) {
	dir, journal := t.TempDir(), newList()
	s := openShared(t, filepath.Join(dir, "a"), nil, nil)
	for n := range 3000 {
		set(t, s, fmt.Sprintf("key %d", n), fmt.Sprintf("%0200d", n))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openShared(t, filepath.Join(dir, "a"), journal, ignore)
	if len(journal.changes) < 2 {
		t.Errorf("%d changes", len(journal.changes))
	}
	journal.fail = errors.New("no")
	if err := s.Update(func(tx *kv.Tx) error { return tx.Put([]byte("x"), nil) }); err == nil {
		t.Error("what the journal refused was taken")
	}
	journal.fail = nil
	other := openShared(t, filepath.Join(dir, "b"), journal, ignore)
	for n := range 3000 {
		if get(t, other, fmt.Sprintf("key %d", n)) != fmt.Sprintf("%0200d", n) {
			t.Fatalf("key %d is not what it was", n)
		}
	}
	if err := errors.Join(other.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	again := openShared(t, filepath.Join(dir, "b"), nil, nil)
	if !again.WasShared() {
		t.Error("a copy does not know that it is one")
	}
	if err := again.Unshare(); err != nil || again.WasShared() {
		t.Errorf("it cannot be made one of its own: %v", err)
	}
	if err := again.Share(journal, sharedKey, ignore); !errors.Is(err, kv.ErrDiverged) {
		t.Errorf("two histories were mixed: %v", err)
	}
}

// Changes that were swapped, altered or taken from elsewhere are damage, and a journal that begins later is said to.
func TestAJournalIsNotBelieved(t *testing.T) {
	for name, spoil := range map[string]func(l *list) error{
		"swapped": func(l *list) error { l.changes[0], l.changes[1] = l.changes[1], l.changes[0]; return kv.ErrCorrupt },
		"altered": func(l *list) error { l.changes[1][30] ^= 1; return kv.ErrCorrupt },
		"short":   func(l *list) error { l.changes[1] = l.changes[1][:3]; return kv.ErrCorrupt },
		"purged":  func(l *list) error { l.gone = 1; return kv.ErrCorrupt },
	} {
		t.Run(name, func(t *testing.T) {
			journal := newList()
			s := openShared(t, t.TempDir(), journal, ignore)
			set(t, s, "a", "1")
			set(t, s, "b", "2")
			want := spoil(journal)
			fresh, err := kv.Open(t.TempDir(), sharedKey, kv.Options{Brief: true})
			if err != nil {
				t.Fatal(err)
			}
			defer fresh.Close()
			if err := fresh.Share(journal, sharedKey, ignore); !errors.Is(err, want) {
				t.Errorf("the error is %v, want %v", err, want)
			}
		})
	}
}

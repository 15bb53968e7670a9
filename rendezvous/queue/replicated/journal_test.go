package replicated_test

import (
	"errors"
	"fmt"
	"testing"

	"muster.example/internal/kv"
	"muster.example/rendezvous/queue/replicated"
)

// A journal in a cluster is shortened, a new copy is what the others are, and who was away is told to begin anew. [STO-98]
func TestAJournalInAClusterIsShortened(t *testing.T) {
	c := startCluster(t, 1)
	opt := replicated.Unswept(optionsFor(t, c, newPrefix()))
	opt.Shards = 1
	e, _ := open(t, opt)
	share := func() (*kv.Store, error) {
		journal, err := e.Journal("the node")
		if err != nil {
			t.Fatal(err)
		}
		s, err := kv.Open(t.TempDir(), [32]byte{1}, kv.Options{Brief: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s, s.Share(journal, [32]byte{1}, func([][]byte) {})
	}
	a, err := share()
	if err != nil {
		t.Fatal(err)
	}
	away, err := share()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		err := a.Update(func(tx *kv.Tx) error { return tx.Put(fmt.Appendf(nil, "key %d", n%10), fmt.Appendf(nil, "%0500d", n)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	name := opt.Prefix + "-state"
	long := stateOf(t, streams(t, opt), name)
	for range 3 {
		if err := a.Shorten(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	short := stateOf(t, streams(t, opt), name)
	if short.FirstSeq != 201 || short.Bytes > long.Bytes/5 {
		t.Errorf("%d bytes from change %d on, after %d", short.Bytes, short.FirstSeq, long.Bytes)
	}
	fresh, err := share()
	if err != nil {
		t.Fatal(err)
	}
	err = fresh.View(func(tx *kv.Tx) error {
		for n := 190; n < 200; n++ {
			if value, err := tx.Get(fmt.Appendf(nil, "key %d", n%10)); err != nil || string(value) != fmt.Sprintf("%0500d", n) {
				return fmt.Errorf("key %d is %.20q: %w", n%10, value, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := away.Follow(t.Context(), func(err error) { t.Error(err) }); !errors.Is(err, kv.ErrBehind) {
		t.Errorf("who was away goes on: %v", err)
	}
	t.Logf("%d bytes became %d", long.Bytes, short.Bytes)
}

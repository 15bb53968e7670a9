package rendezvous

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"muster.example/internal/keys"
)

func TestBulkIsShared(t *testing.T) { // [RV-132]
	b := newBulk(0)
	hoard := func(member keys.MemberID, size int64) (held int64) {
		for b.take(member, size) {
			held += size
		}
		return held
	}
	if got := hoard(keys.MemberID{1}, 1<<20); got > leastBulk/bulkShare || got < leastBulk/bulkShare-1<<20 {
		t.Errorf("one member holds %d of %d bytes", got, b.most)
	}
	for n := range 3 {
		hoard(keys.MemberID{byte(n + 2)}, 1<<20)
	}
	if !b.take(keys.MemberID{99}, 8<<20) {
		t.Error("beside four that hold what they can, nobody may have 8 MiB")
	}
	if b.take(keys.MemberID{98}, b.most) {
		t.Error("one member may have everything")
	}
	b.give(keys.MemberID{99}, 8<<20)
	if _, known := b.of[keys.MemberID{99}]; known {
		t.Error("who has given all back is remembered")
	}
}

func TestBulkIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulk(0)
		half := b.most / 2
		if !b.take(keys.MemberID{1}, half) {
			t.Fatal("no room at first")
		}
		done := make(chan error, 1)
		go func() { done <- b.await(t.Context(), keys.MemberID{2}, half) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		b.give(keys.MemberID{1}, half)
		if err := <-done; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.await(ctx, keys.MemberID{3}, half); !errors.Is(err, context.Canceled) {
			t.Errorf("after its end: %v", err)
		}
	})
}

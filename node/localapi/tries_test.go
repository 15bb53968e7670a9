package localapi

import (
	"testing"
	"time"
)

// Guessing goes one try at a time, and after five wrong ones ever more slowly.
func TestTriesGrowSlow(t *testing.T) {
	var tries Tries
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for i := range freeTries {
		if wait, ok := tries.Begin(now); !ok || wait != 0 {
			t.Fatalf("try %d waits %s", i, wait)
		}
		if wait, ok := tries.Begin(now); ok || wait != 0 {
			t.Fatalf("a second try at the same time: %s, %v", wait, ok)
		}
		tries.Done(true, now)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want *= time.Second
		if wait, ok := tries.Begin(now); ok || wait != want {
			t.Fatalf("it waits %s, want %s", wait, want)
		}
		now = now.Add(want)
		if _, ok := tries.Begin(now); !ok {
			t.Fatalf("no try after %s", want)
		}
		tries.Done(true, now)
	}
}

// What is no wrong passphrase, such as a full disk, costs no wait.
func TestOtherFailuresCostNothing(t *testing.T) {
	var tries Tries
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for range 2 * freeTries {
		if _, ok := tries.Begin(now); !ok {
			t.Fatal("it waits")
		}
		tries.Done(false, now)
	}
}

// Package netwatch tells when the machine comes to be on another network: a cable was plugged in, a Wi-Fi joined, a modem is up.
//
// On Linux the kernel says that something changed (rtnetlink), and nothing runs in between; elsewhere the interfaces are looked at
// every ten seconds. What a change is, is seen by comparing what the machine has then: interfaces that carry, their addresses, and where
// what is not local goes. It must not know what is done then.
package netwatch

import (
	"context"
	"log/slog"
	"time"
)

// How changes are told.
const (
	// settle is for how long nothing more has to change before a change is told, and settleMost for how long it is waited for that: an
	// interface that comes up says several things one after the other.
	settle     = 300 * time.Millisecond
	settleMost = 2 * time.Second
	// burst is how many changes are told at once, and refill after how long one more is: whatever an interface does, at most burst and one
	// each refill.
	burst  = 3
	refill = 20 * time.Second
	// lookEvery is how often the networks are looked at where the system does not say that they changed. It costs some system calls.
	lookEvery = 10 * time.Second
)

// Watch calls changed each time the machine is on another network than before, while it is on any, until ctx ends: within seconds, but
// never more than six times in a minute. Changes that come faster are told together once there is room. changed must not wait long.
func Watch(ctx context.Context, log *slog.Logger, changed func()) {
	hints, stop, err := announcements(ctx)
	if err != nil {
		log.Info("the system does not say when its networks change: they are looked at from time to time", "error", err)
	} else {
		defer stop()
	}
	watch(ctx, hints, networks, changed)
}

// watch is Watch with given hints that there may be a change, nil for none, and with given networks.
func watch(ctx context.Context, hints <-chan struct{}, look func() string, changed func()) {
	tells := teller{seen: look(), tokens: burst, since: time.Now()}
	for {
		if !hinted(ctx, &hints, tells.wait(time.Now())) {
			return
		}
		tells.see(look())
		if tells.take(time.Now()) {
			changed()
		}
	}
}

// hinted waits for a hint and until no more come, or for a look that is due. false: ctx has ended.
func hinted(ctx context.Context, hints *<-chan struct{}, due time.Duration) bool {
	if *hints == nil && due == 0 {
		due = lookEvery
	}
	var look <-chan time.Time
	if due > 0 {
		look = time.After(due)
	}
	select {
	case <-ctx.Done():
		return false
	case <-look:
		return true
	case _, open := <-*hints:
		if !open { // the system says no more
			*hints = nil
			return true
		}
	}
	most := time.After(settleMost)
	for {
		select {
		case <-ctx.Done():
			return false
		case _, open := <-*hints:
			if !open {
				*hints = nil
				return true
			}
		case <-time.After(settle):
			return true
		case <-most:
			return true
		}
	}
}

// teller knows which networks were seen last, and how often a change may be told.
type teller struct {
	seen   string // empty: there is no network
	due    bool   // there is a change to tell
	tokens int
	since  time.Time // when tokens was right
}

// see notes which networks there are. While there is none there is nothing to do; that they are back is a change then.
func (t *teller) see(now string) {
	if now != t.seen {
		t.due = now != ""
	}
	t.seen = now
}

// take reports whether a change is to be told now.
func (t *teller) take(now time.Time) bool {
	for ; t.tokens < burst && now.Sub(t.since) >= refill; t.tokens++ {
		t.since = t.since.Add(refill)
	}
	if !t.due || t.tokens == 0 {
		return false
	}
	if t.tokens == burst {
		t.since = now
	}
	t.tokens--
	t.due = false
	return true
}

// wait returns after how long a change that waits may be told, 0 if there is none.
func (t *teller) wait(now time.Time) time.Duration {
	if !t.due {
		return 0
	}
	return max(t.since.Add(refill).Sub(now), time.Millisecond)
}

package node

import (
	"testing"
	"time"

	"muster.example/internal/keys"
)

func TestPausesGrow(t *testing.T) { // [RV-131]
	var r roomless
	id, now := keys.EnvelopeID{1}, time.Unix(1000, 0)
	if !r.offer(id) {
		t.Fatal("what was never refused is not offered")
	}
	offers, end := 0, now.Add(24*time.Hour)
	for now.Before(end) {
		offers++
		r.refused(id, nil, false, now)
		if r.offer(id) {
			t.Fatal("it is offered again at once")
		}
		wait, some := r.wait(now)
		if !some || wait < firstFullPause/2 || wait > longestFullPause*3/2 {
			t.Fatalf("offer %d is followed by a pause of %v", offers, wait)
		}
		now = now.Add(wait)
		if r.due(now); !r.offer(id) || r.offer(id) {
			t.Fatal("after the pause it is not offered once")
		}
	}
	if offers > 24*60*60/int(longestFullPause/2/time.Second)+10 || offers < 24*4 {
		t.Errorf("%d offers in a day", offers)
	}
}

func TestFullNodeIsOfferedOneAtATime(t *testing.T) { // [RV-131]
	var r roomless
	now := time.Unix(1000, 0)
	for n := range fullStreak {
		if r.most(64, now) != 64 {
			t.Fatalf("after %d refusals less is offered", n)
		}
		r.refused(keys.EnvelopeID{byte(n)}, &keys.MessageID{byte(n), 1}, true, now)
	}
	if got := r.most(64, now); got != 0 {
		t.Errorf("%d posts go to a full node", got)
	}
	if held := r.messages(); len(held) != fullStreak || !held[keys.MessageID{3, 1}] {
		t.Errorf("%d messages are held", len(held))
	}
	wait, _ := r.wait(now)
	now = now.Add(wait)
	if got := r.most(64, now); got != 1 {
		t.Errorf("%d posts try a full node", got)
	}
	r.due(now)
	if !r.taken(keys.EnvelopeID{0}, now) {
		t.Error("the others are not worth another try")
	}
	if got := r.most(64, now); got != 64 {
		t.Errorf("%d posts go to a node that has room", got)
	}
	if wait, some := r.wait(now); !some || wait != 0 {
		t.Errorf("the others wait for %v", wait)
	}
	if r.due(now); !r.offer(keys.EnvelopeID{5}) {
		t.Error("what the full node refused is not offered again")
	}
}

func TestWhatIsGoneIsForgotten(t *testing.T) {
	var r roomless
	now := time.Unix(1000, 0)
	r.refused(keys.EnvelopeID{1}, nil, false, now)
	for range 2 {
		now = now.Add(2 * longestFullPause)
		r.due(now)
	}
	if _, some := r.wait(now); some {
		t.Error("what is never offered is remembered for ever")
	}
	for n := range roomlessKept + 1 {
		r.refused(keys.EnvelopeID{byte(n), byte(n >> 8), byte(n >> 16)}, nil, false, now)
	}
	if len(r.envelopes) > roomlessKept {
		t.Errorf("%d envelopes are remembered", len(r.envelopes))
	}
}

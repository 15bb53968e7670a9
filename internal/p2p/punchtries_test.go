package p2p

import (
	"testing"
	"time"

	"muster.example/internal/keys"
)

// One peer has a path tried so often in a minute, and there are so many of them. [NEAR-14]
func TestPunchTriesAreBounded(t *testing.T) {
	var tries punchTries
	one, other, now := keys.Generate().Public(), keys.Generate().Public(), time.Now()
	for i := range 3 * mostTries {
		if tries.take(one, now.Add(time.Duration(i)*time.Second)) != (i < mostTries) {
			t.Errorf("try %d: %v", i, i >= mostTries)
		}
	}
	if !tries.take(other, now) || !tries.take(one, now.Add(triesTime)) {
		t.Error("another one, or the first a minute later, is not tried")
	}
	for range 2 * maxTried {
		tries.take(keys.Generate().Public(), now)
	}
	if len(tries.since) > maxTried {
		t.Errorf("%d peers are counted", len(tries.since))
	}
	if !tries.take(keys.Generate().Public(), now.Add(time.Hour)) {
		t.Error("an hour later there is no room")
	}
}

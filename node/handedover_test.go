package node

import (
	"testing"
	"time"

	"muster.example/internal/keys"
)

// What came by another way is handed on once, within the time; what gossip brought first is not handed on again; and what is beyond the
// bound is not handed on unless it is news. [GOS-11]
func TestHandedOver(t *testing.T) {
	id := func(n int) keys.EnvelopeID {
		return keys.Hash[keys.Envelope](keys.DomainEnvelope, []byte{byte(n), byte(n >> 8)})
	}
	begin := time.Unix(1_000_000, 0)
	var h handedOver
	check := func(what string, after time.Duration, n int, news, want bool) {
		t.Helper()
		if got := h.handOn(begin.Add(after), id(n), news); got != want {
			t.Errorf("%s: handed on: %t", what, got)
		}
	}
	check("what came long ago", 0, 1, false, false)
	check("news", 0, 2, true, true)
	check("the same, opened since", time.Second, 2, false, false)
	h.came(begin, id(3), id(4))
	check("what came just now", time.Second, 3, false, true)
	check("the same a second time", 2*time.Second, 3, false, false)
	h.came(begin.Add(30*time.Second), id(4)) // it is opened once
	check("what came a minute ago", overtakes, 4, false, false)

	h = handedOver{}
	for n := range mostHandedOver + 1 {
		h.came(begin, id(n))
	}
	check("the last within the bound", time.Second, mostHandedOver-1, false, true)
	check("what is beyond it", time.Second, mostHandedOver, false, false)
	check("news beyond it", time.Second, mostHandedOver+1, true, true)
	h.came(begin.Add(overtakes), id(mostHandedOver+2))
	check("when those before are forgotten", overtakes+time.Second, mostHandedOver+2, false, true)
	if len(h.all) != 1 {
		t.Errorf("%d are remembered", len(h.all))
	}
}

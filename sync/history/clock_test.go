package history

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// clocks draws from few values, so that they often meet, and from the edges.
func clocks() *rapid.Generator[Clock] {
	return rapid.Custom(func(t *rapid.T) Clock {
		return Clock{
			Wall:    rapid.SampledFrom([]int64{0, 1, 2, 1750000000000, MaxTime}).Draw(t, "wall"),
			Counter: rapid.SampledFrom([]uint32{0, 1, 2, MaxCounter, math.MaxUint32}).Draw(t, "counter"),
		}
	})
}

// [HIST-5]
func TestClockTicks(t *testing.T) {
	for name, c := range map[string]struct {
		clock Clock
		now   int64
		want  Clock
	}{
		"the first":                      {Clock{}, 7, Clock{Wall: 7}},
		"later":                          {Clock{Wall: 7, Counter: 3}, 8, Clock{Wall: 8}},
		"in the same millisecond":        {Clock{Wall: 7, Counter: 3}, 7, Clock{Wall: 7, Counter: 4}},
		"after one from the future":      {Clock{Wall: 9}, 7, Clock{Wall: 9, Counter: 1}},
		"when the counter is at its end": {Clock{Wall: 9, Counter: math.MaxUint32}, 7, Clock{Wall: 10}},
		"after one that is a day ahead":  {Clock{Wall: 7 + MaxAhead.Milliseconds()}, 7, Clock{Wall: 7 + MaxAhead.Milliseconds(), Counter: 1}},
		"after a clock that was wrong":   {Clock{Wall: 8 + MaxAhead.Milliseconds(), Counter: 5}, 7, Clock{Wall: 7}},
	} {
		if got := c.clock.Tick(c.now); got != c.want {
			t.Errorf("%s: %v ticks to %v at %d, want %v", name, c.clock, got, c.now, c.want)
		}
	}
}

// [HIST-5]
func TestTickFollowsWhatWasSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own, seen := clocks().Draw(t, "own"), clocks().Draw(t, "seen")
		now := rapid.Int64Range(0, MaxTime).Draw(t, "now")
		observed := own.Observe(seen)
		if observed != own && observed != seen {
			t.Fatalf("%v is a clock that nobody had", observed)
		}
		if observed.Wall > now+MaxAhead.Milliseconds() {
			if next := observed.Tick(now); next != (Clock{Wall: now}) {
				t.Fatalf("%v is dragged along to %v at %d", observed, next, now)
			}
			return
		}
		next := observed.Tick(now)
		if next.Compare(own) <= 0 || next.Compare(seen) <= 0 || next.Wall < now {
			t.Fatalf("%v follows %v, %v and the time %d", next, own, seen, now)
		}
	})
}

// What a sibling can make this device observe leaves room for its own records.
func TestClocksThatAreReadLeaveRoom(t *testing.T) {
	c := Clock{Wall: MaxTime, Counter: MaxCounter}
	if !c.valid() || !(Clock{}).valid() {
		t.Error("a clock within the caps is refused")
	}
	if uint64(math.MaxUint32)-uint64(c.Counter) < 1<<31 {
		t.Error("the highest clock that is read leaves no room")
	}
	for _, beyond := range []Clock{{Wall: -1}, {Wall: MaxTime + 1}, {Counter: MaxCounter + 1}} {
		if beyond.valid() {
			t.Errorf("%v is accepted", beyond)
		}
	}
}

func TestClockOrderIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := clocks().Draw(t, "a"), clocks().Draw(t, "b"), clocks().Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatal("two clocks are not ordered one way")
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatal("the order goes in a circle")
		}
	})
}

package history

import "cmp"

// Clock is a hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): wall time in unix milliseconds
// and a counter that orders what falls into the same millisecond or follows something from the future. The zero value
// is before everything. [HIST-5]
type Clock struct {
	_       struct{} `cbor:",toarray"`
	Wall    int64
	Counter uint32
}

// Tick returns the clock of a new local record at wall time now (unix milliseconds): after c, and not before now. A c that is further
// ahead than any record that is taken is of a clock that was wrong, and is forgotten. [HIST-5] [MSH-67]
func (c Clock) Tick(now int64) Clock {
	if now > c.Wall || c.Wall > now+MaxAhead.Milliseconds() {
		return Clock{Wall: now}
	}
	if c.Counter >= MaxCounter { // one more would not be read, and one that began again would put the record before c
		return Clock{Wall: c.Wall + 1}
	}
	return Clock{Wall: c.Wall, Counter: c.Counter + 1}
}

// Observe returns c moved past a record with clock seen, so that the next Tick follows it.
func (c Clock) Observe(seen Clock) Clock {
	if c.Compare(seen) < 0 {
		return seen
	}
	return c
}

// Compare orders clocks.
func (c Clock) Compare(other Clock) int {
	return cmp.Or(cmp.Compare(c.Wall, other.Wall), cmp.Compare(c.Counter, other.Counter))
}

// valid reports whether the clock of a record can be true, and leaves room for Tick. [HIST-5]
func (c Clock) valid() bool {
	return c.Wall >= 0 && c.Wall <= MaxTime && c.Counter <= MaxCounter
}

// Package orgtime is what a device makes of the time in one organization, when its own clock may be wrong by years: of what the clock
// shows, of what the node that orders the roll has signed, and of how long the device has run since.
//
// Pure: the clock's reading and what has passed come in. The package must not know where a time was signed, who is a member, or what
// is done by the time.
//
// Spec: docs/spec/20-clocks.md; docs/clocks.md says what each use of the time does.
package orgtime

import (
	"sync"
	"time"
)

const (
	// Tolerance is how far a clock may be behind what the sequencer signed, and be right. [MSH-60]
	Tolerance = 10 * time.Minute
	// Lag is how old the newest that a sequencer signed may be: it signs hourly, and a fetch may be put off. [MSH-60]
	Lag = 3 * time.Hour
	// Absence is the longest that a device is believed to have been switched off: a clock that shows more is wrong, and the longest
	// offline grace and queue time of a policy are as long. [MSH-62]
	Absence = 366 * 24 * time.Hour
	// Slack is how far destruction goes by a clock beyond what is known: a device that sleeps measures nothing. [MSH-63]
	Slack = 24 * time.Hour
	// Insistence is for how long a device must have run, and been told all the while that its clock is behind, before that is as
	// good as its own measure. [MSH-64]
	Insistence = 7 * 24 * time.Hour
)

// Kept is what outlasts the program. All times are unix milliseconds.
type Kept struct {
	// Floor is what it is at least by this device's own measure: what the roll said when the device first kept it, what was signed
	// since and its clock agreed to, and how long it has run.
	Floor int64 `cbor:"1,keyasint"`
	// Newest is what it is at least by what the sequencer has signed.
	Newest int64 `cbor:"2,keyasint"`
	// Offset is by how much the clock was behind the sequencer's time, negative if ahead; 0 while they agree.
	Offset int64 `cbor:"3,keyasint,omitempty"`
	// Behind is for how long the device has run while it was told that its clock is behind, and had no proof of it; milliseconds.
	Behind int64 `cbor:"4,keyasint,omitempty"`
}

// Reckoning is the time of one organization at one device. It may be used from several goroutines; it calls clock under its lock.
type Reckoning struct {
	clock func() time.Time // what the device shows
	since func() time.Time // has a monotonic reading

	mu   sync.Mutex // guards the following; innermost
	kept Kept
	at   time.Time // up to when kept counts what has passed
	told map[string]said
}

// New goes on from what was kept. clock is what the device shows; measured is a clock that nobody sets, of which only differences count.
func New(kept Kept, clock, measured func() time.Time) *Reckoning {
	return &Reckoning{clock: clock, since: measured, kept: kept, at: measured(), told: make(map[string]said)}
}

// passLocked counts what has passed since it was counted last.
func (r *Reckoning) passLocked() {
	now := r.since()
	passed := max(now.Sub(r.at), 0).Milliseconds()
	r.at = r.at.Add(time.Duration(passed) * time.Millisecond)
	if r.kept.Floor == 0 {
		return // it was never told the time: there is nothing that passes
	}
	r.kept.Floor, r.kept.Newest = r.kept.Floor+passed, r.kept.Newest+passed
	if r.kept.Behind > 0 {
		r.kept.Behind += passed
	}
}

// Keep returns what is to be kept now.
func (r *Reckoning) Keep() Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	return r.kept
}

// Signed takes in the time of a checkpoint that the sequencer signed, unix milliseconds, from wherever it came: it is not earlier.
// [MSH-60]
func (r *Reckoning) Signed(at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	r.begin(at)
	if r.credible(at, r.clock().UnixMilli()) {
		r.kept.Newest = max(r.kept.Newest, at)
	}
}

// begin gives what was never told the time its first.
func (r *Reckoning) begin(at int64) {
	if r.kept.Floor == 0 && at > 0 {
		r.kept.Floor = at
	}
}

// Answered takes in the time of the checkpoint that the sequencer itself shows as its newest, on a connection of its own: about now.
// It reports whether by this the clock is found wrong that was right before. [MSH-61]
func (r *Reckoning) Answered(at int64) (found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	r.begin(at)
	before, shown := r.kept, r.clock().UnixMilli()
	if r.credible(at, shown) {
		r.kept.Newest = at
	}
	switch gap := at - shown; {
	case gap >= -Lag.Milliseconds() && gap <= Tolerance.Milliseconds():
		r.kept.Offset, r.kept.Behind = 0, 0
		r.kept.Floor = max(r.kept.Floor, min(at, shown))
	case gap < 0 || r.provedBehind(shown):
		r.kept.Offset, r.kept.Behind = r.better(gap, shown), 0
	case r.credible(at, shown):
		r.kept.Offset, r.kept.Behind = r.better(gap, shown), max(r.kept.Behind, 1)
		if r.kept.Behind >= Insistence.Milliseconds() {
			r.kept.Floor = max(r.kept.Floor, at)
		}
	default: // no absence explains it, and nothing says that the clock is wrong: it is the node's
		r.kept.Offset, r.kept.Behind = 0, 0
	}
	return before.Offset == 0 && r.kept.Offset != 0
}

// better returns the offset that a gap, the one before it and the own measure tell of: what is signed is up to an hour old when it is
// shown, so the largest is nearest to what is, unless the clock was set meanwhile.
func (r *Reckoning) better(gap, shown int64) int64 {
	for _, other := range []int64{r.kept.Offset, r.kept.Floor - shown} {
		if other > gap && other-gap <= Lag.Milliseconds() {
			gap = other
		}
	}
	return gap
}

// credible reports whether the sequencer can be right that it is a time: the longest absence explains it, or the clock, which could say
// that it is not so, is wrong itself.
func (r *Reckoning) credible(at, shown int64) bool {
	return at <= r.kept.Floor+Absence.Milliseconds() || r.provedBehind(shown)
}

// provedBehind reports whether a clock shows what is over by this device's own measure.
func (r *Reckoning) provedBehind(shown int64) bool {
	return shown < r.kept.Floor-Tolerance.Milliseconds()
}

// possible reports whether a reading can be by what is known to be the least: not before, and not after a longer absence than is
// believed.
func (r *Reckoning) possible(at, least int64) bool {
	return at >= least-Tolerance.Milliseconds() && at <= r.leastLocked()+Absence.Milliseconds()
}

// leastLocked is the time that it is at least, by all that is known.
func (r *Reckoning) leastLocked() int64 { return max(r.kept.Floor, r.kept.Newest) }

// nowLocked returns the time for what the clock shows, and whether there was a reading for it. [MSH-62]
func (r *Reckoning) nowLocked(shown int64) (now int64, read bool) {
	if r.kept.Floor == 0 {
		return shown, true
	}
	least := r.leastLocked()
	readings := []int64{shown}
	if r.kept.Offset != 0 {
		readings = append(readings, shown+r.kept.Offset)
	}
	for _, reading := range readings {
		if r.possible(reading, least) && (!read || distance(reading, least) < distance(now, least)) {
			now, read = reading, true
		}
	}
	if !read {
		return least, false
	}
	return now, true
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// Now returns the organization's time, as well as the device knows it: what is written, sent and expected is dated by it. A device that
// has no reading at all of it dates by what is in the middle of what the devices around say, since what it writes would have expired
// long ago by theirs. [MSH-62] [MSH-65]
func (r *Reckoning) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	shown := r.clock()
	now, read := r.nowLocked(shown.UnixMilli())
	if all := r.readingsLocked(); !read && len(all) > 0 {
		now = min(max(now, all[len(all)/2]), now+Absence.Milliseconds())
	}
	if now == shown.UnixMilli() {
		return shown // with what is finer than a millisecond
	}
	return time.UnixMilli(now)
}

// Sober returns the time by which something may be given up or destroyed for good: never later than a clock that can be right
// shows, than the organization's time, nor than Slack, or another, beyond what is known for sure. [MSH-63]
func (r *Reckoning) Sober(slack time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	shown := r.clock().UnixMilli()
	sober, _ := r.nowLocked(shown)
	if r.kept.Floor == 0 {
		return time.UnixMilli(shown)
	}
	if r.possible(shown, r.kept.Floor) {
		sober = min(sober, shown)
	}
	return time.UnixMilli(min(sober, r.leastLocked()+slack.Milliseconds()))
}

// Late returns the latest that it may be: by it a device judges for how long it has seen nothing of the sequencer. A clock that shows
// more than can be is still believed here, unless the sequencer has said by how much it is wrong. [MSH-63]
func (r *Reckoning) Late() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	shown := r.clock().UnixMilli()
	now, read := r.nowLocked(shown)
	if !read || now == shown {
		now = max(now, shown)
	}
	return time.UnixMilli(now)
}

// Bound returns the latest time that a record of another device may have been made at: margin beyond the organization's time, and
// as long beyond that as nothing was heard of the sequencer, since either clock may be off by as much; the longest absence if the device
// has no reading of the time. [MSH-67]
func (r *Reckoning) Bound(margin time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	now, read := r.nowLocked(r.clock().UnixMilli())
	switch unheard := now - r.kept.Newest; {
	case !read:
		now += Absence.Milliseconds()
	case unheard > Beyond.Milliseconds():
		now += min(unheard, Absence.Milliseconds())
	}
	return time.UnixMilli(now).Add(margin)
}

// Off returns by how much the clock is ahead of the organization's time, negative if behind; zero if it goes by the clock.
func (r *Reckoning) Off() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	shown := r.clock().UnixMilli()
	now, _ := r.nowLocked(shown)
	return time.Duration(shown-now) * time.Millisecond
}

package orgtime

import (
	"slices"
	"time"
)

const (
	// maxTold is of how many devices around it is remembered what they said.
	maxTold = 64
	// toldFor is for how long what a device around said of the time counts.
	toldFor = time.Hour
)

// said is what a device around said of the time.
type said struct {
	at   int64     // unix milliseconds
	when time.Time // when it did, by what nobody sets
}

// Heard takes in what another device said of the time, in a beacon or a hello. Nobody vouches for it: it serves finding each other, and
// telling the person, and nothing else. [MSH-65]
func (r *Reckoning) Heard(device string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.since()
	for other, s := range r.told {
		if now.Sub(s.when) > toldFor {
			delete(r.told, other)
		}
	}
	if _, known := r.told[device]; !known && len(r.told) >= maxTold {
		return
	}
	r.told[device] = said{at.UnixMilli(), now}
}

// readingsLocked returns what the devices around that spoke lately would say now, sorted.
func (r *Reckoning) readingsLocked() (all []int64) {
	now := r.since()
	for _, s := range r.told {
		if passed := now.Sub(s.when); passed <= toldFor {
			all = append(all, s.at+passed.Milliseconds())
		}
	}
	slices.Sort(all)
	return all
}

// Around returns by how much the clocks of the devices around are ahead of this device's time, in the middle of them, and of how many.
func (r *Reckoning) Around() (ahead time.Duration, count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	all := r.readingsLocked()
	if len(all) == 0 {
		return 0, 0
	}
	now, _ := r.nowLocked(r.clock().UnixMilli())
	return time.Duration(all[len(all)/2]-now) * time.Millisecond, len(all)
}

// Announced returns what a beacon is to say. Who knows the time says it; who does not, since it has no word of the sequencer that is
// younger than Beyond, says what is in the middle of what it hears, itself among them: it must be found by those who know it. [MSH-66]
func (r *Reckoning) Announced() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	now, read := r.nowLocked(r.clock().UnixMilli())
	if read && now-r.kept.Newest < Beyond.Milliseconds() {
		return time.UnixMilli(now)
	}
	all := append(r.readingsLocked(), now)
	slices.Sort(all)
	return time.UnixMilli(all[len(all)/2])
}

// Beyond is how far the time of a beacon may be beyond what is known. [NEAR-3]
const Beyond = 25 * time.Hour

// Audible returns between which times a beacon is answered to. It begins where no device that has heard from the sequencer as lately as
// this one can be, and ends beyond the longest absence; a device that has no reading of the time at all sets no end. [NEAR-3]
func (r *Reckoning) Audible() (from, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passLocked()
	now, read := r.nowLocked(r.clock().UnixMilli())
	from = time.UnixMilli(min(now, r.heldLocked(now))).Add(-Beyond)
	if !read {
		return from, time.UnixMilli(1<<63 - 1)
	}
	return from, time.UnixMilli(now).Add(Absence + Beyond)
}

// heldLocked is the newest that the sequencer said; the own time if it never said any.
func (r *Reckoning) heldLocked(now int64) int64 {
	if r.kept.Newest == 0 {
		return now
	}
	return r.kept.Newest
}

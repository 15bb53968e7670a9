package backup

import (
	"slices"
	"time"
)

// Policy says which snapshots are kept. The newest complete one always is. [BAK-11]
type Policy struct {
	Last    int // so many of the newest
	Daily   int // the newest of each of so many days (UTC) that have one
	Weekly  int // of so many weeks, which begin on Monday
	Monthly int // of so many months
	// Erase is after which time nothing of what the Source does not give any more is on the drive: whenever a run ends well, no item
	// is there that was gone so long before the run began. So no other snapshot than the newest is kept for longer, and one that
	// shares files with such an item goes sooner. At least a day;
	// 0 for 30 days.
	Erase time.Duration
}

// DefaultPolicy is what a Job without one has.
var DefaultPolicy = Policy{Last: 3, Daily: 7, Weekly: 4, Monthly: 0, Erase: 30 * 24 * time.Hour}

func (p Policy) erase() int64 {
	if p.Erase == 0 {
		return DefaultPolicy.Erase.Milliseconds()
	}
	return max(p.Erase, 24*time.Hour).Milliseconds()
}

// since returns a time before which nothing of what the snapshot's packs hold had gone.
func (s *snapshot) since() int64 {
	since := int64(s.Time)
	for i := range s.lines {
		if s.lines[i].since > 0 {
			since = min(since, s.lines[i].since)
		}
	}
	return since
}

// keeps returns the snapshots that are kept of those that are complete, oldest first. now is Unix milliseconds.
func (p Policy) keeps(complete []*snapshot, now int64) []*snapshot {
	var kept []*snapshot
	left := []struct {
		n      int
		bucket func(time.Time) [2]int
		last   *[2]int
	}{
		{p.Daily, func(t time.Time) [2]int { return [2]int{t.Year(), t.YearDay()} }, nil},
		{p.Weekly, func(t time.Time) [2]int { year, week := t.ISOWeek(); return [2]int{year, week} }, nil},
		{p.Monthly, func(t time.Time) [2]int { return [2]int{t.Year(), int(t.Month())} }, nil},
	}
	for i, one := range slices.Backward(complete) {
		newest := i == len(complete)-1
		keep := newest || len(complete)-1-i < p.Last
		for j := range left {
			bucket := left[j].bucket(time.UnixMilli(int64(one.Time)).UTC())
			if left[j].n > 0 && (left[j].last == nil || *left[j].last != bucket) {
				left[j].n, left[j].last, keep = left[j].n-1, &bucket, true
			}
		}
		if newest || keep && one.since() > now-p.erase() {
			kept = append(kept, one)
		}
	}
	slices.Reverse(kept)
	return kept
}

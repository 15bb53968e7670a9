package backup

import (
	"testing"
	"time"
)

// A clock that is ahead makes a snapshot of a late date, and takes none away while the sober time does not agree. [BAK-11]
func TestClockAheadPrunesNothing(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	var complete []*snapshot
	for days := 5; days > 0; days-- {
		complete = append(complete, &snapshot{manifest: &manifest{Time: uint64(now.AddDate(0, 0, -days).UnixMilli())}})
	}
	complete = append(complete, &snapshot{manifest: &manifest{Time: uint64(now.AddDate(14, 0, 0).UnixMilli())}})
	if kept := DefaultPolicy.keeps(complete, now.Add(24*time.Hour).UnixMilli()); len(kept) != len(complete) {
		t.Errorf("%d of %d are kept by the sober time", len(kept), len(complete))
	}
	if kept := DefaultPolicy.keeps(complete, now.AddDate(14, 0, 0).UnixMilli()); len(kept) == len(complete) {
		t.Error("the test proves nothing: the clock alone would have kept all")
	}
}

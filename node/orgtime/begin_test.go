package orgtime

import (
	"testing"
	"time"
)

// What passes before the first checkpoint is known is no time of the organization's. [MSH-60]
func TestTimePassesOnlyOnceItBegan(t *testing.T) {
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	now := start
	r := New(Kept{}, func() time.Time { return now }, func() time.Time { return now })
	now = start.Add(6 * time.Millisecond)
	r.Keep()
	r.Signed(start.UnixMilli())
	if got := r.Now(); !got.Equal(now) {
		t.Errorf("it is %v, where the clock shows %v", got, now)
	}
	if kept := r.Keep(); kept.Floor != start.UnixMilli() {
		t.Errorf("it began at %v", time.UnixMilli(kept.Floor).UTC())
	}
}

package history_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster.example/internal/wire"
	"muster.example/sync/history"
)

func TestParseRetention(t *testing.T) {
	for _, s := range []string{"forever", "1m", "12m", "1200m"} {
		if r, err := history.ParseRetention(s); err != nil || r.String() != s {
			t.Errorf("%q: %v, %v", s, r, err)
		}
	}
	for _, s := range []string{"", "m", "0m", "01m", "1201m", "65536m", "-1m", "+1m", "12", "12M", "1y", "12m ", "for ever"} {
		if r, err := history.ParseRetention(s); err == nil {
			t.Errorf("%q is %v", s, r)
		}
	}
}

// A month that is too short has its last day. [HIST-60]
func TestHorizon(t *testing.T) {
	for _, c := range []struct{ now, keeps, from string }{
		{"2026-11-30T00:39:12Z", "12m", "2025-11-30T00:00:00Z"},
		{"2026-03-31T23:59:59Z", "1m", "2026-02-28T00:00:00Z"},
		{"2026-04-01T00:00:00Z", "1m", "2026-03-01T00:00:00Z"},
		{"2024-03-30T12:00:00Z", "1m", "2024-02-29T00:00:00Z"},
		{"2026-01-15T12:00:00Z", "13m", "2024-12-15T00:00:00Z"},
	} {
		now, _ := time.Parse(time.RFC3339, c.now)
		r, err := history.ParseRetention(c.keeps)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMilli(r.Horizon(now.UnixMilli())).UTC().Format(time.RFC3339); got != c.from {
			t.Errorf("%s at %s: %s, not %s", c.keeps, c.now, got, c.from)
		}
	}
	if history.Forever.Horizon(time.Now().UnixMilli()) != 0 || history.MaxRetention.Horizon(1) != 0 {
		t.Error("what is kept for ever, or longer than there are times, has a horizon")
	}
}

// The horizon never goes back with the clock, lies further back the longer one keeps, and is the same all day: so what one device
// has let go another has too, or will within the day, and none asks for it again. [HIST-60] [HIST-62]
func TestHorizonIsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.Int64Range(0, history.MaxTime).Draw(t, "now")
		later := now + rapid.Int64Range(0, 400*24*3600_000).Draw(t, "passed")
		keeps := history.Retention(rapid.IntRange(1, int(history.MaxRetention)).Draw(t, "months"))
		longer := history.Retention(rapid.IntRange(int(keeps), int(history.MaxRetention)).Draw(t, "longer"))
		at := keeps.Horizon(now)
		if at > now || keeps.Horizon(later) < at {
			t.Fatalf("%v at %d: %d, and at %d: %d", keeps, now, at, later, keeps.Horizon(later))
		}
		if longer.Horizon(now) > at || longer != keeps && !keeps.Shorter(longer) || longer.Shorter(keeps) || !keeps.Shorter(history.Forever) {
			t.Fatalf("%v keeps less than %v", longer, keeps)
		}
		const day = 24 * 3600_000
		if at%day != 0 || keeps.Horizon(now/day*day) != at || keeps.Horizon(now/day*day+day-1) != at {
			t.Fatalf("%v at %d: %d changes within the day", keeps, now, at)
		}
		// a day goes on, and the horizon by a day, or none where the month was too short, or a few behind such a month
		if next := keeps.Horizon(now + day); next-at < 0 || next-at > 4*day {
			t.Fatalf("%v: from %d to %d within a day", keeps, at, next)
		}
	})
}

// Whatever the order in which choices come, the highest is the one that counts, and so is what it lets go. [HIST-60]
func TestTheChoiceIsTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "choices")
		var records []history.Record
		for i := range n {
			keeps := history.Retention(rapid.IntRange(0, 36).Draw(t, "months"))
			records = append(records, history.Record{
				Device: [32]byte{byte(rapid.IntRange(1, 3).Draw(t, "device"))}, Sequence: uint64(i + 1), Kind: history.RecordSetting,
				Clock:   history.Clock{Wall: rapid.Int64Range(0, 5).Draw(t, "wall")},
				Setting: &history.Setting{Name: "retention", Value: keeps.String()},
			})
		}
		one, other := history.NewView([32]byte{9}), history.NewView([32]byte{9})
		for _, r := range records {
			one.Apply(r)
		}
		for _, r := range rapid.Permutation(append(records, records...)).Draw(t, "order") {
			other.Apply(r)
		}
		a, _ := one.Setting("retention")
		if b, _ := other.Setting("retention"); a != b {
			t.Fatalf("%s here, %s there", a, b)
		}
	})
}

// What goes is judged alike by the record and by its encoding. [HIST-60]
func TestPastOfOutlines(t *testing.T) {
	self := [32]byte{1}
	for kind, r := range map[string]history.Record{
		"a read mark": {Kind: history.RecordRead, Read: &history.Read{Message: self}},
		"a tag":       {Kind: history.RecordTag, Tag: &history.Tag{Message: self, Tag: "x"}},
		"a setting":   {Kind: history.RecordSetting, Setting: &history.Setting{Name: "x"}},
		"a contact":   {Kind: history.RecordContact, Contact: &history.Contact{Member: self, State: history.ContactAsked}},
		"a draft":     {Kind: history.RecordDraft, Draft: &history.Draft{}},
	} {
		r.Device, r.Sequence, r.Clock.Wall = self, 1, 1000
		o, err := history.ReadMoment(wire.Encode(r))
		goes := r.Kind == history.RecordRead || r.Kind == history.RecordTag
		if err != nil || o.IsPast(1001) != goes || r.IsPast(1001) != goes || o.IsPast(1000) || r.IsPast(1000) {
			t.Errorf("%s: %v, %v, %v", kind, o.IsPast(1001), r.IsPast(1001), err)
		}
	}
}

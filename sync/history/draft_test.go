package history

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestOneDraftStandsWhateverTheOrder has records of one draft, some of them erased since, meet in two orders, some twice.
// [HIST-22]
func TestOneDraftStandsWhateverTheOrder(t *testing.T) {
	draft := rapid.Custom(func(t *rapid.T) Record {
		r := noted(RecordDraft, func(r *Record) {
			r.Device, r.Clock.Counter = device(byte(rapid.IntRange(1, 2).Draw(t, "device"))), uint32(rapid.IntRange(0, 2).Draw(t, "counter"))
			r.Sequence = uint64(r.Clock.Counter) + 1
		})
		if rapid.Bool().Draw(t, "gone") {
			*r.Draft = r.Draft.Erase()
		}
		return r
	})
	stands := func(records []Record) Record {
		best := records[0]
		for _, r := range records[1:] {
			best = StandingDraft(best, r)
		}
		return best
	}
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(draft, 1, 6).Draw(t, "records")
		again := slices.Concat(rapid.Permutation(records).Draw(t, "order"), rapid.SliceOfN(rapid.SampledFrom(records), 0, 3).Draw(t, "again"))
		if a, b := stands(records), stands(again); !same(a)(b) {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func TestDraftsHaveCaps(t *testing.T) { // [HIST-22]
	many := func(n int) []string { return slices.Repeat([]string{"bob"}, n) }
	for name, change := range map[string]func(*DraftContent){
		"recipients": func(c *DraftContent) { c.To = many(MaxRecipients + 1) },
		"mentions":   func(c *DraftContent) { c.Mentions = many(MaxMentions + 1) },
		"forwarded":  func(c *DraftContent) { c.Forward = many(MaxForwarded + 1) },
		"a name":     func(c *DraftContent) { c.To = []string{strings.Repeat("x", MaxDraftName+1)} },
		"a subject":  func(c *DraftContent) { c.Subject = "two\nlines" },
		"a lifetime": func(c *DraftContent) { c.Lifetime = MaxLifetime + 1 },
		"files":      func(c *DraftContent) { c.Files = files(MaxFiles + 1) },
		"a time":     func(c *DraftContent) { c.Time = -1 },
	} {
		c := *note(RecordDraft).Draft.Content
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if change(&c); !errors.Is(c.Validate(), ErrBody) {
			t.Errorf("%s beyond the cap: %v", name, c.Validate())
		}
	}
}

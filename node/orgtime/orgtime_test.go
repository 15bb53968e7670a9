package orgtime

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const year = 365 * 24 * time.Hour

// world is the true time, and one device in it.
type world struct {
	truth time.Time // has no monotonic reading
	ran   time.Duration
	off   time.Duration // how far ahead the device's clock is
	r     *Reckoning
}

var noon = time.UnixMilli(1_790_000_000_000)

func (w *world) clock() time.Time    { return w.truth.Add(w.off) }
func (w *world) measured() time.Time { return noon.Add(w.ran) }

func begin(off time.Duration) *world {
	w := &world{truth: noon, off: off}
	w.restart(Kept{})
	return w
}

func (w *world) restart(kept Kept) { w.r = New(kept, w.clock, w.measured) }

// runs lets time pass while the device runs.
func (w *world) runs(d time.Duration) { w.truth, w.ran = w.truth.Add(d), w.ran+d }

// rests lets time pass while the device is off, and sets its clock.
func (w *world) rests(d, off time.Duration) {
	kept := w.r.Keep()
	w.truth, w.off = w.truth.Add(d), off
	w.restart(kept)
}

func (w *world) answer(age time.Duration) bool { return w.r.Answered(w.truth.Add(-age).UnixMilli()) }

// error of the organization's time, and of that by which things are destroyed.
func (w *world) now() time.Duration   { return w.r.Now().Sub(w.truth) }
func (w *world) sober() time.Duration { return w.r.Sober(Slack).Sub(w.truth) }

func within(t *testing.T, what string, got, from, to time.Duration) {
	t.Helper()
	if got < from || got > to {
		t.Errorf("%s is %v from the truth, not between %v and %v", what, got, from, to)
	}
}

// [MSH-61] [MSH-62] [MSH-63]
func TestClocksThatAreWrongFromTheStart(t *testing.T) {
	for _, off := range []time.Duration{-56 * year, -26 * year, -100 * 24 * time.Hour, -24 * time.Hour, -time.Hour, 0, 2 * time.Hour,
		24 * time.Hour, 100 * 24 * time.Hour, 14 * year} {
		w := begin(off)
		w.r.Signed(w.truth.UnixMilli())
		found := w.answer(40 * time.Minute)
		if wrong := off < -Tolerance || off > Lag; found != wrong {
			t.Errorf("by %v: found wrong is %v", off, found)
		}
		if w.answer(0) {
			t.Errorf("by %v: told twice", off)
		}
		for range 20 {
			w.runs(36 * time.Hour)
			w.answer(time.Hour)
			within(t, "the time by a clock "+off.String()+" ahead", w.now(), -Lag, Lag)
			within(t, "the sober time", w.sober(), -Lag, Lag)
		}
		w.rests(3*24*time.Hour, off)
		within(t, "without a node, the time by a clock "+off.String()+" ahead", w.now(), -3*24*time.Hour-Lag, 2*time.Hour)
		if sober := w.sober(); sober > 2*time.Hour {
			t.Errorf("by %v: what is not over may be destroyed, %v early", off, sober)
		}
	}
}

// A clock that jumps while no node is there is believed for a year at most, and destroys nothing. [MSH-62] [MSH-63]
func TestClockThatJumpsWithoutANode(t *testing.T) {
	for _, to := range []time.Duration{-26 * year, -24 * time.Hour, 24 * time.Hour, 14 * year} {
		w := begin(0)
		w.r.Signed(w.truth.UnixMilli())
		w.answer(0)
		w.rests(time.Hour, to)
		within(t, "the time by a clock that jumped "+to.String(), w.now(), -time.Hour, min(max(to, 0), Absence))
		if to > Absence {
			within(t, "the time by a clock that jumped "+to.String(), w.now(), -time.Hour, 0)
		}
		within(t, "the sober time", w.sober(), -time.Hour, Slack)
		within(t, "the latest that it may be", w.r.Late().Sub(w.truth), -time.Hour, max(to, 0))
		if late := w.r.Late().Sub(w.truth); to > 0 && late != to {
			t.Errorf("a clock that may be right, and shows %v more, is not thought of: %v", to, late)
		}
		w.off = 0
		within(t, "the time once the clock is set", w.now(), 0, 0)
	}
}

// A node that lies moves what is destroyed of no device whose clock can be right, but in Insistence and by Absence at most. [MSH-64]
func TestNodeThatLies(t *testing.T) {
	w := begin(0)
	w.r.Signed(w.truth.UnixMilli())
	w.answer(0)
	if w.r.Answered(w.truth.Add(14 * year).UnixMilli()) {
		t.Error("a clock is wrong since a node says a time that no absence explains")
	}
	within(t, "the time", w.now(), 0, 0)
	for days := range 6 {
		w.r.Answered(w.truth.Add(100 * 24 * time.Hour).UnixMilli())
		within(t, "the sober time", w.sober(), -time.Hour, 0)
		if days == 0 {
			within(t, "the time", w.now(), 100*24*time.Hour, 100*24*time.Hour)
		}
		w.runs(24 * time.Hour)
	}
	w.runs(24 * time.Hour)
	w.r.Answered(w.truth.Add(100 * 24 * time.Hour).UnixMilli())
	within(t, "the sober time after a week", w.sober(), 0, 100*24*time.Hour+Slack)

	w = begin(0)
	w.r.Signed(w.truth.UnixMilli())
	w.answer(0)
	w.runs(24 * time.Hour)
	w.r.Answered(w.truth.Add(-year).UnixMilli())
	within(t, "the time by a node that is behind", w.now(), -Lag, 0)
}

// Whatever is done with a clock while true checkpoints come: nothing is destroyed early, and the time never runs ahead of all that is
// known by more than is believed. [MSH-62] [MSH-63]
func TestTimeHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offs := rapid.SampledFrom([]time.Duration{-56 * year, -26 * year, -40 * 24 * time.Hour, -24 * time.Hour, 0, 0, 24 * time.Hour, 200 * 24 * time.Hour, 14 * year})
		w := begin(offs.Draw(t, "off"))
		w.r.Signed(w.truth.UnixMilli())
		heard := w.truth
		unheard := time.Duration(0) // how long it was off since the node spoke
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"run", "rest", "answer", "set"}).Draw(t, "step") {
			case "run":
				w.runs(time.Duration(rapid.Int64Range(0, int64(30*24*time.Hour)).Draw(t, "for")))
			case "rest":
				rest := time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "off for"))
				w.rests(rest, w.off)
				unheard += rest
			case "answer":
				w.answer(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "age")))
				heard, unheard = w.truth, 0
				if d := w.now(); d < -Lag || d > Lag {
					t.Fatalf("with a node the time is off by %v, by a clock that is %v ahead", d, w.off)
				}
			case "set":
				w.off = offs.Draw(t, "off")
			}
			if sober := w.sober(); sober > Slack+time.Second { // milliseconds are counted
				t.Fatalf("what lives %v yet can be destroyed (heard %v ago, off for %v, clock %v ahead)", sober, w.truth.Sub(heard), unheard, w.off)
			}
			if d := w.now(); d < -unheard-Lag || d > Absence+time.Second {
				t.Fatalf("the time is off by %v (off for %v)", d, unheard)
			}
		}
	})
}

// [MSH-65] [MSH-66]
func TestDevicesAround(t *testing.T) {
	w := begin(-26 * year)
	w.r.Signed(w.truth.UnixMilli())
	w.rests(90*24*time.Hour, -26*year)
	if _, count := w.r.Around(); count != 0 {
		t.Error("somebody is around")
	}
	within(t, "what a device that knows no better announces", w.r.Announced().Sub(w.truth), -90*24*time.Hour, -90*24*time.Hour)
	w.r.Heard("a", w.truth)
	within(t, "what it announces once it hears another", w.r.Announced().Sub(w.truth), 0, 0)
	w.r.Heard("b", w.truth.Add(time.Hour))
	w.r.Heard("c", w.truth.Add(14*year))
	within(t, "what it announces among several", w.r.Announced().Sub(w.truth), time.Hour, time.Hour)
	within(t, "what it dates by", w.now(), time.Hour, time.Hour)
	within(t, "the time by which it destroys", w.sober(), -90*24*time.Hour, -89*24*time.Hour)
	within(t, "the time by which it takes new members", w.r.Late().Sub(w.truth), -90*24*time.Hour, -90*24*time.Hour)
	if ahead, count := w.r.Around(); count != 3 || ahead != 90*24*time.Hour+time.Hour {
		t.Errorf("%d around are %v ahead", count, ahead)
	}
	w.runs(2 * time.Hour)
	if _, count := w.r.Around(); count != 0 {
		t.Error("who has gone counts for ever")
	}
	for i := range 2 * maxTold {
		w.r.Heard(string(rune(i)), w.truth)
	}
	if _, count := w.r.Around(); count != maxTold {
		t.Errorf("%d are remembered", count)
	}
}

// [MSH-67]
func TestRecordsAheadAreTaken(t *testing.T) {
	for name, c := range map[string]struct {
		rest, off, want time.Duration
	}{
		"with a node":                   {0, 0, 25 * time.Hour},
		"hours after it":                {20 * time.Hour, 0, 25 * time.Hour},
		"days after it":                 {72 * time.Hour, 0, (72 + 25) * time.Hour},
		"behind, days after it":         {72 * time.Hour, -24 * time.Hour, (-24 + 48 + 25) * time.Hour},
		"with no reading of the time":   {72 * time.Hour, -26 * year, -72*time.Hour + Absence + 25*time.Hour},
		"with a clock of years to come": {72 * time.Hour, 14 * year, -72*time.Hour + Absence + 25*time.Hour},
	} {
		w := begin(0)
		w.r.Signed(w.truth.UnixMilli())
		w.answer(0)
		w.rests(c.rest, c.off)
		within(t, name+" a record that is taken", w.r.Bound(25*time.Hour).Sub(w.truth), c.want, c.want)
	}
}

// Of any two devices with the same roll, whatever their clocks show, each hears the other, in two rounds at most. [NEAR-3] [MSH-66]
func TestEverybodyIsHeard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*world
		truth := noon.Add(time.Duration(rapid.Int64Range(0, int64(300*24*time.Hour)).Draw(t, "later")))
		for _, off := range rapid.SliceOfN(rapid.SampledFrom([]time.Duration{-56 * year, -26 * year, -24 * time.Hour, 0, 24 * time.Hour, 100 * 24 * time.Hour, 14 * year}), 2, 6).Draw(t, "clocks") {
			w := begin(0)
			w.r.Signed(w.truth.UnixMilli())
			if rapid.Bool().Draw(t, "off since") {
				w.rests(truth.Sub(w.truth), off)
			} else {
				w.runs(truth.Sub(w.truth))
				w.off = off
			}
			all = append(all, w)
		}
		heard := make(map[[2]int]bool)
		for range 2 {
			for i, from := range all {
				said := from.r.Announced()
				for j, to := range all {
					begins, ends := to.r.Audible()
					if i != j && !said.Before(begins) && !said.After(ends) {
						heard[[2]int{i, j}] = true
						to.r.Heard(string(rune(i)), said)
					}
				}
			}
		}
		for i := range all {
			for j := range all {
				if i < j && !heard[[2]int{i, j}] && !heard[[2]int{j, i}] {
					t.Fatalf("%d and %d do not hear each other: %v %v and %v %v", i, j, all[i].now(), all[i].r.Keep(), all[j].now(), all[j].r.Keep())
				}
			}
		}
	})
}

package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

// TestSimRetention is four devices of one person whose clocks are up to hours apart, while what is older than a month goes: the one on
// which that is chosen lets go at once, the others three days later, and one that was away hears of it when it is back. Nobody brings back
// what another let go, day after day; in the end all have the same records, and none of the old ones.
func TestSimRetention(t *testing.T) {
	simulate(t, 97, func(w *world) {
		t := w.t
		accounts := w.crowd(2, 1, func(int, *person) {})
		ann, ben := accounts[0], accounts[1].devices[0]
		for range 3 {
			w.another(ann).stop()
		}
		w.assemble(func(*person) {})
		devices := ann.devices
		for i, skew := range []time.Duration{-5 * time.Minute, 4 * time.Minute, 0, 7 * time.Hour} {
			devices[i].skew.Store(int64(skew))
		}
		say := func(text string) {
			ben.send("to "+text, devices[0])
			devices[0].send("from "+text, ben)
			w.await(time.Hour, "it has come", func() bool {
				return slices.Contains(devices[0].inbox(), "to "+text) && slices.Contains(ben.inbox(), "from "+text) && w.node.queued() == 0
			})
		}
		say("the first day")
		w.alike(10*time.Minute, devices...)
		away := devices[3]
		away.stop()
		w.passes(25*24*time.Hour, away)
		say("the 25th day")
		w.passes(20*24*time.Hour, away)

		chosen, err := devices[0].node.SetRetention(t.Context(), api.RetentionRequest{Keep: "1m", Erase: true})
		if err != nil || len(chosen) != 1 || chosen[0].Older != 2 {
			t.Fatalf("%+v, %v", chosen, err)
		}
		w.await(time.Hour, "it goes from the first", func() bool { return !strings.Contains(devices[0].seen(), "the first day") })
		w.await(time.Hour, "the others are told", func() bool {
			return !slices.ContainsFunc(devices[1:3], func(d *person) bool {
				return !slices.ContainsFunc(d.status().Alarms, func(a string) bool { return strings.Contains(a, "keep history for a month") })
			})
		})
		if !strings.Contains(devices[1].seen(), "the first day") {
			t.Error("it went from another device at once")
		}
		w.passes(73*time.Hour, away)
		w.await(time.Hour, "it goes from the others", func() bool {
			return !slices.ContainsFunc(devices[1:3], func(d *person) bool { return strings.Contains(d.seen(), "the first day") })
		})
		away.start()
		w.await(2*time.Hour, "the one that was away has what is new", func() bool { return slices.Contains(away.inbox(), "to the 25th day") })
		if slices.ContainsFunc(devices[:3], func(d *person) bool { return strings.Contains(d.seen(), "the first day") }) {
			t.Error("the one that was away brought it back")
		}
		w.await(time.Hour, "it is told too", func() bool {
			return slices.ContainsFunc(away.status().Alarms, func(a string) bool { return strings.Contains(a, "keep history for a month") })
		})
		w.passes(49*time.Hour, nil)
		for range 2 { // over the end of a day, the clocks go one after the other
			midnight := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
			w.passes(time.Until(midnight.Add(-10*time.Minute)), nil)
			time.Sleep(8 * time.Minute)
			ben.send("one more", devices[0])
			time.Sleep(12 * time.Minute)
		}
		w.await(2*time.Hour, "all let go", func() bool {
			return !slices.ContainsFunc(devices, func(d *person) bool { return strings.Contains(d.seen(), "the first day") })
		})
		w.alike(7*time.Hour, devices...)
		for _, d := range devices {
			d.stop()
		}
		want := devices[0].kept()
		for _, d := range devices[1:] {
			if got := d.kept(); !slices.Equal(got, want) {
				t.Errorf("%s shares %d records, %s %d, or others", devices[0].name, len(want), d.name, len(got))
			}
		}
	})
}

// passes has time go by while nobody is there.
func (w *world) passes(long time.Duration, away *person) {
	for _, p := range w.all {
		p.stop()
	}
	w.node.stop()
	time.Sleep(long)
	w.node.start()
	for _, p := range w.all {
		if p != away {
			p.start()
		}
	}
}

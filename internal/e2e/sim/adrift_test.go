package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// adrift is a group of people on a local network without a rendezvous node, some of whose clocks have become wrong.
type adrift struct {
	*world
	group string
	told  []string // what was said in the group, in the order of cause and effect
	brief []string // what was said there for an hour
}

const briefLife = time.Hour

// adriftDays are those of the week on which they are there.
var adriftDays = []int{0, 3, 6}

// TestLongSimClocksWithoutANode is six devices of five people on a local network whose rendezvous node is gone for a week: one clock is a year
// ahead, one a year behind, one jumps back by 40 days while it runs. Each day they talk in their group, one after the other, and say what lives
// for an hour. A phone is barred on the first day, of which its owner's desk alone hears from the node. What is said comes to all, in the order in
// which it was caused; what is over goes, and nothing else does; who is barred is out at once, and nobody else is, whatever clocks show. With
// the node back all agree. [MSH-62] [MSH-63] [MSH-67] [MSH-68]
func TestLongSimClocksWithoutANode(t *testing.T) {
	long(t)
	simulate(t, 77, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(5, 1, func(int, *person) {})
		phone := w.another(accounts[4])
		phone.stop()
		w.assemble(func(*person) {})
		a := &adrift{world: w, group: w.inOneGroup(accounts)}
		ahead, behind, jumps, desk := w.all[0], w.all[1], w.all[2], w.all[4]
		people := w.all[:5]
		if _, err := ahead.node.SetRetention(t.Context(), api.RetentionRequest{Keep: "3m"}); err != nil {
			t.Fatal(err)
		}
		a.talk("with the node", people)
		w.alone()
		for _, p := range w.all {
			p.stop()
		}
		time.Sleep(12 * time.Hour)
		ahead.skew.Store(int64(simYear))
		behind.skew.Store(int64(-simYear))
		for _, p := range w.all {
			p.start()
		}
		w.await(5*time.Minute, "all reach the phone", func() bool {
			return !slices.ContainsFunc(people, func(p *person) bool { return !p.touches(phone) })
		})
		for _, there := range [][2]string{{desk.address(), testnet.Address(serverPlace)}, {testnet.Address(serverPlace), desk.address()}} {
			w.net.Mend(there[0], there[1])
		}
		w.await(10*time.Minute, "the phone is barred", func() bool {
			plan, err := desk.node.Bar(t.Context(), api.BarRequest{Devices: []string{phone.ownDevice()}, Words: accounts[4].words})
			return err == nil && plan.Done
		})
		w.alone()
		w.await(time.Minute, "all let the phone go", func() bool {
			return !slices.ContainsFunc(people, func(p *person) bool { return p.touches(phone) })
		})
		w.node.stop() // which nobody hears
		heard := len(phone.inbox())
		began := time.Now()
		for i, day := range adriftDays {
			if i > 0 {
				for _, p := range w.all {
					p.stop()
				}
				time.Sleep(time.Until(began.Add(time.Duration(day) * 24 * time.Hour)))
				for _, p := range w.all {
					p.start()
				}
				a.isOver(fmt.Sprint("day ", day), people)
			}
			if i == 1 {
				jumps.skew.Store(int64(-40 * 24 * time.Hour))
			}
			a.talk(fmt.Sprint("day ", day), people)
		}
		if got := len(phone.inbox()); got != heard {
			t.Errorf("the barred phone has %d messages, and had %d", got, heard)
		}
		for _, p := range people {
			if s := p.status(); s.Excluded != nil || s.Roll.Distrusted {
				t.Errorf("%s is locked out: %+v", p.name, s)
			}
		}
		w.node.start()
		w.net.Heal()
		w.await(10*time.Minute, "they are back", func() bool {
			return !slices.ContainsFunc(people, func(p *person) bool { return !p.status().Rendezvous[0].Connected })
		})
		a.talk("with the node again", people)
		for _, p := range people {
			p.skew.Store(0) // who was told that the clock is wrong sets it
		}
		w.passes(5*briefLife, phone)
		w.await(10*time.Minute, "they are back once more", func() bool {
			return !slices.ContainsFunc(people, func(p *person) bool { return !p.status().Rendezvous[0].Connected })
		})
		a.isOver("in the end", people)
	})
}

// talk has each say something in the group once all have what was said before, and then something that lives for an hour.
func (a *adrift) talk(when string, people []*person) {
	a.t.Helper()
	say := func(p *person, text string, expires int64) {
		a.t.Helper()
		if _, err := p.node.Send(a.t.Context(), api.SendRequest{To: []string{a.group}, Text: text, Expires: expires}); err != nil {
			a.t.Fatalf("%s says %q: %v", p.name, text, err)
		}
	}
	for _, p := range people {
		text := fmt.Sprintf("%s: %s", when, p.name)
		say(p, text, 0)
		a.told = append(a.told, text)
		a.heard(text, p, people)
	}
	for _, p := range people {
		if p.skew.Load() <= 0 { // when a clock that was ahead is believed no more, what came meanwhile stands behind what comes then
			a.inOrder(p)
		}
	}
	for _, p := range people {
		text := fmt.Sprintf("%s: %s for an hour", when, p.name)
		say(p, text, int64(briefLife/time.Second))
		a.brief = append(a.brief, text)
	}
	time.Sleep(2 * time.Minute)
	for i, text := range a.brief[len(a.brief)-len(people):] {
		for j, p := range people {
			// A clock that is ahead and is believed ends a lifetime early, at its own device alone.
			if i != j && p.skew.Load() <= 0 && !slices.Contains(p.inbox(), text) {
				a.t.Errorf("%s: %s does not have %q", when, p.name, text)
			}
		}
	}
}

// heard waits until all but who said it have a text.
func (a *adrift) heard(text string, from *person, people []*person) {
	a.t.Helper()
	for _, p := range people {
		if p != from {
			a.await(10*time.Minute, p.name+" hears "+text, func() bool { return slices.Contains(p.inbox(), text) })
		}
	}
}

// isOver holds that nothing is shown whose lifetime was over hours ago, and that all else is still there. A device whose clock is wrong
// does not know for how long it was off: there it is over once the device has run for as long.
func (a *adrift) isOver(when string, people []*person) {
	a.t.Helper()
	for _, p := range people {
		inbox := p.inbox()
		for _, text := range a.brief {
			if p.skew.Load() == 0 && slices.Contains(inbox, text) {
				a.t.Errorf("%s: %s shows %q hours after its end", when, p.name, text)
			}
		}
		for _, text := range a.told {
			if !strings.HasSuffix(text, ": "+p.name) && !slices.Contains(inbox, text) {
				a.t.Errorf("%s: %s has lost %q", when, p.name, text)
			}
		}
	}
}

// inOrder holds the order in which one shows what was said against what caused what.
func (a *adrift) inOrder(p *person) {
	a.t.Helper()
	at := -1
	for cursor := ""; ; {
		page, err := p.node.Inbox(a.t.Context(), api.InboxQuery{Cursor: cursor})
		if err != nil {
			a.t.Fatal(err)
		}
		for _, m := range page.Messages {
			if i := slices.Index(a.told, m.Text); i >= 0 {
				if i < at {
					a.t.Errorf("%s shows %q behind %q", p.name, m.Text, a.told[at])
				}
				at = i
			}
		}
		if cursor = page.Next; cursor == "" {
			return
		}
	}
}

package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

const simYear = 365 * 24 * time.Hour

// wrongClocks is how far ahead the clocks of five devices are.
var wrongClocks = []time.Duration{14 * simYear, -26 * simYear, -24 * time.Hour, 0, 24 * time.Hour}

// years is five people whose clocks are wrong by years from before they are members.
type years struct {
	*world
	people []*person
	first  string   // the message that all answer
	said   []string // in the order of cause and effect
}

// TestLongSimClocksOfYears founds an organization with a clock of years ahead, has others join with clocks of years behind and days apart, and
// lets them talk, with a rendezvous node, after a time without it, and after a start without it. Everything comes to all, in the order in
// which it was caused, nothing is over early, and nobody is locked out. [MSH-61] [MSH-62] [MSH-63] [MSH-67] [MSH-68]
func TestLongSimClocksOfYears(t *testing.T) {
	long(t)
	simulate(t, 91, func(w *world) {
		t, y := w.t, &years{world: w}
		for i, off := range wrongClocks {
			p := w.person(fmt.Sprint("p", i))
			p.skew.Store(int64(off))
			y.people = append(y.people, p)
		}
		founder := y.people[0]
		founder.found("Harbour")
		if _, err := founder.node.SetPolicy(t.Context(), api.PolicyRequest{Set: []string{"contact.admin.member=free", "contact.member.admin=free", "contact.member.member=free"}}); err != nil {
			t.Fatal(err)
		}
		invitation := founder.invite(api.InviteRequest{Uses: 5})
		for _, p := range y.people[1:] {
			p.join(invitation)
		}
		y.everybody(6)
		y.begin()
		y.round()
		for _, p := range y.people {
			y.told(p)
		}
		y.vanish()

		y.rest(24*time.Hour, false)
		var waiting []string
		for i, p := range y.people {
			text := fmt.Sprint("without a node ", i)
			if _, err := p.node.Send(t.Context(), api.SendRequest{Reply: y.first, Text: text}); err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, text)
		}
		time.Sleep(2 * time.Hour)
		y.rest(5*24*time.Hour, true)
		w.await(time.Hour, "what was written without a node comes to all", func() bool {
			for i, p := range y.people {
				for j, text := range waiting {
					if i != j && !slices.Contains(p.inbox(), text) {
						return false
					}
				}
			}
			return true
		})
		y.said = append(y.said, "+"+strings.Join(waiting, "+"))
		y.round()

		y.rest(40*24*time.Hour, true) // prekeys are others now
		y.round()
		y.vanish()
		late := w.person("late")
		late.skew.Store(int64(-10 * simYear))
		late.join(founder.invite(api.InviteRequest{}))
		for _, p := range y.people {
			p.follow(late)
			if status := p.status(); !status.Roll.Fresh || status.Excluded != nil || status.Roll.Distrusted {
				t.Errorf("%s is locked out: %+v", p.name, status.Roll)
			}
		}
	})
}

// rest has everything stand still for a while, and start without the rendezvous node, or with it.
func (y *years) rest(long time.Duration, node bool) {
	for _, p := range y.people {
		p.stop()
	}
	y.node.stop()
	time.Sleep(long)
	if node {
		y.node.start()
	}
	for _, p := range y.people {
		p.start()
	}
}

// everybody waits until all have so much of the roll and of each other.
func (y *years) everybody(atLeast uint64) {
	y.t.Helper()
	for _, p := range y.people {
		for _, other := range y.people {
			if p != other {
				p.follow(other)
			}
		}
		y.await(time.Minute, p.name+" has the roll", func() bool { return p.status().Roll.Size >= atLeast && p.status().Roll.Fresh })
	}
}

// begin has the founder begin the conversation of all.
func (y *years) begin() {
	y.t.Helper()
	y.first = y.people[0].send("the first", y.people[1:]...)
	y.said = []string{"the first"}
	for _, p := range y.people[1:] {
		y.await(time.Minute, p.name+" has the first", func() bool { return slices.Contains(p.inbox(), "the first") })
	}
	for _, p := range y.people[1:] { // they take part, so that all hear them
		y.say(p, p.name+" is here")
	}
}

// say has one say something once everybody has what was said before, and waits until all have it.
func (y *years) say(p *person, text string) {
	y.t.Helper()
	if _, err := p.node.Send(y.t.Context(), api.SendRequest{Reply: y.first, Text: text}); err != nil {
		y.t.Fatalf("%s says %q: %v", p.name, text, err)
	}
	y.said = append(y.said, text)
	for _, other := range y.people {
		if other != p {
			y.await(10*time.Minute, other.name+" hears "+text, func() bool { return slices.Contains(other.inbox(), text) })
		}
	}
}

// round has each answer the one before, and everybody show that in this order.
func (y *years) round() {
	y.t.Helper()
	for _, p := range y.people {
		y.say(p, fmt.Sprint("number ", len(y.said)))
	}
	for _, p := range y.people {
		y.inOrder(p)
	}
}

// inOrder holds what one shows of the conversation against what caused what.
func (y *years) inOrder(p *person) {
	y.t.Helper()
	threads, err := p.node.Threads(y.t.Context(), api.ThreadsQuery{})
	if err != nil {
		y.t.Fatal(err)
	}
	var shown []api.Message
	for _, thread := range threads.Threads {
		page, err := p.node.Thread(y.t.Context(), api.ThreadQuery{Thread: thread.Thread})
		if err != nil {
			y.t.Fatal(err)
		}
		shown = append(shown, page.Messages...)
	}
	slices.SortFunc(shown, func(a, b api.Message) int { return a.Received.Compare(b.Received) })
	at := make(map[string]int)
	for i, m := range shown {
		at[m.Text] = i
		if m.IsTimeDoubtful() || time.Until(m.Time).Abs() > 60*24*time.Hour {
			y.t.Errorf("%s shows %q with the time %v, at %v", p.name, m.Text, m.Time, time.Now())
		}
	}
	before := -1
	for _, text := range y.said {
		if strings.HasPrefix(text, "+") { // those of no order among each other
			continue
		}
		i, has := at[text]
		if !has || i < before {
			y.t.Errorf("%s shows %q at place %d of %d, there %v, after one at %d", p.name, text, i, len(shown), has, before)
		}
		before = i
	}
}

// vanish has each send what lives for an hour: it is there for that hour, and then on no device.
func (y *years) vanish() {
	y.t.Helper()
	var texts []string
	for i, p := range y.people {
		text := fmt.Sprint("for an hour ", i, " ", len(y.said))
		if _, err := p.node.Send(y.t.Context(), api.SendRequest{Reply: y.first, Text: text, Expires: 3600}); err != nil {
			y.t.Fatal(err)
		}
		texts = append(texts, text)
	}
	has := func(p *person, mine int) (count int) {
		for i, text := range texts {
			if i != mine && slices.Contains(p.inbox(), text) {
				count++
			}
		}
		return count
	}
	for i, p := range y.people {
		y.await(time.Minute, p.name+" has what is to vanish", func() bool { return has(p, i) == len(texts)-1 })
	}
	time.Sleep(40 * time.Minute)
	for i, p := range y.people {
		if has(p, i) != len(texts)-1 {
			y.t.Errorf("after 40 minutes %s has %d of what lives for an hour", p.name, has(p, i))
		}
	}
	time.Sleep(4 * time.Hour) // an organization's time may be off by 3
	for i, p := range y.people {
		if has(p, i) != 0 {
			y.t.Errorf("after hours %s has %d of what lives for an hour", p.name, has(p, i))
		}
	}
}

// told holds whether a person was told once that the clock is wrong against what it is.
func (y *years) told(p *person) {
	y.t.Helper()
	wrong, told := time.Duration(p.skew.Load()).Abs() > 3*time.Hour, 0
	for _, notice := range p.status().Notices {
		if strings.Contains(notice.Text, "clock is wrong") {
			told++
		}
	}
	if wrong && told == 0 || !wrong && told > 0 || told > 1 {
		y.t.Errorf("%s, whose clock is %v ahead, was told %d times", p.name, time.Duration(p.skew.Load()), told)
	}
}

// TestSimClocksJumpOnALAN is five devices of one person. While they are off for days and the rendezvous node is gone, their clocks jump by
// years: they find each other on their network, and come in step. [NEAR-3] [MSH-66] [MSH-67]
func TestSimClocksJumpOnALAN(t *testing.T) {
	simulate(t, 92, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(2, 1, func(int, *person) {})
		for range 4 {
			w.another(accounts[0]).stop()
		}
		w.assemble(func(*person) {})
		devices := accounts[0].devices
		first := accounts[1].devices[0].send("before", devices[0])
		w.await(time.Minute, "it came", func() bool { return len(devices[0].inbox()) == 1 })
		w.alike(10*time.Minute, devices...)
		w.alone()
		for _, d := range devices {
			d.crash()
		}
		w.node.stop() // which nobody hears: what it and others do in three days proves nothing here
		accounts[1].devices[0].stop()
		time.Sleep(3 * 24 * time.Hour)
		w.node.start()
		accounts[1].devices[0].start()
		for i, d := range devices {
			d.skew.Store(int64(wrongClocks[i]))
			d.start()
		}
		for i, d := range devices {
			if _, err := d.node.Tag(t.Context(), api.TagRequest{IDs: []string{first}, Tag: fmt.Sprint("tag ", i)}); err != nil {
				t.Fatal(err)
			}
		}
		w.alike(30*time.Minute, devices...)
		for i := range devices {
			if !strings.Contains(devices[0].seen(), fmt.Sprint("tag ", i)) {
				t.Errorf("tag %d is nowhere:\n%s", i, devices[0].seen())
			}
		}
		w.net.Heal()
		w.await(10*time.Minute, "they are back", w.together)
		devices[0].send("an answer", accounts[1].devices[0])
		w.await(time.Minute, "it comes", func() bool { return slices.Contains(accounts[1].devices[0].inbox(), "an answer") })
		w.alike(10*time.Minute, devices...)
	})
}

package mdns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"muster.example/internal/nearby"
)

const (
	// answerDelay and answerSpread are how long an answer waits, so that those of many devices do not come at once, and go out
	// once for all who ask meanwhile (RFC 6762 section 6).
	answerDelay  = 20 * time.Millisecond
	answerSpread = 100 * time.Millisecond
	// answerPause is how long an announcement is not sent again on a link (RFC 6762 section 6).
	answerPause = time.Second
	// greetings is how often an announcement is sent unasked, at 0, 1 and 3 seconds (RFC 6762 section 8.3).
	greetings = 3
	// firstQuestion is the pause after the first question, which grows by questionGrowth up to lastQuestion (RFC 6762 section 5.2).
	firstQuestion  = time.Second
	questionGrowth = 3
	lastQuestion   = time.Hour
	// maxOwn is how many announcements a process makes at a time, and maxLinks on how many links.
	maxOwn   = 256
	maxLinks = 16
	// maxFromOne is how many announcements of one kind are kept that came from one address: one machine can crowd nobody out.
	maxFromOne = 64
)

// packet is something to send to everybody on a link.
type packet struct {
	link int // index of the interface
	data []byte
}

// news is an announcement that was heard, or that changed, for those who browse.
type news struct {
	kind  nearby.Kind
	found nearby.Found
}

// schedule is when something of one's own goes out on one link.
type schedule struct {
	due  time.Time // zero: never
	last time.Time // when it went out last
	left int       // of an announcement: greetings that are to come
	wait time.Duration
}

// machine is what multicast DNS does, without sockets or a clock. It is not safe for concurrent use.
type machine struct {
	random *rand.Rand
	links  map[int]link
	own    map[string]*owned         // by the name of the instance
	browse map[nearby.Kind]*browsing // what is looked for
	news   []news                    // not taken yet
	out    []packet                  // not taken yet
}

// owned is an announcement of this device.
type owned struct {
	record
	on map[int]*schedule
}

// newMachine makes one that draws names and delays from random.
func newMachine(random *rand.Rand) *machine {
	return &machine{random: random, links: make(map[int]link), own: make(map[string]*owned), browse: make(map[nearby.Kind]*browsing)}
}

// label draws a name that says nothing: 130 bits.
func (m *machine) label() string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	var name strings.Builder
	for range 26 {
		name.WriteByte(letters[m.random.IntN(len(letters))])
	}
	return name.String()
}

func (m *machine) delay() time.Duration {
	return answerDelay + time.Duration(m.random.Int64N(int64(answerSpread)))
}

// announce begins to announce, and returns the name by which withdraw ends it.
func (m *machine) announce(now time.Time, a nearby.Announcement) (string, error) {
	if err := a.Check(); err != nil {
		return "", err
	}
	if len(m.own) == maxOwn {
		return "", fmt.Errorf("%w: %d are made already", nearby.ErrAnnouncement, maxOwn)
	}
	one := &owned{on: make(map[int]*schedule)}
	one.record = record{instance: instance{kind: a.Kind, name: m.label(), host: m.label()}, port: a.Port, payload: a.Payload, ttl: timeToLive}
	m.own[one.name] = one
	for index := range m.links {
		one.greet(now, index)
	}
	return one.name, nil
}

// greet begins to tell an announcement unasked on one link.
func (o *owned) greet(now time.Time, index int) {
	o.on[index] = &schedule{due: now, left: greetings, wait: answerPause}
}

// withdraw takes an announcement back, at once and everywhere (RFC 6762 section 10.1).
func (m *machine) withdraw(name string) {
	one := m.own[name]
	if one == nil {
		return
	}
	delete(m.own, name)
	for index := range one.on {
		m.send(index, record{instance: one.instance})
	}
}

// send sends a record on a link. One that does not fit a packet cannot be: its parts have caps.
func (m *machine) send(index int, r record) {
	if data, err := r.encode(); err == nil {
		m.out = append(m.out, packet{index, data})
	}
}

// setLinks tells which links there are now. What is announced is told anew on one that came or changed, and what was heard on one that
// went is forgotten.
func (m *machine) setLinks(now time.Time, all []link) {
	before := m.links
	m.links = make(map[int]link)
	for _, l := range all[:min(len(all), maxLinks)] {
		m.links[l.index] = l
	}
	for index, l := range m.links {
		if old, was := before[index]; was && old.same(l) {
			continue
		}
		for _, one := range m.own {
			one.greet(now, index)
		}
		for _, b := range m.browse {
			b.ask(now.Add(m.delay()), index)
		}
	}
	for index := range before {
		if _, still := m.links[index]; still {
			continue
		}
		for _, one := range m.own {
			delete(one.on, index)
		}
		for _, b := range m.browse {
			b.leave(index)
		}
	}
}

// anew has everything said and asked again on all links: those who are on them may be others than before, though the links are the same.
func (m *machine) anew(now time.Time) {
	for index := range m.links {
		for _, one := range m.own {
			one.greet(now, index)
		}
		for _, b := range m.browse {
			b.ask(now.Add(m.delay()), index)
		}
	}
}

// receive takes what somebody sent to everybody on a link. What is not understood is dropped. [NEAR-22]
func (m *machine) receive(now time.Time, index int, from netip.AddrPort, data []byte) {
	l, on := m.links[index]
	if !on || from.Port() != port || !l.holds(from.Addr()) {
		return
	}
	said, err := parse(data)
	if err != nil {
		return
	}
	if said.answer {
		for _, r := range said.heard {
			if b := m.browse[r.kind]; b != nil && m.own[r.name] == nil {
				m.news = append(m.news, b.hear(now, l, from.Addr(), r)...)
			}
		}
		return
	}
	for _, one := range m.own {
		if one.answers(said) {
			one.reply(now, index, m.delay())
		}
	}
}

// answers reports whether a query asks for this announcement, and does not know it well enough already (RFC 6762 section 7.1).
func (o *owned) answers(said message) bool {
	for _, name := range said.named {
		if name == o.full() || name == o.fullHost() {
			return true
		}
	}
	for _, k := range said.known {
		if k.kind == o.kind && k.name == o.name && k.ttl >= timeToLive/2 {
			return false
		}
	}
	for _, kind := range said.asked {
		if kind == o.kind {
			return true
		}
	}
	return false
}

// reply has an announcement sent in a moment, and not more than once in answerPause.
func (o *owned) reply(now time.Time, index int, delay time.Duration) {
	s := o.on[index]
	if s == nil {
		return
	}
	at := now.Add(delay)
	if soon := s.last.Add(answerPause); at.Before(soon) {
		at = soon
	}
	if s.due.IsZero() || at.Before(s.due) {
		s.due = at
	}
}

// next returns when something is due, zero if nothing will be by itself.
func (m *machine) next() (at time.Time) {
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, one := range m.own {
		for _, s := range one.on {
			sooner(s.due)
		}
	}
	for _, b := range m.browse {
		for _, s := range b.on {
			sooner(s.due)
		}
	}
	return at
}

// tick sends what is due.
func (m *machine) tick(now time.Time) {
	for _, one := range m.own {
		for index, s := range one.on {
			if s.due.IsZero() || s.due.After(now) {
				continue
			}
			r := one.record
			if r.addresses = m.links[index].addresses(); len(r.addresses) > 0 {
				m.send(index, r)
			}
			s.last, s.due = now, time.Time{}
			if s.left--; s.left > 0 {
				s.due, s.wait = now.Add(s.wait), 2*s.wait
			}
		}
	}
	for kind, b := range m.browse {
		b.expire(now)
		for index, s := range b.on {
			if s.due.IsZero() || s.due.After(now) {
				continue
			}
			if data, err := question(kind, append(m.ownKnown(kind), b.known(now, index, s.wait)...)); err == nil {
				m.out = append(m.out, packet{index, data})
			}
			s.last, s.due = now, now.Add(s.wait)
			s.wait = min(s.wait*questionGrowth, lastQuestion)
		}
	}
}

// ownKnown is what this device announces itself: a question of its own must not have it answer.
func (m *machine) ownKnown(kind nearby.Kind) (all []known) {
	for _, one := range m.own {
		if one.kind == kind {
			all = append(all, known{kind, one.name, timeToLive})
		}
	}
	return all
}

// take returns what is to be sent and told, once.
func (m *machine) take() ([]packet, []news) {
	out, told := m.out, m.news
	m.out, m.news = nil, nil
	return out, told
}

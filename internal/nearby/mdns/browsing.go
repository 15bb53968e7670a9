package mdns

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"muster.example/internal/nearby"
)

// browsing is what is known of one kind of announcement.
type browsing struct {
	on    map[int]*schedule // when is asked on each link
	heard map[string]*heard // by the name of the instance
	from  map[netip.Addr]int
}

// heard is an announcement of another device.
type heard struct {
	payload []byte
	from    netip.Addr // who said it first
	on      map[int]sighting
	told    []netip.AddrPort // that those who browse know
}

// sighting is an announcement as it was heard on one link.
type sighting struct {
	addresses []netip.AddrPort
	until     time.Time
}

func (m *machine) startBrowsing(now time.Time, kind nearby.Kind) {
	b := &browsing{on: make(map[int]*schedule), heard: make(map[string]*heard), from: make(map[netip.Addr]int)}
	m.browse[kind] = b
	for index := range m.links {
		b.ask(now.Add(m.delay()), index)
	}
}

func (m *machine) stopBrowsing(kind nearby.Kind) { delete(m.browse, kind) }

// ask begins to ask on a link.
func (b *browsing) ask(at time.Time, index int) {
	b.on[index] = &schedule{due: at, wait: firstQuestion}
}

// leave forgets what was heard on a link.
func (b *browsing) leave(index int) {
	delete(b.on, index)
	for name, h := range b.heard {
		if delete(h.on, index); len(h.on) == 0 {
			b.forget(name)
		}
	}
}

func (b *browsing) forget(name string) {
	h := b.heard[name]
	delete(b.heard, name)
	if b.from[h.from]--; b.from[h.from] == 0 {
		delete(b.from, h.from)
	}
}

// hear takes an announcement, and returns it if those who browse should know. [NEAR-22]
func (b *browsing) hear(now time.Time, l link, from netip.Addr, r record) []news {
	h := b.heard[r.name]
	if r.ttl == 0 {
		if h != nil {
			if delete(h.on, l.index); len(h.on) == 0 {
				b.forget(r.name)
			}
		}
		return nil
	}
	addresses := l.callable(r.addresses, r.port)
	if len(addresses) == 0 {
		return nil
	}
	if h == nil {
		if len(b.heard) == nearby.MaxHeard || b.from[from] == maxFromOne {
			return nil
		}
		h = &heard{from: from, on: make(map[int]sighting)}
		b.heard[r.name] = h
		b.from[from]++
	}
	h.on[l.index] = sighting{addresses, now.Add(time.Duration(min(r.ttl, timeToLive)) * time.Second)}
	all := h.addresses()
	if bytes.Equal(h.payload, r.payload) && slices.Equal(h.told, all) {
		return nil
	}
	h.payload, h.told = r.payload, all
	return []news{{r.kind, h.found()}}
}

// addresses are those of all links, in one order.
func (h *heard) addresses() (all []netip.AddrPort) {
	for _, s := range h.on {
		all = append(all, s.addresses...)
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	all = slices.Compact(all)
	return all[:min(len(all), nearby.MaxAddresses)]
}

func (h *heard) found() nearby.Found {
	return nearby.Found{Payload: slices.Clone(h.payload), Addresses: slices.Clone(h.told)}
}

// all returns what is known now, for somebody who begins to browse.
func (b *browsing) all() (found []nearby.Found) {
	for _, h := range b.heard {
		found = append(found, h.found())
	}
	return found
}

// expire forgets what was not heard again in its time.
func (b *browsing) expire(now time.Time) {
	for name, h := range b.heard {
		for index, s := range h.on {
			if !s.until.After(now) {
				delete(h.on, index)
			}
		}
		if len(h.on) == 0 {
			b.forget(name)
		}
	}
}

// known returns what was heard on a link and will be good when it is asked for next: nobody need say it again (RFC 6762 section 7.1).
func (b *browsing) known(now time.Time, index int, wait time.Duration) (all []known) {
	enough := max(timeToLive/2*time.Second, wait+answerPause)
	for name, h := range b.heard {
		if s, ok := h.on[index]; ok {
			if left := s.until.Sub(now); left > enough {
				all = append(all, known{name: name, ttl: uint32(left / time.Second)})
			}
		}
	}
	return all
}

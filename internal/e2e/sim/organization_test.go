package sim

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/sync/history"
)

// TestLongSimOrganization is a whole organization at work: members with two devices each write to groups of two to all of
// them and to one another, while groups are made, entered and left, members and devices are removed and added, and parts
// of the network fail. In the end each message is once on each device that it should be on, and none other can open it
// with anything it ever had. It has thirty members when simulations were asked for, and some of them otherwise.
func TestLongSimOrganization(t *testing.T) {
	long(t)
	members, steps := 10, 90
	if os.Getenv(testnet.EnvSeeds) != "" {
		members, steps = 30, 110
	}
	simulate(t, 1, func(w *world) {
		w.change = func(_ *person, config *node.Config) { config.NoDirect = true } // the ledger is kept of what the rendezvous node sees
		p := newPlay(w, members)
		defer func() {
			if t := w.t; t.Failed() {
				t.Logf("what happened:\n%s", strings.Join(p.trace, "\n"))
			}
		}()
		for range steps {
			p.step()
		}
		p.settle()
		p.judge()
	})
}

// sealing is one envelope that a message travelled in.
type sealing struct {
	taken
	opens map[*person]bool
}

// judge holds what every device has against the roll.
func (p *play) judge() {
	p.t.Helper()
	loots := make(map[*person]*loot)
	for _, d := range p.all {
		d.stop()
		loots[d] = d.rob()
	}
	admin := loots[p.all[0]]
	l := count(p.t, admin.org, admin.entries)
	for _, e := range p.tap.taken {
		if e.envelope.ParsedHeader().Kind == envelope.KindAnnounce {
			for _, d := range p.all {
				loots[d].learn(e.envelope)
			}
		}
	}
	sealings, pieces, late := p.openAll(loots)
	var musts, nones, total int
	for _, m := range p.posts {
		if m.known == 0 {
			continue // refused
		}
		has := make(map[*person]int)
		var message *history.Message
		for _, d := range p.all {
			for _, record := range loots[d].records {
				if record.Kind == history.RecordMessage && record.Message.Text.Text == m.text {
					has[d]++
					message = record.Message
				}
			}
		}
		if has[m.by] != 1 {
			p.t.Errorf("%q is %d times on the device that wrote it", m.text, has[m.by])
			continue
		}
		place := placeOf(message)
		if len(sealings[m.text]) == 0 {
			p.unsent(l, loots, m, place)
			continue
		}
		first := slices.MinFunc(sealings[m.text], func(a, b sealing) int {
			return int(a.envelope.ParsedHeader().RollSize) - int(b.envelope.ParsedHeader().RollSize)
		})
		size := first.envelope.ParsedHeader().RollSize
		if size < m.known {
			p.t.Errorf("%q was sealed on a roll of %d, where its author had seen %d", m.text, size, m.known)
		}
		denied := slices.ContainsFunc(sealings[m.text], func(s sealing) bool { return p.denied[s.envelope.ID()] })
		for _, file := range message.Text.Files {
			denied = denied || late[file.Nonce]
		}
		offered := func(d *person) bool {
			return slices.ContainsFunc(sealings[m.text], func(s sealing) bool { return slices.Contains(s.recipients, loots[d].device) })
		}
		ahead := slices.ContainsFunc(p.all, func(d *person) bool { // somebody had receipted it before the node was offered it [GOS-12]
			device := loots[d].device
			return d != m.by && l.devices[device].from < size && !offered(d) && l.right(device, loots[m.by].device, place, size, first.at) == must
		})
		for _, d := range p.all {
			if d == m.by {
				continue
			}
			opens := slices.ContainsFunc(sealings[m.text], func(s sealing) bool { return s.opens[d] })
			for _, s := range sealings[m.text] {
				if slices.Contains(s.recipients, loots[d].device) && l.goneBy(loots[d].device, place, size, s.at) {
					p.t.Errorf("%q was queued for %s, who was not there any more", m.text, d.name)
				}
			}
			rung := p.bell.count(d, m.text)
			r := l.right(loots[d].device, loots[m.by].device, place, size, first.at)
			if l.right(loots[d].device, loots[m.by].device, place, m.known, first.at) == none && r != none {
				r = may // who came after it was written, unless its author's roll grew just then
			}
			if (denied || ahead) && r == must && l.devices[loots[d].device].from >= size {
				r = may // if it was receipted before it was offered, or offered again, nobody told its author of a new device
			}
			for _, file := range message.Text.Files {
				total += int(file.Chunks())
				switch open := len(pieces[file.Nonce][d]); {
				case r == none && open > 0:
					p.t.Errorf("%q, sealed on a roll of %d: %s must not have its file, and can open %d pieces", m.text, size, d.name, open)
				case r == must && uint64(open) != file.Chunks() && !(denied && l.gone(loots[m.by].device, place, size)):
					p.t.Errorf("%q, sealed on a roll of %d: %s must have its file, and can open %d of %d pieces", m.text, size, d.name, open, file.Chunks())
				}
			}
			switch {
			case r == none:
				nones++
				if has[d] > 0 || rung > 0 || opens {
					p.t.Errorf("%q, sealed on a roll of %d: %s must not have it: %d times in its history, told %d times, can open it %v\n%s",
						m.text, size, d.name, has[d], rung, opens, way(loots[m.by], loots[d].device, d, message.ID(), sealings[m.text]))
				}
			case r == must:
				musts++
				late := l.devices[loots[d].device].from >= size // a sibling may have given it before anybody watched
				if has[d] != 1 || rung != 1 && !(late && rung == 0) || !opens {
					p.t.Errorf("%q, sealed on a roll of %d: %s must have it once: %d times in its history, told %d times, can open it %v\n%s",
						m.text, size, d.name, has[d], rung, opens, way(loots[m.by], loots[d].device, d, message.ID(), sealings[m.text]))
				}
			case has[d] > 1 || rung > 1:
				p.t.Errorf("%q: %s has it %d times, told %d times", m.text, d.name, has[d], rung)
			}
		}
	}
	p.t.Logf("%d members, %d devices, %d groups, %d messages, %d entries, %d envelopes: %d times it had to come, %d times it must not",
		len(p.accounts), len(p.all), len(p.groups), len(p.posts), len(l.stamps), len(p.tap.taken), musts, nones)
	p.t.Logf("%d pieces of files were tried", total)
	if musts < 100 || nones < 100 || total < 100 {
		p.t.Error("that proves nothing")
	}
}

// way tells how a message went to a device.
func way(author *loot, to keys.PublicKey, d *person, message keys.MessageID, sealings []sealing) string {
	text := fmt.Sprintf("its author has it down as %v", author.deliveries[message][to])
	for _, s := range sealings {
		header := s.envelope.ParsedHeader()
		text += fmt.Sprintf("\nsealed on a roll of %d at %d of chain %s, queued at %s for %d, it is among them %v, opens it %v", header.RollSize, header.Position,
			header.Chain.Short(), time.UnixMilli(s.at).Format("04:05.000"), len(s.recipients), slices.Contains(s.recipients, to), s.opens[d])
	}
	return text
}

// openAll has every device try every message that the rendezvous node ever queued. It returns the sealings of texts, which
// pieces of files each device opens, and the files of which the node denied that it took a piece: their authors put off the rest.
func (p *play) openAll(loots map[*person]*loot) (
	sealings map[string][]sealing, pieces map[[history.NonceSize]byte]map[*person]map[uint64]bool, late map[[history.NonceSize]byte]bool,
) {
	late = make(map[[history.NonceSize]byte]bool)
	sealings, pieces = make(map[string][]sealing), make(map[[history.NonceSize]byte]map[*person]map[uint64]bool)
	for _, e := range p.tap.taken {
		if e.envelope.ParsedHeader().Kind != envelope.KindMessage {
			continue
		}
		s := sealing{e, make(map[*person]bool)}
		var content *envelope.Content
		for _, d := range p.all {
			if opened, ok := loots[d].open(p.t, e.envelope); ok {
				s.opens[d], content = true, &opened.Content
			}
		}
		if content != nil && history.Kind(content.Kind)&^history.Anew == history.KindChunk {
			chunk, err := history.DecodeChunk(content.Body)
			if err != nil {
				p.t.Fatal(err)
			}
			late[chunk.File] = late[chunk.File] || p.denied[e.envelope.ID()]
			if pieces[chunk.File] == nil {
				pieces[chunk.File] = make(map[*person]map[uint64]bool)
			}
			for d := range s.opens {
				if pieces[chunk.File][d] == nil {
					pieces[chunk.File][d] = make(map[uint64]bool)
				}
				pieces[chunk.File][d][chunk.Index] = true
			}
		}
		if content == nil || history.Kind(content.Kind)&^history.Anew != history.KindText {
			continue
		}
		text, err := history.DecodeText(content.Body)
		if err != nil {
			p.t.Fatal(err)
		}
		sealings[text.Text] = append(sealings[text.Text], s)
	}
	return sealings, pieces, late
}

// unsent judges a message that the rendezvous node never queued: whoever wrote it must have gone, or have been gone, or it went round
// in its group while its author had no session, and everybody had receipted it before it was posted. [GOS-12]
func (p *play) unsent(l *ledger, loots map[*person]*loot, m *post, place envelope.Place) {
	p.t.Helper()
	author := loots[m.by].device
	gone := l.right(author, author, place, m.known, math.MaxInt64) != must
	for _, d := range p.all {
		if d == m.by {
			continue
		}
		has, rung := loots[d].times(m.text), p.bell.count(d, m.text)
		switch device := loots[d].device; {
		case l.right(device, author, place, m.known, math.MaxInt64) == none:
			if has+rung > 0 && l.right(device, author, place, uint64(len(l.stamps)), math.MaxInt64) == none {
				p.t.Errorf("%q was never queued, and %s must not have it: %d times in its history, told %d times", m.text, d.name, has, rung)
			}
		case !gone && l.right(device, author, place, m.known, math.MaxInt64) == must:
			if has != 1 || rung != 1 {
				p.t.Errorf("%q was never queued, and %s must have it once: %d times in its history, told %d times", m.text, d.name, has, rung)
			}
		case has > 1 || rung > 1:
			p.t.Errorf("%q was never queued, and %s has it %d times, told %d times", m.text, d.name, has, rung)
		}
	}
}

// placeOf returns where a message belongs.
func placeOf(m *history.Message) envelope.Place {
	if m.Text.Group != nil {
		return envelope.InGroup(*m.Text.Group)
	}
	return envelope.Among(append(slices.Clone(m.Text.To), m.Member)...)
}

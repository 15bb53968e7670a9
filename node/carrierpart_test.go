package node

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership/membershiptest"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// partly is a device to which others hand envelopes over, of which not all comes.
type partly struct {
	*testing.T
	o *organization
}

// talk begins to hear a member's device.
func (p partly) talk(from *membershiptest.Member) *carrierTalk {
	return newCarrierTalk(&meshPeer{streams: p.o.mesh, key: from.Device().Public(), began: time.Now()})
}

// asks has an envelope be expected, behind what came of it before, and returns from where on.
func (p partly) asks(talk *carrierTalk, id byte, size uint64) (in *carrierInput) {
	p.Helper()
	offer := mesh.Offer{ID: keys.EnvelopeID{id}, Sender: talk.p.key, Size: size, Expires: time.Now().Add(time.Hour).Unix()}
	known, err := p.o.carriers.judge(talk.p.key, []mesh.Offer{offer})
	if err != nil {
		p.Fatal(err)
	}
	in = &carrierInput{offer: offer, from: talk.p.key, kept: known.parts[offer.ID]}
	p.o.carriers.talks[talk], talk.expected[offer.ID] = true, in
	return in
}

// piece has the next piece of an envelope come.
func (p partly) piece(talk *carrierTalk, in *carrierInput, size int) {
	p.Helper()
	if err := p.o.carriers.takePiece(talk, mesh.Handing{ID: in.offer.ID, Offset: in.came(), Piece: bytes.Repeat([]byte{in.offer.ID[0]}, size)}); err != nil {
		p.Fatal(err)
	}
}

// parts returns how much is kept of which envelope, by their first byte.
func (p partly) parts() map[byte]uint64 {
	all := make(map[byte]uint64)
	view(p.T, p.o.node.store, func(tx *store.Tx) error {
		return tx.CarriedParts(p.o.org, func(of store.PartOf, part store.CarriedPart) (bool, error) {
			all[of.ID[0]] += part.Bytes
			return true, nil
		})
	})
	return all
}

// restart forgets all that is in memory alone, as the end of the program does.
func (p partly) restart() { p.o.carriers = newCarriers(p.o) }

// What came of an envelope is on the disk two seconds later, and goes on behind it for the device that brought it alone. What came of two
// streams of one device does not mix. [CAR-23]
func TestPartOutlivesTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "ben", "cat")
		ben, cat := org.Members[1], org.Members[2]
		p := partly{t, newDevice(t, org, org.Members[0])}
		slow := p.talk(ben)
		in := p.asks(slow, 1, 100<<10)
		p.piece(slow, in, 8<<10)
		time.Sleep(partPause)
		p.piece(slow, in, 8<<10)
		p.piece(slow, in, 1<<10) // not yet on the disk
		fast := p.asks(slow, 2, 2<<20)
		for range 2 * partAtOnce / mesh.MaxPiece {
			p.piece(slow, fast, mesh.MaxPiece)
		}
		if got := p.parts(); got[1] != 16<<10 || got[2] != 2*partAtOnce || len(fast.bytes) != 0 {
			t.Errorf("on the disk are %d bytes of a slow one, %d of a fast one", got[1], got[2])
		}
		p.restart()
		if again := p.asks(p.talk(cat), 1, 100<<10); again.kept != 0 {
			t.Errorf("another device goes on at %d", again.kept)
		}
		newer := p.talk(ben)
		again := p.asks(newer, 1, 100<<10)
		if again.kept != 16<<10 {
			t.Fatalf("it goes on at %d", again.kept)
		}
		stale := p.talk(ben)
		late := p.asks(stale, 1, 100<<10)
		p.piece(newer, again, 4<<10)
		p.o.carriers.hangUp(newer)
		p.piece(stale, late, 8<<10)
		p.o.carriers.hangUp(stale)
		if got := p.parts()[1]; got != 20<<10 {
			t.Errorf("after two streams at once there are %d bytes", got)
		}
		data, err := p.o.carriers.whole(&carrierInput{offer: again.offer, from: again.from, kept: 20 << 10, bytes: []byte{7}})
		if want := append(bytes.Repeat([]byte{1}, 20<<10), 7); err != nil || !bytes.Equal(data, want) {
			t.Errorf("what came is not what was handed over: %d bytes, %v", len(data), err)
		}
	})
}

// What comes in part is bounded: who brings most of it loses what lay longest, what is too old goes, and what came of an envelope that was
// carried meanwhile. [CAR-23]
func TestPartsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "ben", "cat")
		ben, cat := org.Members[1], org.Members[2]
		p := partly{t, newDevice(t, org, org.Members[0])}
		part := func(from *membershiptest.Member, id byte, size int) {
			talk := p.talk(from)
			in := p.asks(talk, id, 16<<20)
			for left := size; left > 0; left -= mesh.MaxPiece {
				p.piece(talk, in, min(left, mesh.MaxPiece))
			}
			p.o.carriers.hangUp(talk)
			time.Sleep(time.Minute)
		}
		part(cat, 1, 1<<20)
		for id := range byte(20) {
			part(ben, 10+id, 3<<20)
		}
		kept, sum := p.parts(), uint64(0)
		for _, size := range kept {
			sum += size
		}
		if sum > partsKept || sum < partsKept-3<<20 || kept[1] != 1<<20 || kept[29] != 3<<20 || kept[10] != 0 {
			t.Errorf("kept are %d bytes: %v", sum, kept)
		}
		update(t, p.o.node.store, func(tx *store.Tx) error {
			return tx.DeleteCarry(p.o.org, store.Carry{ID: keys.EnvelopeID{29}, Expires: time.Now().Add(time.Hour).Unix()})
		})
		if err := p.o.hearBar(org.BarEvent(org.Founder.Device(), cat.Device().Public(), 0)); err != nil {
			t.Fatal(err)
		}
		if err := p.o.tidyParts(); err != nil {
			t.Fatal(err)
		}
		if got := p.parts(); got[29] != 0 || got[1] != 0 || got[28] != 3<<20 {
			t.Errorf("of what was carried %d bytes are kept, of a barred device's %d, of the rest %d", got[29], got[1], got[28])
		}
		time.Sleep(partLife)
		if err := p.o.tidyParts(); err != nil || len(p.parts()) != 0 {
			t.Errorf("after two days there is %v, %v", p.parts(), err)
		}
		view(t, p.o.node.store, func(tx *store.Tx) error {
			for _, m := range []*membershiptest.Member{ben, cat} {
				for id := range byte(30) {
					_, err := tx.CarriedPieces(p.o.org, store.PartOf{ID: keys.EnvelopeID{id}, From: m.Device().Public()}, 1)
					if !errors.Is(err, store.ErrNotFound) {
						t.Errorf("pieces of %d are there: %v", id, err)
					}
				}
			}
			return nil
		})
	})
}

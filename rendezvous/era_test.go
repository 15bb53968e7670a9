package rendezvous

import (
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// renew loses what waits, and gives numbers anew, as a cluster does whose log was made anew.
func (q *memQueue) renew() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.era++
	q.number = 0
	q.waiting = make(map[keys.PublicKey][]queue.Delivery)
	q.bodies = make(map[keys.EnvelopeID]*queue.Item)
}

// A session that stands far on in a queue that is made anew begins anew too, without the device's doing. [STO-96]
func TestASessionOutlivesItsNumbers(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	mail(t, anna, phone, 3)
	stream := phone.openDeliver()
	for range 3 {
		nextDeliver(t, stream)
	}
	s.queue.renew()
	ids := mail(t, anna, phone, 2)
	for i, id := range ids {
		got := nextDeliver(t, stream)
		e, err := envelope.Parse(got.Body, rvproto.MaxEnvelope)
		if err != nil || e.ID() != id || got.Number != uint64(i+1) {
			t.Fatalf("delivered %v number %d, want %s under %d", err, got.Number, id.Short(), i+1)
		}
	}
}

// Of a body that was coming in pieces no piece is sent of another that has its number now. [STO-96]
func TestPiecesAreOfOneBody(t *testing.T) {
	old := queue.Delivery{Number: 7, ID: keys.EnvelopeID{1}, Kind: queue.Envelope, Body: make([]byte, 100<<10)}
	d := &deliverer{unread: make(map[keys.EnvelopeID]pending)}
	d.pieces.coming = rvproto.ComingFrame{Number: old.Number}
	d.pieces.coming.ID, d.pieces.coming.Size, d.pieces.coming.Offset = old.ID, len(old.Body), 40<<10
	if !d.pieces.goesOn(&old) {
		t.Error("the body that comes does not go on")
	}
	other := old
	if other.ID = (keys.EnvelopeID{2}); d.pieces.goesOn(&other) {
		t.Error("another body goes on where that one was")
	}
	d.pieces.later = []uint64{7, 9}
	after := uint64(9)
	if d.renew(1, &after); after != 0 || len(d.pieces.later) != 0 || d.pieces.coming.Size != 0 {
		t.Errorf("behind %d, %d put aside, %d bytes coming", after, len(d.pieces.later), d.pieces.coming.Size)
	}
	after = 9
	if d.renew(1, &after); after != 9 {
		t.Error("it begins anew for nothing")
	}
}

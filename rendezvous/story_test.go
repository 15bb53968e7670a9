package rendezvous

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

func TestStoryOfOneEnvelope(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	body := anna.sealed(1000)
	answer := anna.post(body, ben)
	if answer.Status != wire.StatusOK || len(answer.Refused) != 0 {
		t.Fatalf("answer %+v", answer)
	}
	e, err := envelope.Parse(body, len(body))
	if err != nil {
		t.Fatal(err)
	}
	if answer.ID != e.ID() {
		t.Fatalf("id %s, want %s", answer.ID, e.ID())
	}

	// Ben comes online, and acknowledges.
	delivery := ben.openDeliver()
	got := nextDeliver(t, delivery)
	if got.Kind != rvproto.KindEnvelope || !bytes.Equal(got.Body, body) {
		t.Fatal("the envelope did not arrive as it was posted")
	}
	receipt := ben.receipt(anna, e.ID())
	if err := delivery.Ack(rvproto.AckFrame{Receipts: [][]byte{receipt}}); err != nil {
		t.Fatal(err)
	}

	// Anna gets the receipt; nothing is left.
	back := anna.openDeliver()
	got = nextDeliver(t, back)
	if got.Kind != rvproto.KindReceipt || !bytes.Equal(got.Body, receipt) {
		t.Fatal("the receipt did not arrive as it was signed")
	}
	if held := s.queue.held(ben.key.Public(), queue.Envelope); len(held) != 0 {
		t.Errorf("still held for Ben: %v", held)
	}
	want := []keys.EnvelopeID{rvproto.ReceiptID(receipt)}
	if diff := cmp.Diff(want, s.queue.held(anna.key.Public(), queue.Receipt)); diff != "" {
		t.Errorf("receipts held for Anna:\n%s", diff)
	}
	if err := back.Ack(rvproto.AckFrame{IDs: want}); err != nil {
		t.Fatal(err)
	}
}

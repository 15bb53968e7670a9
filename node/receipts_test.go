package node

import (
	"context"
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// TestBadReceiptsCountForNothing hands a sender's device what a receiver's can have the rendezvous node pass on, which does
// not look at signatures: it is given back, nothing else comes of it, and the envelope is kept and offered again. Then
// a true receipt counts, beside bad ones.
func TestBadReceiptsCountForNothing(t *testing.T) { // [RV-59]
	o, bob, carol, org := newTrio(t)
	o.saved(t, "hello", nil, bob)
	o.sealAll(t, map[keys.PublicKey]envelope.Prekey{bob.Device().Public(): prekey(t, org, bob.Device())})
	w := o.waiting(t, envelope.KindMessage)[0]
	w.Accepted, w.Offered = true, time.Now().UnixMilli()
	update(t, o.node.store, func(tx *store.Tx) error { return tx.PutWaiting(o.org, w) })

	sign := func(device keys.PrivateKey, change func(*envelope.Receipt)) []byte {
		r := envelope.Receipt{Org: org.ID, Sender: o.device, Opened: []keys.EnvelopeID{w.ID}}
		change(&r)
		signed, err := envelope.SignReceipt(r, device)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	same := func(*envelope.Receipt) {}
	good := sign(bob.Device(), same)
	unsigned := slices.Clone(good)
	clear(unsigned[len(unsigned)-keys.SignatureSize:])
	unopened := sign(bob.Device(), func(r *envelope.Receipt) { r.Opened, r.Failed = nil, r.Opened })
	unopened[len(unopened)-1] ^= 1
	bad := [][]byte{
		unsigned, unopened, {}, {1}, good[:len(good)-1],
		sign(carol.Device(), same), // to whom it was not sent
		sign(bob.Device(), func(r *envelope.Receipt) { r.Sender = carol.Device().Public() }),
		sign(bob.Device(), func(r *envelope.Receipt) { r.Org[0] ^= 1 }),
		sign(bob.Device(), func(r *envelope.Receipt) { r.Opened = []keys.EnvelopeID{{1}} }),
	}
	hand := func(receipts ...[]byte) {
		t.Helper()
		var batch []rvproto.DeliverFrame
		for _, data := range receipts {
			batch = append(batch, rvproto.DeliverFrame{Kind: rvproto.KindReceipt, Body: data})
		}
		ack, err := o.receive(context.Background(), nil, batch)
		if err != nil || len(ack.IDs) != len(receipts) || len(ack.Receipts) != 0 {
			t.Fatalf("%d of %d are given back, %v", len(ack.IDs), len(receipts), err)
		}
	}
	hand(bad...)
	after := o.waiting(t, envelope.KindMessage)
	if len(after) != 1 || !slices.Equal(after[0].Pending, []keys.PublicKey{bob.Device().Public()}) || len(o.jobs(t)) != 0 {
		t.Fatalf("waiting %+v, %d jobs", after, len(o.jobs(t)))
	}
	for silence, want := range map[time.Duration]int{o.node.config.OfferAgain - time.Minute: 0, o.node.config.OfferAgain + time.Minute: 1} {
		var messages int
		batch, err := o.toPost(0, time.Now().Add(silence), turn{which: first}, func(store.Waiting) bool { return true })
		for _, one := range batch {
			if one.ID == w.ID {
				messages++
			}
		}
		if err != nil || messages != want {
			t.Errorf("after %v it is offered %d times, %v", silence, messages, err)
		}
	}
	hand(unsigned, good, unopened)
	if left := o.waiting(t, envelope.KindMessage); len(left) != 0 {
		t.Errorf("a true receipt did not count: %+v", left)
	}
}

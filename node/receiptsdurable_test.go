package node

import (
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
)

// TestReceiptsAreToldOnceTheyAreDurable keeps receipts on their way back: a stream that is woken before they are there sums up what was
// there before, and is not woken again. [MSH-50]
func TestReceiptsAreToldOnceTheyAreDurable(t *testing.T) {
	o, bob, carol, org := newTrio(t)
	talk := newCarrierTalk(&meshPeer{})
	o.carriers.talks[talk] = true
	told := func() bool {
		o.carriers.mu.Lock()
		defer o.carriers.mu.Unlock()
		due := talk.due&dueReceipts != 0
		talk.due = 0
		return due
	}
	receipt := func(n byte) (signed []byte, r envelope.Receipt) {
		r = envelope.Receipt{Org: org.ID, Device: carol.Device().Public(), Sender: bob.Device().Public(), Opened: []keys.EnvelopeID{{n}}}
		signed, err := envelope.SignReceipt(r, carol.Device())
		if err != nil {
			t.Fatal(err)
		}
		return signed, r
	}
	first, r := receipt(1)
	for _, isNew := range []bool{true, false} {
		err := o.updateReceipts(func(tx *store.Tx) (bool, error) {
			kept, err := o.keepReceipt(tx, first, r.Sender, o.now().UnixMilli())
			if told() {
				t.Error("it is told before it is durable")
			}
			return kept, err
		})
		if err != nil {
			t.Fatal(err)
		}
		if told() != isNew {
			t.Errorf("of a receipt that is new (%v) others are told: %v", isNew, !isNew)
		}
	}
	second, r := receipt(2)
	if kept, err := o.passReceipt(second, r); err != nil || !kept || !told() {
		t.Errorf("a receipt that is passed on is kept (%v, %v), but not told", kept, err)
	}
	third, r := receipt(3)
	if err := o.keepVaccine(third, r, true); err != nil || !told() {
		t.Errorf("a receipt that was brought is not told: %v", err)
	}
}

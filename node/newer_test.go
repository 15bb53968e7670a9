package node

import (
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// TestNewerDevicesAfterReceipts has all whom the author knew open a message to a group before the node's answer to its post is
// looked at: the devices that the answer names get it all the same.
func TestNewerDevicesAfterReceipts(t *testing.T) {
	org := newRoll(t, "bob")
	crew := org.Group(org.Founder.Device(), "Crew", group.Open)
	org.EnterGroup(org.Members[1].Device(), crew)
	p := newPartiesOf(t, org, 1)
	ada, bob := p.all[0], p.all[1]
	d, err := ada.draft(api.SendRequest{Text: "one"}, target{place: envelope.InGroup(crew)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ada.save(d, nil); err != nil {
		t.Fatal(err)
	}
	ada.sealAll(t, p.prekeys)
	w := ada.waiting(t, envelope.KindMessage)[0]

	effects := newEffects()
	update(t, ada.node.store, func(tx *store.Tx) error { return ada.delivered(tx, w.ID, bob.device, 0, &effects) })
	if left := ada.waiting(t, envelope.KindMessage); len(left) != 0 {
		t.Fatalf("%d messages wait still", len(left))
	}
	tablet := org.AddDevice(org.Members[1]).Public()
	ada.answered(t, w, rvproto.AnswerFrame{ID: w.ID, Newer: []keys.PublicKey{tablet}}, make(chan struct{}, 1))
	if left := written(ada.jobs(t)); len(left) != 1 || len(left[0].Only) != 1 || left[0].Only[0] != tablet {
		t.Errorf("for the device that was not known there are jobs %+v", left)
	}
}

package node

import (
	"bytes"
	"slices"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// announces returns the jobs that tell somebody of a key to lock for.
func (o *organization) announces(t *testing.T) []store.Job {
	t.Helper()
	return slices.DeleteFunc(o.jobs(t), func(j store.Job) bool { return history.Kind(j.Kind) != history.KindLockKey })
}

// Where members need no introduction nobody is accepted: a key is told with the first message, once, and so are its revocation and
// the next key. Who is not written to hears nothing. [HIST-41]
func TestKeyComesWithTheFirstMessage(t *testing.T) {
	p := newStrangers(t, "bo", "cy")
	ada, bo, cy := p.all[0], p.all[1], p.all[2]
	made := bo.keyed(t, api.KeyRequest{Do: "make"})
	if made.Told != 0 {
		t.Errorf("%d are told of a key, and bo has written to nobody", made.Told)
	}
	p.sends(t, ada, api.SendRequest{Text: "are you there?"}, bo)
	p.exchange(t, ada)
	p.sends(t, bo, api.SendRequest{Text: "yes"}, ada)
	p.exchange(t, bo)
	if k, ok := ada.hears(t, bo); !ok || k.Recipient != made.Key.Recipient || k.Standing != api.KeyFirst {
		t.Fatalf("after one exchange ada knows %+v, %t", k, ok)
	}
	id := ada.locks(t, api.LockRequest{Keys: []string{"bo"}}, api.SendRequest{Text: "kingfisher"}, bo)
	p.exchange(t, ada)
	if opened, err := bo.node.Open(t.Context(), api.OpenRequest{ID: id}); err != nil || opened.Text != "kingfisher" {
		t.Errorf("opened %q, %v", opened.Text, err)
	}

	p.sends(t, bo, api.SendRequest{Text: "again"}, ada)
	if told := bo.announces(t); len(told) != 0 {
		t.Errorf("with the next message the key is told once more: %+v", told)
	}
	p.exchange(t, bo)
	if newer := bo.keyed(t, api.KeyRequest{Do: "make", Name: "newer"}); newer.Told != 1 {
		t.Errorf("%d are told of the next key", newer.Told)
	}
	p.exchange(t, bo)
	p.sends(t, bo, api.SendRequest{Text: "and again"}, ada)
	if told := bo.announces(t); len(told) != 0 {
		t.Errorf("the next key is told twice: %+v", told)
	}
	p.exchange(t, bo)
	if k, _ := ada.hears(t, bo); k.Standing != api.KeyChanged {
		t.Errorf("the next key is heard as %+v", k)
	}
	bo.keyed(t, api.KeyRequest{Do: "revoke", Name: "newer"})
	bo.keyed(t, api.KeyRequest{Do: "revoke", Name: "key"})
	p.exchange(t, bo)
	if k, _ := ada.hears(t, bo); k.Standing != api.KeyRevoked {
		t.Errorf("after its revocation the key is %+v", k)
	}
	p.sends(t, bo, api.SendRequest{Text: "without a key"}, ada)
	if told := bo.announces(t); len(told) != 0 {
		t.Errorf("a revoked key is told: %+v", told)
	}
	if k, ok := cy.hears(t, bo); ok {
		t.Errorf("cy, to whom bo never wrote, knows %+v", k)
	}
}

// What is written to several, or to a group, tells nobody of a key. [HIST-41]
func TestKeyIsNotToldToAGroup(t *testing.T) {
	p := newStrangers(t, "bo", "cy")
	ada, bo, cy := p.all[0], p.all[1], p.all[2]
	crew := p.org.Group(p.org.Founder.Device(), "Crew", group.Open)
	p.org.EnterGroup(p.org.Members[1].Device(), crew)
	p.grow(t)
	bo.keyed(t, api.KeyRequest{Do: "make"})
	p.sends(t, bo, api.SendRequest{Text: "to both"}, ada, cy)
	d, err := bo.draft(api.SendRequest{Text: "to the crew"}, target{place: envelope.InGroup(crew)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := bo.save(d, nil); err != nil {
		t.Fatal(err)
	}
	if told := bo.announces(t); len(told) != 0 {
		t.Errorf("told: %+v", told)
	}
}

// answers takes what a device has sealed to another one, and gives it that one's receipts. It returns how many were refused.
func (o *organization) answers(t *testing.T, p *parties, from *organization) (refused int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var sent []store.Waiting
	var data [][]byte
	view(t, o.node.store, func(tx *store.Tx) error {
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			body, err := tx.Envelope(o.org, w)
			sent, data = append(sent, w), append(data, bytes.Clone(body))
			return true, err
		})
	})
	receipt := envelope.Receipt{Device: from.device}
	for i, w := range sent {
		if opened, _ := from.deliver(t, data[i]); opened == 1 {
			receipt.Opened = append(receipt.Opened, w.ID)
		} else {
			receipt.Failed, refused = append(receipt.Failed, w.ID), refused+1
		}
	}
	effects := newEffects()
	update(t, o.node.store, func(tx *store.Tx) error { return o.takeReceipt(tx, receipt, 0, &effects) })
	o.applyLocked(effects)
	return refused
}

// A device of the version before opens no key, as it opens no kind that it does not know. It is told four times; the messages before and
// behind are delivered all the same, and the sender hears of nothing. [HIST-41]
func TestOlderDeviceRefusesKeys(t *testing.T) {
	p := newParties(t, 1, "bo")
	ada, bo := p.all[0], p.all[1]
	ids := []keys.MessageID{p.sends(t, ada, api.SendRequest{Text: "before"}, bo)}
	ada.keyed(t, api.KeyRequest{Do: "make"})
	for _, job := range ada.announces(t) { // what no version knows is refused as what that one does not know
		job.Kind, job.Body = uint8(history.KindLockKey)+100, []byte{0xa0}
		update(t, ada.node.store, func(tx *store.Tx) error { return tx.PutJob(ada.org, job) })
	}
	ids = append(ids, p.sends(t, ada, api.SendRequest{Text: "behind"}, bo))
	refused, rounds := 0, 0
	for ; len(ada.jobs(t))+len(ada.waiting(t, envelope.KindMessage)) > 0; rounds++ {
		if rounds > 2*maxAttempts {
			t.Fatalf("after %d rounds there is still something to do: %+v", rounds, ada.jobs(t))
		}
		ada.sealAll(t, p.prekeys)
		refused += ada.answers(t, p, bo)
		if rounds == 0 {
			ids = append(ids, p.sends(t, ada, api.SendRequest{Text: "meanwhile"}, bo))
		}
	}
	if refused != maxAttempts {
		t.Errorf("%d refused, want %d", refused, maxAttempts)
	}
	ids = append(ids, p.sends(t, ada, api.SendRequest{Text: "after all"}, bo))
	ada.sealAll(t, p.prekeys)
	if refused := ada.answers(t, p, bo); refused != 0 {
		t.Errorf("%d refused of what comes after", refused)
	}
	for _, id := range ids {
		if m := bo.sees(t, id); m.Text == "" {
			t.Errorf("message %s is not there", id.Short())
		}
		view(t, ada.node.store, func(tx *store.Tx) error {
			d, err := tx.Delivery(ada.org, id, bo.device)
			if err == nil && d.State != store.StateDelivered {
				t.Errorf("message %s is in state %d", id.Short(), d.State)
			}
			return err
		})
	}
	if told := notices(t, ada); told != "" {
		t.Errorf("the sender is told: %s", told)
	}
	status, err := ada.node.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if org := status.Orgs[0]; len(org.Alarms) != 0 || org.Missing != 0 {
		t.Errorf("alarms %+v, %d missing", org.Alarms, org.Missing)
	}
	if status, err := bo.node.Status(t.Context()); err != nil || status.Orgs[0].Missing != 0 || len(status.Orgs[0].Alarms) != 0 {
		t.Errorf("the receiver misses something: %+v, %v", status, err)
	}
}

// A key that a device signed which may not act any more is locked for once the person trusts it. [LOCK-10]
func TestKeyOfABarredDevice(t *testing.T) {
	p := newParties(t, 2, "bo")
	ada, bo, other := p.all[0], p.all[2], p.all[3]
	made := other.keyed(t, api.KeyRequest{Do: "make"})
	p.exchange(t, other)
	if k, ok := ada.hears(t, bo); !ok || k.Standing != api.KeyFirst {
		t.Fatalf("heard %+v, %t", k, ok)
	}
	p.org.Bar(bo.self, other.device, p.org.Roll.Size())
	p.grow(t)
	k, _ := ada.hears(t, bo)
	if k.Standing != api.KeyUnsigned || k.Standing.Usable() {
		t.Errorf("once the device is barred the key is %s", k.Standing)
	}
	wish := api.LockRequest{To: []string{bo.member.String()}, Keys: []string{"member"}}
	if _, err := ada.node.PrepareLock(t.Context(), wish); codeOf(err) != api.CodeRefused {
		t.Errorf("a lock for it: %v", err)
	}
	if k := ada.keyed(t, api.KeyRequest{Do: "trust", Name: "bo", Fingerprint: made.Key.Fingerprint}).Key; k.Standing != api.KeyTrusted {
		t.Errorf("once it is trusted the key is %s", k.Standing)
	}
	if _, err := ada.node.PrepareLock(t.Context(), wish); err != nil {
		t.Errorf("a lock for what is trusted: %v", err)
	}
	if _, err := ada.node.Verify(t.Context(), api.VerifyRequest{Member: "bo"}); err != nil {
		t.Fatal(err)
	}
	if k, _ := ada.hears(t, bo); k.Standing != api.KeyTrusted {
		t.Errorf("verified is the member, not who signed: the key is %s", k.Standing)
	}
}

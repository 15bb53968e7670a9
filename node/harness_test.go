package node

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// newRoll returns an organization of a founder and others. Its checkpoints are about an hour old.
func newRoll(t testing.TB, names ...string) *membershiptest.Org {
	t.Helper()
	return newRollWith(t, membershiptest.Config{Seed: 1}, names...)
}

func newRollWith(t testing.TB, cfg membershiptest.Config, names ...string) *membershiptest.Org {
	t.Helper()
	cfg.Start = time.Now().Add(-time.Hour)
	org := membershiptest.NewWith(t, cfg)
	invitation := org.Invite(org.Founder, membership.RoleMember, uint64(max(len(names), 1)))
	for _, name := range names {
		org.JoinBy(invitation, name)
	}
	return org
}

// newDevice returns a member's device that has the roll and is connected to nothing.
func newDevice(t testing.TB, org *membershiptest.Org, self *membershiptest.Member) *organization {
	t.Helper()
	_, measures := t.(*testing.B)
	n, err := New(Config{Dir: t.TempDir(), Key: [32]byte{1}, Brief: !measures}) // some tests last for days of a bubble's time
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return addOrganization(t, n, org, self)
}

// addOrganization puts a member's device into a node.
func addOrganization(t testing.TB, n *Node, org *membershiptest.Org, self *membershiptest.Member) *organization {
	t.Helper()
	sequencer, _ := org.Roll.State().Sequencer()
	kept := store.Organization{
		Org: org.ID, Member: self.ID, Identity: self.Device().Seed(),
		Node: store.Node{Key: sequencer.Node, Addresses: sequencer.Addresses},
	}
	for start := 0; start < len(org.Entries); start += entriesPerUpdate {
		update(t, n.store, func(tx *store.Tx) error {
			for i := start; i < min(start+entriesPerUpdate, len(org.Entries)); i++ {
				if err := tx.PutEntry(org.ID, uint64(i), org.Entries[i].Marshal()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	update(t, n.store, func(tx *store.Tx) error {
		if err := tx.PutCheckpoint(org.ID, store.Checkpoint{Note: org.Checkpoint()}); err != nil {
			return err
		}
		return tx.PutOrganization(kept)
	})
	o, err := n.openOrganization(kept)
	if err != nil {
		t.Fatal(err)
	}
	n.organizations[org.ID] = o
	return o
}

func update(t testing.TB, s *store.Store, change func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(change); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s *store.Store, read func(tx *store.Tx) error) {
	t.Helper()
	if err := s.View(read); err != nil {
		t.Fatal(err)
	}
}

// acquainted makes members contacts who gave each other leave, without a message.
func (o *organization) acquainted(t testing.TB, org *membershiptest.Org, self *membershiptest.Member, others ...*membershiptest.Member) {
	t.Helper()
	effects := newEffects()
	update(t, o.node.store, func(tx *store.Tx) error {
		for _, other := range others {
			err := o.putContact(tx, history.Contact{
				Member: other.ID, State: history.ContactAccepted, Time: time.Now().UnixMilli(),
				Given: org.Grant(self, other, 1, true), Got: org.Grant(other, self, 1, true),
			}, &effects)
			if err != nil {
				return err
			}
		}
		return nil
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.applyLocked(effects)
}

// prekey makes a prekey of a device as others get it.
func prekey(t *testing.T, org *membershiptest.Org, device keys.PrivateKey) envelope.Prekey {
	t.Helper()
	_, signed, err := envelope.NewPrekey(rand.Reader, device, org.ID, time.Now().Add(prekeyLife))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := envelope.OpenPrekey(signed, org.ID, device.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// ownPrekey publishes a device's prekey and returns it as others get it.
func (o *organization) ownPrekey(t *testing.T) envelope.Prekey {
	t.Helper()
	signed, err := o.currentPrekey()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := envelope.OpenPrekey(signed, o.org, o.device, time.Now())
	if err != nil {
		t.Fatalf("%v: by %v it is %v, and at least %+v", err, time.Now(), o.now(), o.reckoning.Keep())
	}
	return opened
}

// deliver hands a device envelopes as one batch from its rendezvous node, and returns how many it opened.
func (o *organization) deliver(t *testing.T, envelopes ...[]byte) (opened, failed int) {
	t.Helper()
	var batch []rvproto.DeliverFrame
	for _, data := range envelopes {
		batch = append(batch, rvproto.DeliverFrame{Kind: rvproto.KindEnvelope, Body: data})
	}
	ack, err := o.receive(context.Background(), nil, batch)
	if err != nil {
		t.Fatalf("receiving: %v", err)
	}
	for _, signed := range ack.Receipts {
		receipt, err := envelope.OpenReceipt(signed, o.org)
		if err != nil {
			t.Fatal(err)
		}
		opened, failed = opened+len(receipt.Opened), failed+len(receipt.Failed)
	}
	return opened, failed
}

// published returns prekeys as a rendezvous node has them.
func published(prekeys map[keys.PublicKey]envelope.Prekey) prekeySource {
	return func([]keys.PublicKey) (map[keys.PublicKey]envelope.Prekey, error) { return prekeys, nil }
}

// sealAll does a job as keepSealing does, with prekeys at hand, and returns how many transactions it took.
func (o *organization) sealAll(t *testing.T, prekeys map[keys.PublicKey]envelope.Prekey) (rounds int) {
	t.Helper()
	for ; ; rounds++ {
		job, ok, err := o.nextJob(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return rounds
		}
		if err := o.sealJob(job, published(prekeys)); err != nil {
			t.Fatalf("sealing: %v", err)
		}
	}
}

// waiting returns what waits, of one kind.
func (o *organization) waiting(t *testing.T, kind envelope.Kind) (all []store.Waiting) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) error {
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			if envelope.Kind(w.Kind) == kind {
				all = append(all, w)
			}
			return true, nil
		})
	})
	return all
}

// jobs returns the jobs.
func (o *organization) jobs(t *testing.T) (all []store.Job) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) error {
		return tx.Jobs(o.org, func(j store.Job) (bool, error) {
			all = append(all, j)
			return true, nil
		})
	})
	return all
}

// written returns the jobs of messages alone: leave for a conversation has one of its own.
func written(all []store.Job) []store.Job {
	return slices.DeleteFunc(all, func(j store.Job) bool { return j.Message == nil })
}

// letters returns the envelopes of messages alone.
func letters(all []store.Waiting) []store.Waiting {
	return slices.DeleteFunc(all, func(w store.Waiting) bool { return w.Message == nil })
}

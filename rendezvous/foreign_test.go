package rendezvous

import (
	"crypto/rand"
	"testing"
	"time"

	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// When another process of the node has put another roll in the place of an organization's, nobody is served by the one of before:
// what that roll says of archives, bars and leave is not followed any more. [STO-92]
func TestAnotherProcessReplacesARoll(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	_ = anna.openDeliver()
	o := s.node.directory.org(anna.Org)
	entries, err := o.roll.entries(0, o.roll.roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	table := []byte("roll-next")
	err = s.node.store.Update(func(tx *kv.Tx) error {
		for i, entry := range entries {
			if err := tx.Put(kv.Key(table, anna.Org[:], kv.Number(uint64(i))), entry); err != nil {
				return err
			}
		}
		return tx.Put(kv.Key(tableOrg, anna.Org[:]), wire.Encode(orgRecord{Table: table}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !o.sessions.has(anna.key.Public()) {
		t.Fatal("it has no stream")
	}
	if err := s.node.sequenced(func() error { return s.node.takeRecord(o) }); err != nil {
		t.Fatal(err)
	}
	if s.node.directory.org(anna.Org) == o {
		t.Error("the roll of before is served")
	}
	if !await(func() bool { return !o.sessions.has(anna.key.Public()) }) {
		t.Error("a stream goes on by the roll of before")
	}
}

// A further node that is added by way of one process is one for the others too. [RV-160] [STO-92]
func TestAnotherProcessAddsANode(t *testing.T) {
	s := newSite(t)
	anna, further := s.found("Acme"), s.device("further")
	o := s.node.directory.org(anna.Org)
	there, err := openRoll(s.node.store, s.node.key, anna.Org, o.roll.table)
	if err != nil {
		t.Fatal(err)
	}
	event := membership.SignEvent(membership.Event{Org: anna.Org, Counter: anna.counter + 1, At: there.roll.Size(), Nodes: &membership.Nodes{
		Further: []membership.NodeAddress{{Key: further.key.Public(), Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}}},
	}}, anna.key, nil)
	if _, err := there.append(rand.Reader, time.Now(), event, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.node.sequenced(func() error { return s.node.overtake(o) }); err != nil {
		t.Fatal(err)
	}
	if !o.isPeer(further.key.Public()) || !o.several.Load() || !s.node.peers.knows(further.key.Public()) {
		t.Error("the other node is refused, and told nothing")
	}
}

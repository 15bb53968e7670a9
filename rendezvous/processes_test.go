package rendezvous

import (
	"context"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/rendezvous/rvproto"
)

// tellingQueue is a queue whose processes are two nodes of a test: what one tells the other hears.
type tellingQueue struct {
	*memQueue
	told  chan []byte
	heard chan []byte
}

func (q tellingQueue) Tell(data []byte) { q.told <- append([]byte(nil), data...) }

func (q tellingQueue) Listen(ctx context.Context, heard func([]byte)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case data := <-q.heard:
			heard(data)
			data[0] ^= 1 // it is the caller's again
			q.told <- nil
		}
	}
}

// notes returns what the other nodes of an organization are told.
func notes(t *testing.T, o *org) []rvproto.NodeNote {
	t.Helper()
	epoch, _ := o.journal.now()
	all, _, _, ok := o.journal.since(epoch, 0)
	if !ok {
		t.Fatal("some are gone")
	}
	return all
}

// What a device acknowledged at one process of a node, every other has for the organization's other nodes; a process that lies is not
// believed. [STO-97]
func TestProcessesTellEachOtherWhatIsAcknowledged(t *testing.T) {
	q := tellingQueue{newMemQueue(), make(chan []byte, 4), make(chan []byte)}
	s := newSite(t, func(cfg *Config) { cfg.OpenQueue = func() (Queue, error) { return q, nil } })
	anna := s.found("Acme")
	ben := anna.join("Ben")
	o := s.node.directory.org(anna.Org)
	o.several.Store(true)
	signed, err := rvproto.SignAck(rvproto.SignedAck{Org: anna.Org, IDs: []keys.EnvelopeID{{1}}}, ben.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := ben.openDeliver().Signed(signed); err != nil {
		t.Fatal(err)
	}
	data := <-q.told
	if string(data) != string(anna.Org[:])+string(signed) {
		t.Fatalf("%d bytes are told", len(data))
	}
	acks := func() (n int) {
		for _, note := range notes(t, o) {
			if note.Kind == rvproto.NoteAck && string(note.Signed) == string(signed) {
				n++
			}
		}
		return n
	}
	if acks() != 1 {
		t.Fatalf("%d notes of what was acknowledged here", acks())
	}
	forged := append([]byte(nil), data...)
	forged[len(forged)-1] ^= 1
	stranger, err := rvproto.SignAck(rvproto.SignedAck{Org: anna.Org, IDs: []keys.EnvelopeID{{1}}}, keyOf("stranger"))
	if err != nil {
		t.Fatal(err)
	}
	before := len(notes(t, o))
	for name, said := range map[string][]byte{
		"short": {1}, "of no organization": append(make([]byte, 32), signed...), "forged": forged, "of a stranger": append(anna.Org[:], stranger...),
	} {
		q.heard <- append([]byte(nil), said...)
		<-q.told
		if len(notes(t, o)) != before {
			t.Errorf("what is %s counts", name)
		}
	}
	q.heard <- append([]byte(nil), data...)
	<-q.told
	if acks() != 2 {
		t.Errorf("what was acknowledged at another process is noted %d times", acks()-1)
	}
}

// A grant and a prekey that another process was given are told to the other nodes by this one too. [STO-97]
func TestAProcessPassesOnWhatAnotherWasTold(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	o := s.node.directory.org(anna.Org)
	o.several.Store(true)
	changed := make(map[string]struct{})
	err := s.node.store.View(func(tx *kv.Tx) error {
		return tx.Range(kv.Key(tableGrant, anna.Org[:]), nil, false, func(key, _ []byte) (bool, error) {
			changed[string(key)] = struct{}{}
			return true, nil
		})
	})
	if err != nil || len(changed) != 1 {
		t.Fatalf("%d grants: %v", len(changed), err)
	}
	if left, err := s.node.takeChanged(changed); err != nil || len(left) != 0 {
		t.Fatalf("%d are left: %v", len(left), err)
	}
	all := notes(t, o)
	if len(all) != 1 || all[0].Kind != rvproto.NoteGrant || len(all[0].Signed) == 0 {
		t.Errorf("%d notes", len(all))
	}
}

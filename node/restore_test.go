package node

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
)

// leaves is a Merkle tree over any entries, as somebody who holds the rendezvous node's key could make it.
type leaves []membership.Hash

func (l leaves) ReadHashes(indexes []int64) (list []membership.Hash, err error) {
	for _, i := range indexes {
		list = append(list, l[i])
	}
	return list, nil
}

// TestCheckVerifiesWhatAStartTrusts puts an event with a bad signature into a store, under a checkpoint that commits to it: a
// start holds entries against the checkpoint alone, `muster check` verifies each.
func TestCheckVerifiesWhatAStartTrusts(t *testing.T) {
	org := membershiptest.New(t, 1)
	member := org.Join("Ann")
	e := org.Event(member.Device())
	e.Cancel = &membership.Cancel{}
	forged := org.Entry(membership.SignEvent(e, member.Device(), nil))
	forged.Event = slices.Clone(forged.Event)
	forged.Event[len(forged.Event)-10] ^= 1 // the signature's
	if reason, _ := membership.ReasonOf(org.Roll.Check(forged.Event, org.Now.UnixMilli())); reason != membership.ReasonSignature {
		t.Fatalf("the forged event is refused for %v", reason)
	}
	var tree leaves
	entries := append(slices.Clone(org.Entries), forged)
	for i, entry := range entries {
		stored, err := tlog.StoredHashesForRecordHash(int64(i), entry.Leaf(), tree)
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, stored...)
	}
	root, err := tlog.TreeHash(int64(len(entries)), tree)
	if err != nil {
		t.Fatal(err)
	}
	note := membership.SignCheckpoint(org.Node, org.ID, 1, uint64(len(entries)), root, org.Now)

	o := newDevice(t, org, member)
	kept := store.Organization{Org: org.ID, Member: member.ID, Identity: member.Device().Seed(), Node: o.at}
	update(t, o.node.store, func(tx *store.Tx) error {
		if err := tx.PutEntry(org.ID, uint64(len(entries)-1), forged.Marshal()); err != nil {
			return err
		}
		return tx.PutCheckpoint(org.ID, store.Checkpoint{Note: note})
	})
	again, err := o.node.openOrganization(kept)
	if err != nil || again.roll.Size() != uint64(len(entries)) || again.checkpoint.Size != again.roll.Size() {
		t.Fatalf("a start with entries that the checkpoint covers: %v", err)
	}
	update(t, o.node.store, func(tx *store.Tx) error { return tx.PutEntry(org.ID, 1, org.Entries[2].Marshal()) })
	if _, err := o.node.openOrganization(kept); err == nil {
		t.Error("a start with another entry than the checkpoint covers")
	}
	update(t, o.node.store, func(tx *store.Tx) error { return tx.PutEntry(org.ID, 1, org.Entries[1].Marshal()) })
	if err := o.node.Close(); err != nil {
		t.Fatal(err)
	}
	if result := check(t, o.node.config); len(result.Damage) != 1 || !strings.Contains(result.Damage[0], "signature") {
		t.Errorf("damage %q", result.Damage)
	}
}

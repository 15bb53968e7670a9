package node

import (
	"fmt"
	"testing"

	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
)

// BenchmarkOpenOrganization opens an organization of 10,000 members from disk: the encrypted store, every entry of the
// roll, all rules but the signatures that were verified when the entries came. [ROLL-59]
func BenchmarkOpenOrganization(b *testing.B) {
	const members = 10_000
	org := membershiptest.NewWith(b, membershiptest.Config{Seed: 1})
	invitation := org.Invite(org.Founder, membership.RoleMember, members)
	for i := range members - 1 {
		org.JoinBy(invitation, fmt.Sprintf("member %d", i))
	}
	for _, m := range org.Members {
		org.AddDevice(m)
	}
	n, err := New(Config{Dir: b.TempDir(), Key: [32]byte{1}})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	sequencer, _ := org.Roll.State().Sequencer()
	kept := store.Organization{
		Org: org.ID, Member: org.Founder.ID, Identity: org.Founder.Device().Seed(),
		Node: store.Node{Key: sequencer.Node, Addresses: sequencer.Addresses},
	}
	for start := 0; start < len(org.Entries); start += entriesPerUpdate {
		err := n.store.Update(func(tx *store.Tx) error {
			for i := start; i < min(start+entriesPerUpdate, len(org.Entries)); i++ {
				if err := tx.PutEntry(org.ID, uint64(i), org.Entries[i].Marshal()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	err = n.store.Update(func(tx *store.Tx) error {
		if err := tx.PutCheckpoint(org.ID, store.Checkpoint{Note: org.Checkpoint()}); err != nil {
			return err
		}
		return tx.PutOrganization(kept)
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := n.openOrganization(kept); err != nil {
			b.Fatal(err)
		}
	}
}

package sim

import (
	"slices"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// TestSimArchiveIsOwedWhatWentDirectly: a designated account and others write to each other on a local network without a rendezvous node, in an
// organization whose archive fails closed, also on a chain that begins there and in a group. The archive's copies are owed by whoever wrote,
// over a restart, and come once that one reaches the node; what is not archived does not. [MSH-18] [ROLL-164]
func TestSimArchiveIsOwedWhatWentDirectly(t *testing.T) {
	simulate(t, 76, func(w *world) {
		t := w.t
		w.direct(true)
		alice, bob, carol := w.trio()
		made, err := alice.node.ChangeGroup(t.Context(), api.GroupRequest{Do: api.GroupCreate, Name: "Choir", Admission: "open"})
		if err != nil {
			t.Fatal(err)
		}
		group := made.Group.Group
		for _, p := range []*person{bob, carol} {
			w.await(time.Minute, p.name+" enters the group", func() bool {
				_, err := p.node.ChangeGroup(t.Context(), api.GroupRequest{Do: api.GroupJoin, Group: group})
				return err == nil
			})
		}
		archive := w.archivist(20)
		defer archive.end()
		archive.named(alice, api.ArchiveClosed, bob)
		archive.start()
		for _, p := range w.all {
			w.await(time.Minute, p.name+" knows that the group is archived", func() bool { return groupArchived(p, group) })
		}
		alice.send("with the node", bob)
		toGroup(t, alice, group, "to all with the node")
		toGroup(t, bob, group, "to all from bob")
		all := []string{"with the node", "to all with the node", "to all from bob"}
		w.await(5*time.Minute, "the archive has what went by the node", archive.holds(all...))

		w.alone()
		w.again(alice, bob, carol)
		direct := map[string]*person{alice.send("over the LAN", bob): alice, bob.send("and back", alice): bob, carol.send("a chain begins", bob): carol}
		carol.send("not archived", alice)
		toGroup(t, alice, group, "to all without a node")
		w.await(10*time.Minute, "everything came without a node", func() bool {
			return slices.Equal(bob.inbox(), []string{"a chain begins", "over the LAN", "to all with the node", "to all without a node", "with the node"}) &&
				slices.Equal(alice.inbox(), []string{"and back", "not archived", "to all from bob"}) && slices.Contains(carol.inbox(), "to all without a node")
		})
		for id, from := range direct {
			w.await(10*time.Minute, "its author knows", func() bool { _, delivered := from.ways(id); return delivered })
			if ways, _ := from.ways(id); slices.ContainsFunc(ways, func(v api.Via) bool { return v != api.ViaDirect }) {
				t.Errorf("a message without a node went by %v", ways)
			}
		}
		time.Sleep(2 * time.Hour)
		if !archive.holds(all...)() {
			t.Errorf("the archive, which nobody reaches, has %q", archive.read().texts)
		}

		w.again(alice) // who owes what to the archive owes it over a restart
		w.net.Mend(alice.address(), testnet.Address(serverPlace))
		w.net.Mend(testnet.Address(serverPlace), alice.address())
		all = append(all, "over the LAN", "to all without a node")
		w.await(time.Hour, "the archive has what alice owed", archive.holds(all...))
		w.net.Heal()
		all = append(all, "and back", "a chain begins")
		w.await(time.Hour, "the archive has what all owed", archive.holds(all...))
		w.await(time.Hour, "nothing waits anywhere", func() bool {
			return w.node.queued() == 0 && !slices.ContainsFunc(w.all, func(p *person) bool { return p.status().Outbox > 0 })
		})
		time.Sleep(20 * time.Minute) // as long as anything is offered again
		if r := archive.judge(); !archive.holds(all...)() || len(r.attested) < len(all) {
			t.Errorf("the archive has %q, and %d attestations", r.texts, len(r.attested))
		}
		for _, p := range w.all {
			if s := p.status(); len(s.Alarms) > 0 {
				t.Errorf("%s: alarms %q", p.name, s.Alarms)
			}
		}
		if got := bob.inbox(); len(got) != 5 {
			t.Errorf("bob has %q", got)
		}
	})
}

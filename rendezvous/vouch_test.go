package rendezvous

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// storedRoll puts the entries of an organization in a store of their own.
func storedRoll(t testing.TB, o *membershiptest.Org) *kv.Store {
	t.Helper()
	store, err := kv.Open(t.TempDir(), [32]byte{1}, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for from := 0; from < len(o.Entries); from += dropBatch {
		putEntries(t, store, o, uint64(from), o.Entries[from:min(from+dropBatch, len(o.Entries))])
	}
	return store
}

func putEntries(t testing.TB, store *kv.Store, o *membershiptest.Org, from uint64, entries []membership.Entry) {
	t.Helper()
	err := store.Update(func(tx *kv.Tx) error {
		for i, entry := range entries {
			if err := tx.Put(kv.Key(tableRoll, o.ID[:], kv.Number(from+uint64(i))), entry.Marshal()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// eventful returns an organization in which entries say something of accounts.
func eventful(t *testing.T) *membershiptest.Org {
	o := membershiptest.New(t, 1)
	ada, bo := o.Join("Ada"), o.Join("Bo")
	tablet := o.AddDevice(ada)
	o.Bar(ada.Device(), tablet.Public(), 1)
	o.Suspend(o.Founder.Device(), bo)
	o.Reinstate(o.Founder.Device(), bo)
	device := o.Key()
	readmission := o.Readmit(o.Founder.Device(), ada, device.Public(), o.Key().Public(), false)
	o.Wait()
	o.Enter(device, readmission)
	for range 2 * vouchEvery {
		o.Cancel(o.Founder.Device())
	}
	return o
}

// What this node has verified itself it does not verify again, and knows as much of it; what does not make the root that it
// kept, it does.
func TestRollIsOpenedByWhatWasVerified(t *testing.T) { // [RV-28]
	o := eventful(t)
	store := storedRoll(t, o)
	open := func() (*roll, error) { return openRoll(store, o.Node, o.ID, tableRoll) }
	size := uint64(len(o.Entries))
	keep := func(size uint64, root membership.Hash) {
		t.Helper()
		r := blankRoll(store, o.Node, o.ID, tableRoll)
		if err := store.Update(func(tx *kv.Tx) error { return r.vouch(tx, size, root) }); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if known, err := whole.vouched(); err != nil || known.Size != size || known.Root != o.RootAt(size) {
		t.Errorf("after all was verified, %d entries are vouched for: %v", known.Size, err)
	}
	keeps := map[string]func(){
		"all of it":        func() { keep(size, o.RootAt(size)) },
		"most of it":       func() { keep(size-3, o.RootAt(size-3)) },
		"the first":        func() { keep(1, o.RootAt(1)) },
		"another root":     func() { keep(size, membership.Hash{1}) },
		"more than it has": func() { keep(size+1, o.RootAt(size)) },
		"nothing":          func() { keep(0, membership.Hash{}) },
	}
	for doing, keep := range keeps {
		keep()
		r, err := open()
		if err != nil {
			t.Errorf("%s: %v", doing, err)
			continue
		}
		root, err := r.roll.Root(size)
		if err != nil || root != o.RootAt(size) || !maps.Equal(r.seen, whole.seen) || !reflect.DeepEqual(r.about, whole.about) {
			t.Errorf("%s: another roll: %v", doing, err)
		}
	}

	// An entry that was never verified, and would not hold.
	forged := o.CancelEvent(o.Founder.Device())
	forged[len(forged)-2] ^= 1 // in the signature
	putEntries(t, store, o, size, []membership.Entry{o.Entry(forged)})
	for doing, keep := range keeps {
		keep()
		if _, err := open(); err == nil {
			t.Errorf("%s: an entry with a wrong signature was taken", doing)
		}
	}
	err = store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(tableVouch, o.ID[:]), []byte("damaged")) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(); err == nil {
		t.Error("by what cannot be read: an entry with a wrong signature was taken")
	}
}

// With each event the node keeps what it had verified before.
func TestNodeKeepsWhatItVerified(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	check := func(from *site, d *device) {
		t.Helper()
		r := from.node.directory.org(d.Org).roll
		known, err := r.vouched()
		root, errRoot := r.roll.Root(r.roll.Size() - 1)
		if err != nil || errRoot != nil || known.Size != r.roll.Size()-1 || known.Root != root {
			t.Errorf("%d of %d entries: %v", known.Size, r.roll.Size(), err)
		}
	}
	check(s, anna)
	next := newSite(t)
	roll, there := anna.keepRoll(), anna.at(next)
	if err := there.HandOver(next.ctx(), next.claimToken(), anna.Org, roll.entries, anna.moveTo(next, roll)); err != nil {
		t.Fatal(err)
	}
	check(next, anna)
	s.restart()
	s.follow(anna, ben)
	check(s, anna)
	anna.join("Carl")
	check(s, anna)
}

// Opening the roll of an organization of 10,000 members, 20,000 entries.
func BenchmarkOpenRoll(b *testing.B) {
	o := membershiptest.New(b, 1)
	invitation := o.Invite(o.Founder, membership.RoleMember, membership.MaxUses)
	for len(o.Entries) < 20_000 {
		o.AddDevice(o.JoinBy(invitation, fmt.Sprintf("member %d", len(o.Entries))))
	}
	store := storedRoll(b, o)
	size := uint64(len(o.Entries))
	for name, known := range map[string]vouchRecord{
		"verified":   {Size: size - 1, Root: o.RootAt(size - 1)},
		"unverified": {Size: size, Root: keys.OrgID{1}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				err := store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(tableVouch, o.ID[:]), wire.Encode(known)) })
				if err != nil {
					b.Fatal(err)
				}
				if _, err := openRoll(store, o.Node, o.ID, tableRoll); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

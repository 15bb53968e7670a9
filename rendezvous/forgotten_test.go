package rendezvous

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// copyRoll is a device's own roll with its entries.
type copyRoll struct {
	*membership.Roll
	entries [][]byte
	note    []byte
}

// keepRoll returns all that the node shows a device, verified.
func (d *device) keepRoll() *copyRoll {
	d.t.Helper()
	c := &copyRoll{Roll: membership.NewRoll(d.Org)}
	c.extend(d)
	return c
}

// extend fetches what is new, and fails the test if it does not continue what was there.
func (c *copyRoll) extend(d *device) {
	d.t.Helper()
	page, err := d.Fetch(d.site.ctx(), c.Size())
	if err != nil {
		d.t.Fatal(err)
	}
	c.take(d, page)
}

func (c *copyRoll) take(d *device, page rvclient.Page) {
	d.t.Helper()
	var entries []membership.Entry
	for _, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			d.t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	var proof []membership.Hash
	for _, hash := range page.Proof {
		proof = append(proof, hash)
	}
	if _, err := c.Extend(page.Checkpoint, d.Node, entries, proof); err != nil {
		d.t.Fatalf("the roll does not continue: %v", err)
	}
	c.entries, c.note = append(c.entries, page.Entries...), page.Checkpoint
}

func (c *copyRoll) prove(size uint64) (proof [][32]byte, err error) {
	hashes, err := c.ProveConsistency(size, c.Size())
	for _, hash := range hashes {
		proof = append(proof, hash)
	}
	return proof, err
}

// rollBack runs change and then puts the node's folder back to what it was before.
func (s *site) rollBack(change func()) {
	s.t.Helper()
	s.end()
	backup := s.t.TempDir()
	if err := os.CopyFS(filepath.Join(backup, "store"), os.DirFS(filepath.Join(s.cfg.Dir, "store"))); err != nil {
		s.t.Fatal(err)
	}
	s.start()
	change()
	s.end()
	store := filepath.Join(s.cfg.Dir, "store")
	if err := os.RemoveAll(store); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(store, os.DirFS(filepath.Join(backup, "store"))); err != nil {
		s.t.Fatal(err)
	}
	s.start()
}

// follow tells devices where the node listens now that it was restarted.
func (s *site) follow(devices ...*device) {
	for _, d := range devices {
		d.Addresses = s.node.Addresses()
		_ = d.host.Network().ClosePeer(p2p.PeerID(s.node.Key()))
	}
}

func TestNodeRestoredFromABackup(t *testing.T) { // [RV-64]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	before := ben.size()
	var whole *copyRoll
	var carl *device
	s.rollBack(func() {
		s.follow(anna, ben)
		carl = anna.join("Carl")
		ben.add("tablet")
		whole = anna.keepRoll()
	})
	s.follow(anna, ben, carl)
	if size := ben.size(); size != before {
		t.Fatalf("the node remembers %d entries", size)
	}
	show := func(entries [][]byte, from uint64) error {
		return ben.Show(s.ctx(), whole.note, from, entries, whole.prove)
	}
	invite := membership.Event{Invite: &membership.Invite{
		Key: keys.Generate().Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix()}}
	older := anna.keepRoll()
	wantStatus(t, "a checkpoint that it remembers", ben.Show(s.ctx(), older.note, before, nil, nil), wire.StatusOK)
	forged := membership.SignCheckpoint(ben.key, ben.Org, 1, whole.Size(), membership.Hash{}, time.Now())
	wantStatus(t, "a checkpoint by somebody else", ben.Show(s.ctx(), forged, before, nil, nil), wire.StatusRefused)
	if ahead := s.node.directory.org(ben.Org).roll.ahead; ahead != 0 {
		t.Errorf("the node believes in %d entries", ahead)
	}

	wantStatus(t, "its own checkpoint", show(nil, before), wire.StatusOK)
	counter := anna.counter
	for range 2 {
		anna.counter = 3
		wantStatus(t, "an event while it lacks entries", anna.submit(invite, nil), wire.StatusUnavailable)
		if size := ben.size(); size != before {
			t.Errorf("%d entries", size)
		}
		s.restart()
		s.follow(anna, ben, carl)
	}
	wantStatus(t, "entries from too far on", show(whole.entries[before+1:], before+1), wire.StatusStale)
	wantStatus(t, "entries in another order", show([][]byte{whole.entries[before+1], whole.entries[before]}, before), wire.StatusRefused)
	wantStatus(t, "too few entries with a proof for all", ben.showOnce(whole, before, whole.entries[before:before+1], nil), wire.StatusRefused)
	if size := ben.size(); size != before {
		t.Errorf("%d entries after what is wrong", size)
	}

	// In two pieces, of which the first is not the end of it, the second with an entry that is there already.
	half := before + 1
	proof, err := whole.prove(half)
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "the first piece", ben.showOnce(whole, before, whole.entries[before:half], proof), wire.StatusOK)
	if size := ben.size(); size != half {
		t.Errorf("%d entries, want %d", size, half)
	}
	anna.counter = counter
	wantStatus(t, "an event between the pieces", anna.submit(invite, nil), wire.StatusUnavailable)
	wantStatus(t, "the rest", show(whole.entries[before:], before), wire.StatusOK)
	wantLetIn(t, carl)
	wantStatus(t, "the rest again", show(whole.entries[before:], before), wire.StatusOK)
	wantStatus(t, "an event at last", anna.submit(invite, nil), wire.StatusOK)
	s.restart()
	s.follow(anna, ben, carl)
	whole.extend(carl) // no fork: what Carl saw before goes on
	if whole.Size() != anna.size() {
		t.Errorf("%d entries", whole.Size())
	}
	anna.join("Dora")
}

// showOnce shows one piece with any proof.
func (d *device) showOnce(whole *copyRoll, from uint64, entries [][]byte, proof [][32]byte) error {
	answer := d.site.node.show(d.site.ctx(), d.site.node.directory.org(d.Org), d.key.Public(),
		&rvproto.ShowRequest{Checkpoint: whole.note, From: from, Entries: entries, Proof: proof})
	return answer.Status.Err()
}

// What the node has signed twice cannot be mended, and is not believed. [RV-64]
func TestNodeThatHasForked(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	var lost *copyRoll
	counter := anna.counter
	s.rollBack(func() {
		s.follow(anna)
		anna.invite(1)
		anna.invite(2)
		lost = anna.keepRoll()
	})
	s.follow(anna)
	anna.counter = counter
	anna.invite(3)
	anna.invite(4)
	wantStatus(t, "the other roll", anna.Show(s.ctx(), lost.note, 2, lost.entries[2:], lost.prove), wire.StatusRefused)
	anna.invite(5)
}

func TestForgottenNamesOfGuests(t *testing.T) { // [RV-64]
	s := newSite(t)
	anna := s.found("Acme")
	ben, guest := anna.join("Ben"), anna.joinAs(membership.RoleGuest, "guest")
	var seen, whole *copyRoll
	before := ben.size()
	s.rollBack(func() {
		s.follow(anna, ben, guest)
		e := membership.Event{Org: guest.Org, Counter: 1, At: guest.size(), Name: &membership.NameChange{Name: "Gustav"}}
		if err := guest.Submit(s.ctx(), membership.SignEvent(e, guest.key, nil)); err != nil {
			t.Fatal(err)
		}
		seen, whole = ben.keepRoll(), anna.keepRoll()
	})
	s.follow(anna, ben, guest)
	wantStatus(t, "by a member who does not read the name", ben.Show(s.ctx(), seen.note, before, seen.entries[before:], seen.prove), wire.StatusRefused)
	wantStatus(t, "by an admin", anna.Show(s.ctx(), whole.note, before, whole.entries[before:], whole.prove), wire.StatusOK)
	if size := ben.size(); size != before+1 {
		t.Errorf("%d entries", size)
	}
}

package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// moved is a device whose organization moved to a new node, which lacks the bar of bob's stolen device.
type moved struct {
	org    *membershiptest.Org // as the device has it
	next   *membershiptest.Org // as the new node has it
	o      *organization
	bob    *membershiptest.Member
	stolen keys.PrivateKey
	at     store.Node
	move   membership.SignedEvent
	common uint64
}

func newMoved(t *testing.T) *moved {
	t.Helper()
	m := &moved{org: newRoll(t, "bob")}
	m.bob = m.org.Members[1]
	m.stolen = m.org.AddDevice(m.bob)
	m.common = m.org.Roll.Size()
	m.next = m.org.Branch(m.common)
	m.org.Bar(m.bob.Device(), m.stolen.Public(), m.common)
	m.o = newDevice(t, m.org, m.org.Founder)
	node := m.next.Key()
	m.move = m.next.MoveEvent(m.next.Founder.Device(), node.Public(), 2)
	entry := m.next.Move(m.next.Founder.Device(), node)
	event, _, err := membership.OpenEvent(entry.Event)
	if err != nil {
		t.Fatal(err)
	}
	m.move = entry.Event
	m.at = store.Node{Key: node.Public(), Addresses: event.Rendezvous.Addresses}
	return m
}

// TestDeviceFollowsTheDuty shows a device the roll of a new node that lacks its last entry, a bar.
func TestDeviceFollowsTheDuty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoved(t)
		if err := m.o.hearMove(m.move); err != nil {
			t.Fatal(err)
		}
		if err := m.o.hearMove(m.move); !errors.Is(err, errKnown) {
			t.Errorf("heard again: %v", err)
		}
		m.replace(t, newPage(m.next, 0))
		if m.o.at.Key != m.at.Key || m.o.roll.Size() != m.next.Roll.Size() {
			t.Fatalf("the device is at %s with size %d", m.o.at.Key.Short(), m.o.roll.Size())
		}
		if len(m.o.active(m.bob)) != 1 {
			t.Error("the bar that the move left behind is not obeyed")
		}
		var lost int
		view(t, m.o.node.store, func(tx *store.Tx) error {
			return tx.LostEvents(m.o.org, func(uint64, []byte) error { lost++; return nil })
		})
		if lost != 1 {
			t.Errorf("%d events are to be handed in again", lost)
		}
		again, err := m.o.node.openOrganization(kept(t, m.o))
		if err != nil || again.at.Key != m.at.Key || again.roll.Size() != m.next.Roll.Size() || len(again.active(m.bob)) != 1 {
			t.Fatalf("after a restart: %v", err)
		}
		// What the old node goes on signing means nothing, and is no fork.
		old := m.org
		old.Join("dave")
		again.mu.Lock()
		again.heardHeadLocked(head{signedHead(t, old), m.bob.ID})
		again.mu.Unlock()
		if again.distrust != nil {
			t.Errorf("an old node's checkpoint ended trust: %v", again.distrust)
		}
	})
}

// kept returns what the store has of an organization.
func kept(t *testing.T, o *organization) (found store.Organization) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) error {
		all, err := tx.Organizations()
		if err == nil {
			found = all[0]
		}
		return err
	})
	return found
}

func (m *moved) replace(t *testing.T, page rvclient.Page) {
	t.Helper()
	m.o.mu.Lock()
	defer m.o.mu.Unlock()
	if err := m.o.replaceLocked(page, m.at); err != nil {
		t.Fatal(err)
	}
}

// TestCrashWhileFollowing ends the node between any two of the transactions by which it takes the new roll.
func TestCrashWhileFollowing(t *testing.T) {
	m := newMoved(t)
	half := kept(t, m.o)
	half.Move, half.Common = m.move, m.common+1
	update(t, m.o.node.store, func(tx *store.Tx) error { return tx.PutOrganization(half) })
	update(t, m.o.node.store, func(tx *store.Tx) error { // the new node's first entry, in the place of the bar
		return tx.PutEntry(m.o.org, m.common, m.next.Entries[m.common].Marshal())
	})
	again, err := m.o.node.openOrganization(half)
	if err != nil {
		t.Fatal(err)
	}
	if again.roll.Size() != m.common || !again.lacking || len(again.move) == 0 {
		t.Errorf("the roll has %d entries, lacking %v", again.roll.Size(), again.lacking)
	}
	m.o = again
	m.replace(t, newPage(m.next, 0))
	if again.roll.Size() != m.next.Roll.Size() || again.at.Key != m.at.Key {
		t.Errorf("the roll has %d entries at %s", again.roll.Size(), again.at.Key.Short())
	}
}

// TestDeviceFollowsNobodyElse has others move the duty.
func TestDeviceFollowsNobodyElse(t *testing.T) {
	t.Run("a member", func(t *testing.T) {
		m := newMoved(t)
		event := m.org.MoveEvent(m.bob.Device(), m.at.Key, 2)
		if err := m.o.hearMove(event); !errors.Is(err, errMove) {
			t.Error(err)
		}
	})
	t.Run("a device that the lost entries bar", func(t *testing.T) {
		org := newRoll(t, "bob")
		thief := org.AddDevice(org.Founder)
		common := org.Roll.Size()
		next := org.Branch(common)
		org.Bar(org.Founder.Device(), thief.Public(), common)
		o := newDevice(t, org, org.Founder)
		node := next.Key()
		entry := next.Move(thief, node)
		if err := o.hearMove(entry.Event); !errors.Is(err, errMove) {
			t.Errorf("heard from the barred device: %v", err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		err := o.replaceLocked(newPage(next, 0), store.Node{Key: node.Public()})
		if err == nil || o.at.Key == node.Public() || o.roll.Size() != org.Roll.Size() {
			t.Errorf("followed to %s: %v", o.at.Key.Short(), err)
		}
	})
	t.Run("after a proved fork, an admin", func(t *testing.T) {
		m := newMoved(t)
		m.o.distrust, m.o.proved = errors.New("proved"), true
		m.o.mu.Lock()
		err := m.o.replaceLocked(newPage(m.next, 0), m.at)
		m.o.mu.Unlock()
		if err == nil || !strings.Contains(err.Error(), "root key") {
			t.Error(err)
		}
	})
	t.Run("after a proved fork, the root key", func(t *testing.T) {
		m := newMoved(t)
		m.o.distrust, m.o.proved = errors.New("proved"), true
		next := m.org.Branch(m.common)
		node := next.Key()
		next.Move(next.Root, node)
		m.at = store.Node{Key: node.Public(), Addresses: []string{"/ip4/192.0.2.7/udp/4001/quic-v1"}}
		m.replace(t, newPage(next, 0))
		if m.o.distrust != nil || m.o.at.Key != node.Public() {
			t.Errorf("the root key has not settled it: %v", m.o.distrust)
		}
	})
}

// TestSameTermSettlesNoDistrust proves a fork by the node that the root key itself named: the whole roll, shown anew by that
// node, does not bring trust back.
func TestSameTermSettlesNoDistrust(t *testing.T) {
	org := newRoll(t, "bob")
	node := org.Key()
	org.Move(org.Root, node)
	o := newDevice(t, org, org.Founder)
	o.distrust, o.proved = errors.New("proved"), true
	org.Join("carol")
	o.mu.Lock()
	err := o.replaceLocked(newPage(org, 0), o.at)
	o.mu.Unlock()
	if err == nil || o.distrust == nil || !o.proved {
		t.Errorf("trust is back: %v", err)
	}
}

// TestOldEntriesAdmitNobody shows new entries under a checkpoint that is older than the offline grace.
func TestOldEntriesAdmitNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := membership.DefaultPolicy()
		policy.OfflineGrace = 2 * 60 * 60
		org := newRollWith(t, membershiptest.Config{Seed: 1, Policy: &policy}, "bob")
		o := newDevice(t, org, org.Founder)
		size := org.Roll.Size()
		org.Join("late")
		page := newPage(org, size)
		time.Sleep(time.Duration(org.Roll.State().Policy().OfflineGrace) * time.Second)
		if err := o.adopt(page); err != nil || o.roll.Size() != size {
			t.Errorf("the roll has %d entries, %v", o.roll.Size(), err)
		}
		org.Now = time.Now()
		if err := o.adopt(newPage(org, size)); err != nil || o.roll.Size() != size+uint64(len(page.Entries)) {
			t.Errorf("under a fresh checkpoint the roll has %d entries, %v", o.roll.Size(), err)
		}
	})
}

// TestNewReaderHandsNothingInAgain makes a member a desk, whose device then fetches the whole roll with the names of guests.
func TestNewReaderHandsNothingInAgain(t *testing.T) {
	org := newRoll(t, "anna")
	org.JoinAs("gil", membership.RoleGuest)
	anna := org.Members[1]
	whole := slices.Clone(org.Entries)
	for i, entry := range org.Entries {
		if entry.Audience != (membership.Audience{}) {
			org.Entries[i] = entry.Hide()
		}
	}
	o := newDevice(t, org, anna)
	org.Entries = whole
	before := org.Roll.Size()
	org.SetRole(org.Founder.Device(), anna, membership.RoleDesk)
	if err := o.adopt(newPage(org, before)); err != nil || !o.lacking {
		t.Fatalf("lacks nothing: %v", err)
	}
	o.mu.Lock()
	err := o.replaceLocked(newPage(org, 0), o.at)
	_, found := o.roll.State().MemberByName("gil")
	o.mu.Unlock()
	if err != nil || !found || o.lacking {
		t.Errorf("the guest's name is known: %v, %v", found, err)
	}
	view(t, o.node.store, func(tx *store.Tx) error {
		return tx.LostEvents(o.org, func(index uint64, _ []byte) error {
			t.Errorf("event %d is to be handed in again", index)
			return nil
		})
	})
}

// TestMoveOfAFarTermHidesNoOther has an admin's device name a term that is far off.
func TestMoveOfAFarTermHidesNoOther(t *testing.T) {
	org := newRoll(t, "anna")
	evil := org.JoinAs("mallory", membership.RoleAdmin)
	o := newDevice(t, org, org.Members[1])
	for _, far := range []uint64{3, 1 << 52} {
		if err := o.hearMove(org.MoveEvent(evil.Device(), org.Key().Public(), far)); !errors.Is(err, errMove) {
			t.Errorf("term %d: %v", far, err)
		}
	}
	if err := o.hearMove(org.MoveEvent(evil.Device(), org.Key().Public(), 2)); err != nil {
		t.Fatal(err)
	}
	before := org.Roll.Size()
	org.Remove(org.Founder.Device(), evil)
	if err := o.adopt(newPage(org, before)); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	_, _, heard := o.heardMove()
	o.mu.Unlock()
	if heard {
		t.Error("the device follows somebody who was removed")
	}
	good := org.Key().Public()
	if err := o.hearMove(org.MoveEvent(org.Root, good, 2)); err != nil {
		t.Errorf("the root key's move: %v", err)
	}
	if err := o.hearMove(org.MoveEvent(org.Founder.Device(), org.Key().Public(), 2)); !errors.Is(err, errKnown) {
		t.Errorf("an admin's beside it: %v", err)
	}
}

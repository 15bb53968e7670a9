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
	"muster.example/rendezvous/rvclient"
)

// letEarly has the policy of a roll let devices take who is not on it yet.
func letEarly(org *membershiptest.Org) {
	policy := org.Roll.State().Policy()
	policy.EarlyJoins = membership.Allowed
	org.SetPolicy(policy)
}

// joiner makes somebody who would join by an invitation.
func joinerBy(org *membershiptest.Org, invitation keys.PrivateKey, name string) (*membershiptest.Member, membership.SignedEvent) {
	m := &membershiptest.Member{Name: name, Recovery: org.Key(), Devices: []keys.PrivateKey{org.Key()}}
	return m, org.JoinEvent(invitation, m)
}

func (o *organization) newcomerNames() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.describeNewcomersLocked() {
		if n.Clash {
			n.Name += "!"
		}
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return names
}

func (o *organization) noticed(t *testing.T, text string) (count int) {
	t.Helper()
	status, err := o.status(o.now())
	if err != nil {
		t.Fatal(err)
	}
	for _, notice := range status.Notices {
		if strings.Contains(notice.Text, text) {
			count++
		}
	}
	return count
}

// TestJoinAheadOfTheRoll has a join travel from a device to another, over a restart, until the roll has it. [ROLL-193] [ROLL-194]
// [ROLL-195] [ROLL-196]
func TestJoinAheadOfTheRoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "ann", "bob")
		ann := org.Members[1]
		letEarly(org)
		first, other := newDevice(t, org, ann), newDevice(t, org, org.Members[2])
		position := org.Roll.Size()
		key := org.Key()
		invite := org.InviteEvent(ann, key.Public(), membership.RoleMember, 1)
		_, join := joinerBy(org, key, "Cy")

		if err := first.hearAhead(join); err == nil {
			t.Error("a join without its invitation is taken")
		}
		for _, event := range [][]byte{invite, join} {
			if err := first.hearAhead(event); err != nil {
				t.Fatal(err)
			}
			if err := first.hearAhead(event); !errors.Is(err, errKnown) {
				t.Errorf("heard again: %v", err)
			}
		}
		told := first.eventsToTell()
		if len(told) != 2 || !slices.Equal(told[0], invite) || !slices.Equal(told[1], join) {
			t.Fatalf("%d events are told", len(told))
		}
		k, err := first.tellKnown(0, false, keys.MemberID{})
		if err != nil {
			t.Fatal(err)
		}
		other.hearKnown(first.device, k)
		if got := other.newcomerNames(); !slices.Equal(got, []string{"Cy"}) || other.noticed(t, "not confirmed by the roll") != 1 {
			t.Errorf("the other one shows %q", got)
		}
		if other.roll.Size() != position {
			t.Error("the roll is another")
		}
		again, err := other.node.openOrganization(other.keptLocked())
		if err != nil || len(again.newcomers) != 1 {
			t.Fatalf("after a restart %d, %v", len(again.newcomers), err)
		}
		org.Now = time.Now()
		org.Append(invite)
		org.Append(join)
		if err := again.adopt(newPage(org, position)); err != nil {
			t.Fatal(err)
		}
		if len(again.newcomers) != 0 || again.noticed(t, "did not become a member") != 0 {
			t.Errorf("once the roll has it %d are held", len(again.newcomers))
		}
	})
}

// TestNewcomersWhoAreNone: what ends a join ahead of the roll, and what never is one. [ROLL-193] [ROLL-194] [ROLL-195]
func TestNewcomersWhoAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "ann", "bob")
		ann, bob := org.Members[1], org.Members[2]
		spare := org.Invite(ann, membership.RoleMember, 20)
		one := org.Invite(bob, membership.RoleMember, 1)
		phone := org.AddDevice(ann)

		closed := newDevice(t, org, bob)
		_, join := joinerBy(org, spare, "Cy")
		if err := closed.hearAhead(join); err == nil {
			t.Error("a join is taken that the policy does not allow")
		}
		letEarly(org)
		o := newDevice(t, org, bob)

		for i := range maxNewcomersOf + 1 {
			_, join := joinerBy(org, spare, string(rune('c'+i))+"y")
			if err := o.hearAhead(join); (err == nil) != (i < maxNewcomersOf) {
				t.Errorf("number %d by one member: %v", i, err)
			}
		}
		_, join = joinerBy(org, one, "cy")
		if err := o.hearAhead(join); err != nil {
			t.Fatal(err)
		}
		if _, join = joinerBy(org, one, "dan"); o.hearAhead(join) == nil {
			t.Error("an invitation is used twice")
		}
		if got := o.newcomerNames(); len(got) != maxNewcomersOf+1 || !slices.Contains(got, "cy!") || slices.Contains(got, "dy!") {
			t.Errorf("shown are %q", got)
		}

		// Those whom a barred device invited go with it; those of another device of the member do not.
		if err := o.hearAhead(org.BarEvent(ann.Devices[0], phone.Public(), org.Roll.Size())); err != nil {
			t.Fatal(err)
		}
		if got := len(o.newcomerNames()); got != maxNewcomersOf+1 {
			t.Errorf("%d are left when another device was barred", got)
		}
		if err := o.hearAhead(org.BarEvent(org.Founder.Device(), ann.Devices[0].Public(), 0)); err != nil {
			t.Fatal(err)
		}
		if got := o.newcomerNames(); !slices.Equal(got, []string{"cy"}) || o.noticed(t, "did not become a member") != maxNewcomersOf {
			t.Errorf("once the inviter is barred %q are left, of %d it is said", got, o.noticed(t, "did not become a member"))
		}

		// A revocation on the roll ends them, and the offline grace.
		position := org.Roll.Size()
		org.Now = time.Now()
		org.Revoke(bob.Device(), one.Public())
		if err := o.adopt(newPage(org, position)); err != nil {
			t.Fatal(err)
		}
		if got := o.newcomerNames(); len(got) != 0 {
			t.Errorf("after the invitation was taken back %q", got)
		}
		late := org.Invite(bob, membership.RoleMember, 2)
		if err := o.adopt(newPage(org, position+1)); err != nil {
			t.Fatal(err)
		}
		_, join = joinerBy(org, late, "Eve")
		if err := o.hearAhead(join); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * 24 * time.Hour)
		_, after := joinerBy(org, late, "Fay")
		if err := o.hearAhead(after); err != nil {
			t.Errorf("within the offline grace: %v", err)
		}
		time.Sleep(25 * time.Hour)
		if _, join = joinerBy(org, late, "Gus"); o.hearAhead(join) == nil {
			t.Error("somebody is taken by a roll that is too old")
		}
		org.Now = time.Now()
		if err := o.adopt(rvclient.Page{Checkpoint: org.Checkpoint()}); err != nil {
			t.Fatal(err)
		}
		if got := o.newcomerNames(); len(got) != 0 {
			t.Errorf("after the offline grace %q", got)
		}
	})
}

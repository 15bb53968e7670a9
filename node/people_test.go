package node

import (
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// isMet reports whether a device takes another one for somebody's, to call and to talk to.
func (o *organization) isMet(device keys.PublicKey) bool {
	called := o.gate.mayCall(device, true)
	o.mu.Lock()
	defer o.mu.Unlock()
	_, person := o.personOfLocked(device)
	return called && person && o.mayMeetLocked(device)
}

// settleNow does what the device does each minute.
func (o *organization) settleNow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settleNewcomersLocked()
}

// What somebody who is ahead of the roll may be to a member, and what not. [ROLL-197] [MSH-25]
func TestNewcomersAreMetOneToOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "ann", "bob", "cleo")
		letEarly(org)
		ann, bob, cleo := org.Members[1], org.Members[2], org.Members[3]
		invitation := org.Invite(ann, membership.RoleMember, 9)
		o := newDevice(t, org, bob)
		cy, join := joinerBy(org, invitation, "Cy")
		device, member := cy.Device().Public(), membership.MemberOf(org.ID, join)
		if o.isMet(device) {
			t.Fatal("a stranger is met")
		}
		if err := o.hearAhead(join); err != nil {
			t.Fatal(err)
		}
		if !o.isMet(device) {
			t.Error("who is ahead of the roll is not met")
		}
		if o.gate.mayCall(device, false) || o.takesPart(device) || o.gate.isSibling(device) {
			t.Error("who is ahead of the roll may call from afar, or takes part in gossip, or is of the account")
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.activeSenderLocked(device) || len(o.activeAmongLocked([]keys.PublicKey{device})) != 0 || len(o.activeLocked(member)) != 0 {
			t.Error("something of theirs, or for them, would be carried")
		}
		header := envelope.Header{Sender: device, RollSize: o.roll.Size()}
		for name, c := range map[string]struct {
			place envelope.Place
			want  bool
		}{
			"the two":          {o.with(member), true},
			"of three":         {o.with(member, cleo.ID), false},
			"a group":          {envelope.InGroup(keys.GroupID{1}), false},
			"of others":        {envelope.Among(ann.ID, member), true}, // of which this account is no part: it is asked for that too
			"of others, three": {envelope.Among(ann.ID, cleo.ID, member), false},
		} {
			admits := o.admitsLocked(header)
			if got := admits(c.place, device) && admits(c.place, o.device); got != (c.want && c.place.Has(bob.ID)) {
				t.Errorf("an announcement at the place %q: %v", name, got)
			}
			if devices := o.devicesLocked(c.place); len(c.place.Members) > 2 && membersHave(devices, device) {
				t.Errorf("something at the place %q would be sealed to them", name)
			}
		}
		if reason, ok := o.mayTellLocked(o.with(member, cleo.ID)); ok || reason == "" {
			t.Error("a conversation of three may have them")
		}
		now := store.Moment{Roll: o.roll.Size()}
		if o.entitledLocked(o.with(member), now, device) {
			t.Error("what was written when they were not there would be sealed to them")
		}
		if now = o.momentLocked(o.with(member)); !now.Ahead || !o.entitledLocked(o.with(member), now, device) {
			t.Error("what is written to them would not be sealed to them")
		}
	})
}

func membersHave(devices []keys.PublicKey, device keys.PublicKey) bool {
	return len(intersection(devices, []keys.PublicKey{device})) > 0
}

// What ends it, and that nothing brings it back: no join that is heard again, and no time. [ROLL-198]
func TestNewcomersAreMetNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		// end does what ends it.
		end  func(t *testing.T, o *organization, org *membershiptest.Org, ann *membershiptest.Member, invitation keys.PrivateKey)
		join bool // the roll has the member then
	}{
		"a bar of the inviter's device": {end: func(t *testing.T, o *organization, org *membershiptest.Org, ann *membershiptest.Member, _ keys.PrivateKey) {
			if err := o.hearAhead(org.BarEvent(org.Founder.Device(), ann.Device().Public(), 0)); err != nil {
				t.Fatal(err)
			}
		}},
		"the invitation is void": {end: func(t *testing.T, o *organization, org *membershiptest.Org, ann *membershiptest.Member, invitation keys.PrivateKey) {
			position := org.Roll.Size()
			org.Now = time.Now()
			org.Revoke(ann.Device(), invitation.Public())
			if err := o.adopt(newPage(org, position)); err != nil {
				t.Fatal(err)
			}
		}},
		"the name is another's": {end: func(t *testing.T, o *organization, org *membershiptest.Org, _ *membershiptest.Member, invitation keys.PrivateKey) {
			position := org.Roll.Size()
			org.Now = time.Now()
			org.JoinBy(invitation, "CY")
			if err := o.adopt(newPage(org, position)); err != nil {
				t.Fatal(err)
			}
		}},
		"the grace": {end: func(t *testing.T, o *organization, org *membershiptest.Org, _ *membershiptest.Member, _ keys.PrivateKey) {
			time.Sleep(6 * 24 * time.Hour)
			org.Now = time.Now() // the roll is heard of meanwhile
			if err := o.adopt(rvclient.Page{Checkpoint: org.Checkpoint()}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(25 * time.Hour)
			o.settleNow()
		}},
		"a policy without": {end: func(t *testing.T, o *organization, org *membershiptest.Org, _ *membershiptest.Member, _ keys.PrivateKey) {
			position := org.Roll.Size()
			org.Now = time.Now()
			policy := org.Roll.State().Policy()
			policy.EarlyJoins = membership.DefaultEarlyJoins
			if policy.EarlyJoins = 0; policy.TakesEarly() {
				t.Fatal("the default is to take them")
			}
			org.SetPolicy(policy)
			if err := o.adopt(newPage(org, position)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				org := newRoll(t, "ann", "bob")
				letEarly(org)
				ann, bob := org.Members[1], org.Members[2]
				invitation := org.Invite(ann, membership.RoleMember, 9)
				o := newDevice(t, org, bob)
				cy, join := joinerBy(org, invitation, "Cy")
				device := cy.Device().Public()
				if err := o.hearAhead(join); err != nil || !o.isMet(device) {
					t.Fatalf("at first: %v", err)
				}
				c.end(t, o, org, ann, invitation)
				if o.isMet(device) || len(o.newcomerNames()) != 0 {
					t.Error("they are still met")
				}
				if err := o.hearAhead(join); err == nil || o.isMet(device) {
					t.Error("the same join counts again")
				}
				o.settleNow()
				again, err := o.node.openOrganization(o.keptLocked())
				if err != nil || again.isMet(device) {
					t.Errorf("after a restart they are met, %v", err)
				}
				if err := again.hearAhead(join); err == nil || again.isMet(device) {
					t.Error("the same join counts again after a restart")
				}
				for _, one := range []*organization{o, again} {
					one.mu.Lock()
					got, text := one.memberNameLocked(membership.MemberOf(org.ID, join)), one.unconfirmedLocked(membership.MemberOf(org.ID, join))
					one.mu.Unlock()
					if got != "Cy" || text != "never" {
						t.Errorf("what came is of %q, %q", got, text)
					}
				}
				if o.noticed(t, "did not become a member") != 1 {
					t.Error("it is not said once")
				}
			})
		})
	}
}

// Two with one name are told apart by their ids alone, and a forged join is nobody's. [ROLL-194] [ROLL-197]
func TestNewcomersOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "ann", "bob")
		letEarly(org)
		ann, bob := org.Members[1], org.Members[2]
		invitation := org.Invite(ann, membership.RoleMember, 9)
		o := newDevice(t, org, bob)
		one, first := joinerBy(org, invitation, "Cy")
		two, second := joinerBy(org, invitation, "cy")
		for _, join := range []membership.SignedEvent{first, second} {
			if err := o.hearAhead(join); err != nil {
				t.Fatal(err)
			}
		}
		if !o.isMet(one.Device().Public()) || !o.isMet(two.Device().Public()) {
			t.Error("one of the two is not met")
		}
		if _, _, found := o.find([]string{"Cy"}); found {
			t.Error("the name of two stands for one")
		}
		for _, join := range []membership.SignedEvent{first, second} {
			if _, _, found := o.find([]string{membership.MemberOf(org.ID, join).String()}); !found {
				t.Error("an id stands for nobody")
			}
		}
		forged, join := joinerBy(org, org.Key(), "Dan")
		if err := o.hearAhead(join); err == nil || o.isMet(forged.Device().Public()) {
			t.Error("who joins by a key that is no invitation is met")
		}
	})
}

package node

import (
	"crypto/rand"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// sayer is a device with a program of its own that says what it likes to a receiver.
type sayer struct {
	device keys.PrivateKey
	pair
}

// says seals a body on a new chain of a place and returns what becomes of it at the receiver.
func (s sayer) says(t *testing.T, place envelope.Place, kind history.Kind, body []byte) (opened bool) {
	t.Helper()
	c, err := envelope.NewChain(rand.Reader, s.org.ID, place, s.device.Public(), time.Now(), s.org.Roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	meta := s.meta
	meta.Leave = envelope.LeaveOf(place, s.org.ID, true)
	announced, err := c.Announce(rand.Reader, s.device, s.key, meta)
	if err != nil {
		t.Fatal(err)
	}
	sealed, _, err := c.Seal(rand.Reader, s.device, new(envelope.Line), envelope.Content{
		Head: signedHead(t, s.org).Marshal(), Kind: uint8(kind), Body: body,
	}, meta)
	if err != nil {
		t.Fatal(err)
	}
	s.to.deliver(t, announced.Bytes())
	done, _ := s.to.deliver(t, sealed.Bytes())
	return done == 1
}

// grants returns what the rendezvous node is to be told of leave.
func (o *organization) grantsDue(t *testing.T) (due map[keys.MemberID][]byte) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) (err error) { due, err = tx.Grants(o.org); return err })
	return due
}

// TestGrantsCountBetweenTheTwoAlone has others hand in grants at every place that they share with the receiver and where
// they may write: none makes a contact, nor gives leave, nor changes a contact that there is. [HIST-9]
func TestGrantsCountBetweenTheTwoAlone(t *testing.T) {
	org := newRoll(t, "mallory", "carol")
	mallory, carol := org.Members[1], org.Members[2]
	me, colleague := org.JoinAs("me", membership.RoleDesk), org.JoinAs("colleague", membership.RoleDesk)
	guest := org.JoinAs("guest", membership.RoleGuest)
	own := org.AddDevice(me)
	crew := org.Group(org.Founder.Device(), "Crew", group.Open)
	for _, m := range []*membershiptest.Member{mallory, carol, me} {
		org.EnterGroup(m.Device(), crew)
	}
	o := newDevice(t, org, me)
	key := o.ownPrekey(t)
	by := func(m *membershiptest.Member, device keys.PrivateKey) sayer {
		return sayer{device, pair{org, m, o, key, envelope.Meta{RollSize: org.Roll.Size(), Expires: time.Now().Add(time.Hour).Unix()}, nil}}
	}
	talk := envelope.Among(me.ID, mallory.ID, carol.ID)
	if _, err := o.keepTalkLeave(talk, true); err != nil {
		t.Fatal(err)
	}
	o.known(t, history.Contact{
		Member: carol.ID, State: history.ContactAsked, Text: "It is me.", Time: 1, Given: org.Grant(me, carol, 1, true), GivenAt: org.Roll.Size(),
	})
	group, desk := envelope.InGroup(crew), envelope.AtDesk(guest.ID)
	before := len(o.jobs(t))
	for _, c := range []struct {
		name  string
		by    sayer
		place envelope.Place
		grant []byte
	}{
		{"a stranger in a group", by(mallory, mallory.Device()), group, org.Grant(mallory, me, 1, true)},
		{"a stranger in a conversation of several", by(mallory, mallory.Device()), talk, org.Grant(mallory, me, 1, true)},
		{"a stranger to themselves", by(mallory, mallory.Device()), envelope.Among(me.ID, mallory.ID), org.Grant(mallory, me, 1, true)},
		{"a guest at the desk", by(guest, guest.Device()), desk, org.Grant(guest, me, 1, true)},
		{"a colleague at the desk", by(colleague, colleague.Device()), desk, org.Grant(colleague, me, 1, true)},
		{"who was asked, in a group", by(carol, carol.Device()), group, org.Grant(carol, me, 1, true)},
		{"who was asked, with another's", by(carol, carol.Device()), envelope.Among(me.ID, carol.ID), org.Grant(mallory, me, 1, true)},
		{"who was asked, with ours", by(carol, carol.Device()), envelope.Among(me.ID, carol.ID), org.Grant(me, carol, 9, true)},
		{"an own device in a group", by(me, own), group, org.Grant(me, mallory, 1, true)},
		{"an own device to another contact", by(me, own), envelope.Among(me.ID, carol.ID), org.Grant(me, mallory, 1, true)},
		{"an own device with another's", by(me, own), envelope.Among(me.ID), org.Grant(mallory, me, 1, true)},
		{"leave for a conversation, in a group", by(mallory, mallory.Device()), group, org.ConversationGrant(mallory, talk.ID(org.ID), 1, true)},
		{"leave for another conversation", by(mallory, mallory.Device()), talk, org.ConversationGrant(mallory, keys.ConversationID{1}, 1, true)},
		{"another's leave for a conversation", by(mallory, mallory.Device()), talk, org.ConversationGrant(carol, talk.ID(org.ID), 1, true)},
	} {
		if c.by.says(t, c.place, history.KindLeave, wire.Encode(history.Leave{Grant: c.grant})) {
			t.Errorf("%s: taken", c.name)
		}
		if contacts := o.view.Contacts(); len(contacts) != 1 || contacts[0].State != history.ContactAsked || len(contacts[0].Got) != 0 ||
			numberOf(contacts[0].Given) != 1 {
			t.Errorf("%s leaves contacts %+v", c.name, contacts)
		}
		o.mu.Lock()
		for _, m := range []*membershiptest.Member{mallory, colleague} {
			if _, ok := o.leaveLocked(m.ID); ok || o.mayWriteLocked(m.ID) {
				t.Errorf("%s: %s and the receiver may write to each other", c.name, m.Name)
			}
		}
		if leave := o.talks[talk.ID(org.ID)].Leave; len(leave) != 1 {
			t.Errorf("%s: %d have given leave for the conversation", c.name, len(leave))
		}
		o.mu.Unlock()
		if due, jobs := o.grantsDue(t), len(o.jobs(t)); len(due) != 0 || jobs != before {
			t.Fatalf("%s: %d grants for the rendezvous node, %d new jobs", c.name, len(due), jobs-before)
		}
	}
	// Who needs no leave by the policy, and with whom nothing was agreed, changes nothing by giving some.
	if !by(guest, guest.Device()).says(t, envelope.Among(me.ID, guest.ID), history.KindLeave, wire.Encode(history.Leave{Grant: org.Grant(guest, me, 1, true)})) {
		t.Error("a guest's leave for a desk was not opened")
	}
	if contact, known := o.view.Contact(guest.ID); known {
		t.Errorf("a guest is a contact: %+v", contact)
	}
	// Where they belong grants count.
	if !by(carol, carol.Device()).says(t, envelope.Among(me.ID, carol.ID), history.KindLeave, wire.Encode(history.Leave{Grant: org.Grant(carol, me, 1, true)})) ||
		!by(me, own).says(t, envelope.Among(me.ID, mallory.ID), history.KindLeave, wire.Encode(history.Leave{Grant: org.Grant(me, mallory, 1, true)})) ||
		!by(me, own).says(t, envelope.Among(me.ID), history.KindLeave, wire.Encode(history.Leave{Grant: org.Grant(me, colleague, 1, false)})) ||
		!by(mallory, mallory.Device()).says(t, talk, history.KindLeave, wire.Encode(history.Leave{Grant: org.ConversationGrant(mallory, talk.ID(org.ID), 1, true)})) {
		t.Error("a grant that counts was not taken")
	}
	for m, want := range map[*membershiptest.Member]history.ContactState{
		carol: history.ContactAccepted, mallory: history.ContactAccepted, colleague: history.ContactBlocked,
	} {
		if contact, _ := o.view.Contact(m.ID); contact.State != want {
			t.Errorf("%s is in state %d, want %d", m.Name, contact.State, want)
		}
	}
	if leave := o.talks[talk.ID(org.ID)].Leave; len(leave) != 2 {
		t.Errorf("%d have given leave for the conversation", len(leave))
	}
}

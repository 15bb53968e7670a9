package membership_test

import (
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// Who joins ahead of the roll is somebody to meet and write to, for People alone. [ROLL-197]
func TestPeople(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann := o.Join("Ann")
	invitation := o.Invite(ann, membership.RoleMember, 3)
	var joins []membership.EarlyJoin
	var events []membership.SignedEvent
	for _, name := range []string{"Bo", "Cy", "cy"} {
		_, join := newcomer(o, invitation, name)
		early, err := o.Roll.JudgeEarly(nil, join, o.Now.UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		joins, events = append(joins, early), append(events, join)
	}
	bo, state, ahead := joins[0], o.Roll.State(), membership.NewAhead(joins)
	p := state.With(ahead)

	if of, ok := p.MemberOf(bo.Device); !ok || of != bo.Member || !p.IsAhead(bo.Device) || !slices.Equal(p.Devices(bo.Member), []keys.PublicKey{bo.Device}) {
		t.Error("the device is nobody's")
	}
	if _, ok := state.MemberOf(bo.Device); ok {
		t.Error("the roll has the device")
	}
	if m, ok := p.Member(bo.Member); !ok || m.Name != "Bo" || m.Role != membership.RoleMember || p.Role(bo.Member) != membership.RoleMember || m.Recovery != bo.Recovery {
		t.Errorf("the member would be %+v", m)
	}
	if m, ok := p.MemberByName("bo"); !ok || m.ID != bo.Member {
		t.Error("the name stands for nobody")
	}
	if m, ok := p.MemberByName("Cy"); ok {
		t.Errorf("of two who are alike the name stands for %v", m.ID)
	}
	if _, ok := p.MemberByName("Ann"); !ok || len(p.AheadDevices()) != 3 {
		t.Error("who is on the roll is not found, or who is not")
	}
	stranger := keys.MemberID{1}
	if p.MayContact(bo.Member, ann.ID) != membership.ContactIntroduction || p.MayContact(ann.ID, bo.Member) != membership.ContactIntroduction ||
		p.MayContact(stranger, ann.ID) != membership.ContactRefused || p.MayContact(ann.ID, stranger) != membership.ContactRefused {
		t.Error("who may write to whom is not what the policy says of members")
	}

	// The roll has the last word of whom it knows.
	o.Append(events[0])
	p = o.Roll.State().With(ahead)
	if _, ok := p.Ahead(bo.Member); ok || p.IsAhead(bo.Device) || len(p.AheadDevices()) != 2 {
		t.Error("who is on the roll is ahead of it")
	}
	o.Bar(o.Founder.Device(), bo.Device, 0)
	p = o.Roll.State().With(ahead)
	if _, ok := p.MemberOf(bo.Device); ok || len(p.Devices(bo.Member)) != 0 {
		t.Error("a device that the roll bars may act since it was ahead of it")
	}
}

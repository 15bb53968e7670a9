package node

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/node/api"
)

// TestInvitationsInInbox lists invitations to groups with who made them, and none of a blocked member.
func TestInvitationsInInbox(t *testing.T) {
	org := newRoll(t, "mallory", "bob")
	mallory := org.Members[1]
	event := org.Event(mallory.Device())
	event.Group = &membership.NewGroup{
		Name: "Buy now", Admission: group.Moderated, Writers: group.Everybody, Listed: true, Invited: []keys.MemberID{org.Founder.ID},
	}
	org.Append(membership.SignEvent(event, mallory.Device(), nil))
	o := newDevice(t, org, org.Founder)
	listed := func() []api.Message {
		page, err := o.node.Inbox(t.Context(), api.InboxQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return page.Messages
	}
	got := listed()
	if len(got) != 1 || got[0].Kind != api.KindInvitation || got[0].FromMember != mallory.ID.String() || got[0].Subject != "Buy now" {
		t.Fatalf("%+v", got)
	}
	if m, err := o.node.Read(t.Context(), api.ReadRequest{ID: got[0].ID[:12]}); err != nil || m.Kind != api.KindInvitation {
		t.Errorf("reading it: %+v, %v", m, err)
	}
	if _, err := o.block(mallory.ID); err != nil {
		t.Fatal(err)
	}
	if got := listed(); len(got) != 0 {
		t.Errorf("of a blocked member: %+v", got)
	}
}

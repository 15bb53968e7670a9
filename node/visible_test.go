package node

import (
	"encoding/json"
	"strings"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/node/api"
)

// TestGuestsSeeDesks asks a guest's device everything that lists or names members: of those who are not desks it says
// neither name nor that a name is theirs.
func TestGuestsSeeDesks(t *testing.T) {
	org := newRoll(t, "Marion")
	desk := org.JoinAs("Help", membership.RoleDesk)
	org.Rename(org.Founder.Device(), org.Members[1], "Marianne")
	guest := org.JoinAs("Gus", membership.RoleGuest)
	rowers := org.Group(org.Founder.Device(), "Rowers", group.Open)
	o := newDevice(t, org, guest)
	founder := ""
	o.mu.Lock()
	if m, ok := o.roll.State().Member(org.Founder.ID); ok {
		founder = m.Name
	}
	o.mu.Unlock()
	secret := []string{"Marion", "Marianne", founder, "Rowers"}

	n, ctx := o.node, t.Context()
	answers := make(map[string]any)
	ask := func(name string, answer any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		answers[name] = answer
	}
	contacts, err := n.Contacts(ctx, api.ContactsQuery{All: true})
	ask("contacts", contacts, err)
	members, err := n.AdminMembers(ctx, api.AdminQuery{All: true})
	ask("admin members", members, err)
	invitations, err := n.AdminInvitations(ctx, api.AdminQuery{All: true})
	ask("admin invitations", invitations, err)
	page, err := n.Roll(ctx, api.RollQuery{})
	ask("admin roll", page, err)
	status, err := n.Status(ctx)
	ask("status", status, err)
	inbox, err := n.Inbox(ctx, api.InboxQuery{})
	ask("inbox", inbox, err)
	devices, err := n.Devices(ctx, api.DevicesQuery{})
	ask("device list", devices, err)
	rendezvous, err := n.Rendezvous(ctx, api.AdminQuery{})
	ask("admin rendezvous", rendezvous, err)
	groups, err := n.Groups(ctx, api.GroupsQuery{All: true})
	ask("group list", groups, err)
	if len(groups) != 0 {
		t.Errorf("group list --all lists %d", len(groups))
	}
	for _, name := range []string{"Rowers", rowers.String()} {
		_, err := n.ShowGroup(ctx, api.GroupQuery{Group: name})
		_, err2 := n.ChangeGroup(ctx, api.GroupRequest{Do: api.GroupJoin, Group: name})
		_, err3 := n.Send(ctx, api.SendRequest{To: []string{name}, Text: "x"})
		for i, err := range []error{err, err2, err3} {
			if code(err) != api.CodeNotFound {
				t.Errorf("command %d with the group %q: %v", i, name, err)
			}
		}
	}
	for name, answer := range answers {
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range secret {
			if word != "" && strings.Contains(string(text), word) {
				t.Errorf("%s names %s: %s", name, word, text)
			}
		}
	}
	if len(contacts) != 1 || contacts[0].Member != desk.ID.String() {
		t.Errorf("contacts --all lists %+v", contacts)
	}
	if len(members) != 2 {
		t.Errorf("admin members lists %d", len(members))
	}

	// Whoever is not shown cannot be told from nobody, by name or by id.
	nobody := org.Members[1].ID
	nobody[0] ^= 1
	_, err = n.Send(ctx, api.SendRequest{To: []string{nobody.String()}, Text: "x"})
	want := api.AsError(err)
	for _, name := range []string{"Marianne", "Marion", founder, org.Members[1].ID.String(), org.Founder.ID.String()} {
		_, err := n.Send(ctx, api.SendRequest{To: []string{name}, Text: "x"})
		_, err2 := n.Introduce(ctx, api.IntroduceRequest{Member: name, Text: "x"})
		_, err3 := n.Block(ctx, api.ContactRequest{Member: name})
		_, err4 := n.Verification(ctx, api.VerifyQuery{Member: name})
		for i, err := range []error{err, err2, err3, err4} {
			got := api.AsError(err)
			if got.Code != want.Code || got.Hint != want.Hint || strings.ReplaceAll(got.Message, name, "X") != strings.ReplaceAll(want.Message, nobody.String(), "X") {
				t.Errorf("command %d with %q: %+v, want as %+v", i, name, got, want)
			}
		}
	}
	if _, found, err := n.resolve("", []string{"Help"}); err != nil || len(found) != 1 {
		t.Errorf("a guest does not find the desk: %v", err)
	}
}

// TestNobodyAnswersAGuestWhoIsGone: what a desk writes to a guest who was removed would reach nobody, and is refused.
func TestNobodyAnswersAGuestWhoIsGone(t *testing.T) {
	org := newRoll(t)
	desk, guest := org.JoinAs("Help", membership.RoleDesk), org.JoinAs("Gus", membership.RoleGuest)
	may := func(want bool) {
		t.Helper()
		o := newDevice(t, org, desk)
		o.mu.Lock()
		defer o.mu.Unlock()
		if why, ok := o.mayWriteToLocked(envelope.AtDesk(guest.ID)); ok != want {
			t.Errorf("may write: %t (%s), want %t", ok, why, want)
		}
	}
	may(true)
	org.Suspend(org.Founder.Device(), guest)
	may(false)
	org.Reinstate(org.Founder.Device(), guest)
	may(true)
	org.Remove(org.Founder.Device(), guest)
	may(false)
}

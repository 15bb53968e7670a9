package membership_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/authority"
	"muster.example/membership/membershiptest"
)

// everything lets cmp look into a State, but not at the rules of an account, which are functions and the same for all.
var everything = cmp.Options{
	cmp.Exporter(func(reflect.Type) bool { return true }),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".rules" }, cmp.Ignore()),
}

// refold returns a roll of its own with the entries of o.
func refold(t *testing.T, o *membershiptest.Org) *membership.Roll {
	t.Helper()
	roll := membership.NewRoll(o.ID)
	for i, entry := range o.Entries {
		if err := roll.Append(entry); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	return roll
}

// Each case is accepted or refused for its reason; a refusal changes nothing; the dry run says the same. [ROLL-10]
func TestFold(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range foldCases() {
		if seen[c.name] {
			t.Errorf("two cases are called %s", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			o := membershiptest.New(t, 1)
			entry := c.make(o)
			before := refold(t, o)
			dry := o.Roll.Check(entry.Event, entry.Time)
			err := o.Roll.Append(entry)
			reason, refused := membership.ReasonOf(err)
			if reason != c.reason || refused != (c.reason != 0) {
				t.Fatalf("%s: %v, want %v", c.comment, err, c.reason)
			}
			if dryReason, _ := membership.ReasonOf(dry); dryReason != reason && reason != membership.ReasonAudience && !entry.Hidden() {
				t.Errorf("Check says %v, Append %v", dry, err)
			}
			if !refused {
				if o.Roll.Size() != before.Size()+1 || o.RootAt(o.Roll.Size()-1) != root(t, before) {
					t.Error("accepted, but the roll has not grown by one")
				}
				return
			}
			if !errors.Is(err, c.reason) {
				t.Errorf("errors.Is(%v, %v) is false", err, c.reason)
			}
			if diff := cmp.Diff(before.State(), o.Roll.State(), everything); diff != "" {
				t.Errorf("refused, but the state has changed:\n%s", diff)
			}
			if root(t, before) != root(t, o.Roll) {
				t.Error("refused, but the root has changed")
			}
		})
	}
}

// Every reason has a case. [ROLL-41]
func TestFoldCoversReasons(t *testing.T) {
	covered := make(map[membership.Reason]bool)
	for _, c := range foldCases() {
		covered[c.reason] = true
	}
	for reason := membership.ReasonMalformed; reason <= membership.ReasonContrast; reason++ {
		if !covered[reason] {
			t.Errorf("no case for %d (%v)", reason, reason)
		}
	}
	if got := membership.Reason(200).String(); got != "reason 200" {
		t.Errorf("an unknown reason reads %q", got)
	}
}

func root(t *testing.T, r *membership.Roll) membership.Hash {
	t.Helper()
	hash, err := r.Root(r.Size())
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestState(t *testing.T) {
	o := membershiptest.New(t, 2)
	ann := o.Join("Ann")
	invitation := o.Invite(ann, membership.RoleMember, 3)
	bob := o.JoinBy(invitation, "bob")
	phone := o.AddDevice(ann)
	s := o.Roll.State()

	if s.Org() != o.ID || s.OrgName() != "Example" || s.RootKey() != o.Root.Public() || s.Size() != uint64(len(o.Entries)) {
		t.Errorf("organization: %v %q size %d", s.Org(), s.OrgName(), s.Size())
	}
	if s.Time() != o.Entries[len(o.Entries)-1].Time {
		t.Errorf("Time is %d, not the last stamp", s.Time())
	}
	byFounder := s.AllInvitations()[0].Key
	got, ok := s.Member(ann.ID)
	want := membership.Member{
		ID: ann.ID, Name: "Ann", Role: membership.RoleMember, Recovery: ann.Recovery.Public(), Joined: 3,
		Invitation: byFounder,
		Devices: []membership.MemberDevice{
			{Device: authority.Device{Key: ann.Device().Public(), Since: 3}, Standing: membership.StandingActive},
			{Device: authority.Device{
				Key: phone.Public(), By: ann.Device().Public(), Elder: ann.Device().Public(), Since: 6,
			}, Standing: membership.StandingActive},
		},
	}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("Member: %s", diff)
	}
	if got, ok := s.MemberByName("BOB"); !ok || got.ID != bob.ID || got.Role != membership.RoleMember {
		t.Errorf("MemberByName: %+v", got)
	}
	if _, ok := s.MemberByName("Cid"); ok {
		t.Error("MemberByName finds a stranger")
	}
	var names []string
	for _, m := range s.Members() {
		names = append(names, m.Name)
	}
	if diff := cmp.Diff([]string{"Ann", "bob", "Founder"}, names); diff != "" {
		t.Errorf("Members: %s", diff)
	}
	if diff := cmp.Diff([]keys.PublicKey{ann.Device().Public(), phone.Public()}, s.Devices(ann.ID)); diff != "" {
		t.Errorf("Devices: %s", diff)
	}
	if issued, ok := s.Invitation(invitation.Public()); !ok || issued.Used != 1 || issued.By != ann.ID || issued.Since != 4 {
		t.Errorf("Invitation: %+v", issued)
	}
	if sequencer, ok := s.Sequencer(); !ok || sequencer.Node != o.Node.Public() {
		t.Errorf("Sequencer: %+v", sequencer)
	}
	if next := s.NextCounter(ann.Device().Public()); next != 4 {
		t.Errorf("NextCounter is %d", next)
	}
}

// Only devices speak for an account. [ROLL-13]
func TestMemberOf(t *testing.T) {
	o := membershiptest.New(t, 3)
	ann := o.Join("Ann")
	phone := o.AddDevice(ann)
	invitation := o.Invite(ann, membership.RoleMember, 1)
	for _, device := range []keys.PrivateKey{ann.Device(), phone} {
		if id, ok := o.Roll.State().MemberOf(device.Public()); !ok || id != ann.ID {
			t.Errorf("MemberOf a device: %v, %v", id, ok)
		}
	}
	for _, other := range []keys.PrivateKey{ann.Recovery, o.Node, o.Root, invitation, o.Key()} {
		if id, ok := o.Roll.State().MemberOf(other.Public()); ok {
			t.Errorf("MemberOf a key that is no device: %v", id)
		}
	}
}

// What State hands out is the caller's own.
func TestStateSharesNothing(t *testing.T) {
	o := membershiptest.New(t, 4)
	before := refold(t, o)
	s := o.Roll.State()
	member, _ := s.Member(o.Founder.ID)
	member.Devices[0].Key = keys.PublicKey{}
	s.Members()[0].Devices[0].Since = 9
	s.Devices(o.Founder.ID)[0] = keys.PublicKey{}
	s.Policy().Reserved[0] = "x"
	sequencer, _ := s.Sequencer()
	sequencer.Addresses[0] = ""
	if diff := cmp.Diff(before.State(), s, everything); diff != "" {
		t.Errorf("the state has changed:\n%s", diff)
	}
}

// The principal is the signer, the cosigner that the kind asks for, and the organization that the signatures bind.
// [ROLL-3] [ROLL-4]
func TestOpenEventPrincipal(t *testing.T) {
	o := membershiptest.New(t, 5)
	device := o.Key()
	event := o.DeviceEvent(o.Founder.Device(), device)
	_, got, err := membership.OpenEvent(event)
	if err != nil {
		t.Fatal(err)
	}
	want := membership.Principal{
		Org: o.ID, Signer: o.Founder.Device().Public(), Cosigner: device.Public(), Event: event.ID(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, got, err = membership.OpenEvent(o.Entries[0].Event)
	if err != nil || got.Org != o.ID || got.Cosigner != o.Root.Public() {
		t.Errorf("founding event: %+v, %v", got, err)
	}
}

func TestCheckNameAccepts(t *testing.T) {
	for _, name := range []string{
		"A", "7", "Ann", "ann-bee_c.d", "J. R. O'Hara Jr.", "René", "Жанна", "山田 太郎", "أحمد", "क्षितिज", "ÅÄÖ",
	} {
		if err := membership.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRoleText(t *testing.T) {
	for role := membership.RoleAdmin; role <= membership.RoleGuest; role++ {
		if got, err := membership.ParseRole(role.String()); err != nil || got != role {
			t.Errorf("ParseRole(%q) = %v, %v", role, got, err)
		}
	}
	for _, text := range []string{"", "Admin", "role 5", "owner"} {
		if role, err := membership.ParseRole(text); err == nil {
			t.Errorf("ParseRole(%q) = %v", text, role)
		}
	}
}

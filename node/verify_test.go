package node

import (
	"context"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
)

// catchUpWith has a device adopt what an organization's roll has grown by.
func (o *organization) catchUpWith(t *testing.T, org *membershiptest.Org) {
	t.Helper()
	size := o.roll.Size()
	page := rvclient.Page{Checkpoint: org.Checkpoint()}
	for _, entry := range org.Entries[size:] {
		page.Entries = append(page.Entries, entry.Marshal())
	}
	for _, hash := range org.Consistency(size) {
		page.Proof = append(page.Proof, hash)
	}
	if err := o.adopt(page); err != nil {
		t.Fatal(err)
	}
	if o.roll.Size() != org.Roll.Size() {
		t.Fatalf("size %d, want %d", o.roll.Size(), org.Roll.Size())
	}
}

// verifying is a device of Anna's that has verified Ben.
func verifying(t *testing.T) (*organization, *membershiptest.Org, *membershiptest.Member) {
	t.Helper()
	org := newRoll(t, "Ben", "Carl")
	o := newDevice(t, org, org.Founder)
	ben := org.Members[1]
	o.acquainted(t, org, org.Founder, ben)
	result, err := o.node.Verify(context.Background(), api.VerifyRequest{Member: "Ben"})
	if err != nil || !result.Verified || result.Already {
		t.Fatalf("%+v, %v", result, err)
	}
	return o, org, ben
}

// standing returns how Ben's verification stands everywhere where it is shown.
func standing(t *testing.T, o *organization) (verified bool, warning string) {
	t.Helper()
	ctx := context.Background()
	result, err := o.node.Verification(ctx, api.VerifyQuery{Member: "Ben"})
	if err != nil {
		t.Fatal(err)
	}
	contacts, err := o.node.Contacts(ctx, api.ContactsQuery{})
	if err != nil || len(contacts) != 1 {
		t.Fatalf("%v, %v", contacts, err)
	}
	status, err := o.node.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	page, err := o.node.Inbox(ctx, api.InboxQuery{})
	if err != nil {
		t.Fatal(err)
	}
	warnings := strings.Join(status.Orgs[0].Warnings, "; ")
	alarmed := strings.Contains(strings.Join(status.Orgs[0].Alarms, "; "), "no longer verified")
	if contacts[0].Verified != result.Verified || contacts[0].Warning != result.Warning || warnings != result.Warning ||
		strings.Join(page.Warnings, "; ") != result.Warning || alarmed != (result.Warning != "") {
		t.Errorf("it is shown in different ways: verify %+v, contacts %+v, status %q, alarms %v, inbox %q",
			result, contacts[0], warnings, status.Orgs[0].Alarms, page.Warnings)
	}
	return result.Verified, result.Warning
}

// A verification falls when the account comes into other hands than its devices', is told, and can be made again.
func TestVerificationFalls(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*membershiptest.Org, *membershiptest.Member)
		says   string // "" if it stands
	}{
		"nothing":                {func(*membershiptest.Org, *membershiptest.Member) {}, ""},
		"a device adds a device": {func(org *membershiptest.Org, ben *membershiptest.Member) { org.AddDevice(ben) }, ""},
		"another's recovery":     {func(org *membershiptest.Org, _ *membershiptest.Member) { org.ReplaceRecovery(org.Members[2]) }, ""},
		"the own recovery":       {func(org *membershiptest.Org, _ *membershiptest.Member) { org.ReplaceRecovery(org.Founder) }, ""},
		"a new name": {func(org *membershiptest.Org, ben *membershiptest.Member) {
			org.Rename(org.Founder.Device(), ben, "Benjamin")
		}, ""},
		"the recovery key replaced":  {func(org *membershiptest.Org, ben *membershiptest.Member) { org.ReplaceRecovery(ben) }, "the recovery key was replaced on "},
		"a device by recovery words": {func(org *membershiptest.Org, ben *membershiptest.Member) { org.AddBy(ben, ben.Recovery) }, "a device was added with the recovery words on "},
		"every device replaced": {func(org *membershiptest.Org, ben *membershiptest.Member) {
			first := ben.Device()
			org.AddDevice(ben)
			org.Bar(first, first.Public(), 0)
		}, "all devices were replaced"},
		"a re-admission": {func(org *membershiptest.Org, ben *membershiptest.Member) {
			device, recovery := org.Key(), org.Key()
			id := org.Readmit(org.Founder.Device(), ben, device.Public(), recovery.Public(), false)
			org.Wait()
			org.Enter(device, id)
		}, "the account was given to a new device by a re-admission on "},
	} {
		t.Run(name, func(t *testing.T) {
			o, org, ben := verifying(t)
			c.change(org, ben)
			o.catchUpWith(t, org)
			if name == "a new name" {
				return // found under another name; that it stands is seen in the notice test
			}
			verified, warning := standing(t, o)
			if verified != (c.says == "") || c.says != "" && !strings.Contains(warning, c.says) {
				t.Fatalf("verified %t, warning %q, want %q", verified, warning, c.says)
			}
			if c.says == "" {
				return
			}
			if result, err := o.node.Verify(context.Background(), api.VerifyRequest{Member: "Ben"}); err != nil || !result.Verified {
				t.Fatalf("%+v, %v", result, err)
			}
			if verified, warning := standing(t, o); !verified || warning != "" {
				t.Errorf("verified anew: %t, warning %q", verified, warning)
			}
		})
	}
}

// A contact's new name is told once, and breaks no verification.
func TestNewNameIsToldOnce(t *testing.T) {
	o, org, ben := verifying(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := o.node.hub.watch(ctx, "")
	org.Rename(org.Founder.Device(), ben, "Benjamin")
	org.Rename(org.Founder.Device(), org.Members[2], "Charles") // no contact
	o.catchUpWith(t, org)
	page, err := o.node.Inbox(ctx, api.InboxQuery{})
	if err != nil || len(page.Notices) != 1 || !strings.HasSuffix(page.Notices[0].Text, "is now called Benjamin") {
		t.Fatalf("%+v, %v", page.Notices, err)
	}
	if again, err := o.node.Inbox(ctx, api.InboxQuery{}); err != nil || len(again.Notices) != 0 {
		t.Errorf("told twice: %+v, %v", again.Notices, err)
	}
	if event := <-events; event.Kind != api.EventNotice || event.Notice.Text != page.Notices[0].Text {
		t.Errorf("the first event is %+v", event)
	}
	contacts, err := o.node.Contacts(ctx, api.ContactsQuery{All: true})
	if err != nil || contacts[0].Name != "Benjamin" || !contacts[0].Verified || len(contacts[0].Formerly) != 1 || contacts[0].Formerly[0] != "Ben" {
		t.Errorf("%+v, %v", contacts, err)
	}
}

// Only the other's payload of the same number is taken.
func TestPayloadIsCompared(t *testing.T) {
	org := newRoll(t, "Ben", "Carl")
	o := newDevice(t, org, org.Founder)
	ben, carl := org.Members[1], org.Members[2]
	number := func(a, b keys.MemberID) membership.SafetyNumber {
		n, ok := org.Roll.State().SafetyNumber(a, b)
		if !ok {
			t.Fatal("no number")
		}
		return n
	}
	good := membership.Verification{Org: org.ID, Member: ben.ID, Number: number(ben.ID, org.Founder.ID)}
	for name, change := range map[string]func(*membership.Verification){
		"another organization": func(v *membership.Verification) { v.Org[0] ^= 1 },
		"the own line":         func(v *membership.Verification) { v.Member = org.Founder.ID },
		"another member's":     func(v *membership.Verification) { v.Member = carl.ID },
		"another number":       func(v *membership.Verification) { v.Number = number(carl.ID, ben.ID) },
	} {
		bad := good
		change(&bad)
		_, err := o.node.Verify(context.Background(), api.VerifyRequest{Member: "Ben", Payload: bad.Link()})
		if api.AsError(err).Code != api.CodeRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if result, err := o.node.Verify(context.Background(), api.VerifyRequest{Member: "Ben", Payload: good.Link()}); err != nil || !result.Verified {
		t.Errorf("%+v, %v", result, err)
	}
}

// A void entry of the roll says since when.
func TestRollSaysWhatIsVoid(t *testing.T) {
	org := newRoll(t, "Ben")
	second := org.AddDevice(org.Founder)
	org.SetRole(second, org.Members[1], membership.RoleDesk) // by the thief
	made := org.Roll.Size() - 1
	org.Bar(org.Founder.Device(), second.Public(), made)
	o := newDevice(t, org, org.Founder)
	page, err := o.node.Roll(context.Background(), api.RollQuery{From: made})
	if err != nil || len(page.Entries) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	if e := page.Entries[0]; e.Kind != "role" || e.As != "admin" || !e.Void || e.Since != made+1 || !strings.HasSuffix(e.What, " desk") ||
		len(e.Clauses) != 1 || e.Clauses[0].Kind != "role" || !slices.Contains(e.Clauses[0].Values, "desk") {
		t.Errorf("%+v", e)
	}
	if e := page.Entries[1]; e.Kind != "bar" || e.As != "device" || e.Void {
		t.Errorf("%+v", e)
	}
}

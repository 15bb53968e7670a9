package node

import (
	"bytes"
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/account"
)

// What a backup says of the account leads a device that has nothing else to the very roll, with nothing secret in it.
func TestBackedUpAccount(t *testing.T) {
	names := make([]string, 300) // more than one page
	for i := range names {
		names[i] = "bo" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	org := newRoll(t, names...)
	self := org.Members[0]
	org.AddDevice(self)
	o := newDevice(t, org, &membershiptest.Member{ID: self.ID, Devices: self.Devices[:1]})
	said, err := o.node.backedUpAccount()
	if err != nil || len(said.Orgs) != 1 {
		t.Fatal(said, err)
	}
	data := said.Encode()
	if said, err = account.Decode(data); err != nil {
		t.Fatal(err)
	}
	one := said.Orgs[0]
	if one.Org != o.org || one.Member != o.member || one.Device != o.device || len(one.Devices) != 2 || one.Size != org.Roll.Size() {
		t.Errorf("%+v", one)
	}
	secret := o.self.Seed()
	if bytes.Contains(data, secret[:]) {
		t.Error("the device's key is in it")
	}
	var entries []membership.Entry
	err = o.rollPages(t.Context(), one.Size, func(page account.Page) error {
		page, err := account.DecodePage(page.Encode())
		if err != nil || page.First != uint64(len(entries)) {
			t.Fatalf("a page from %d on, after %d entries: %v", page.First, len(entries), err)
		}
		more, err := parseEntries(page.Entries)
		entries = append(entries, more...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	roll, checkpoint, err := membership.Rebuild(one.Org, one.Member, one.Checkpoint, one.Nodes[0].Key, entries)
	if err != nil || checkpoint.Size != one.Size || roll.Size() <= account.PageEntries {
		t.Fatalf("%d entries make no roll of %d: %v", len(entries), one.Size, err)
	}
	if member, ok := roll.State().MemberOf(one.Device); !ok || member != one.Member {
		t.Error("the roll does not have the device")
	}
	if devices := roll.State().Devices(one.Member); len(devices) != 2 || devices[0] == (keys.PublicKey{}) {
		t.Errorf("devices %v", devices)
	}
}

package membership_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// hidden returns entries as somebody sees them who is no admin or desk.
func hidden(entries []membership.Entry) []membership.Entry {
	entries = slices.Clone(entries)
	for i, e := range entries {
		if e.Audience != (membership.Audience{}) {
			entries[i] = e.Hide()
		}
	}
	return entries
}

// withGuest returns an organization with a member, a desk and a guest called Gil, whose name is the last entry.
func withGuest(t testing.TB) (o *testOrg, ann, desk, guest *membershiptest.Member) {
	o = membershiptest.New(t, 1)
	return o, o.Join("Ann"), o.JoinAs("Desk", membership.RoleDesk), o.JoinAs("Gil", membership.RoleGuest)
}

// readAs returns the roll of a member's device up to a size that is shown so, from the first entry.
func readAs(o *testOrg, reader keys.MemberID, entries []membership.Entry) (*membership.Roll, error) {
	roll, _, err := membership.Rebuild(o.ID, reader, o.CheckpointAt(uint64(len(entries))), o.Node.Public(), entries)
	return roll, err
}

// A guest's name is read by admins and desks; everybody else holds the same tree and the same state but for it. [ROLL-18]
func TestGuestsNameIsForDesks(t *testing.T) {
	o, ann, desk, guest := withGuest(t)
	last := o.Entries[len(o.Entries)-1]
	if last.Audience.Kind != membership.AudienceDesks || last.Leaf() != last.Hide().Leaf() || !last.Hide().Hidden() {
		t.Fatalf("the entry of the name: %+v", last.Audience)
	}
	if diff := cmp.Diff(last.Hide(), last.Hide().Hide()); diff != "" {
		t.Errorf("hidden twice:\n%s", diff)
	}
	parsed, err := membership.ParseEntry(last.Hide().Marshal())
	if diff := cmp.Diff(last.Hide(), parsed); err != nil || diff != "" {
		t.Errorf("hidden and read again: %v\n%s", err, diff)
	}
	for _, reader := range []*membershiptest.Member{o.Founder, desk} {
		roll, err := readAs(o, reader.ID, o.Entries)
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := roll.State().MemberByName("gil"); !ok || m.ID != guest.ID {
			t.Errorf("%s does not find the guest", reader.Name)
		}
		if _, err := readAs(o, reader.ID, hidden(o.Entries)); !errors.Is(err, membership.ErrWithheld) {
			t.Errorf("%s is not shown the name: %v, want ErrWithheld", reader.Name, err)
		}
	}
	for _, reader := range []keys.MemberID{ann.ID, {}} {
		roll, err := readAs(o, reader, hidden(o.Entries))
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := roll.State().Member(guest.ID); !ok || m.Name != "" || m.Role != membership.RoleGuest {
			t.Errorf("the guest is %+v", m)
		}
		if m, ok := roll.State().MemberByName("Gil"); ok {
			t.Errorf("the name finds %+v", m)
		}
		if roll.Size() != o.Roll.Size() || root(t, roll) != root(t, o.Roll) || roll.State().Time() != o.Roll.State().Time() {
			t.Error("another roll")
		}
		device := guest.Device().Public()
		if own, all := roll.State().NextCounter(device), o.Roll.State().NextCounter(device); own != all || all != 2 {
			t.Errorf("the guest's next counter is %d and %d, want 2", own, all)
		}
	}
	if next := o.Roll.State().NextCounterFor(last.Audience, guest.Device().Public()); next != 2 {
		t.Errorf("the guest's next counter for an audience is %d, want 2", next)
	}
}

// A guest reads what is about their own name, and so can take another; other guests' names stay hidden. [ROLL-18]
func TestGuestReadsTheirOwnName(t *testing.T) {
	o, _, _, guest := withGuest(t)
	other := o.JoinAs("Hal", membership.RoleGuest)
	o.Rename(o.Founder.Device(), guest, "Ida")
	for range 2 {
		shown := o.ShownTo(guest.ID)
		if _, err := readAs(o, guest.ID, hidden(o.Entries)); !errors.Is(err, membership.ErrWithheld) {
			t.Errorf("the own name is withheld: %v", err)
		}
		roll, err := readAs(o, guest.ID, shown)
		if err != nil {
			t.Fatal(err)
		}
		own, _ := roll.State().Member(guest.ID)
		unknown, _ := roll.State().Member(other.ID)
		if want, _ := o.Roll.State().Member(guest.ID); own.Name != want.Name || unknown.Name != "" {
			t.Errorf("the guest is %q, another %q", own.Name, unknown.Name)
		}
		event := o.RenameEvent(guest.Device(), nil, own.Name+" B")
		audience := roll.AudienceOf(event)
		if due := roll.State().NextCounterFor(audience, guest.Device().Public()); due < 2 || roll.Check(event, o.Now.UnixMilli()) != nil {
			t.Errorf("another name with counter %d: %v", due, roll.Check(event, o.Now.UnixMilli()))
		}
		// What is shown of a guest's roll to anybody else says the same, and lets nobody be blamed.
		if _, err := readAs(o, keys.MemberID{}, shown); err != nil {
			t.Error(err)
		}
		o.Append(event)
	}
}

// Whatever the names of guests, everybody goes on with the same roll.
func TestHiddenNamesDecideNothing(t *testing.T) {
	o, ann, _, guest := withGuest(t)
	o.After(30)
	o.Rename(guest.Device(), nil, "Hal") // the stamp of an entry that not everybody sees must not matter either
	o.Join("Gil")
	o.Rename(o.Founder.Device(), guest, "Ida")
	o.SetRole(o.Founder.Device(), ann, membership.RoleAdmin)
	roll, err := readAs(o, ann.ID, hidden(o.Entries[:len(o.Entries)-1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := roll.Append(o.Entries[len(o.Entries)-1]); err != nil {
		t.Fatal(err)
	}
	if root(t, roll) != root(t, o.Roll) || roll.State().Time() != o.Roll.State().Time() {
		t.Error("another roll")
	}
}

// Who becomes a desk fetches the roll anew; nothing that an honest sequencer shows on the way is taken for a broken rule.
// [ROLL-18]
func TestBecomingDesk(t *testing.T) {
	o, ann, _, guest := withGuest(t)
	before := len(o.Entries)
	o.SetRole(o.Founder.Device(), ann, membership.RoleDesk)
	promoted := len(o.Entries)
	o.Rename(guest.Device(), nil, "Hal")
	o.SetRole(o.Founder.Device(), ann, membership.RoleMember)
	o.Rename(guest.Device(), nil, "Ida")

	// entries returns the roll to a size of which those from one index to another are shown to desks.
	entries := func(size, from, to int) []membership.Entry {
		list := hidden(o.Entries[:size])
		copy(list[from:to], o.Entries[from:to])
		return list
	}
	for name, c := range map[string]struct {
		entries []membership.Entry
		want    error
	}{
		"all, as a member":                  {entries(len(o.Entries), 0, 0), nil},
		"all, shown what a desk could read": {entries(promoted+1, 0, promoted+1), nil},
		"nothing, as a desk":                {entries(promoted+1, 0, 0), membership.ErrWithheld},
		"what came since, as a desk":        {entries(promoted+1, promoted, promoted+1), membership.ErrWithheld},
		"what came since, as a member":      {entries(len(o.Entries), promoted, promoted+1), membership.ErrWithheld},
	} {
		if _, err := readAs(o, ann.ID, c.entries); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}

	roll, err := readAs(o, ann.ID, hidden(o.Entries[:before]))
	if err != nil {
		t.Fatal(err)
	}
	size := uint64(promoted + 1)
	proof, err := o.Roll.ProveConsistency(uint64(before), size)
	if err != nil {
		t.Fatal(err)
	}
	_, err = roll.Extend(o.CheckpointAt(size), o.Node.Public(), o.Entries[before:size], proof)
	if !errors.Is(err, membership.ErrWithheld) {
		t.Errorf("promoted and shown the next name at once: %v, want ErrWithheld", err)
	}
	if head, _ := roll.Head(); head.Size != uint64(before) {
		t.Errorf("a checkpoint of size %d is adopted", head.Size)
	}
}

// Nobody makes evidence against an honest sequencer by leaving out events that the last one follows from. [ROLL-65]
func TestEvidenceWithHiddenEntries(t *testing.T) {
	o, _, _, guest := withGuest(t)
	o.Rename(guest.Device(), nil, "Hal")
	size := uint64(len(o.Entries))
	entries := hidden(o.Entries)
	entries[size-1] = o.Entries[size-1]
	if _, err := membership.NewBroken(o.ID, headOf(t, o, o.Checkpoint()), entries, size-1); !errors.Is(err, membership.ErrUnproved) {
		t.Errorf("%v, want ErrUnproved", err)
	}

	// A broken rule among them is proved all the same, shown whole or, where it is for all, without the names.
	bad := byMember(o, o.Founder, func(o *testOrg, e *membership.Event) {
		e.Counter++
		inviteOf(nil)(o, e)
	})
	for _, before := range [][]membership.Entry{o.Entries, hidden(o.Entries)} {
		entries := append(slices.Clone(before), bad)
		if _, err := membership.NewBroken(o.ID, headOf(t, o, signEntries(t, o, entries)), entries, size); err != nil {
			t.Error(err)
		}
	}
}

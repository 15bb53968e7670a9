package membership_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// The archive that is set last is in force; the ones before stay known, and so do their services' keys. [ROLL-161]
func TestArchiveIsReplacedAndRemembered(t *testing.T) {
	o := membershiptest.New(t, 1)
	state := o.Roll.State()
	if _, ok := state.Archive(); ok || len(state.Archives()) != 0 {
		t.Error("an archive that nobody named")
	}
	first, second := o.ArchiveSetting(o.Key().Public()), o.ArchiveSetting(o.Key().Public())
	o.SetArchive(o.Founder.Device(), first)
	at := o.Roll.Size()
	o.SetArchive(o.Root, second)
	got, ok := state.Archive()
	if want := (membership.NamedArchive{ArchiveSetting: second, From: at}); !ok || !cmp.Equal(got, want) {
		t.Errorf("in force: %v", cmp.Diff(want, got))
	}
	got.Key[0]++ // the caller's own
	all := state.Archives()
	if len(all) != 2 || !cmp.Equal(all[0].ArchiveSetting, first) || !cmp.Equal(all[1].ArchiveSetting, second) {
		t.Errorf("all: %+v", all)
	}
	for key, want := range map[keys.PublicKey][2]bool{
		first.Service: {true, false}, second.Service: {true, true}, o.Node.Public(): {}, o.Key().Public(): {},
	} {
		if is, inForce := state.IsArchive(key); [2]bool{is, inForce} != want {
			t.Errorf("%s: %v, %v", key.Short(), is, inForce)
		}
	}
	if state.Standing(second.Service) != membership.StandingNone {
		t.Error("the archive's service is a device")
	}
}

// An account is designated from one entry to another, whatever else becomes of its member. [ROLL-163] [ROLL-164]
func TestDesignations(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann, bob := o.Join("Ann"), o.Join("Bob")
	state := o.Roll.State()
	o.SetArchive(o.Founder.Device(), o.ArchiveSetting(o.Key().Public()))
	from := o.Roll.Size()
	o.Designate(o.Founder.Device(), ann, bob)
	o.Suspend(o.Founder.Device(), ann)
	if !state.Archived(ann.ID) || !state.AnyArchived(o.Founder.ID, bob.ID) || state.AnyArchived(o.Founder.ID) {
		t.Error("not as designated")
	}
	until := o.Roll.Size()
	o.Release(o.Root, bob)
	if state.Archived(bob.ID) || !cmp.Equal(state.ArchivedMembers(), []keys.MemberID{ann.ID}) {
		t.Error("released, and designated still")
	}
	again := o.Roll.Size()
	o.Designate(o.Root, bob)
	want := map[membership.Designation]bool{
		{Member: ann.ID, From: from}: true, {Member: bob.ID, From: from, Until: until}: true, {Member: bob.ID, From: again}: true,
	}
	got := make(map[membership.Designation]bool)
	for _, d := range state.Designations() {
		got[d] = true
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

// A group is archived while one of its members is designated: not for who is invited, or has left. [ROLL-164]
func TestGroupArchived(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann := o.Join("Ann")
	o.SetArchive(o.Founder.Device(), o.ArchiveSetting(o.Key().Public()))
	o.Designate(o.Founder.Device(), ann)
	club := o.Group(o.Founder.Device(), "Club", group.Invited, ann)
	state := o.Roll.State()
	for _, step := range []struct {
		what string
		do   func()
		want bool
	}{
		{"invited", func() {}, false},
		{"a member", func() { o.EnterGroup(ann.Device(), club) }, true},
		{"gone", func() { o.Append(o.LeaveGroupEvent(ann.Device(), club)) }, false},
	} {
		step.do()
		if got := state.GroupArchived(club); got != step.want {
			t.Errorf("%s: %v", step.what, got)
		}
	}
	if state.GroupArchived(keys.GroupID{9}) {
		t.Error("a group that there is not")
	}
}

// No more accounts are designated than there may be, and a setting fits into an event with as many accounts as one takes.
func TestArchiveEventFits(t *testing.T) {
	o := membershiptest.New(t, 1)
	set := o.ArchiveSetting(o.Key().Public())
	list := make([]keys.MemberID, membership.MaxArchiveChanges)
	for i := range list {
		list[i][0] = byte(i)
	}
	event := o.ArchiveEvent(o.Root, membership.Archive{Set: &set, Designate: list})
	if _, _, err := membership.OpenEvent(event); err != nil {
		t.Error(err)
	}
}

// A group counts as archived from the entry on by which its first designated member was both, or the service in force was
// named; another mode changes nothing. [ROLL-164]
func TestGroupArchivedSince(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann, bob := o.Join("Ann"), o.Join("Bob")
	club := o.Group(o.Founder.Device(), "Club", group.Invited, ann, bob)
	state := o.Roll.State()
	set := o.ArchiveSetting(o.Key().Public())
	o.SetArchive(o.Founder.Device(), set)
	o.EnterGroup(ann.Device(), club)
	if _, is := state.GroupArchivedSince(club); is {
		t.Error("nobody is designated")
	}
	want := o.Roll.Size()
	o.Designate(o.Founder.Device(), ann, bob)
	check := func(what string, want uint64) {
		t.Helper()
		if got, is := state.GroupArchivedSince(club); !is || got != want {
			t.Errorf("%s: since %d, %v, want %d", what, got, is, want)
		}
	}
	check("designated", want)
	o.EnterGroup(bob.Device(), club)
	set.Mode = membership.ArchiveClosed
	o.SetArchive(o.Founder.Device(), set)
	check("another mode", want)
	want = o.Roll.Size()
	o.SetArchive(o.Founder.Device(), o.ArchiveSetting(o.Key().Public()))
	check("another service", want)
	if terms, ok := state.ArchiveTerms(); !ok || terms.Since != want || terms.Mode != membership.ArchiveOpen {
		t.Errorf("%+v", terms)
	}
}

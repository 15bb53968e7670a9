package membership_test

import (
	"fmt"
	"testing"

	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// groupsOrg is an organization of 1,000 members with 200 groups of 50, half of them listed; making it costs more than what
// is measured.
var groupsOrg *membershiptest.Org

const (
	groupMembers = 1000
	groupCount   = 200
	groupSize    = 50
)

func benchmarkGroups(b *testing.B) *membershiptest.Org {
	b.Helper()
	if groupsOrg != nil {
		return groupsOrg
	}
	o := membershiptest.New(b, 1)
	invitation := o.Invite(o.Founder, membership.RoleMember, membership.MaxUses)
	for i := range groupMembers {
		o.JoinBy(invitation, fmt.Sprintf("member %d", i))
	}
	for i := range groupCount {
		member := func(n int) *membershiptest.Member { return o.Members[1+(i*5+n)%groupMembers] }
		admission, creator := group.Open, member(0)
		if i%2 == 1 {
			admission = group.Invited
		}
		var invited []*membershiptest.Member
		for n := 1; n < groupSize; n++ {
			invited = append(invited, member(n))
		}
		id := o.Group(creator.Device(), fmt.Sprintf("circle %d", i), admission, invited...)
		for _, m := range invited {
			o.EnterGroup(m.Device(), id)
		}
	}
	groupsOrg = o
	return o
}

// Verifying and folding that organization from the first entry, as an admin's new device does: 11,200 entries.
func BenchmarkFoldGroups(b *testing.B) {
	o := benchmarkGroups(b)
	note := o.Checkpoint()
	for b.Loop() {
		if _, err := membership.NewRoll(o.ID).Extend(note, o.Node.Public(), o.Entries, nil); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, len(o.Entries))
}

// The same without the signatures: what an own roll that is read back costs.
func BenchmarkRestoreGroups(b *testing.B) {
	o := benchmarkGroups(b)
	root := o.RootAt(o.Roll.Size())
	for b.Loop() {
		if err := membership.NewRoll(o.ID).Restore(o.Entries, root); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, len(o.Entries))
}

// What entering a group that is not listed costs a member's device: the roll fetched anew, with the entries of other
// groups hidden. The bytes are those of the answers.
func BenchmarkFetchAnew(b *testing.B) {
	o := benchmarkGroups(b)
	reader := o.Members[30].ID
	shown := o.ShownTo(reader)
	bytes, hidden := 0, 0
	for _, entry := range shown {
		bytes += len(entry.Marshal())
		if entry.Hidden() {
			hidden++
		}
	}
	for b.Loop() {
		if _, err := readAs(o, reader, shown); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(bytes), "bytes")
	b.ReportMetric(float64(hidden), "hidden")
	perEvent(b, len(shown))
}

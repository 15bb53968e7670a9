package membership_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// play is an organization in which anything may happen, and those who follow its roll, each with what is for them.
type play struct {
	*rapid.T
	*testOrg
	people      []*membershiptest.Member
	guests      []*membershiptest.Member
	groups      []keys.GroupID
	invitations []keys.PrivateKey // of many uses, for members and for guests
	joins       []membership.SignedEvent
	entering    []keys.PrivateKey // devices that re-admissions name
	readmitted  []keys.EventID
	readers     []*reader
	counts      *playCounts
}

type reader struct {
	id   keys.MemberID
	roll *membership.Roll
}

type playCounts struct{ taken, refused, hidden, anew, bars int }

// TestReadersJudgeAlike has readers and non-readers of groups and of guests' names judge every event, allowed or not, under
// its own audience and under others: of what is for everybody nobody's verdict depends on what they hold of the rest, what
// readers take in the others take hidden, and the state that is for everybody is one. [ROLL-18]
func TestReadersJudgeAlike(t *testing.T) {
	var counts playCounts
	rapid.Check(t, func(rt *rapid.T) {
		p := newPlay(rt, membershiptest.New(t, 1), &counts)
		for range rapid.IntRange(12, 32).Draw(rt, "events") {
			if event := p.event(); event != nil {
				p.judge(event)
			}
		}
		for _, r := range p.readers {
			p.agree(r)
		}
	})
	t.Logf("%+v", counts)
	if counts.taken == 0 || counts.refused == 0 || counts.hidden == 0 || counts.anew == 0 || counts.bars == 0 {
		t.Errorf("the play is too tame: %+v", counts)
	}
}

func newPlay(t *rapid.T, o *testOrg, counts *playCounts) *play {
	p := &play{T: t, testOrg: o, counts: counts}
	under(o, func(policy *membership.Policy) {
		policy.Vouches, policy.GroupSize, policy.GroupsPerMember = 2, 4, 2
	})
	p.people = []*membershiptest.Member{o.Founder, o.JoinAs("Abe", membership.RoleAdmin), o.Join("Ann"), o.Join("Bob"), o.JoinAs("Desk", membership.RoleDesk)}
	for _, m := range p.people[1:4] {
		o.AddDevice(m)
	}
	p.invitations = []keys.PrivateKey{o.Invite(o.Founder, membership.RoleMember, 9), o.Invite(p.people[1], membership.RoleGuest, 9)}
	for _, name := range []string{"Gil", "Hal"} {
		p.guests = append(p.guests, o.JoinBy(p.invitations[1], name))
	}
	apply := o.InviteToApply(p.people[1], membership.RoleMember, 3)
	for _, name := range []string{"Zoe", "Choir"} {
		_, join := o.Applicant(apply, name)
		p.joins = append(p.joins, join)
	}
	for _, id := range []keys.MemberID{{}, p.people[1].ID, p.people[2].ID, p.people[3].ID, p.guests[0].ID} {
		r := &reader{id: id}
		p.anew(r)
		p.readers = append(p.readers, r)
	}
	return p
}

// anew has a reader fetch the roll from its first entry.
func (p *play) anew(r *reader) {
	p.Helper()
	r.roll = membership.NewRoll(p.ID)
	r.roll.ReadAs(r.id)
	if err := r.roll.Restore(p.ShownTo(r.id), p.RootAt(p.Roll.Size())); err != nil {
		p.Fatalf("%s fetches anew: %v", r.id.Short(), err)
	}
	if r.roll.Lacks() {
		p.Fatalf("%s lacks what they were shown", r.id.Short())
	}
}

// judge has everybody judge an event, and takes it in if it is allowed.
func (p *play) judge(event membership.SignedEvent) {
	entry := p.Entry(event)
	own := entry.Audience
	others := []membership.Audience{{}, {Kind: membership.AudienceDesks, ID: p.guests[0].ID}}
	for _, id := range p.groups {
		others = append(others, membership.Audience{Kind: membership.AudienceGroup, ID: id})
	}
	for _, audience := range []membership.Audience{own, rapid.SampledFrom(others).Draw(p.T, "tag")} {
		entry.Audience = audience
		p.compare(entry)
	}
	entry.Audience = own
	if p.Roll.Check(event, entry.Time) != nil {
		p.counts.refused++
		return
	}
	p.Append(event)
	p.counts.taken++
	if bar, _ := membership.ReadEvent(event); bar.Bar != nil {
		p.counts.bars++
	}
	p.follow(p.Entries[len(p.Entries)-1])
}

// compare holds everybody's verdict of an entry against that of who holds the whole roll.
func (p *play) compare(entry membership.Entry) {
	p.Helper()
	want, hidden := p.Roll.Judge(entry), p.Roll.Judge(entry.Hide())
	public := entry.Audience == membership.Audience{}
	if want == nil && !public && hidden != nil {
		p.Fatalf("what readers take in nobody else takes hidden: %v", hidden)
	}
	for _, r := range p.readers {
		if got := r.roll.Judge(entry.Hide()); (got == nil) != (hidden == nil) {
			p.Fatalf("hidden: %v to %s, %v to all others", got, r.id.Short(), hidden)
		}
		if !public && (!r.roll.Judges(entry) || !p.Roll.State().Reads(r.id, entry.Audience, p.Roll.Size())) {
			continue
		}
		if errors.Is(want, membership.ReasonNameTaken) && r.id == entry.Audience.ID {
			continue // a guest reads no other guest's name, and cannot know
		}
		if got := r.roll.Judge(entry); (got == nil) != (want == nil) {
			event, _ := membership.ReadEvent(entry.Event)
			p.Fatalf("audience %d: %v to %s, who has not read all, %v by all\n%+v", entry.Audience.Kind, got, r.id.Short(), want, event)
		}
	}
}

// follow shows everybody what has been taken in.
func (p *play) follow(entry membership.Entry) {
	p.Helper()
	index := p.Roll.Size() - 1
	for _, r := range p.readers {
		shown := entry
		if !p.Roll.State().Reads(r.id, entry.Audience, index) {
			shown = entry.Hide()
			p.counts.hidden++
		}
		judges := r.roll.Judges(shown)
		if judges {
			if err := r.roll.Take(shown); err != nil {
				p.Fatalf("%s refuses what is on the roll: %v", r.id.Short(), err)
			}
		}
		if !judges || r.roll.Lacks() {
			p.counts.anew++
			p.anew(r)
		}
		if rapid.IntRange(0, 15).Draw(p.T, "compare") == 0 {
			p.agree(r)
		}
	}
}

// agree holds the state that is for everybody, as somebody has it, against the whole.
func (p *play) agree(r *reader) {
	p.Helper()
	if own, err := r.roll.Root(r.roll.Size()); err != nil || own != p.RootAt(p.Roll.Size()) {
		p.Fatalf("%s has another root", r.id.Short())
	}
	if got, want := p.public(r.roll.State()), p.public(p.Roll.State()); got != want {
		p.Fatalf("%s has another state:\n%s\nit is\n%s", r.id.Short(), got, want)
	}
}

// public is what of a state does not depend on who reads the roll.
func (p *play) public(s *membership.State) string {
	members := s.Members()
	for i := range members {
		if members[i].Role == membership.RoleGuest {
			members[i].Name = ""
		}
	}
	slices.SortFunc(members, func(a, b membership.Member) int { return a.ID.Compare(b.ID) })
	text := fmt.Sprintln(s.Size(), s.Time(), s.Policy(), s.RootKey(), members, s.AllInvitations(), s.DeskMembers())
	for _, g := range s.Groups() {
		if g.Listed {
			text += fmt.Sprintln(g)
		}
	}
	for _, m := range append(slices.Clone(p.people), p.guests...) {
		text += fmt.Sprintln(s.NextCounter(m.Recovery.Public()))
		for _, d := range m.Devices {
			text += fmt.Sprintln(s.NextCounter(d.Public()))
		}
	}
	for _, join := range p.joins {
		text += fmt.Sprintln(s.Vouchers(join.ID()))
	}
	for i, entry := range p.Entries {
		if event, err := membership.ReadEvent(entry.Event); err == nil && entry.Audience == (membership.Audience{}) {
			text += fmt.Sprint(s.Voided(uint64(i), event), " ")
		}
	}
	return text
}

// event draws what somebody signs, allowed or not.
func (p *play) event() membership.SignedEvent {
	pick := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(p.T, what) }
	m, about := p.people[pick("who", 4)], p.people[pick("about", len(p.people))]
	guest := p.guests[pick("guest", len(p.guests))]
	by := m.Devices[pick("device", len(m.Devices))]
	if pick("root", 20) == 0 {
		by = p.Root
	}
	name := rapid.SampledFrom([]string{"Choir", "choir", "Circle", "Ann", "Gil", "Zoe", "Yan", "Support", "Bob B"}).Draw(p.T, "name")
	kind := pick("kind", 34)
	if len(p.groups) == 0 || kind < 2 && len(p.groups) < 4 {
		event := p.GroupEvent(by, name, group.Admission(1+pick("admission", 3)), about)
		if p.Roll.Check(event, p.Now.UnixMilli()) == nil {
			p.groups = append(p.groups, membership.GroupOf(p.ID, event))
		}
		return event
	}
	id := p.groups[pick("group", len(p.groups))]
	switch kind {
	case 2, 3, 4:
		return p.AskEvent(by, id, about)
	case 5, 6, 7, 8:
		return p.EnterGroupEvent(by, id)
	case 9, 10:
		return p.AdmitEvent(by, id, about)
	case 11:
		return p.LeaveGroupEvent(by, id)
	case 12:
		return p.ExpelEvent(by, id, about)
	case 13:
		return p.ModeratorEvent(by, id, about, pick("on", 3) > 0)
	case 14:
		return p.EditGroupEvent(by, id, membership.GroupEdit{Name: name})
	case 15:
		return p.CloseGroupEvent(by, id)
	case 16:
		return p.SetRoleEvent(by, about, membership.Role(1+pick("role", 4)))
	case 17:
		return rapid.SampledFrom([]membership.SignedEvent{p.SuspendEvent(by, about), p.ReinstateEvent(by, about), p.RemoveEvent(by, about)}).Draw(p.T, "decision")
	case 18, 19, 20, 21:
		if len(about.Devices) < 2 {
			return nil
		}
		bars, barred := about.Device(), about.Devices[1]
		if pick("recovery", 2) == 0 {
			bars, barred = about.Recovery, about.Devices[pick("barred", 2)]
		}
		return p.BarEvent(bars, barred.Public(), rapid.Uint64Range(1, p.Roll.Size()).Draw(p.T, "after"))
	case 22:
		return p.RenameEvent(by, nil, name)
	case 23:
		return p.RenameEvent(by, about, name)
	case 24:
		return p.RenameEvent(rapid.SampledFrom([]keys.PrivateKey{by, guest.Device()}).Draw(p.T, "by"), guest, name)
	case 25:
		return p.RenameEvent(guest.Device(), nil, name)
	case 26:
		return p.JoinEvent(p.invitations[pick("invitation", 2)], &membershiptest.Member{Name: name, Recovery: p.Key(), Devices: []keys.PrivateKey{p.Key()}})
	case 27, 28:
		return p.VouchEvent(by, p.joins[pick("join", len(p.joins))])
	case 29:
		return p.DismissEvent(by, uint64(pick("from", int(p.Roll.Size()))), p.Roll.Size(), keys.PublicKey{})
	case 30:
		return p.readmit(by, about)
	case 31:
		p.After(uint64(pick("seconds", 400_000)))
		return p.CancelEvent(by)
	case 32:
		p.Now = p.Now.Add(1)
		return p.RevokeEvent(by, p.invitations[pick("invitation", 2)].Public())
	}
	e := p.Event(by)
	policy := p.Roll.State().Policy()
	policy.GroupsPerMember, policy.Vouches = uint64(1+pick("groups", 3)), uint64(pick("vouches", 3))
	e.Policy = &membership.PolicyChange{Policy: policy}
	return membership.SignEvent(e, by, nil)
}

// readmit draws a re-admission, or who enters by the last.
func (p *play) readmit(by keys.PrivateKey, about *membershiptest.Member) membership.SignedEvent {
	if last := len(p.entering) - 1; last >= 0 {
		p.Wait()
		return p.EnterEvent(p.entering[last], p.readmitted[last])
	}
	device := p.Key()
	event := p.ReadmitEvent(by, about, device.Public(), p.Key().Public(), false)
	p.entering, p.readmitted = append(p.entering, device), append(p.readmitted, event.ID())
	return event
}

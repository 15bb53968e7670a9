package membership_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// follower is a member's device that keeps up with the roll as its node shows it.
type follower struct {
	*membershiptest.Member
	roll *membership.Roll
	anew int // how often it fetched the roll anew
}

// follow takes in what is new, as a device does: what it cannot judge it fetches anew, and a broken rule there is none.
func (f *follower) follow(t *rapid.T, o *testOrg) {
	shown, size := o.ShownTo(f.ID), f.roll.Size()
	_, err := f.roll.Extend(o.Checkpoint(), o.Node.Public(), shown[size:], o.Consistency(size))
	if errors.Is(err, membership.ErrWithheld) {
		f.anew++
		f.roll, err = readAs(o, f.ID, shown)
	}
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
}

// TestGroupsFollowed plays random events of groups, with bars from before, roles, removals and suspensions among them, by
// every device, some of them stolen. Folded anew the roll is the same; everybody can follow it, and who reads of a group
// knows it as it is. [ROLL-18] [ROLL-147] [ROLL-148]
func TestGroupsFollowed(t *testing.T) {
	voided, anew, accepted := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		o := membershiptest.New(t, 1)
		admin := o.JoinAs("Abe", membership.RoleAdmin)
		people := []*membershiptest.Member{o.Founder, admin}
		var devices []keys.PrivateKey
		for i := range 3 {
			m := o.Join(fmt.Sprintf("Member %c", 'A'+i))
			people = append(people, m)
		}
		for _, m := range people[1:] {
			o.AddDevice(m)
			devices = append(devices, m.Devices...)
		}
		var followers []*follower
		for _, m := range people {
			roll := membership.NewRoll(o.ID)
			roll.ReadAs(m.ID)
			followers = append(followers, &follower{Member: m, roll: roll})
		}
		var groups []keys.GroupID
		who := rapid.SampledFrom(people)
		by := rapid.SampledFrom(devices)
		for range rapid.IntRange(12, 24).Draw(rt, "events") {
			if len(groups) == 0 || len(groups) < 3 && rapid.IntRange(0, 9).Draw(rt, "new") == 0 {
				event := o.GroupEvent(by.Draw(rt, "creator"), fmt.Sprint("Group ", o.Roll.Size()),
					group.Admission(rapid.IntRange(1, 3).Draw(rt, "admission")))
				groups = append(groups, membership.GroupOf(o.ID, event))
				try(o, event)
				continue
			}
			id, signer, m := rapid.SampledFrom(groups).Draw(rt, "group"), by.Draw(rt, "by"), who.Draw(rt, "about")
			var event membership.SignedEvent
			switch rapid.IntRange(0, 15).Draw(rt, "kind") {
			case 0, 1, 2:
				event = o.AskEvent(signer, id, m)
			case 3, 4, 5:
				event = o.EnterGroupEvent(signer, id)
			case 6, 7:
				event = o.AdmitEvent(signer, id, m)
			case 8:
				event = o.LeaveGroupEvent(signer, id)
			case 9:
				event = o.ExpelEvent(signer, id, m)
			case 10:
				event = o.ModeratorEvent(signer, id, m, rapid.IntRange(0, 3).Draw(rt, "on") > 0)
			case 11:
				event = o.EditGroupEvent(signer, id, membership.GroupEdit{Writers: group.Writers(rapid.IntRange(1, 2).Draw(rt, "writers"))})
			case 12:
				event = o.SetRoleEvent(signer, m, rapid.SampledFrom([]membership.Role{membership.RoleAdmin, membership.RoleMember}).Draw(rt, "role"))
			case 13, 14:
				if len(m.Devices) > 1 {
					bars := rapid.SampledFrom([]keys.PrivateKey{m.Recovery, m.Device(), m.Devices[1]}).Draw(rt, "bars")
					event = o.BarEvent(bars, m.Devices[1].Public(), rapid.Uint64Range(1, o.Roll.Size()).Draw(rt, "after"))
				}
			case 15:
				if rapid.Bool().Draw(rt, "close") {
					event = o.RemoveEvent(signer, m)
				} else {
					event = o.CloseGroupEvent(signer, id)
				}
			}
			if event != nil && try(o, event) {
				accepted++
			}
			for _, f := range followers {
				if rapid.IntRange(0, 7).Draw(rt, "fetches") == 0 {
					f.follow(rt, o)
				}
			}
		}
		for i, entry := range o.Entries {
			if event, err := membership.ReadEvent(entry.Event); err == nil && entry.Audience.Kind == membership.AudienceGroup && o.Roll.State().Voided(uint64(i), event) {
				voided++
			}
		}
		sameState(rt, o.Roll.State(), o.Replica().State())
		for _, f := range followers {
			f.follow(rt, o)
			anew += f.anew
			f.agrees(rt, o, groups)
		}
	})
	if voided == 0 || anew == 0 || accepted == 0 {
		t.Errorf("%d events taken, %d void, %d rolls fetched anew", accepted, voided, anew)
	}
}

// agrees holds what a follower knows of the groups that it reads against what is so.
func (f *follower) agrees(t *rapid.T, o *testOrg, groups []keys.GroupID) {
	state, own := o.Roll.State(), f.roll.State()
	fresh, err := readAs(o, f.ID, o.ShownTo(f.ID))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range groups {
		g, ok := state.Group(id)
		if !ok || !g.Listed && !state.Reads(f.ID, membership.Audience{Kind: membership.AudienceGroup, ID: id}, o.Roll.Size()) {
			continue
		}
		for name, known := range map[string]*membership.State{"what it followed": own, "what it reads anew": fresh.State()} {
			if got, _ := known.Group(id); fmt.Sprint(got) != fmt.Sprint(g) {
				if audience := (membership.Audience{Kind: membership.AudienceGroup, ID: id}); known == own && !own.Reads(f.ID, audience, own.Size()) {
					continue // what was void has come back, by which it reads again, and nothing has happened there since
				}
				t.Fatalf("%s: by %s\n%+v, it is\n%+v", f.Name, name, got, g)
			}
		}
	}
}

// try appends an event if the rules allow it.
func try(o *testOrg, event membership.SignedEvent) bool {
	if o.Roll.Check(event, o.Now.UnixMilli()) != nil {
		return false
	}
	o.Append(event)
	return true
}

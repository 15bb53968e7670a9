package group

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"muster.example/internal/keys"
)

var (
	anna, ben, carl, dora = member("anna"), member("ben"), member("carl"), member("dora")
	root                  keys.MemberID
)

func member(name string) keys.MemberID { return keys.Hash[keys.Member]("test", []byte(name)) }

// made returns a group of Anna's, its moderator, in which Ben is a member, Carl invited and Dora nothing.
func made(admission Admission) *Group {
	g := New(Act{Kind: Create, Index: 2, Author: anna, Members: []keys.MemberID{ben, carl}, Admission: admission, Writers: Everybody})
	g.Apply(Act{Kind: Enter, Index: 3, Author: ben})
	return g
}

func of(kind Kind, author keys.MemberID, about ...keys.MemberID) Act {
	return Act{Kind: kind, Index: 9, Author: author, Members: about}
}

func asAdmin(a Act) Act { a.Admin = true; return a }
func on(a Act) Act      { a.On = true; return a }

// TestRules has every rule allow and refuse. [ROLL-141] [ROLL-142] [ROLL-143] [ROLL-144] [ROLL-145] [ROLL-146]
func TestRules(t *testing.T) {
	applied := func() *Group {
		g := made(Moderated)
		g.Apply(Act{Kind: Enter, Index: 4, Author: dora})
		return g
	}
	with := func(admission Admission, acts ...Act) func() *Group {
		return func() *Group {
			g := made(admission)
			for i, act := range acts {
				act.Index = uint64(4 + i)
				g.Apply(act)
			}
			return g
		}
	}
	for name, c := range map[string]struct {
		group func() *Group
		act   Act
		size  int
		want  error
	}{
		"a moderator edits":                       {with(Open), Act{Kind: Edit, Author: anna, Writers: Moderators}, 9, nil},
		"a member edits":                          {with(Open), Act{Kind: Edit, Author: ben, Writers: Moderators}, 9, ErrModerator},
		"an admin edits":                          {with(Open), asAdmin(Act{Kind: Edit, Author: dora, Writers: Moderators}), 9, nil},
		"the root key edits":                      {with(Open), asAdmin(Act{Kind: Edit, Author: root, Writers: Moderators}), 9, nil},
		"a moderator invites":                     {with(Invited), of(Ask, anna, dora), 9, nil},
		"a member invites":                        {with(Invited), of(Ask, ben, dora), 9, ErrModerator},
		"who is invited invites":                  {with(Invited), of(Ask, carl, dora), 9, ErrModerator},
		"a member is invited":                     {with(Invited), of(Ask, anna, ben), 9, ErrAlready},
		"who is invited is invited":               {with(Invited), of(Ask, anna, carl, dora), 9, ErrAlready},
		"an applicant is invited":                 {applied, of(Ask, anna, dora), 9, ErrAlready},
		"beyond the size":                         {with(Invited), of(Ask, anna, dora), 3, ErrLimit},
		"who is invited enters":                   {with(Invited), of(Enter, carl), 3, nil},
		"who is not invited enters":               {with(Invited), of(Enter, dora), 9, ErrNotInvited},
		"an admin who is not invited enters":      {with(Invited), asAdmin(of(Enter, dora)), 9, ErrNotInvited},
		"a member enters again":                   {with(Invited), of(Enter, ben), 9, ErrAlready},
		"anybody enters":                          {with(Open), of(Enter, dora), 4, nil},
		"anybody enters, and it is full":          {with(Open), of(Enter, dora), 3, ErrLimit},
		"anybody applies":                         {with(Moderated), of(Enter, dora), 3, nil},
		"too many apply":                          {applied, of(Enter, member("eve")), 1, ErrLimit},
		"who is invited need not apply":           {with(Moderated), of(Enter, carl), 3, nil},
		"an applicant applies":                    {applied, of(Enter, dora), 9, ErrAlready},
		"a moderator admits an applicant":         {applied, of(Admit, anna, dora), 4, nil},
		"a moderator admits one too many":         {applied, of(Admit, anna, dora), 3, ErrLimit},
		"a member admits an applicant":            {applied, of(Admit, ben, dora), 9, ErrModerator},
		"an applicant admits themselves":          {applied, of(Admit, dora, dora), 9, ErrModerator},
		"a moderator admits who did not apply":    {with(Moderated), of(Admit, anna, dora), 9, ErrUnknown},
		"a moderator admits who is only invited":  {with(Invited), of(Admit, anna, carl), 9, ErrUnknown},
		"an admin admits anybody":                 {with(Invited), asAdmin(of(Admit, dora, member("eve"))), 9, nil},
		"an admin admits who is invited":          {with(Invited), asAdmin(of(Admit, dora, carl)), 3, nil},
		"a member is admitted":                    {with(Open), of(Admit, anna, ben), 9, ErrAlready},
		"a member leaves":                         {with(Open), of(Leave, ben), 9, nil},
		"who is invited declines":                 {with(Open), of(Leave, carl), 9, nil},
		"an applicant withdraws":                  {applied, of(Leave, dora), 9, nil},
		"a stranger leaves":                       {with(Open), of(Leave, dora), 9, ErrUnknown},
		"the last moderator leaves":               {with(Open), of(Leave, anna), 9, ErrLastModerator},
		"a last moderator who is an admin leaves": {with(Open), asAdmin(of(Leave, anna)), 9, ErrLastModerator},
		"the last member leaves":                  {with(Open, of(Leave, ben)), of(Leave, anna), 9, nil},
		"one of two moderators leaves":            {with(Open, on(of(Moderate, anna, ben))), of(Leave, anna), 9, nil},
		"a moderator removes a member":            {with(Open), of(Expel, anna, ben), 9, nil},
		"a moderator takes an invitation back":    {with(Open), of(Expel, anna, carl), 9, nil},
		"a moderator declines an application":     {applied, of(Expel, anna, dora), 9, nil},
		"a member removes a member":               {with(Open), of(Expel, ben, carl), 9, ErrModerator},
		"a stranger is removed":                   {with(Open), of(Expel, anna, dora), 9, ErrUnknown},
		"the last moderator removes themselves":   {with(Open), of(Expel, anna, anna), 9, ErrLastModerator},
		"an admin removes the last moderator":     {with(Open), asAdmin(of(Expel, dora, anna)), 9, nil},
		"a moderator names another":               {with(Open), on(of(Moderate, anna, ben)), 9, nil},
		"a moderator names a moderator":           {with(Open), on(of(Moderate, anna, anna)), 9, ErrAlready},
		"a member is no moderator already":        {with(Open), of(Moderate, anna, ben), 9, ErrAlready},
		"who is invited becomes moderator":        {with(Open), on(of(Moderate, anna, carl)), 9, ErrUnknown},
		"a member names themselves moderator":     {with(Open), on(of(Moderate, ben, ben)), 9, ErrModerator},
		"the last moderator resigns":              {with(Open), of(Moderate, anna, anna), 9, ErrLastModerator},
		"an admin ends the last moderator's":      {with(Open), asAdmin(of(Moderate, dora, anna)), 9, nil},
		"a moderator closes":                      {with(Open), of(Close, anna), 9, nil},
		"a member closes":                         {with(Open), of(Close, ben), 9, ErrModerator},
		"a closed group":                          {with(Open, of(Close, anna)), asAdmin(of(Admit, dora, dora)), 9, ErrClosed},
		"an empty group":                          {with(Open, of(Leave, ben), of(Leave, anna)), of(Enter, dora), 9, ErrClosed},
		"a removed moderator":                     {with(Open, on(of(Moderate, anna, ben)), of(Expel, ben, anna)), of(Ask, anna, dora), 9, ErrModerator},
		"one who was moderator once":              {with(Open, on(of(Moderate, anna, ben)), of(Moderate, ben, anna)), of(Ask, anna, dora), 9, ErrModerator},
	} {
		if err := c.group().Check(c.act, c.size); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestReads: who left reads what was up to that, and nothing after; who lost their place by more than that, nothing.
// [ROLL-148]
func TestReads(t *testing.T) {
	g := made(Invited)
	g.Apply(Act{Kind: Expel, Index: 7, Author: anna, Members: []keys.MemberID{ben}})
	g.Apply(Act{Kind: Leave, Index: 8, Author: carl})
	for _, c := range []struct {
		member keys.MemberID
		index  uint64
		want   bool
	}{{anna, 99, true}, {ben, 7, true}, {ben, 0, true}, {ben, 8, false}, {carl, 8, true}, {carl, 9, false}, {dora, 0, false}} {
		if got := g.Reads(c.member, c.index); got != c.want {
			t.Errorf("%s reads %d: %v", c.member.Short(), c.index, got)
		}
	}
	g.Apply(Act{Kind: Ask, Index: 9, Author: anna, Members: []keys.MemberID{ben}})
	if !g.Reads(ben, 99) {
		t.Error("invited again, Ben does not read")
	}
	g.Apply(Act{Kind: End, Index: 10, Members: []keys.MemberID{ben}})
	if g.Reads(ben, 3) {
		t.Error("a removed member reads")
	}
}

// TestWasIn speaks of earlier sizes of the roll. [ROLL-149]
func TestWasIn(t *testing.T) {
	g := made(Open)
	g.Apply(Act{Kind: Edit, Index: 5, Author: anna, Writers: Moderators})
	g.Apply(Act{Kind: Moderate, Index: 6, Author: anna, Members: []keys.MemberID{ben}, On: true})
	g.Apply(Act{Kind: Leave, Index: 10, Author: ben})
	g.Apply(Act{Kind: Enter, Index: 12, Author: ben})
	g.Apply(Act{Kind: Close, Index: 20, Author: anna})
	for size, want := range map[uint64][2]bool{
		3: {}, 4: {true}, 6: {true}, 7: {true, true}, 10: {true, true}, 11: {}, 12: {}, 13: {true}, 20: {true}, 21: {},
	} {
		if in, moderator := g.WasIn(ben, size); in != want[0] || moderator != want[1] {
			t.Errorf("at size %d: %v %v, want %v", size, in, moderator, want)
		}
	}
	if g.WritersAt(5) != Everybody || g.WritersAt(6) != Moderators || g.WritersAt(2) != 0 {
		t.Error("who could write")
	}
	if index, ok := g.Left(ben); ok {
		t.Errorf("Ben has left at %d", index)
	}
}

// model folds acts as the specification says it, with maps and nothing remembered: who is what, from the acts that are
// not void.
type model struct {
	status            map[keys.MemberID]Status
	out               map[keys.MemberID]bool
	moderator         map[keys.MemberID]bool
	open              bool
	admission, writer uint8
}

func plain(acts []Act, cut map[uint64]bool, noAdmin map[uint64]bool) model {
	m := model{
		status: make(map[keys.MemberID]Status), moderator: make(map[keys.MemberID]bool), out: make(map[keys.MemberID]bool),
	}
	count := func() (n int) {
		for _, s := range m.status {
			if s == IsMember {
				n++
			}
		}
		return n
	}
	for i, a := range acts {
		if cut[a.Index] || i > 0 && !m.open && a.Kind != End {
			continue
		}
		leads := m.moderator[a.Author] || a.Admin && !noAdmin[a.Index]
		switch a.Kind {
		case Create:
			m.open, m.admission, m.writer = true, uint8(a.Admission), uint8(a.Writers)
			m.status[a.Author], m.moderator[a.Author] = IsMember, true
			for _, who := range a.Members {
				m.status[who] = IsInvited
			}
		case Edit:
			if leads && a.Admission != 0 {
				m.admission = uint8(a.Admission)
			}
			if leads && a.Writers != 0 {
				m.writer = uint8(a.Writers)
			}
		case Ask:
			for _, who := range a.Members {
				if leads && m.status[who] == Outside && !m.out[who] {
					m.status[who] = IsInvited
				}
			}
		case Enter:
			switch s := m.status[a.Author]; {
			case m.out[a.Author]:
			case s == IsInvited, s == Outside && m.admission == uint8(Open):
				m.status[a.Author] = IsMember
			case s == Outside && m.admission == uint8(Moderated):
				m.status[a.Author] = IsApplied
			}
		case Admit:
			if who := a.Members[0]; !m.out[who] && (m.status[who] == IsApplied && leads || a.Admin && !noAdmin[a.Index]) {
				m.status[who] = IsMember
			}
		case Leave, Expel, End:
			who := a.about()
			if a.Kind != Expel || leads {
				before := count()
				delete(m.status, who)
				delete(m.moderator, who)
				m.open = m.open && (a.Kind == End || before == 0 || count() > 0)
				m.out[who] = m.out[who] || a.Kind == End && a.On
			}
		case Moderate:
			if who := a.Members[0]; leads && m.status[who] == IsMember {
				m.moderator[who] = a.On
			}
		case Close:
			m.open = m.open && !leads
		}
	}
	return m
}

// TestFoldIsThePlainOne plays random acts, and has random ones of them void and back again: one after the other, folded
// anew, and by the model comes to the same. [ROLL-147]
func TestFoldIsThePlainOne(t *testing.T) {
	returned, voided := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var people []keys.MemberID
		for i := range 5 {
			people = append(people, member(fmt.Sprint("person ", i)))
		}
		who := rapid.SampledFrom(people)
		acts := []Act{{
			Kind: Create, Index: 1, Author: people[0], Members: people[1:3], Writers: Everybody,
			Admission: Admission(rapid.IntRange(1, 3).Draw(t, "admission")),
		}}
		g := New(acts[0])
		cut, noAdmin := make(map[uint64]bool), make(map[uint64]bool)
		verdict := func(a Act) (bool, bool) { return cut[a.Index], a.Admin && !noAdmin[a.Index] }
		for index := uint64(2); index < 60; index++ {
			if rapid.IntRange(0, 5).Draw(t, "judge") == 0 {
				at := rapid.Uint64Range(1, index-1).Draw(t, "at")
				if at == 1 && rapid.IntRange(0, 9).Draw(t, "creation") != 0 {
					at = index / 2
				}
				if returned += 1; !cut[at] {
					voided++
				}
				cut[at] = !cut[at]
				noAdmin[rapid.Uint64Range(1, index-1).Draw(t, "no admin")] = rapid.Bool().Draw(t, "is none")
				g.Judge(verdict)
			}
			act := Act{
				Kind: Kind(rapid.IntRange(int(Edit), int(End)).Draw(t, "kind")), Index: index, Author: who.Draw(t, "author"),
				Admin: rapid.IntRange(0, 5).Draw(t, "admin") == 0, On: rapid.Bool().Draw(t, "on"),
			}
			switch act.Kind {
			case Edit:
				act.Admission, act.Writers = Admission(rapid.IntRange(0, 3).Draw(t, "to")), Writers(rapid.IntRange(0, 2).Draw(t, "writers"))
			case Ask, Admit, Expel, Moderate, End:
				act.Members = []keys.MemberID{who.Draw(t, "about")}
			case Close:
				if rapid.IntRange(0, 5).Draw(t, "close") != 0 {
					continue
				}
			}
			if act.Kind == End {
				act.Author, act.Admin = root, false
			} else if g.Check(act, 4) != nil {
				continue
			}
			g.Apply(act)
			acts = append(acts, act)
			hold(t, g, acts, cut, noAdmin, people)
		}
		again := New(acts[0])
		for _, act := range acts[1:] {
			again.Apply(act)
		}
		again.Judge(verdict)
		if !reflect.DeepEqual(again.people, g.people) || again.closedAt != g.closedAt || !slices.Equal(again.writers, g.writers) {
			t.Fatal("folded anew, the group is another")
		}
	})
	if returned == 0 || voided == 0 {
		t.Error("no act was ever void")
	}
}

// hold compares a group with the model.
func hold(t *rapid.T, g *Group, acts []Act, cut, noAdmin map[uint64]bool, people []keys.MemberID) {
	m := plain(acts, cut, noAdmin)
	if g.Closed() == m.open {
		t.Fatalf("closed is %v", g.Closed())
	}
	members, moderators := 0, 0
	for _, id := range people {
		status, _ := g.Status(id)
		if status != m.status[id] || g.Moderator(id) != m.moderator[id] {
			t.Fatalf("%s is %d, moderator %v; by the model %d, %v", id.Short(), status, g.Moderator(id), m.status[id], m.moderator[id])
		}
		if in, _ := g.WasIn(id, acts[len(acts)-1].Index+1); in != (status == IsMember && !g.Closed()) {
			t.Fatalf("%s was in just now: %v", id.Short(), in)
		}
		if status == IsMember {
			members++
		}
		if g.Moderator(id) {
			moderators++
		}
	}
	if g.members != members || g.moderators != moderators || len(g.People(IsInvited)) != g.invited || len(g.People(IsApplied)) != g.applied {
		t.Fatalf("counted wrong: %d %d %d %d", g.members, g.moderators, g.invited, g.applied)
	}
	if !cut[1] && (uint8(g.Admission()) != m.admission || uint8(g.Writers()) != m.writer) {
		t.Fatal("admission or writers")
	}
}

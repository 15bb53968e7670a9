package group

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"

	"muster.example/internal/keys"
)

// depth is how many moves are played. MUSTER_MODEL_DEEPER adds to it.
const depth = 3

// TestModel plays every sequence of moves to a fixed depth, in every scenario, and looks at each state for what must not be.
// [ROLL-140] to [ROLL-148]
func TestModel(t *testing.T) {
	deeper, _ := strconv.Atoi(os.Getenv("MUSTER_MODEL_DEEPER"))
	states, moves := 0, 0
	for _, s := range scenarios(&strict) {
		p := player{seen: make(map[string]int)}
		p.explore(newWorld(s), depth+deeper)
		states, moves = states+len(p.seen), moves+p.moves
		if p.broken != nil {
			t.Error(p.broken)
		}
	}
	t.Logf("%d states visited, %d moves tried, to depth %d", states, moves, depth+deeper)
	if states < 20_000 {
		t.Errorf("only %d states: the model does not explore", states)
	}
}

// scenarios are groups of each admission: of Anna alone, who has asked Mallory; and of Anna and Ben, whom her phone asked,
// perhaps a removal of Mallory that is void.
func scenarios(rules *ruleset) (list []*scenario) {
	for admission := Open; admission <= Invited; admission++ {
		create := Act{Kind: Create, Index: 2, Signer: annasFirst, Author: anna, Admission: admission, Writers: Everybody}
		ask := Act{Kind: Ask, Index: 3, Signer: annasPhone, Author: anna, Members: []keys.MemberID{ben}}
		enter := Act{Kind: Enter, Index: 4, Signer: bensDevice, Author: ben}
		alone := create
		alone.Members = []keys.MemberID{mallory}
		list = append(list,
			&scenario{name: admission.String() + ", alone", start: []Act{alone}, rules: rules},
			&scenario{name: admission.String() + ", two", start: []Act{create, ask, enter}, rules: rules},
		)
	}
	again := *list[len(list)-1]
	again.name, again.void = "invited, and a removal that is void", 5
	again.start = append(slices.Clip(again.start), Act{Kind: End, Index: again.void, Members: []keys.MemberID{mallory}, On: true})
	return append(list, &again)
}

// The plays make much garbage that is dead at once: collecting it rarely is faster.
func init() { debug.SetGCPercent(600) }

// player explores one scenario.
type player struct {
	seen   map[string]int // the depth that was left
	moves  int
	broken error
}

func (p *player) explore(w *world, left int) {
	state := w.state()
	if had, ok := p.seen[state]; p.broken != nil || ok && had >= left {
		return
	}
	p.seen[state] = left
	if err := w.judge(); err != nil {
		p.fail(w, err)
		return
	}
	if left == 0 {
		return
	}
	for _, act := range w.actMoves() {
		p.moves++
		if w.group.Check(act, size) != nil {
			continue
		}
		next := w.clone()
		next.acts, next.trace = append(next.acts, act), append(next.trace, act.text())
		next.build()
		if err := next.watch(w, act); err != nil {
			p.fail(next, err)
			return
		}
		p.explore(next, left-1)
	}
	for _, next := range w.decisions() {
		p.moves++
		if err := next.rebuild(w); err != nil {
			p.fail(next, err)
			return
		}
		p.explore(next, left-1)
	}
}

func (p *player) fail(w *world, err error) {
	if p.broken == nil {
		p.broken = fmt.Errorf("%s: %w", w.story(), err)
	}
}

// rebuild: what the organization decides or takes back comes to the same, whether the acts are folded for it or were folded
// before.
func (w *world) rebuild(before *world) error {
	w.build()
	earlier := before.clone()
	earlier.build()
	for _, act := range w.acts[len(before.acts):] {
		earlier.group.Apply(act)
	}
	earlier.group.Judge(w.verdict)
	if !reflect.DeepEqual(earlier.group.people, w.group.people) || earlier.group.Closed() != w.group.Closed() {
		return errors.New("folded anew, the group is another")
	}
	return nil
}

// watch looks at a single act for what none may do.
func (w *world) watch(before *world, act Act) error {
	if before.group.Closed() {
		return errors.New("something happened in a group that is closed")
	}
	leads := act.Admin || before.group.Moderator(act.Author)
	for _, who := range cast {
		was, _ := before.group.Status(who)
		is, _ := w.group.Status(who)
		if !leads && who != act.Author && (was != is || before.group.Moderator(who) != w.group.Moderator(who)) {
			return fmt.Errorf("who leads nothing changed the place of %s", names[who])
		}
	}
	if !leads && (w.group.Moderator(act.Author) && !before.group.Moderator(act.Author) || w.group.Admission() != before.group.Admission()) {
		return errors.New("who leads nothing came to lead, or changed the group")
	}
	if !act.Admin && before.group.moderators > 0 && w.group.members > 0 && w.group.moderators == 0 {
		return errors.New("the last moderator is gone and left others behind")
	}
	if added := w.group.members + w.group.invited; added > size && added > before.group.members+before.group.invited {
		return errors.New("the group has more people than it may have")
	}
	return nil
}

// judge looks at a state.
func (w *world) judge() error {
	if err := w.unreached(); err != nil {
		return err
	}
	for _, who := range cast {
		for _, look := range []func(keys.MemberID) error{w.consented, w.leads, w.reads} {
			if err := look(who); err != nil {
				return fmt.Errorf("%s %w", names[who], err)
			}
		}
	}
	return w.manageable()
}

// unreached: what a bar reaches, or somebody did who was shut out, changes nothing: without it the group is the same.
func (w *world) unreached() error {
	if !w.stands(w.acts[0]) {
		if !w.group.Closed() || len(w.group.People(IsMember)) > 0 {
			return errors.New("a group is there that nobody made")
		}
		return nil
	}
	plain := newGroup(w.rules, w.acts[0])
	for _, act := range w.acts[1:] {
		if w.stands(act) {
			act.Admin = act.Admin && !w.noAdmin
			plain.Apply(act)
		}
	}
	for _, who := range cast {
		is, since := w.group.Status(who)
		without, sinceThen := plain.Status(who)
		if is != without || since != sinceThen || w.group.Moderator(who) != plain.Moderator(who) {
			return fmt.Errorf("%s is where an act that is void has put them", names[who])
		}
	}
	return nil
}

// consented: nobody is in a group but by an act of their own, or an admin's, that stands, and came after whatever ended
// their place; and where one is asked or admitted, somebody did that.
func (w *world) consented(who keys.MemberID) error {
	if status, _ := w.group.Status(who); w.group.Closed() || status != IsMember {
		return nil
	}
	about := func(a Act, kinds ...Kind) bool {
		return slices.Contains(kinds, a.Kind) && slices.Contains(a.Members, who)
	}
	admitted := func(a Act) bool { return about(a, Admit) && a.Admin && !w.noAdmin }
	own := w.last(func(a Act) bool { return a.Author == who && (a.Kind == Enter || a.Kind == Create) || admitted(a) })
	ended := w.last(func(a Act) bool { return a.Author == who && a.Kind == Leave || about(a, End) })
	asked := w.last(func(a Act) bool {
		return about(a, Create, Ask, Admit) || a.Author == who && a.Kind == Create || a.Admission == Open
	})
	switch {
	case w.out(who):
		return errors.New("is removed from the organization, and in the group")
	case own <= ended:
		return errors.New("is in the group without an act of their own since")
	case asked == 0:
		return errors.New("is in the group, and nobody asked or admitted them")
	}
	return nil
}

// leads: a moderator is in the group, and was named so since they came.
func (w *world) leads(who keys.MemberID) error {
	if w.group.Closed() || !w.group.Moderator(who) {
		return nil
	}
	named := w.last(func(a Act) bool {
		return a.Kind == Create && a.Author == who || a.Kind == Moderate && a.On && a.Members[0] == who
	})
	ended := w.last(func(a Act) bool {
		return a.Kind == Leave && a.Author == who || a.Kind == End && a.Members[0] == who
	})
	if status, _ := w.group.Status(who); status != IsMember || named <= ended {
		return errors.New("leads a group without being in it, or without having been named")
	}
	return nil
}

// reads: who is in, asked or has applied reads all; who is not any more, nothing from then on; who was removed or gave the
// account to other keys, nothing; of whom nobody spoke, nothing.
func (w *world) reads(who keys.MemberID) error {
	status, _ := w.group.Status(who)
	spoken := w.last(func(a Act) bool { return a.Kind != End && (a.Author == who || slices.Contains(a.Members, who)) })
	ended := w.last(func(a Act) bool { return a.Kind == End && a.Members[0] == who })
	reads := func(index uint64) bool { return w.group.Reads(who, index) }
	switch {
	case status != Outside && !(reads(0) && reads(w.next())):
		return errors.New("is in the group, or asked, and does not read of it")
	case status == Outside && reads(w.next()):
		return errors.New("reads what comes after they left")
	case spoken <= ended && reads(0):
		return errors.New("reads of a group that has nothing to do with them")
	}
	for index := range w.next() {
		if reads(index+1) && !reads(index) {
			return errors.New("reads something, and not what was before it")
		}
	}
	return nil
}

// manageable: in a group that is open an honest admin can become its moderator, and remove whoever is in it; and it is open
// without members only if the organization or something void took the last one.
func (w *world) manageable() error {
	if w.group.Closed() {
		return nil
	}
	voided := func(a Act) bool {
		return a.Kind == End || !w.stands(a) || a.Admin && w.noAdmin || w.group.Void(a.Index)
	}
	if w.group.members == 0 && !slices.ContainsFunc(w.acts, voided) {
		return errors.New("all have left, and the group is open")
	}
	end := w.clone()
	end.build()
	acts := []Act{{Kind: Admit, Members: []keys.MemberID{honest}}, {Kind: Moderate, Members: []keys.MemberID{honest}, On: true}}
	for _, who := range cast {
		if status, _ := w.group.Status(who); status != Outside {
			acts = append(acts, Act{Kind: Expel, Members: []keys.MemberID{who}})
		}
	}
	for i, act := range acts {
		act.Index, act.Author, act.Admin = w.next()+uint64(i), honest, true
		if err := end.group.Check(act, 2*size); err != nil {
			return fmt.Errorf("an honest admin cannot help: %s: %w", act.text(), err)
		}
		end.group.Apply(act)
	}
	if end.group.Closed() || !end.group.Moderator(honest) || end.group.members != 1 {
		return errors.New("an honest admin does not end with the group")
	}
	return nil
}

// mutant is a way to loosen the rules that the model must notice.
type mutant struct {
	name   string
	loosen func(*ruleset)
}

// anyway is the effect of an act, and then something.
func anyway(effect func(*Group, *judged), then func(*Group, *judged, *person)) func(*Group, *judged) {
	return func(g *Group, j *judged) {
		effect(g, j)
		if p := g.people[j.about()]; p != nil {
			then(g, j, p)
		}
	}
}

var mutants = []mutant{
	{"members invite", func(r *ruleset) { r.stands[Ask] = []rule{open} }},
	{"members admit", func(r *ruleset) { r.stands[Admit] = []rule{open, asked} }},
	{"members remove each other", func(r *ruleset) { r.stands[Expel] = []rule{open} }},
	{"members name moderators", func(r *ruleset) { r.stands[Moderate] = []rule{open} }},
	{"members change the group", func(r *ruleset) { r.stands[Edit] = []rule{open} }},
	{"who was not invited enters", func(r *ruleset) { r.stands[Enter] = []rule{open} }},
	{"a moderator admits anybody", func(r *ruleset) { r.stands[Admit] = []rule{open, byModerator} }},
	{"who is invited is in", func(r *ruleset) {
		r.effect[Ask] = anyway(applyAsk, func(g *Group, j *judged, _ *person) { g.enter(j.about(), j.Index) })
	}},
	{"who applies is in", func(r *ruleset) { r.effect[Enter] = func(g *Group, j *judged) { g.enter(j.Author, j.Index) } }},
	{"acts that a bar reaches stand", func(r *ruleset) {
		r.again = func(g *Group, j *judged) bool { return g.ask(g.rules.stands[j.Kind], j) == nil }
	}},
	{"what follows from void acts stands", func(r *ruleset) { r.again = func(_ *Group, j *judged) bool { return !j.cut } }},
	{"once an admin, always an admin", func(r *ruleset) {
		r.again = func(g *Group, j *judged) bool {
			as := *j
			as.admin = j.Admin
			return !j.cut && g.ask(g.rules.stands[j.Kind], &as) == nil
		}
	}},
	{"an admin is nobody", func(r *ruleset) {
		r.stands[Admit] = []rule{open, func(g *Group, j *judged) error {
			as := *j
			as.admin = false
			return byModerator(g, &as)
		}, asked}
	}},
	{"the last moderator leaves", func(r *ruleset) { r.changes[Leave] = []rule{there} }},
	{"the last moderator resigns", func(r *ruleset) { r.changes[Moderate] = []rule{isMember, otherwise} }},
	{"who left stays a moderator", func(r *ruleset) {
		r.effect[Leave] = anyway(applyLeave, func(_ *Group, _ *judged, p *person) { p.moderator = true })
	}},
	{"who left reads on", func(r *ruleset) {
		r.effect[Leave] = anyway(applyLeave, func(_ *Group, j *judged, p *person) { p.left = j.Index + 9 })
	}},
	{"who was re-admitted reads what was", func(r *ruleset) {
		r.effect[End] = anyway(applyEnd, func(_ *Group, j *judged, p *person) { p.left = j.Index })
	}},
	{"who was removed comes back", func(r *ruleset) {
		r.effect[End] = anyway(applyEnd, func(_ *Group, _ *judged, p *person) { p.out = false })
	}},
	{"the organization ends nobody's place", func(r *ruleset) { r.effect[End] = func(*Group, *judged) {} }},
	{"a closed group goes on", func(r *ruleset) { r.stands[Enter] = []rule{letIn} }},
	{"an empty group stays open", func(r *ruleset) {
		r.effect[Leave] = func(g *Group, j *judged) { g.leave(j.about(), j.Index) }
	}},
	{"without limit", func(r *ruleset) { r.room = func(*Group, *judged) int { return 0 } }},
}

// TestModelNoticesEachLoosenedRule plays against rules that are loosened in one place, and must find the harm.
func TestModelNoticesEachLoosenedRule(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			rules := strict
			m.loosen(&rules)
			for left := 1; left <= depth; left++ {
				for _, s := range scenarios(&rules) {
					p := player{seen: make(map[string]int)}
					if p.explore(newWorld(s), left); p.broken != nil {
						t.Logf("caught: %v", p.broken)
						return
					}
				}
			}
			t.Error("the model does not notice it")
		})
	}
}

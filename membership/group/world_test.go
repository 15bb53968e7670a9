package group

import (
	"fmt"
	"slices"
	"strings"

	"muster.example/internal/keys"
)

// The model. A group of Anna's, who has two devices; Ben and Mallory, who may be stolen or mean harm; and Eve, an admin who
// may do so too, or turn out to be none. Everybody signs whatever there is to sign. Besides, the organization bars devices
// from a position and takes that back, finds that Eve was no admin, or was one all the same, removes a member, takes that
// back, or gives an account to other keys. A move is one of all that.

var (
	eve, honest         = member("eve"), member("honest admin")
	annasFirst          = keys.PublicKey{1}
	annasPhone          = keys.PublicKey{2}
	bensDevice          = keys.PublicKey{3}
	mallorysDevice      = keys.PublicKey{4}
	evesDevice          = keys.PublicKey{5}
	mallory             = member("mallory")
	cast                = []keys.MemberID{anna, ben, mallory, eve}
	signers             = []signer{{annasFirst, anna}, {annasPhone, anna}, {bensDevice, ben}, {mallorysDevice, mallory}, {evesDevice, eve}}
	names               = map[keys.MemberID]string{anna: "Anna", ben: "Ben", mallory: "Mallory", eve: "Eve", honest: "an honest admin"}
	deviceNames         = map[keys.PublicKey]string{annasFirst: "Anna", annasPhone: "Anna's phone", bensDevice: "Ben", mallorysDevice: "Mallory", evesDevice: "Eve"}
	size                = 3 // of a group
	readmitted, removed = false, true
)

type signer struct {
	device keys.PublicKey
	member keys.MemberID
}

// scenario is where a play starts.
type scenario struct {
	name  string
	start []Act
	void  uint64 // the index of a removal among them that counts no more
	rules *ruleset
}

// world is one state of a play: what is on the roll, and what of it counts.
type world struct {
	*scenario
	acts    []Act
	bars    [6]uint64 // by device: from which index it is barred, 0 for not
	noAdmin bool      // Eve was none
	void    uint64    // the index of a removal that counts no more, 0 for none
	group   *Group
	trace   []string
}

func newWorld(s *scenario) *world {
	w := &world{scenario: s, acts: slices.Clone(s.start), void: s.void}
	w.build()
	return w
}

// build folds all acts anew.
func (w *world) build() {
	w.group = newGroup(w.rules, w.acts[0])
	for _, act := range w.acts[1:] {
		w.group.Apply(act)
	}
	w.group.Judge(w.verdict)
}

func (w *world) clone() *world {
	clone := *w
	clone.acts, clone.trace = slices.Clip(w.acts), slices.Clip(w.trace)
	return &clone
}

// verdict is what the organization says of an act.
func (w *world) verdict(act Act) (cut, admin bool) {
	if act.Kind == End {
		return act.Index == w.void, false
	}
	from := w.bars[act.Signer[0]]
	shut := slices.ContainsFunc(w.acts, func(end Act) bool {
		return end.Kind == End && end.On && end.Members[0] == act.Author && end.Index != w.void && end.Index < act.Index
	})
	return shut || from > 0 && act.Index >= from, act.Admin && !w.noAdmin
}

// stands reports whether neither a bar nor what the organization decided has an act void.
func (w *world) stands(act Act) bool {
	cut, _ := w.verdict(act)
	return !cut
}

func (w *world) next() uint64 { return w.acts[len(w.acts)-1].Index + 1 }

// out reports whether somebody is removed from the organization.
func (w *world) out(who keys.MemberID) bool {
	return slices.ContainsFunc(w.acts, func(a Act) bool {
		return a.Kind == End && a.On && a.Members[0] == who && a.Index != w.void
	})
}

// last returns the index of the last act that stands and of which a question holds, 0 for none.
func (w *world) last(is func(Act) bool) (index uint64) {
	for _, act := range w.acts {
		if w.stands(act) && is(act) {
			index = act.Index
		}
	}
	return index
}

// state is what the future depends on.
func (w *world) state() string {
	return fmt.Sprint(w.acts[len(w.start):], w.bars, w.noAdmin, w.void)
}

func (w *world) story() string { return w.name + ": " + strings.Join(w.trace, "; ") }

func (a Act) text() string {
	kinds := [...]string{
		Create: "creates", Edit: "edits", Ask: "asks", Enter: "enters", Admit: "admits", Leave: "leaves", Expel: "removes",
		Moderate: "changes the moderator", Close: "closes", End: "the organization ends the place of",
	}
	text := strings.TrimSpace(deviceNames[a.Signer] + " " + kinds[a.Kind])
	for _, about := range a.Members {
		text += " " + names[about]
	}
	if a.Kind == Moderate || a.Kind == End {
		text += fmt.Sprintf(" (%t)", a.On)
	}
	return fmt.Sprintf("%d %s", a.Index, text)
}

package membership

import (
	"errors"
	"fmt"
	"slices"

	"muster.example/internal/keys"
)

// MaxLost is how many entries an admin's move of the sequencing duty may leave behind; the root key's any number.
const MaxLost = 1000

// ErrMoved means that entries hold a move of the sequencing duty: they are folded with all entries before them, by
// Rebuild, and held against the roll that we have, by Succeed.
var ErrMoved = errors.New("membership: the sequencing duty has moved")

// Rebuild folds all entries of a roll from the first, as the node that signed the checkpoint shows them, for the device
// of a member or for somebody who has none yet. Errors are those of Extend. [ROLL-58]
func Rebuild(org keys.OrgID, reader keys.MemberID, note []byte, node keys.PublicKey, entries []Entry) (*Roll, Checkpoint, error) {
	roll := NewRoll(org)
	roll.ReadAs(reader)
	checkpoint, err := roll.Extend(note, node, entries, nil)
	return roll, checkpoint, err
}

// Succeed holds a roll in which the sequencing duty has moved against the one that we have, and returns the size up to
// which they are one. What we have beyond that is lost to the new roll: its events are handed in again, and its bars
// obeyed meanwhile. [ROLL-58]
//
// Errors: ErrSequencer if the new roll is of no later term; *ForkError if the rolls part where no move is; a *Refusal if
// the move was signed by who may not act for the organization any more by what we know, or leaves too much behind.
func (r *Roll) Succeed(next *Roll) (common uint64, err error) {
	own, other := r.state.sequencer, next.state.sequencer
	if own == nil || other == nil || other.Term <= own.Term {
		return 0, fmt.Errorf("%w: its term is not after ours", ErrSequencer)
	}
	from, moves := next.state.movesAfter(own.Term, r.state)
	if len(moves) == 0 {
		return 0, fmt.Errorf("%w: no move leads to it from ours", ErrSequencer)
	}
	common = min(from, r.Size())
	ours, err := r.Root(common)
	if err != nil {
		return 0, err
	}
	theirs, err := next.Root(common)
	if err != nil {
		return 0, err
	}
	if ours != theirs {
		return 0, &ForkError{Own: r.note, Other: next.note, Size: common, OwnRoot: ours, OtherRoot: theirs, Proved: true}
	}
	if lost := r.Size() - common; !moves[0].ByRoot && lost > MaxLost {
		return 0, refuse(ReasonMove, "it leaves %d entries behind, at most %d are allowed", lost, MaxLost)
	}
	if err := r.state.sameRoots(next.state); err != nil {
		return 0, err
	}
	if err := r.state.governedBy(moves[0], next.state); err != nil {
		return 0, err
	}
	if common == r.Size() {
		return common, nil // nothing is lost: all that we know is in the new roll, which obeys it
	}
	return common, r.state.notByEnded(moves[1:], next.state, common)
}

// movesAfter returns from where a roll leaves the terms of ours, and the moves that take us over to it: from the last by
// the root key, which settles all before it, or from the one that leaves. None if that begins no later term than ours: of
// two moves of one term neither leads to the other. [ROLL-58]
func (s *State) movesAfter(term uint64, ours *State) (from uint64, moves []Term) {
	parts := slices.IndexFunc(s.terms, func(t Term) bool { return !slices.Contains(ours.terms, t) })
	if parts < 0 {
		return 0, nil
	}
	from, moves = s.terms[parts].From, s.terms[parts:]
	for i, t := range slices.Backward(moves) {
		if t.ByRoot && t.Number > term && ours.rootCounts(t.By, s) {
			return from, moves[i:]
		}
	}
	if moves[0].Number <= term {
		return from, nil
	}
	return from, moves
}

// rootCounts reports whether a key may speak as the root key by all that we know: it is ours, or ours has put it in its
// place on the new roll, itself or by others. So a key that ours replaced moves nothing, nor what it put in its place.
// [ROLL-58]
func (s *State) rootCounts(key keys.PublicKey, next *State) bool {
	ours := slices.Index(next.roots, s.root)
	return key == s.root || ours >= 0 && slices.Contains(next.roots[ours:], key)
}

// sameRoots: the two rolls know the same root keys, as far as both have any. [ROLL-58]
func (s *State) sameRoots(next *State) error {
	if both := min(len(s.roots), len(next.roots)); !slices.Equal(s.roots[:both], next.roots[:both]) {
		return refuse(ReasonKeyRole, "a root key that was replaced has put another in its place")
	}
	return nil
}

// governedBy: who moved the duty may still do so by all that we know, the entries that the move leaves behind included.
// So a device that is barred there cannot undo that by a move. [ROLL-58]
func (s *State) governedBy(move Term, next *State) error {
	if move.ByRoot {
		if !s.rootCounts(move.By, next) {
			return refuse(ReasonKeyRole, "the root key was replaced")
		}
		return nil
	}
	a := s.accountOf(move.By)
	if a == nil {
		return nil // of a device added since
	}
	if d, _ := a.devices.Device(move.By); a.standing(d) != StandingActive || a.role != RoleAdmin {
		return refuse(ReasonRole, "the device that moved the sequencing duty may not act for the organization any more")
	}
	return nil
}

// notByEnded: no later move is by somebody who by all that we know may not act, and whom the new roll lets act only
// because the first move left entries behind. Who may act is what we know, and what those decided since on the new roll
// who may. [ROLL-58]
func (s *State) notByEnded(moves []Term, next *State, common uint64) error {
	known := s.knowledge(next, common)
	decisions := next.decisions
	for _, move := range moves {
		for len(decisions) > 0 && decisions[0].index < move.From {
			known.learn(&decisions[0])
			decisions = decisions[1:]
		}
		switch {
		case move.ByRoot && !s.rootCounts(move.By, next):
			return refuse(ReasonKeyRole, "a root key that was replaced moved the sequencing duty")
		case !move.ByRoot && !known.mayAct(next.accountOf(move.By), move.By):
			return refuse(ReasonBarred, "%s moved the sequencing duty", move.By.Short())
		}
	}
	return nil
}

// power is what decisions make of a member.
type power struct {
	role               Role
	suspended, removed bool
}

// knowledge is who may act on a new roll by what an own one holds beyond where the two part.
type knowledge struct {
	own, next *State
	common    uint64
	members   map[keys.MemberID]power // of the new roll
}

func (s *State) knowledge(next *State, common uint64) *knowledge {
	k := &knowledge{own: s, next: next, common: common, members: make(map[keys.MemberID]power)}
	for id, a := range next.members {
		if ours := s.members[id]; ours != nil {
			k.members[id] = power{ours.role, ours.devices.Suspended(), ours.removed}
		} else {
			k.members[id] = power{role: a.first}
		}
	}
	return k
}

// learn takes in a decision of the new roll, if it is of who may decide.
func (k *knowledge) learn(d *decision) {
	ours := k.own.members[d.target.id]
	switch {
	case d.index < k.common || d.void || d.admitted && ours != nil:
		return // known, or we know better
	case d.author != nil && !k.mayAct(d.author, d.signer):
		return
	case d.author == nil && k.next.keys[d.signer].use == useRoot && !k.own.rootCounts(d.signer, k.next):
		return
	}
	p := k.members[d.target.id]
	switch {
	case d.role != 0:
		p.role = d.role
	case d.suspended, d.reinstated:
		p.suspended = d.suspended
	case d.removed:
		p.removed = true
	}
	k.members[d.target.id] = p
}

// mayAct reports whether a device of the new roll is an admin's who may act: neither it nor, if we do not know it, the
// device from which it descends is barred in our roll.
func (k *knowledge) mayAct(a *account, device keys.PublicKey) bool {
	if p := k.members[a.id]; p.role != RoleAdmin || p.suspended || p.removed {
		return false
	}
	for k.own.accountOf(device) == nil {
		d, ok := a.devices.Device(device)
		if !ok || d.By.IsZero() {
			return true
		}
		device = d.By
	}
	switch k.own.Standing(device) {
	case StandingBarred, StandingEnded, StandingRemoved:
		return false
	}
	return true
}

// VoidHead reports whether a head is of a term that has ended before its size: what an old node signs beyond a move means
// nothing, and is no fork. [ROLL-58]
func (s *State) VoidHead(term, size uint64) bool {
	for _, later := range s.terms {
		if later.Number > term && size > later.From {
			return true
		}
	}
	return false
}

package group

import (
	"fmt"
	"slices"

	"muster.example/internal/keys"
)

// actMoves are the acts that somebody can sign, allowed or not.
func (w *world) actMoves() (moves []Act) {
	for _, by := range signers {
		if w.bars[by.device[0]] > 0 || w.out(by.member) {
			continue // the organization takes nothing of theirs
		}
		add := func(act Act) {
			act.Index, act.Signer, act.Author = w.next(), by.device, by.member
			act.Admin = by.member == eve && !w.noAdmin
			moves = append(moves, act)
		}
		add(Act{Kind: Enter})
		add(Act{Kind: Leave})
		add(Act{Kind: Close})
		if w.acts[0].Admission != Invited {
			add(Act{Kind: Edit, Admission: Open + Moderated - w.group.Admission()})
		}
		for _, about := range cast {
			if about != by.member && !w.out(about) {
				add(Act{Kind: Ask, Members: []keys.MemberID{about}})
			}
			if !w.out(about) {
				add(Act{Kind: Admit, Members: []keys.MemberID{about}})
			}
			add(Act{Kind: Expel, Members: []keys.MemberID{about}})
			add(Act{Kind: Moderate, Members: []keys.MemberID{about}, On: !w.group.Moderator(about)})
		}
	}
	return moves
}

// decisions are what the organization does, and takes back.
func (w *world) decisions() (list []*world) {
	decide := func(text string, change func(*world)) {
		next := w.clone()
		change(next)
		next.trace = append(next.trace, text)
		list = append(list, next)
	}
	start := w.start[len(w.start)-1].Index + 1
	for _, device := range []keys.PublicKey{annasPhone, bensDevice} {
		for _, from := range []uint64{0, w.phone(), start, start + 1} {
			if from != w.bars[device[0]] && from <= w.next() {
				decide(fmt.Sprintf("%s is barred from %d", deviceNames[device], from), func(n *world) { n.bars[device[0]] = from })
			}
		}
	}
	decide("Eve was no admin, or was", func(n *world) { n.noAdmin = !n.noAdmin })
	removal := func(a Act) bool { return a.Kind == End && a.On }
	if i := slices.IndexFunc(w.acts, removal); i >= 0 {
		decide("a removal is void, or counts again", func(n *world) { n.void = w.acts[i].Index - w.void })
	}
	for _, who := range []keys.MemberID{ben, mallory} {
		for _, forGood := range []bool{readmitted, removed} {
			if w.out(who) || forGood && slices.ContainsFunc(w.acts, removal) {
				continue
			}
			end := Act{Kind: End, Index: w.next(), Members: []keys.MemberID{who}, On: forGood}
			decide(end.text(), func(n *world) { n.acts = append(n.acts, end) })
		}
	}
	return list
}

// phone is the index of the first act of Anna's phone, 0 for none.
func (w *world) phone() uint64 {
	if i := slices.IndexFunc(w.acts, func(a Act) bool { return a.Signer == annasPhone }); i >= 0 {
		return w.acts[i].Index
	}
	return 0
}

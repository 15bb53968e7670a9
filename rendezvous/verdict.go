package rendezvous

import (
	"fmt"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// mention is an entry that says what becomes of an account or of a device of it.
type mention struct {
	index       uint64
	barred      keys.PublicKey // a bar of this device
	spared      keys.PublicKey // the end of a wipe of this device
	readmission keys.EventID   // a re-admission of this name
	decision    bool           // a suspension, a reinstatement or a removal
	entering    bool           // a re-admission has taken effect
}

// spared names the wipe of a device.
type spared struct{ device keys.PublicKey }

// remember notes what an entry that was just folded says about an account. The caller holds mu, or is alone.
func (r *roll) remember(index uint64, event []byte) {
	e, err := membership.ReadEvent(event) // verified when it was folded
	if err != nil {
		return
	}
	state := r.roll.State()
	m, about := mention{index: index}, keys.MemberID{}
	switch {
	case e.Bar != nil:
		about, _ = state.AccountOf(e.Bar.Device)
		m.barred = e.Bar.Device
	case e.Lift != nil && !e.Lift.Wipe.IsZero():
		about, _ = state.AccountOf(e.Lift.Wipe)
		m.spared = e.Lift.Wipe
	case e.Suspend != nil:
		about, m.decision = e.Suspend.Member, true
	case e.Reinstate != nil:
		about, m.decision = e.Reinstate.Member, true
	case e.Remove != nil:
		about, m.decision = e.Remove.Member, true
	case e.Readmit != nil:
		about, m.readmission = e.Readmit.Member, membership.SignedEvent(event).ID()
	case e.Enter != nil:
		about, _ = state.AccountOf(e.Signer)
		m.entering = true
	case e.Enrolment != nil && e.Enrolment.Suspend > 0:
		r.rememberEnd(index, e.Enrolment)
		return
	default:
		return
	}
	r.about[about] = append(r.about[about], m)
}

// rememberEnd notes the end of an enrolment key about those whom it suspended. The caller holds mu, or is alone.
func (r *roll) rememberEnd(index uint64, end *membership.Enrolment) {
	for _, member := range r.roll.State().Members() {
		by, _ := r.roll.State().EnrolledBy(member.ID)
		if by == end.Key && member.Suspended && member.Joined+1 >= end.Suspend {
			r.about[member.ID] = append(r.about[member.ID], mention{index: index, decision: true})
		}
	}
}

// verdict answers what became of a device: what it is, and the entries that made it so, each with its proof. [RV-62]
func (r *roll) verdict(device keys.PublicKey) (rvproto.RollAnswer, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	state := r.roll.State()
	standing := state.Standing(device)
	var indexes []uint64
	if member, ok := state.AccountOf(device); ok {
		indexes = r.decisive(member, device)
	} else if member, waiting, ok := state.PromisedTo(device); ok {
		for _, m := range r.about[member] {
			if m.readmission == waiting.Event {
				indexes = append(indexes, m.index)
			}
		}
	} else {
		return rollRefusal(wire.StatusNotFound), nil
	}
	answer := rvproto.RollAnswer{Checkpoint: r.note, Standing: uint8(standing)}
	err := r.store.View(func(tx *kv.Tx) error {
		for _, index := range indexes {
			shown := rvproto.Shown{Index: index}
			var err error
			if shown.Entry, err = tx.Get(kv.Key(r.table, r.org[:], kv.Number(index))); err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			proof, err := r.roll.ProveInclusion(index, r.roll.Size())
			if err != nil {
				return err
			}
			for _, hash := range proof {
				shown.Proof = append(shown.Proof, hash)
			}
			answer.Shown = append(answer.Shown, shown)
		}
		return nil
	})
	return answer, err
}

// decisive returns the entries that say what a device of an account is: the last bar of it and of each device through
// which it came, the last that cancels a wipe of it, the last decision about the member, the re-admissions that wait, and the last that took effect. They are
// in the order of the roll, the newest rvproto.MaxShown at most. The caller holds mu.
func (r *roll) decisive(id keys.MemberID, device keys.PublicKey) (indexes []uint64) {
	member, _ := r.roll.State().Member(id)
	wanted := make(map[any]bool) // what the newest entry is still looked for of
	for key := device; !key.IsZero() && !wanted[key]; {
		wanted[key] = true
		at := slices.IndexFunc(member.Devices, func(d membership.MemberDevice) bool { return d.Key == key })
		if at < 0 {
			break
		}
		key = member.Devices[at].By
	}
	for _, waiting := range member.Readmissions {
		wanted[waiting.Event] = true
	}
	wanted["decision"], wanted["entering"], wanted[spared{device}] = true, true, true
	for _, m := range slices.Backward(r.about[id]) {
		var what any
		switch {
		case m.decision:
			what = "decision"
		case m.entering:
			what = "entering"
		case !m.barred.IsZero():
			what = m.barred
		case !m.spared.IsZero():
			what = spared{m.spared}
		default:
			what = m.readmission
		}
		if wanted[what] && len(indexes) < rvproto.MaxShown {
			wanted[what] = false
			indexes = append(indexes, m.index)
		}
	}
	slices.Reverse(indexes)
	return indexes
}

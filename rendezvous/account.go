package rendezvous

import (
	"context"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// served returns an organization, or why it is not served here.
func (n *Node) served(id keys.OrgID) (*org, refusal) {
	o := n.directory.org(id)
	if o == nil {
		return nil, refusal{status: wire.StatusNotFound}
	}
	return o, o.moved()
}

// recover shows the roll to whoever holds the recovery key of a member, who reads it as that member, or the root key,
// which reads everything. [RV-60]
func (n *Node) recover(from keys.PublicKey, r *rvproto.RecoverRequest) rvproto.RollAnswer {
	if r.Key.Verify(keys.DomainProof, r.Org, rvproto.ProofBytes(n.key.Public(), from), r.Proof) != nil {
		return rollRefusal(wire.StatusRefused)
	}
	o, no := n.served(r.Org)
	if no.status != wire.StatusOK {
		return no.roll()
	}
	var who reader
	o.roll.read(func(state *membership.State) {
		if member, ok := state.MemberByRecovery(r.Key); ok && !member.Removed {
			who.member = member.ID
		}
		who.everything = r.Key == state.RootKey()
	})
	if who == (reader{}) {
		return rollRefusal(wire.StatusNotFound)
	}
	return n.page(o, who, r.From, r.To)
}

// present takes an event that speaks for itself, from whoever carries it. [RV-61]
func (n *Node) present(ctx context.Context, from keys.PublicKey, r *rvproto.PresentRequest) rvproto.RollAnswer {
	o, no := n.served(r.Org)
	if no.status != wire.StatusOK {
		return no.roll()
	}
	if o.roll.holds(r.Event) {
		return n.submitted(o, wire.StatusOK)
	}
	event, by, err := membership.OpenEvent(r.Event)
	if err != nil {
		return rollRefusal(statusOf(err))
	}
	if !o.speaksForItself(&event, by) {
		return rollRefusal(wire.StatusRefused)
	}
	if event.Bar != nil && !o.roll.orders() {
		n.later(rumour{org: o, event: r.Event})
	}
	return n.submitted(o, n.submit(ctx, o, from, by.Signer, r.Event, nil))
}

// speaksForItself reports whether an event is taken from whoever carries it: it is by the recovery key of a member, by the
// root key or by an enrolment key, or it is what a device may have to say that nobody serves any more. Whether it is allowed is for the rules
// of the roll. [RV-61]
func (o *org) speaksForItself(event *membership.Event, by membership.Principal) (speaks bool) {
	o.roll.read(func(state *membership.State) {
		_, recovery := state.MemberByRecovery(by.Signer)
		_, device := state.AccountOf(by.Signer)
		_, _, promised := state.PromisedTo(by.Signer)
		switch {
		case recovery, by.Signer == state.RootKey():
			speaks = true
		case event.Enter != nil:
			speaks = promised
		case state.CheckEnrolment(by.Signer) == nil:
			speaks = true
		case event.Refuse != nil, event.Bar != nil, event.Cancel != nil:
			speaks = device
		}
	})
	return speaks
}

// verdict tells the asking device what became of it. [RV-62]
func (n *Node) verdict(from keys.PublicKey, r *rvproto.VerdictRequest) rvproto.RollAnswer {
	o, no := n.served(r.Org)
	if no.status != wire.StatusOK {
		return no.roll()
	}
	answer, err := o.roll.verdict(from)
	if err != nil {
		return rollRefusal(n.fault("saying what became of a device", err))
	}
	return answer
}

// promised shows the roll to the device that a waiting re-admission names. [RV-63]
func (n *Node) promised(from keys.PublicKey, r *rvproto.PromisedRequest) rvproto.RollAnswer {
	o, no := n.served(r.Org)
	if no.status != wire.StatusOK {
		return no.roll()
	}
	waits := false
	o.roll.read(func(state *membership.State) { _, _, waits = state.PromisedTo(from) })
	if !waits {
		return rollRefusal(wire.StatusNotFound)
	}
	return n.page(o, reader{}, r.From, r.To)
}

package pairing

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// message is what is sealed; exactly one is set. [PAIR-9]
type message struct {
	Offer      *Offer      `cbor:"1,keyasint,omitempty"`
	Keys       *Keys       `cbor:"2,keyasint,omitempty"`
	Ask        *Ask        `cbor:"3,keyasint,omitempty"`
	Signatures *Signatures `cbor:"4,keyasint,omitempty"`
	Done       *Done       `cbor:"5,keyasint,omitempty"`
}

// Organization is what a new device needs to enter an organization of the account.
type Organization struct {
	Org    keys.OrgID               `cbor:"1,keyasint"`
	Name   string                   `cbor:"2,keyasint"` // for people, until the roll is there
	Member keys.MemberID            `cbor:"3,keyasint"`
	Signer keys.PublicKey           `cbor:"4,keyasint"` // the old device's key there
	Nodes  []membership.NodeAddress `cbor:"5,keyasint"` // 1 to 4
	Size   uint64                   `cbor:"6,keyasint"` // of the old device's roll
	Root   membership.Hash          `cbor:"7,keyasint"`
	Number uint32                   `cbor:"8,keyasint"` // of the recovery key in its series, for the card
}

// Offer is what the old device's person has said yes to: all organizations of the account. [PAIR-10]
type Offer struct {
	Orgs []Organization `cbor:"1,keyasint"`
	// Recovery are public halves of recovery keys for organizations that the new device joins by itself, from number First of
	// the series on. The old device does not use them.
	Recovery []keys.PublicKey `cbor:"2,keyasint,omitempty"`
	First    uint32           `cbor:"3,keyasint,omitzero"`
}

// Keys are the new device's keys, one for each organization of the offer in its order.
type Keys struct {
	Devices []keys.PublicKey `cbor:"1,keyasint"`
}

// Place is where an event is to stand: what the new device needs to know of it to sign.
type Place struct {
	Index   uint64 `cbor:"1,keyasint"` // of the organization in the offer
	Counter uint64 `cbor:"2,keyasint"` // of the signer
	At      uint64 `cbor:"3,keyasint"` // the size of the roll
}

// Ask asks for the new device's signatures. Places ascend by index.
type Ask struct {
	Places []Place `cbor:"1,keyasint"`
}

// Signatures are the new device's, one for each place in its order.
type Signatures struct {
	Signatures []keys.Signature `cbor:"1,keyasint"`
}

// Outcome is what became of the new device in one organization.
type Outcome uint8

// The outcomes. The list is append-only.
const (
	Added   Outcome = 0 // it is a device of the account there
	Refused Outcome = 1 // the rules there refuse it now
	Missed  Outcome = 2 // the rendezvous node there could not be asked
)

// Done ends the conversation: one outcome for each organization of the offer in its order.
type Done struct {
	Outcomes []Outcome `cbor:"1,keyasint"`
}

func decodeMessage(plain []byte) (message, error) {
	var m message
	if err := wire.Decode(plain, &m); err != nil {
		return m, frameError("%v", err)
	}
	set := 0
	for _, there := range []bool{m.Offer != nil, m.Keys != nil, m.Ask != nil, m.Signatures != nil, m.Done != nil} {
		if there {
			set++
		}
	}
	if set != 1 {
		return m, frameError("%d messages in one", set)
	}
	if m.Offer != nil {
		return m, m.Offer.check()
	}
	return m, nil
}

// check holds an offer against the caps.
func (o *Offer) check() error {
	if len(o.Orgs) == 0 || len(o.Orgs) > MaxOrgs || len(o.Recovery) > maxRecovery {
		return frameError("an offer of %d organizations and %d recovery keys", len(o.Orgs), len(o.Recovery))
	}
	seen := make(map[keys.OrgID]bool)
	for _, org := range o.Orgs {
		if org.Org.IsZero() || org.Member.IsZero() || org.Signer.IsZero() || org.Size == 0 || len(org.Name) > maxName || seen[org.Org] {
			return frameError("an offer of an organization that is none, or twice the same")
		}
		seen[org.Org] = true
		if len(org.Nodes) == 0 || len(org.Nodes) > maxNodes {
			return frameError("an organization with %d rendezvous nodes", len(org.Nodes))
		}
		for _, node := range org.Nodes {
			if !goodNode(node) {
				return frameError("a rendezvous node without a good key and address")
			}
		}
	}
	return nil
}

// check holds what is asked against the offer.
func (a *Ask) check(orgs int) error {
	if len(a.Places) == 0 {
		return frameError("nothing is asked")
	}
	for i, place := range a.Places {
		if place.Index >= uint64(orgs) || place.Counter == 0 || i > 0 && place.Index <= a.Places[i-1].Index {
			return frameError("signatures asked for what was not offered")
		}
	}
	return nil
}

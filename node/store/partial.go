package store

import (
	"errors"

	"muster.example/internal/keys"
)

var partials = bucket[Partial]{140, "what has come of an envelope"}

// Partial is what has come of a body from one rendezvous node before the link broke. Nothing of it is verified: it is ciphertext, and
// the node says whose end it sends.
type Partial struct {
	ID   keys.EnvelopeID `cbor:"1,keyasint"`
	Data []byte          `cbor:"2,keyasint"`
}

// Partial returns what has come of a body from a node; the zero value if nothing has.
func (tx *Tx) Partial(org keys.OrgID, node keys.PublicKey) (Partial, error) {
	p, err := partials.get(tx, org[:], node[:])
	if errors.Is(err, ErrNotFound) {
		return Partial{}, nil
	}
	return p, err
}

// PutPartial stores what has come of a body from a node, in the place of what was there. Nothing takes it away.
func (tx *Tx) PutPartial(org keys.OrgID, node keys.PublicKey, p Partial) error {
	if len(p.Data) == 0 {
		return partials.delete(tx, org[:], node[:])
	}
	return partials.put(tx, p, org[:], node[:])
}

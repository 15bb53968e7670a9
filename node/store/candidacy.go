package store

import "muster.example/internal/keys"

// Candidacy is a joining of this device that is under way: an application, or one that waits for the organization.
type Candidacy struct {
	Org      keys.OrgID          `cbor:"1,keyasint"`
	Identity [keys.SeedSize]byte `cbor:"2,keyasint"`
	Event    []byte              `cbor:"3,keyasint,omitempty"` // the join; absent while it waits and nothing was handed in
	Link     string              `cbor:"4,keyasint"`           // the invitation
	Text     string              `cbor:"5,keyasint"`
	Since    int64               `cbor:"6,keyasint"`           // unix milliseconds
	Declined bool                `cbor:"7,keyasint,omitempty"` // by an admin
	Why      string              `cbor:"8,keyasint,omitempty"` // why it cannot succeed any more, if not Declined
	// Waiting: the organization was not reached yet, or does not know the invitation yet. Name and Recovery are what the join
	// is to have then.
	Waiting  bool           `cbor:"9,keyasint,omitempty"`
	Name     string         `cbor:"10,keyasint,omitempty"`
	Recovery keys.PublicKey `cbor:"11,keyasint,omitzero"`
}

var candidacies = bucket[Candidacy]{51, "an application to join"}

// Candidacies returns the applications to join.
func (tx *Tx) Candidacies() ([]Candidacy, error) {
	var all []Candidacy
	err := candidacies.each(tx, nil, func(_ []byte, c Candidacy) (bool, error) {
		all = append(all, c)
		return true, nil
	})
	return all, err
}

// PutCandidacy stores an application to join, one for each organization.
func (tx *Tx) PutCandidacy(c Candidacy) error { return candidacies.put(tx, c, c.Org[:]) }

// DeleteCandidacy forgets an application to join.
func (tx *Tx) DeleteCandidacy(org keys.OrgID) error { return candidacies.delete(tx, org[:]) }

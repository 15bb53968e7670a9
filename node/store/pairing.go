package store

import "muster.example/internal/keys"

// Pairing is an organization that a device of the account adds this one to. It is kept from before this device signs, until
// it has entered, or was not added.
type Pairing struct {
	Org      keys.OrgID          `cbor:"1,keyasint"`
	Identity [keys.SeedSize]byte `cbor:"2,keyasint"`
	Name     string              `cbor:"3,keyasint"`
	Member   keys.MemberID       `cbor:"4,keyasint"`
	Nodes    []Node              `cbor:"5,keyasint"`
	Size     uint64              `cbor:"6,keyasint"` // of the roll that the other device had
	Root     [32]byte            `cbor:"7,keyasint"`
	Number   uint32              `cbor:"8,keyasint"` // of the recovery key, for the card
	Since    int64               `cbor:"9,keyasint"` // unix milliseconds
	// Recovery and First are as in Profile: keys for organizations to come, if this device has none yet.
	Recovery []keys.PublicKey `cbor:"10,keyasint,omitempty"`
	First    uint32           `cbor:"11,keyasint,omitempty"`
}

var pairings = bucket[Pairing]{64, "an organization that this device is being added to"}

// Pairings returns every one.
func (tx *Tx) Pairings() ([]Pairing, error) {
	var all []Pairing
	err := pairings.each(tx, nil, func(_ []byte, p Pairing) (bool, error) {
		all = append(all, p)
		return true, nil
	})
	return all, err
}

// Pairing returns the one of an organization, or ErrNotFound.
func (tx *Tx) Pairing(org keys.OrgID) (Pairing, error) { return pairings.get(tx, org[:]) }

// PutPairing stores one, for its organization.
func (tx *Tx) PutPairing(p Pairing) error { return pairings.put(tx, p, p.Org[:]) }

// DeletePairing forgets one.
func (tx *Tx) DeletePairing(org keys.OrgID) error { return pairings.delete(tx, org[:]) }

package store

import "muster.example/internal/keys"

// Wish is an invitation that this device has made while no rendezvous node could be reached: its link is with somebody, and
// its event is to be put on the roll, signed when that can be done.
type Wish struct {
	Org     keys.OrgID          `cbor:"1,keyasint"`
	Seed    [keys.SeedSize]byte `cbor:"2,keyasint"` // the private half of the invitation's key
	Role    uint8               `cbor:"3,keyasint"` // a membership.Role
	Uses    uint64              `cbor:"4,keyasint"`
	Expires int64               `cbor:"5,keyasint"` // unix seconds
	Name    string              `cbor:"6,keyasint,omitempty"`
	Apply   bool                `cbor:"7,keyasint,omitempty"`
	Since   int64               `cbor:"8,keyasint"`           // unix milliseconds
	Why     string              `cbor:"9,keyasint,omitempty"` // why the rules refuse it, once they did
}

// Key returns the public half of the invitation's key.
func (w Wish) Key() keys.PublicKey { return keys.FromSeed(w.Seed).Public() }

var wishes = bucket[Wish]{66, "an invitation that is not on the roll yet"}

// Wishes returns the invitations of an organization that are not on the roll yet.
func (tx *Tx) Wishes(org keys.OrgID) ([]Wish, error) {
	var all []Wish
	err := wishes.each(tx, nil, func(_ []byte, w Wish) (bool, error) {
		all = append(all, w)
		return true, nil
	}, org[:])
	return all, err
}

// PutWish stores an invitation that is to be put on the roll.
func (tx *Tx) PutWish(w Wish) error {
	key := w.Key()
	return wishes.put(tx, w, w.Org[:], key[:])
}

// DeleteWish forgets one that is on the roll, or was taken back.
func (tx *Tx) DeleteWish(org keys.OrgID, key keys.PublicKey) error {
	return wishes.delete(tx, org[:], key[:])
}

package store

import "muster.example/internal/keys"

// Newcomer is who joins by a signed event that the roll lacks yet.
type Newcomer struct {
	Join   []byte `cbor:"1,keyasint"`           // as signed
	Invite []byte `cbor:"2,keyasint,omitempty"` // the event of the invitation, if the roll lacked that too
	Heard  int64  `cbor:"3,keyasint"`           // unix milliseconds
	Ended  int64  `cbor:"4,keyasint,omitempty"` // unix milliseconds: the join is not taken any more, and kept for who it was; 0: it is
	Final  bool   `cbor:"5,keyasint,omitempty"` // and will not be again
}

var newcomers = bucket[Newcomer]{144, "a join ahead of the roll"}

// Newcomers visits the joins that an organization's roll lacks.
func (tx *Tx) Newcomers(org keys.OrgID, visit func(keys.EventID, Newcomer) error) error {
	return newcomers.each(tx, nil, func(rest []byte, n Newcomer) (bool, error) {
		return true, visit(keys.EventID(rest), n)
	}, org[:])
}

// PutNewcomer stores a join under the hash of its event.
func (tx *Tx) PutNewcomer(org keys.OrgID, id keys.EventID, n Newcomer) error {
	return newcomers.put(tx, n, org[:], id[:])
}

// DeleteNewcomer forgets a join: the roll has it, or will not have it.
func (tx *Tx) DeleteNewcomer(org keys.OrgID, id keys.EventID) error {
	return newcomers.delete(tx, org[:], id[:])
}

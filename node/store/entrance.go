package store

import "muster.example/internal/keys"

// Entrance is a creation or a join that a rendezvous node may or may not have carried out: it is stored before anything
// is handed in, so that the same request finishes after a crash what it began, and uses no claim or invitation up twice.
type Entrance struct {
	Org        keys.OrgID          `cbor:"1,keyasint"`
	Identity   [keys.SeedSize]byte `cbor:"2,keyasint"`
	Event      []byte              `cbor:"3,keyasint"`           // the found or join event
	Rendezvous []byte              `cbor:"4,keyasint,omitempty"` // of a creation
	Root       []byte              `cbor:"5,keyasint,omitempty"` // of a creation: the seed of the root words, until they are shown
	Apply      bool                `cbor:"6,keyasint,omitempty"` // of a join: the invitation is one to apply
	Text       string              `cbor:"7,keyasint,omitempty"` // with which one applies
	Claim      string              `cbor:"8,keyasint,omitempty"` // of a creation on the rendezvous node in this program: its link
}

var entrances = bucket[Entrance]{6, "an entrance under way"}

// Entrance returns the entrance that a request began, or ErrNotFound. The request is named by a hash of its own.
func (tx *Tx) Entrance(request [32]byte) (Entrance, error) { return entrances.get(tx, request[:]) }

// PutEntrance stores an entrance.
func (tx *Tx) PutEntrance(request [32]byte, e Entrance) error {
	return entrances.put(tx, e, request[:])
}

// DeleteEntrance forgets an entrance that is done or was refused.
func (tx *Tx) DeleteEntrance(request [32]byte) error { return entrances.delete(tx, request[:]) }

package store

import "muster.example/internal/keys"

// EarlyBar is a signed bar that this device obeys before the roll has it.
type EarlyBar struct {
	Event   []byte `cbor:"1,keyasint"` // as signed
	Heard   int64  `cbor:"2,keyasint"` // unix milliseconds
	Alarmed bool   `cbor:"3,keyasint"` // that the roll still lacks it
}

var earlyBars = bucket[EarlyBar]{8, "a bar ahead of the roll"}

// EarlyBars visits the bars that an organization's roll lacks.
func (tx *Tx) EarlyBars(org keys.OrgID, visit func(keys.EventID, EarlyBar) error) error {
	return earlyBars.each(tx, nil, func(rest []byte, bar EarlyBar) (bool, error) {
		return true, visit(keys.EventID(rest), bar)
	}, org[:])
}

// PutEarlyBar stores a bar under the hash of its event.
func (tx *Tx) PutEarlyBar(org keys.OrgID, id keys.EventID, bar EarlyBar) error {
	return earlyBars.put(tx, bar, org[:], id[:])
}

// DeleteEarlyBar forgets a bar: the roll has it, or never will.
func (tx *Tx) DeleteEarlyBar(org keys.OrgID, id keys.EventID) error {
	return earlyBars.delete(tx, org[:], id[:])
}

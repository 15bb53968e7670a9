package store

import "muster.example/internal/keys"

// lostEvents are signed events that the roll had before the sequencing duty moved, and may lack since.
var lostEvents = bucket[[]byte]{9, "an event to hand in again"}

// LostEvents visits the events to hand in again in the order of the roll that they were on.
func (tx *Tx) LostEvents(org keys.OrgID, visit func(index uint64, event []byte) error) error {
	return lostEvents.each(tx, nil, func(rest []byte, event []byte) (bool, error) {
		return true, visit(readNumber(rest), event)
	}, org[:])
}

// PutLostEvent stores an event under the index that it had.
func (tx *Tx) PutLostEvent(org keys.OrgID, index uint64, event []byte) error {
	return lostEvents.put(tx, event, org[:], number(index))
}

// DeleteLostEvent forgets one: it is on the roll again, or never will be.
func (tx *Tx) DeleteLostEvent(org keys.OrgID, index uint64) error {
	return lostEvents.delete(tx, org[:], number(index))
}

// DeleteEntry removes an entry that a move of the sequencing duty left behind.
func (tx *Tx) DeleteEntry(org keys.OrgID, index uint64) error {
	return entries.delete(tx, org[:], number(index))
}

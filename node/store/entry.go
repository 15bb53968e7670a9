package store

import "muster.example/internal/keys"

// Entry returns the roll's entry at an index, or ErrNotFound.
func (tx *Tx) Entry(org keys.OrgID, index uint64) ([]byte, error) {
	return entries.get(tx, org[:], number(index))
}

// EntriesFrom visits the roll's entries from an index on, until visit returns false.
func (tx *Tx) EntriesFrom(org keys.OrgID, from uint64, visit func(index uint64, entry []byte) (more bool, err error)) error {
	var after []byte
	if from > 0 {
		after = number(from - 1)
	}
	index := from
	return entries.each(tx, after, func(_ []byte, entry []byte) (bool, error) {
		index++
		return visit(index-1, entry)
	}, org[:])
}

package membership

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"muster.example/internal/keys"
)

// Roll is an organization's log: the state that its entries amount to and the Merkle tree over them. It keeps neither
// entries nor events; whoever serves them stores them. Not safe for concurrent use.
type Roll struct {
	state *State
	tree  tree
	note  []byte // the last checkpoint adopted, nil if none
}

// NewRoll returns the empty roll of an organization.
func NewRoll(org keys.OrgID) *Roll { return &Roll{state: newState(org)} }

// State returns the fold of the entries so far. It changes with the roll.
func (r *Roll) State() *State { return r.state }

// Size returns the number of entries.
func (r *Roll) Size() uint64 { return r.state.size }

// Check returns what Append would say of an event for everybody that is stamped now (Unix milliseconds): the dry run of
// a sequencer. Errors are *Refusal.
func (r *Roll) Check(event []byte, now int64) error {
	_, err := r.state.prepare(event, now)
	return err
}

// Append takes in the next entry, or returns a *Refusal and changes nothing. [ROLL-10]
func (r *Roll) Append(e Entry) error {
	if err := e.forAll(); err != nil {
		return err
	}
	change, err := r.state.prepare(e.Event, e.Time)
	if err != nil {
		return err
	}
	grown, err := r.tree.add(r.state.size, e.Leaf())
	if err != nil {
		return err
	}
	r.tree = grown
	r.state.fold(change)
	return nil
}

// Root returns the root of the first size entries; ErrSize beyond the roll.
func (r *Roll) Root(size uint64) (Hash, error) {
	if size > r.Size() {
		return Hash{}, fmt.Errorf("%w: %d of %d", ErrSize, size, r.Size())
	}
	return r.tree.root(size)
}

// ProveConsistency returns the proof that the first newSize entries begin with the first oldSize; ErrSize beyond the
// roll. It is empty if oldSize is 0 or newSize. [ROLL-51]
func (r *Roll) ProveConsistency(oldSize, newSize uint64) ([]Hash, error) {
	if oldSize > newSize || newSize > r.Size() {
		return nil, fmt.Errorf("%w: from %d to %d of %d", ErrSize, oldSize, newSize, r.Size())
	}
	if oldSize == 0 || oldSize == newSize {
		return nil, nil
	}
	return tlog.ProveTree(int64(newSize), int64(oldSize), r.tree)
}

// ProveInclusion returns the proof that entry number index is among the first size; ErrSize beyond the roll. [ROLL-50]
func (r *Roll) ProveInclusion(index, size uint64) ([]Hash, error) {
	if index >= size || size > r.Size() {
		return nil, fmt.Errorf("%w: index %d of %d of %d", ErrSize, index, size, r.Size())
	}
	return tlog.ProveRecord(int64(size), int64(index), r.tree)
}

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

	hidden uint64              // entries that we have without their event
	lowest map[Audience]uint64 // the index of the first of them for each audience
	reader keys.MemberID       // whose device holds the roll; zero for a sequencer and for somebody who is about to join
}

// NewRoll returns the empty roll of an organization.
func NewRoll(org keys.OrgID) *Roll {
	return &Roll{state: newState(org), lowest: make(map[Audience]uint64)}
}

// State returns the fold of the entries so far. It changes with the roll.
func (r *Roll) State() *State { return r.state }

// Size returns the number of entries.
func (r *Roll) Size() uint64 { return r.state.size }

// ReadAs says whose device holds the roll: it then adopts no checkpoint while it lacks an event that this member must
// hold. [ROLL-18]
func (r *Roll) ReadAs(member keys.MemberID) { r.reader = member }

// AudienceOf returns who an event would be for; the sequencer tags its entry with it. An event that cannot be read is
// for everybody, and refused by Check.
func (r *Roll) AudienceOf(event []byte) Audience {
	if _, parsed, err := decodeEvent(event); err == nil {
		return r.state.audienceOf(&parsed, event)
	}
	return Audience{}
}

// Note returns the last checkpoint adopted, nil if there is none. It must not be changed.
func (r *Roll) Note() []byte { return r.note }

// Check returns what Append would say of an event that is stamped now (Unix milliseconds): the dry run of a sequencer. On
// a roll without hidden entries it also counts groups that are not listed, which Append does not. Errors are *Refusal.
// [ROLL-146]
func (r *Roll) Check(event []byte, now int64) error {
	c, err := r.state.prepare(event, now, r.AudienceOf(event), r.head, OpenEvent)
	if err != nil || r.hidden > 0 {
		return err
	}
	return r.state.quota(c)
}

// Append takes in the next entry, or returns a *Refusal and changes nothing. [ROLL-10]
func (r *Roll) Append(e Entry) error {
	change, err := r.judge(e, OpenEvent)
	if err != nil {
		return err
	}
	grown, err := r.tree.add(r.state.size, e.Leaf())
	if err != nil {
		return err
	}
	r.tree = grown
	r.fold(change, e.Audience)
	return nil
}

// judge asks all rules about the next entry. It returns no change for one without its event.
func (r *Roll) judge(e Entry, open opener) (*change, error) {
	if e.Hidden() {
		return nil, r.mayHide(e)
	}
	return r.state.prepare(e.Event, e.Time, e.Audience, r.head, open)
}

func (r *Roll) fold(c *change, audience Audience) {
	if c == nil {
		r.hidden++
		if _, known := r.lowest[audience]; !known {
			r.lowest[audience] = r.Size()
		}
		r.state.hide()
		return
	}
	r.state.fold(c)
}

// mayHide: the entry is for others, and there is a roll already. [ROLL-18]
func (r *Roll) mayHide(e Entry) error {
	if r.state.sequencer == nil && e.Audience.Kind != AudienceAll {
		return refuse(ReasonSequencer, "")
	}
	return r.state.hideable(e.Audience)
}

func (r *Roll) head() (Hash, error) { return r.Root(r.Size()) }

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

// ProveExtension returns the proof that the roll with entries laid behind it begins with the roll as it is: what Extend asks for,
// made by who has the entries and nobody to ask. [ROLL-51]
func (r *Roll) ProveExtension(entries []Entry) ([]Hash, error) {
	size, grown := r.Size(), r.tree
	if size == 0 || len(entries) == 0 {
		return nil, nil
	}
	for i, entry := range entries {
		var err error
		if grown, err = grown.add(size+uint64(i), entry.Leaf()); err != nil {
			return nil, err
		}
	}
	return tlog.ProveTree(int64(size)+int64(len(entries)), int64(size), grown)
}

// ProveInclusion returns the proof that entry number index is among the first size; ErrSize beyond the roll. [ROLL-50]
func (r *Roll) ProveInclusion(index, size uint64) ([]Hash, error) {
	if index >= size || size > r.Size() {
		return nil, fmt.Errorf("%w: index %d of %d of %d", ErrSize, index, size, r.Size())
	}
	return tlog.ProveRecord(int64(size), int64(index), r.tree)
}

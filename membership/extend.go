package membership

import (
	"bytes"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/membership/names"
)

// Extend takes in entries that a sequencer shows together with the checkpoint that ends with the last of them and the
// proof that it continues the roll we have. It believes nothing before it is verified, in this order: the note's
// signatures, by the sequencer that the roll names or, while it names none, by node; the proof; the root that the
// entries lead to; and then each entry by the rules. With no entries and a checkpoint of our size it says that our roll
// is the newest.
//
// Errors: ErrCheckpoint, ErrCheckpointSignature and ErrSequencer for a note that is not the sequencer's; ErrShrunk for
// an older one; ErrEntries and ErrProof for entries or a proof that are not the checkpoint's; ErrMoved for entries that
// move the duty; ErrWithheld if the roll then lacks events that its reader must hold; *ForkError and *RuleBrokenError for
// what a sequencer must not sign. On *RuleBrokenError the entries before the broken one are kept, on ErrWithheld those
// that could be judged, neither with the checkpoint; on all others nothing has changed. [ROLL-54]
func (r *Roll) Extend(note []byte, node keys.PublicKey, entries []Entry, proof []Hash) (Checkpoint, error) {
	if named, ok := r.state.Sequencer(); ok {
		node = named.Node
	}
	checkpoint, err := OpenCheckpoint(note, r.state.org, node)
	if err != nil {
		return Checkpoint{}, err
	}
	if err := r.checkHead(checkpoint, note, proof); err != nil {
		return Checkpoint{}, err
	}
	if err := r.checkEntries(checkpoint, entries); err != nil {
		return Checkpoint{}, err
	}
	if err := r.checkSequencer(node, checkpoint.Term, entries); err != nil {
		return Checkpoint{}, err
	}
	for _, entry := range entries {
		index := r.Size()
		if r.unjudged(entry) {
			return Checkpoint{}, ErrWithheld
		}
		if err := r.Append(entry); err != nil {
			return Checkpoint{}, ruleBroken(index, err, note)
		}
	}
	if r.lacks() {
		return Checkpoint{}, ErrWithheld
	}
	r.note = bytes.Clone(note)
	return checkpoint, nil
}

// Compare holds another member's head against ours: nil if it is a beginning of our roll, ErrAhead if it is longer and
// nothing can be said yet, *ForkError if both cannot be true. [ROLL-55]
func (r *Roll) Compare(size uint64, root Hash) error {
	if size > r.Size() {
		return fmt.Errorf("%w: %d of %d", ErrAhead, size, r.Size())
	}
	own, err := r.Root(size)
	if err != nil {
		return err
	}
	if own != root {
		return &ForkError{Own: bytes.Clone(r.note), Size: size, OwnRoot: own, OtherRoot: root, Proved: true}
	}
	return nil
}

// checkHead: the checkpoint is of a roll that continues ours. [ROLL-54]
func (r *Roll) checkHead(checkpoint Checkpoint, note []byte, proof []Hash) error {
	if checkpoint.Size <= r.Size() {
		if err := r.Compare(checkpoint.Size, checkpoint.Root); err != nil {
			return withNote(err, note)
		}
		if checkpoint.Size < r.Size() {
			return fmt.Errorf("%w: %d of %d", ErrShrunk, checkpoint.Size, r.Size())
		}
	}
	if checkpoint.Size == r.Size() || r.Size() == 0 {
		if len(proof) != 0 {
			return fmt.Errorf("%w: %d hashes where none are due", ErrProof, len(proof))
		}
		return nil
	}
	own, err := r.Root(r.Size())
	if err != nil {
		return err
	}
	if VerifyConsistency(r.Size(), own, checkpoint.Size, checkpoint.Root, proof) != nil {
		return &ForkError{Own: bytes.Clone(r.note), Other: bytes.Clone(note), Size: checkpoint.Size,
			OwnRoot: own, OtherRoot: checkpoint.Root}
	}
	return nil
}

// checkEntries: the entries lead from our root to the checkpoint's. Their leaves are laid on a tree that is then thrown
// away; it may share memory with ours beyond our length, which nobody reads. [ROLL-54]
func (r *Roll) checkEntries(checkpoint Checkpoint, entries []Entry) error {
	if uint64(len(entries)) != checkpoint.Size-r.Size() {
		return fmt.Errorf("%w: %d entries from size %d to %d", ErrEntries, len(entries), r.Size(), checkpoint.Size)
	}
	grown := r.tree
	for i, entry := range entries {
		var err error
		if grown, err = grown.add(r.Size()+uint64(i), entry.Leaf()); err != nil {
			return err
		}
	}
	root, err := grown.root(checkpoint.Size)
	if err != nil {
		return err
	}
	if root != checkpoint.Root {
		return fmt.Errorf("%w: they lead to another root", ErrEntries)
	}
	return nil
}

// checkSequencer: the term is that of the sequencer which the roll names, now or by the last of the entries to come that
// names one, and that one is node. A node that shows somebody else's organization as its own is refused before anything
// is folded. Entries that move the duty are not laid on a roll that another sequencer signed. [ROLL-53] [ROLL-58]
func (r *Roll) checkSequencer(node keys.PublicKey, term uint64, entries []Entry) error {
	named, ok := r.state.Sequencer()
	for _, entry := range entries {
		if entry.Hidden() {
			continue
		}
		if _, event, err := decodeEvent(entry.Event); err == nil && event.Rendezvous != nil {
			if r.state.sequencer != nil {
				return ErrMoved
			}
			named, ok = *event.Rendezvous, true
		}
	}
	if ok && (named.Node != node || named.Term != term) {
		return fmt.Errorf("%w: %s in term %d", ErrSequencer, named.Node.Short(), named.Term)
	}
	return nil
}

// lacks reports whether the member whose device this is must hold an event that the roll has without its body: they
// have become a reader since. All entries are then fetched anew. [ROLL-18]
func (r *Roll) lacks() bool {
	if r.reader.IsZero() {
		return false
	}
	for audience, index := range r.lowest {
		if r.state.Reads(r.reader, audience, index) {
			return true
		}
	}
	return false
}

// unjudged reports whether nobody can judge an entry who holds what this roll does: its counter, and what else it follows
// from, are in those for its audience before it, and one of these came without its event. The name of a guest follows from
// other guests' too: from those that have it or had it. [ROLL-18]
func (r *Roll) unjudged(e Entry) bool {
	if e.Hidden() || e.Audience == (Audience{}) {
		return false
	}
	if _, hidden := r.lowest[e.Audience]; hidden {
		return true
	}
	event, err := ReadEvent(e.Event)
	if err != nil || event.Name == nil {
		return false
	}
	for _, skeleton := range names.Skeletons(event.Name.Name, r.state.policy.Tables) {
		if holder := r.state.guests[skeleton]; holder != nil {
			if _, hidden := r.lowest[Audience{Kind: AudienceDesks, ID: holder.id}]; hidden {
				return true
			}
		}
	}
	return false
}

func withNote(err error, note []byte) error {
	if fork, ok := err.(*ForkError); ok {
		fork.Other = bytes.Clone(note)
	}
	return err
}

func ruleBroken(index uint64, err error, note []byte) error {
	refusal, ok := err.(*Refusal)
	if !ok {
		return err
	}
	return &RuleBrokenError{Index: index, Refusal: refusal, Note: bytes.Clone(note)}
}

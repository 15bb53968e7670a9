package membership

import (
	"bytes"
	"fmt"

	"muster.example/internal/keys"
)

// Extend takes in entries that a sequencer shows together with the checkpoint that ends with the last of them and the
// proof that it continues the roll we have. It believes nothing before it is verified, in this order: the note's
// signatures, by the sequencer that the roll names or, while it names none, by node; the proof; the root that the
// entries lead to; and then each entry by the rules. With no entries and a checkpoint of our size it says that our roll
// is the newest.
//
// Errors: ErrCheckpoint, ErrCheckpointSignature and ErrSequencer for a note that is not the sequencer's; ErrShrunk for
// an older one; ErrEntries and ErrProof for entries or a proof that are not the checkpoint's; *ForkError and
// *RuleBrokenError for what a sequencer must not sign. On *RuleBrokenError the entries before the broken one are kept;
// on all others nothing has changed. [ROLL-54]
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
		if err := r.Append(entry); err != nil {
			return Checkpoint{}, ruleBroken(index, err, note)
		}
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

// checkSequencer: the term is that of the sequencer which the roll names, now or in the entries to come, and that one
// is node. A node that shows somebody else's organization as its own is refused before anything is folded. [ROLL-53]
func (r *Roll) checkSequencer(node keys.PublicKey, term uint64, entries []Entry) error {
	named, ok := r.state.Sequencer()
	for _, entry := range entries {
		if ok {
			break
		}
		if _, event, err := decodeEvent(entry.Event); err == nil && event.Rendezvous != nil {
			named, ok = *event.Rendezvous, true
		}
	}
	if ok && (named.Node != node || named.Term != term) {
		return fmt.Errorf("%w: %s in term %d", ErrSequencer, named.Node.Short(), named.Term)
	}
	return nil
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

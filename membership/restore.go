package membership

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrNotEmpty means that a roll to be restored has entries already.
var ErrNotEmpty = errors.New("membership: only an empty roll is restored")

// Restore takes into an empty roll what this very device has verified before, and does not verify the signatures of events
// again: they are most of what folding costs. root is of the roll that the entries make. It is what is trusted, so the
// caller has kept it where nobody else can write, under its own authenticated encryption, and only after Append or Extend
// had taken in the last of these entries; a root that somebody else signed says nothing of the events under it. The bytes
// of the entries are held against it before anything is folded, and all rules but the signatures are asked again, so that a
// build with other rules refuses what it would not have folded.
//
// Extend with the checkpoint that was adopted then, no entries and no proof makes it the roll's own again. A roll that is to
// be checked, by whom it matters to, is folded by Append or Extend.
//
// Errors: ErrNotEmpty; ErrEntries for entries that do not make the root; ErrWithheld as in Extend, with the entries that
// could be judged; *RuleBrokenError, without a note, for an entry that the rules refuse. The roll is of no use after any but
// ErrWithheld. [ROLL-59]
func (r *Roll) Restore(entries []Entry, root Hash) error {
	if r.Size() != 0 {
		return ErrNotEmpty
	}
	whole, err := treeOf(entries)
	if err != nil {
		return err
	}
	got, err := whole.root(uint64(len(entries)))
	if err != nil {
		return err
	}
	if got != root {
		return fmt.Errorf("%w: they lead to another root than the one that was kept", ErrEntries)
	}
	r.tree = whole // longer than the roll until the last entry is folded; nobody reads beyond its size
	for i, entry := range entries {
		if r.unjudged(entry) {
			return r.cut(ErrWithheld)
		}
		change, err := r.judge(entry, recallEvent)
		if err != nil {
			return r.cut(ruleBroken(uint64(i), err, nil))
		}
		r.fold(change, entry.Audience)
	}
	return nil
}

// cut makes the tree as long as the roll.
func (r *Roll) cut(err error) error {
	r.tree = r.tree[:tlog.StoredHashCount(int64(r.Size()))]
	return err
}

// recallEvent is OpenEvent for bytes that OpenEvent has passed before.
func recallEvent(data []byte) (Event, Principal, error) {
	_, event, err := decodeEvent(data)
	if err != nil {
		return Event{}, Principal{}, err
	}
	return event, event.claims(data), nil
}

// treeOf returns the tree over the leaves of entries.
func treeOf(entries []Entry) (whole tree, err error) {
	whole = make(tree, 0, tlog.StoredHashCount(int64(len(entries))))
	for i, entry := range entries {
		if whole, err = whole.add(uint64(i), entry.Leaf()); err != nil {
			return nil, err
		}
	}
	return whole, nil
}

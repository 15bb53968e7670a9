package membership

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is a Merkle tree in memory: tlog's stored hashes, about two an entry.
type tree []Hash

// ReadHashes implements tlog.HashReader.
func (t tree) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(t)) {
			return nil, fmt.Errorf("%w: no hash %d", ErrSize, index)
		}
		hashes[i] = t[index]
	}
	return hashes, nil
}

// add returns the tree with one more leaf as entry number index.
func (t tree) add(index uint64, leaf Hash) (tree, error) {
	stored, err := tlog.StoredHashesForRecordHash(int64(index), leaf, t)
	if err != nil {
		return nil, fmt.Errorf("membership: adding leaf %d: %w", index, err)
	}
	return append(t, stored...), nil
}

// root returns the root of the first size entries.
func (t tree) root(size uint64) (Hash, error) {
	root, err := tlog.TreeHash(int64(size), t)
	if err != nil {
		return Hash{}, fmt.Errorf("membership: root at size %d: %w", size, err)
	}
	return root, nil
}

// VerifyConsistency returns nil if proof shows that the roll of newSize entries with newRoot begins with the one of
// oldSize entries with oldRoot, else an error that wraps ErrProof. An empty roll begins every roll, and a roll itself,
// without a proof. [ROLL-51]
func VerifyConsistency(oldSize uint64, oldRoot Hash, newSize uint64, newRoot Hash, proof []Hash) error {
	switch {
	case newSize > MaxSize || oldSize > newSize || len(proof) > MaxProof:
		return fmt.Errorf("%w: from size %d to %d with %d hashes", ErrProof, oldSize, newSize, len(proof))
	case oldSize == 0 || oldSize == newSize:
		if len(proof) != 0 || oldSize == newSize && oldRoot != newRoot || oldSize == 0 && oldRoot != emptyRoot {
			return fmt.Errorf("%w: from size %d to %d", ErrProof, oldSize, newSize)
		}
		return nil
	}
	if err := tlog.CheckTree(proof, int64(newSize), newRoot, int64(oldSize), oldRoot); err != nil {
		return fmt.Errorf("%w: from size %d to %d: %v", ErrProof, oldSize, newSize, err)
	}
	return nil
}

// VerifyInclusion returns nil if proof shows that entry is number index (from 0) of the roll of size entries with root,
// else an error that wraps ErrProof. [ROLL-50]
func VerifyInclusion(entry Entry, index, size uint64, root Hash, proof []Hash) error {
	if index >= size || size > MaxSize || len(proof) > MaxProof {
		return fmt.Errorf("%w: index %d of size %d with %d hashes", ErrProof, index, size, len(proof))
	}
	if err := tlog.CheckRecord(proof, int64(size), root, int64(index), entry.Leaf()); err != nil {
		return fmt.Errorf("%w: index %d of size %d: %v", ErrProof, index, size, err)
	}
	return nil
}

// emptyRoot is the root of a roll without entries: SHA-256 of nothing.
var emptyRoot = func() Hash {
	root, err := tlog.TreeHash(0, tree(nil))
	if err != nil {
		panic(err)
	}
	return root
}()

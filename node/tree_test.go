package node

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"muster.example/membership"
)

// testTree is a Merkle tree over entries that no roll would take.
type testTree struct {
	hashes []tlog.Hash
	size   int64
}

func newTree(t *testing.T, entries []membership.Entry) *testTree {
	t.Helper()
	tree := new(testTree)
	for _, entry := range entries {
		stored, err := tlog.StoredHashesForRecordHash(tree.size, entry.Leaf(), tree)
		if err != nil {
			t.Fatal(err)
		}
		tree.hashes, tree.size = append(tree.hashes, stored...), tree.size+1
	}
	return tree
}

// ReadHashes implements tlog.HashReader.
func (tree *testTree) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, i := range indexes {
		hashes = append(hashes, tree.hashes[i])
	}
	return hashes, nil
}

func (tree *testTree) root(t *testing.T) membership.Hash {
	t.Helper()
	root, err := tlog.TreeHash(tree.size, tree)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// prove returns the proof that the first size entries begin the tree.
func (tree *testTree) prove(t *testing.T, size uint64) []membership.Hash {
	t.Helper()
	proof, err := tlog.ProveTree(tree.size, int64(size), tree)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

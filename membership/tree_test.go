package membership_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// grown returns an organization with a roll of exactly size entries.
func grown(t testing.TB, seed uint64, size int) *membershiptest.Org {
	t.Helper()
	o := membershiptest.New(t, seed)
	for len(o.Entries) < size {
		o.Invite(o.Founder, membership.RoleMember, 1)
	}
	return o
}

// Every proof of every pair of sizes holds, and only for those sizes and roots. [ROLL-50] [ROLL-51]
func TestProofs(t *testing.T) {
	o := grown(t, 1, 20)
	for size := uint64(1); size <= o.Roll.Size(); size++ {
		for old := uint64(0); old <= size; old++ {
			proof, err := o.Roll.ProveConsistency(old, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := membership.VerifyConsistency(old, o.RootAt(old), size, o.RootAt(size), proof); err != nil {
				t.Errorf("consistency %d to %d: %v", old, size, err)
			}
		}
		for index := range size {
			proof, err := o.Roll.ProveInclusion(index, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := membership.VerifyInclusion(o.Entries[index], index, size, o.RootAt(size), proof); err != nil {
				t.Errorf("inclusion %d of %d: %v", index, size, err)
			}
		}
	}
}

func TestProofsBeyondTheRoll(t *testing.T) {
	o := grown(t, 1, 5)
	_, errRoot := o.Roll.Root(6)
	_, errConsistency := o.Roll.ProveConsistency(2, 6)
	_, errBackwards := o.Roll.ProveConsistency(3, 2)
	_, errInclusion := o.Roll.ProveInclusion(2, 6)
	_, errIndex := o.Roll.ProveInclusion(5, 5)
	for i, err := range []error{errRoot, errConsistency, errBackwards, errInclusion, errIndex} {
		if !errors.Is(err, membership.ErrSize) {
			t.Errorf("%d: %v, want ErrSize", i, err)
		}
	}
}

// One bit of a proof or root changed, a hash more or less, or another size: refused. [ROLL-51]
func TestConsistencyMutated(t *testing.T) {
	o := grown(t, 2, 40)
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Uint64Range(3, o.Roll.Size()).Draw(rt, "size")
		old := rapid.Uint64Range(1, size-1).Draw(rt, "old")
		proof, err := o.Roll.ProveConsistency(old, size)
		if err != nil {
			rt.Fatal(err)
		}
		oldRoot, newRoot := o.RootAt(old), o.RootAt(size)
		switch rapid.IntRange(0, 5).Draw(rt, "fault") {
		case 0:
			flip(rt, &proof[rapid.IntRange(0, len(proof)-1).Draw(rt, "hash")])
		case 1:
			flip(rt, &oldRoot)
		case 2:
			flip(rt, &newRoot)
		case 3:
			proof = proof[1:]
		case 4:
			proof = append(proof, oldRoot)
		case 5:
			old, size = size, old
		}
		if err := membership.VerifyConsistency(old, oldRoot, size, newRoot, proof); !errors.Is(err, membership.ErrProof) {
			rt.Fatalf("%v, want ErrProof", err)
		}
	})
}

// One bit of an entry, proof or root changed, a hash more or less, or another index: refused. [ROLL-50]
func TestInclusionMutated(t *testing.T) {
	o := grown(t, 3, 40)
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Uint64Range(2, o.Roll.Size()).Draw(rt, "size")
		index := rapid.Uint64Range(0, size-1).Draw(rt, "index")
		proof, err := o.Roll.ProveInclusion(index, size)
		if err != nil {
			rt.Fatal(err)
		}
		entry, hash := o.Entries[index], o.RootAt(size)
		switch rapid.IntRange(0, 7).Draw(rt, "fault") {
		case 0:
			flip(rt, &proof[rapid.IntRange(0, len(proof)-1).Draw(rt, "hash")])
		case 1:
			flip(rt, &hash)
		case 2:
			proof = proof[1:]
		case 3:
			proof = append(proof, hash)
		case 4:
			index = (index + 1) % size
		case 5:
			entry.Time++
		case 6:
			entry.Nonce[0] ^= 1
		case 7:
			entry.Audience.Kind = 1
		}
		if err := membership.VerifyInclusion(entry, index, size, hash, proof); !errors.Is(err, membership.ErrProof) {
			rt.Fatalf("%v, want ErrProof", err)
		}
	})
}

// Sizes and proofs beyond the caps are refused before any work. [ROLL-40]
func TestProofsHuge(t *testing.T) {
	o := grown(t, 1, 3)
	long := make([]membership.Hash, membership.MaxProof+1)
	one := o.RootAt(1)
	for name, err := range map[string]error{
		"consistency size": membership.VerifyConsistency(1, one, 1<<63, one, nil),
		"consistency old":  membership.VerifyConsistency(1<<63, one, 1<<63, one, nil),
		"consistency long": membership.VerifyConsistency(1, one, 3, one, long),
		"inclusion size":   membership.VerifyInclusion(o.Entries[0], 0, 1<<63, one, nil),
		"inclusion index":  membership.VerifyInclusion(o.Entries[0], 1<<63, 3, one, nil),
		"inclusion long":   membership.VerifyInclusion(o.Entries[0], 0, 3, one, long),
		"empty with root":  membership.VerifyConsistency(0, one, 3, o.RootAt(3), nil),
		"same with proof":  membership.VerifyConsistency(3, o.RootAt(3), 3, o.RootAt(3), long[:1]),
		"same other root":  membership.VerifyConsistency(3, one, 3, o.RootAt(3), nil),
	} {
		if !errors.Is(err, membership.ErrProof) {
			t.Errorf("%s: %v, want ErrProof", name, err)
		}
	}
}

func flip(rt *rapid.T, hash *membership.Hash) {
	bit := rapid.IntRange(0, 8*len(hash)-1).Draw(rt, "bit")
	hash[bit/8] ^= 1 << (bit % 8)
}

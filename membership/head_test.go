package membership_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// headOf returns the head of a checkpoint that the organization's node signed.
func headOf(t testing.TB, o *membershiptest.Org, note []byte) membership.Head {
	t.Helper()
	head, err := membership.HeadOf(note, o.ID, o.Node.Public())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// A head says what its checkpoint says, travels in one form, and every bit of it is signed. [ROLL-56]
func TestHead(t *testing.T) {
	o := grown(t, 1, 11)
	roll := o.Replica()
	head := headOf(t, o, o.Checkpoint())
	if got, ok := roll.Head(); !ok || got != head {
		t.Errorf("the roll's head is %+v, the checkpoint's %+v", got, head)
	}
	if head.Size != 11 || head.Root != o.RootAt(11) || head.Term != 1 || head.Time != o.Now.Unix() {
		t.Errorf("%+v is not what was signed", head)
	}
	data := head.Marshal()
	if again, err := membership.ParseHead(data); err != nil || again != head || len(data) != membership.HeadBytes {
		t.Fatalf("%+v, %v", again, err)
	}
	if err := head.Verify(o.ID, o.Node.Public()); err != nil {
		t.Error(err)
	}
	for bit := range 8 * len(data) {
		changed := bytes.Clone(data)
		changed[bit/8] ^= 1 << (bit % 8)
		got, err := membership.ParseHead(changed)
		if err == nil {
			err = got.Verify(o.ID, o.Node.Public())
		}
		if !errors.Is(err, membership.ErrHead) {
			t.Errorf("bit %d changed: %v", bit, err)
		}
	}
	for what, err := range map[string]error{
		"another node":         head.Verify(o.ID, o.Founder.Device().Public()),
		"another organization": head.Verify(keys.OrgID{1}, o.Node.Public()),
		"a weak key":           head.Verify(o.ID, keys.PublicKey{1}),
	} {
		if !errors.Is(err, membership.ErrHead) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, ok := membership.NewRoll(o.ID).Head(); ok {
		t.Error("an empty roll has a head")
	}
	if _, ok := o.Roll.Head(); ok {
		t.Error("a roll that adopted no checkpoint has a head")
	}
}

// What others speak of is told apart: a beginning, more, a fork, and what nobody signed. [ROLL-55]
func TestCompareHead(t *testing.T) {
	o, other := fork(t, 1, 6, 11), fork(t, 1, 6, 11)
	other.Join("Eve")
	roll := prefix(t, o, 8)
	at := func(o *membershiptest.Org, size uint64) membership.Head { return headOf(t, o, o.CheckpointAt(size)) }
	forged := func(term, size uint64, root membership.Hash) membership.Head {
		note := membership.SignCheckpoint(o.Founder.Device(), o.ID, term, size, root, o.Now)
		head, err := membership.HeadOf(note, o.ID, o.Founder.Device().Public())
		if err != nil {
			t.Fatal(err)
		}
		return head
	}
	split := fork(t, 1, 4, 6)
	split.Now = split.Now.Add(time.Hour)
	for split.Roll.Size() < 8 {
		split.Invite(split.Founder, membership.RoleMember, 3)
	}
	for _, c := range []struct {
		name string
		head membership.Head
		want error
	}{
		{"its own", at(o, 8), nil},
		{"a beginning", at(o, 3), nil},
		{"empty", at(o, 0), nil},
		{"larger", at(o, 11), membership.ErrAhead},
		{"larger, of a term to come", forged(2, 11, o.RootAt(11)), membership.ErrAhead},
		{"smaller, of an unknown term", forged(2, 8, o.RootAt(8)), membership.ErrSequencer},
		{"larger, by another", forged(1, 11, o.RootAt(11)), membership.ErrHead},
		{"of this size, by another", forged(1, 8, membership.Hash{1}), membership.ErrHead},
		{"true, by another", forged(1, 8, o.RootAt(8)), membership.ErrHead},
	} {
		if err := roll.CompareHead(c.head); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, size := range []uint64{6, 8} {
		fork, ok := errors.AsType[*membership.ForkError](roll.CompareHead(at(split, size)))
		if !ok || !fork.Proved || fork.Size != size {
			t.Errorf("another root at size %d: %+v", size, fork)
		}
	}
}

// After a move each node speaks for its own term: the old one's heads count up to the move, beyond it they are void, and
// the new one's count from there. [ROLL-55]
func TestCompareHeadAfterMove(t *testing.T) {
	o := grown(t, 1, 6)
	old, next := o.Node, o.Key()
	moved := o.Roll.Size()
	root := o.RootAt(moved)
	e := o.Event(o.Founder.Device())
	e.Rendezvous = &membership.Rendezvous{
		Node: next.Public(), Addresses: []string{"/ip4/192.0.2.2/udp/4001/quic-v1"}, Term: 2, Size: moved, Root: root[:],
	}
	o.Append(membership.SignEvent(e, o.Founder.Device(), nil))
	o.Invite(o.Founder, membership.RoleMember, 1)
	size := o.Roll.Size()
	roll := membership.NewRoll(o.ID)
	note := membership.SignCheckpoint(next, o.ID, 2, size, o.RootAt(size), o.Now)
	if _, err := roll.Extend(note, next.Public(), o.Entries, nil); err != nil {
		t.Fatal(err)
	}
	head := func(key keys.PrivateKey, term, size uint64, root membership.Hash) membership.Head {
		h, err := membership.ParseHead(headBytes(o, key, term, size, root))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, c := range []struct {
		name string
		head membership.Head
		want error
	}{
		{"the new node's", head(next, 2, size, o.RootAt(size)), nil},
		{"the old node's, up to the move", head(old, 1, moved, root), nil},
		{"the old node's, beyond it", head(old, 1, size, membership.Hash{1}), nil},
		{"the old node's, larger", head(old, 1, size+5, membership.Hash{1}), nil},
		{"the old node's, in the new term", head(old, 2, size, o.RootAt(size)), membership.ErrHead},
		{"the new node's, in the old term", head(next, 1, moved, root), membership.ErrHead},
	} {
		if err := roll.CompareHead(c.head); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for name, h := range map[string]membership.Head{
		"old": head(old, 1, moved, membership.Hash{1}), "new": head(next, 2, size, membership.Hash{1}),
	} {
		if _, ok := errors.AsType[*membership.ForkError](roll.CompareHead(h)); !ok {
			t.Errorf("another roll of the %s node: %v", name, roll.CompareHead(h))
		}
	}
	own, _ := roll.Head()
	fork := head(next, 2, size, membership.Hash{1})
	evidence, err := roll.NewFork(own, fork, o.Entries[0], o.Entries[moved], moved)
	if err != nil {
		t.Fatal(err)
	}
	if verdict, err := verifyEvidence(evidence.Marshal()); err != nil || verdict.Node != next.Public() || verdict.Term != 2 {
		t.Errorf("%+v, %v", verdict, err)
	}
	if _, err := roll.NewFork(own, head(old, 1, moved, membership.Hash{1}), o.Entries[0], o.Entries[1], 1); !errors.Is(err, membership.ErrUnproved) {
		t.Errorf("heads of two nodes: %v", err)
	}
}

// What ParseHead reads encodes to the bytes it was read from.
func FuzzHead(f *testing.F) {
	o := grown(f, 1, 5)
	f.Add(headOf(f, o, o.Checkpoint()).Marshal())
	f.Add(make([]byte, membership.HeadBytes))
	f.Fuzz(func(t *testing.T, data []byte) {
		head, err := membership.ParseHead(data)
		if err != nil {
			return
		}
		if !bytes.Equal(head.Marshal(), data) {
			t.Fatal("the head does not encode to the bytes it was read from")
		}
		if head.Verify(o.ID, o.Founder.Device().Public()) == nil {
			t.Fatal("signed by a key that signs no heads")
		}
	})
}

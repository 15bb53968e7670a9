package membership_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// prefix returns a device's roll with the first size entries of o, adopted with their checkpoint.
func prefix(t testing.TB, o *membershiptest.Org, size uint64) *membership.Roll {
	t.Helper()
	roll := membership.NewRoll(o.ID)
	if _, err := roll.Extend(o.CheckpointAt(size), o.Node.Public(), o.Entries[:size], nil); err != nil {
		t.Fatal(err)
	}
	return roll
}

// fork returns an organization that shares its first entries with o and differs from there: same keys, other members.
func fork(t testing.TB, seed uint64, same, size int) *membershiptest.Org {
	t.Helper()
	o := grown(t, seed, same)
	o.Now = o.Now.Add(time.Minute)
	for len(o.Entries) < size {
		o.Invite(o.Founder, membership.RoleGuest, 2)
	}
	return o
}

// Taken in pieces of any size, a roll is the same as in one. [ROLL-54]
func TestExtendInPieces(t *testing.T) {
	o := grown(t, 1, 30)
	whole := o.Replica()
	rapid.Check(t, func(rt *rapid.T) {
		roll := membership.NewRoll(o.ID)
		for roll.Size() < o.Roll.Size() {
			from := roll.Size()
			to := rapid.Uint64Range(from, o.Roll.Size()).Draw(rt, "to")
			proof, err := o.Roll.ProveConsistency(from, to)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := roll.Extend(o.CheckpointAt(to), o.Node.Public(), o.Entries[from:to], proof)
			if err != nil {
				rt.Fatalf("from %d to %d: %v", from, to, err)
			}
			want := membership.Checkpoint{
				Org: o.ID, Term: 1, Size: to, Root: o.RootAt(to), Time: o.Now.Truncate(time.Second),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatal(diff)
			}
		}
		if diff := cmp.Diff(whole.State(), roll.State(), everything); diff != "" {
			rt.Fatalf("another state:\n%s", diff)
		}
	})
}

// What a hostile sequencer may show. Nothing changes on any of these. [ROLL-53] [ROLL-54]
func TestExtendRefuses(t *testing.T) {
	const have = 6
	o := grown(t, 1, 12)
	other := fork(t, 1, 4, 12)
	stranger := o.Key()
	good := func() (note []byte, node keys.PublicKey, entries []membership.Entry, proof []membership.Hash) {
		return o.Checkpoint(), o.Node.Public(), slices.Clone(o.Entries[have:]), o.Consistency(have)
	}
	fork := errors.New("a *ForkError")
	cases := []struct {
		name string
		want error
		show func(*answer)
	}{
		{"a note of another node", membership.ErrCheckpointSignature, func(a *answer) {
			a.note = membership.SignCheckpoint(stranger, o.ID, 1, 12, o.RootAt(12), o.Now)
		}},
		{"a note of the node that the caller names, not the roll", membership.ErrCheckpointSignature, func(a *answer) {
			a.note = membership.SignCheckpoint(stranger, o.ID, 1, 12, o.RootAt(12), o.Now)
			a.node = stranger.Public()
		}},
		{"a note without cosignature", membership.ErrCheckpointSignature, func(a *answer) { a.note = dropLine(a.note, 6) }},
		{"a note of another organization", membership.ErrCheckpointSignature, func(a *answer) {
			a.note = membership.SignCheckpoint(o.Node, keys.OrgID{1}, 1, 12, o.RootAt(12), o.Now)
		}},
		{"another term", membership.ErrSequencer, func(a *answer) {
			a.note = membership.SignCheckpoint(o.Node, o.ID, 2, 12, o.RootAt(12), o.Now)
		}},
		{"an old checkpoint", membership.ErrShrunk, func(a *answer) {
			*a = answer{note: o.CheckpointAt(have - 1)}
		}},
		{"an old checkpoint of another history", fork, func(a *answer) {
			*a = answer{note: other.CheckpointAt(have - 1)}
		}},
		{"a checkpoint of our size with another root", fork, func(a *answer) {
			*a = answer{note: other.CheckpointAt(have)}
		}},
		{"a longer roll that does not continue ours", fork, func(a *answer) {
			*a = answer{other.Checkpoint(), o.Node.Public(), other.Entries[have:], other.Consistency(have)}
		}},
		{"a longer roll with a proof that does not hold", fork, func(a *answer) { a.proof = a.proof[1:] }},
		{"an empty roll", membership.ErrShrunk, func(a *answer) {
			*a = answer{note: o.CheckpointAt(0)}
		}},
		{"a proof where none is due", membership.ErrProof, func(a *answer) {
			a.note, a.entries = o.CheckpointAt(have), nil
		}},
		{"an entry left out", membership.ErrEntries, func(a *answer) { a.entries = a.entries[1:] }},
		{"an entry too many", membership.ErrEntries, func(a *answer) { a.entries = append(a.entries, a.entries[0]) }},
		{"two entries in another order", membership.ErrEntries, func(a *answer) {
			a.entries[0], a.entries[1] = a.entries[1], a.entries[0]
		}},
		{"an entry in place of another", membership.ErrEntries, func(a *answer) { a.entries[2] = other.Entries[8] }},
		{"an entry for others only", membership.ErrEntries, func(a *answer) { a.entries[2].Audience.Kind = 1 }},
		{"no checkpoint", membership.ErrCheckpoint, func(a *answer) { a.note = nil }},
		{"a huge checkpoint", membership.ErrCheckpoint, func(a *answer) { a.note = make([]byte, membership.MaxNote+1) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			roll, before := prefix(t, o, have), prefix(t, o, have)
			var a answer
			a.note, a.node, a.entries, a.proof = good()
			c.show(&a)
			_, err := roll.Extend(a.note, a.node, a.entries, a.proof)
			forked, isFork := errors.AsType[*membership.ForkError](err)
			if c.want == fork {
				if !isFork || !bytes.Equal(forked.Own, o.CheckpointAt(have)) || !bytes.Equal(forked.Other, a.note) {
					t.Errorf("%v, want *ForkError with both notes", err)
				}
			} else if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if diff := cmp.Diff(before, roll, everything); diff != "" {
				t.Errorf("the roll has changed:\n%s", diff)
			}
		})
	}
	roll := prefix(t, o, have)
	if _, err := roll.Extend(good()); err != nil {
		t.Errorf("the answer that these are made from: %v", err)
	}
}

// answer is what a sequencer shows.
type answer struct {
	note    []byte
	node    keys.PublicKey
	entries []membership.Entry
	proof   []membership.Hash
}

// A node that shows the true beginning of an organization as if it were its sequencer is refused, with the event that
// names the true one or without anything folded. [ROLL-53]
func TestExtendOtherSequencer(t *testing.T) {
	o := grown(t, 1, 5)
	thief := o.Key()
	sign := func(size uint64) []byte {
		return membership.SignCheckpoint(thief, o.ID, 1, size, o.RootAt(size), o.Now)
	}
	roll := membership.NewRoll(o.ID)
	if _, err := roll.Extend(sign(5), thief.Public(), o.Entries, nil); !errors.Is(err, membership.ErrSequencer) {
		t.Errorf("%v, want ErrSequencer", err)
	}
	if roll.Size() != 0 {
		t.Errorf("%d entries folded", roll.Size())
	}
	if _, err := roll.Extend(sign(1), thief.Public(), o.Entries[:1], nil); err != nil {
		t.Fatalf("the founding event alone names no sequencer: %v", err)
	}
	proof := o.Consistency(1)
	if _, err := roll.Extend(sign(5), thief.Public(), o.Entries[1:], proof); !errors.Is(err, membership.ErrSequencer) {
		t.Errorf("%v, want ErrSequencer", err)
	}
	if _, err := roll.Extend(o.Checkpoint(), o.Node.Public(), o.Entries[1:], proof); err != nil {
		t.Errorf("the true sequencer: %v", err)
	}
}

// A roll of another organization does not pass for the one asked for. [ROLL-10]
func TestExtendOtherOrg(t *testing.T) {
	o, wanted := grown(t, 1, 4), grown(t, 2, 4)
	roll := membership.NewRoll(wanted.ID)
	note := membership.SignCheckpoint(o.Node, wanted.ID, 1, 4, o.RootAt(4), o.Now)
	_, err := roll.Extend(note, o.Node.Public(), o.Entries, nil)
	if !errors.Is(err, membership.ReasonOrg) || roll.Size() != 0 {
		t.Errorf("%v at size %d, want ReasonOrg at 0", err, roll.Size())
	}
}

// A sequencer signs over an entry that breaks a rule: what comes before is kept, the rest is not, and the note is
// evidence. [ROLL-54]
func TestExtendRuleBroken(t *testing.T) {
	for _, c := range foldCases() {
		if c.reason == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			o := membershiptest.New(t, 1)
			bad := c.make(o)
			entries := append(slices.Clone(o.Entries), bad, bad)
			size := uint64(len(entries))
			note := membership.SignCheckpoint(o.Node, o.ID, 1, size, rootOf(t, entries), o.Now)

			roll, before := membership.NewRoll(o.ID), refold(t, o)
			_, err := roll.Extend(note, o.Node.Public(), entries, nil)
			broken, ok := errors.AsType[*membership.RuleBrokenError](err)
			if !ok {
				// A second node or term is seen before anything is folded.
				if errors.Is(err, membership.ErrSequencer) && roll.Size() == 0 {
					return
				}
				t.Fatalf("%v, want *RuleBrokenError", err)
			}
			if broken.Index != size-2 || broken.Refusal.Reason != c.reason || !bytes.Equal(broken.Note, note) {
				t.Errorf("%+v, want index %d and %v", broken, size-2, c.reason)
			}
			if diff := cmp.Diff(before.State(), roll.State(), everything); diff != "" {
				t.Errorf("not the state before the entry:\n%s", diff)
			}
		})
	}
}

// rootOf returns the root of entries, whatever the rules say of them, from the definition of RFC 6962.
func rootOf(t testing.TB, entries []membership.Entry) membership.Hash {
	t.Helper()
	leaves := make([]membership.Hash, len(entries))
	for i, entry := range entries {
		leaves[i] = entry.Leaf()
	}
	return merkle(leaves)
}

// Another member's head. [ROLL-55]
func TestCompare(t *testing.T) {
	o, other := grown(t, 1, 9), fork(t, 1, 4, 12)
	roll := prefix(t, o, 9)
	for size := range uint64(10) {
		if err := roll.Compare(size, o.RootAt(size)); err != nil {
			t.Errorf("our own head of size %d: %v", size, err)
		}
	}
	if err := roll.Compare(12, other.RootAt(12)); !errors.Is(err, membership.ErrAhead) {
		t.Errorf("a longer roll: %v, want ErrAhead", err)
	}
	for _, size := range []uint64{5, 9} {
		forked, ok := errors.AsType[*membership.ForkError](roll.Compare(size, other.RootAt(size)))
		if !ok || !forked.Proved || forked.OwnRoot != o.RootAt(size) || forked.OtherRoot != other.RootAt(size) ||
			!bytes.Equal(forked.Own, o.CheckpointAt(9)) {
			t.Errorf("another history of size %d: %+v, want *ForkError", size, forked)
		}
	}
	if err := roll.Compare(4, other.RootAt(4)); err != nil {
		t.Errorf("the common beginning: %v", err)
	}
}

// Events that are refused have no effect, wherever they come between those that are accepted. [ROLL-10]
func TestRefusalsHaveNoEffect(t *testing.T) {
	cases := foldCases()
	rapid.Check(t, func(rt *rapid.T) {
		o := membershiptest.New(t, 7)
		bad := membershiptest.New(t, 8)
		ann := o.Join("Zoe")
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			// Entries made for another organization with the same rules, and for this one's past, all refused here.
			c := rapid.SampledFrom(cases).Draw(rt, "case")
			var entry membership.Entry
			if c.reason != 0 && c.reason != membership.ReasonLimit {
				entry, bad = c.make(bad), membershiptest.New(t, 8)
			}
			if entry.Event != nil { // nobody can judge what an entry hides
				size, before := o.Roll.Size(), o.RootAt(o.Roll.Size())
				if err := o.Roll.Append(entry); err == nil {
					rt.Fatalf("%s accepted by another organization", c.name)
				}
				old := rapid.SampledFrom(o.Entries).Draw(rt, "replayed")
				old.Time = o.Now.UnixMilli()
				if err := o.Roll.Append(old); err == nil {
					rt.Fatal("a replayed entry is accepted")
				}
				if o.Roll.Size() != size || o.RootAt(size) != before {
					rt.Fatal("a refused entry changed the roll")
				}
			}
			switch rapid.IntRange(0, 2).Draw(rt, "good") {
			case 0:
				o.Invite(ann, membership.RoleMember, 1)
			case 1:
				o.AddDevice(ann)
			case 2:
				o.Join("Ann" + string(rune('a'+len(o.Members))))
			}
		}
		if diff := cmp.Diff(refold(t, o).State(), o.Roll.State(), everything); diff != "" {
			rt.Fatalf("not the state of the accepted entries alone:\n%s", diff)
		}
	})
}

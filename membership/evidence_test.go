package membership_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"muster.example/internal/keys"
	files "muster.example/internal/repotest/vector"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

const evidenceDir = "../docs/spec/testdata/evidence"

// updating reports whether the vectors are to be written anew.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// forked returns evidence that the node of o signed another roll of size, whose first entries are the same.
func forked(t testing.TB, same, size int) (membership.Evidence, *membershiptest.Org) {
	t.Helper()
	o := grown(t, 1, 11)
	other := grown(t, 1, same)
	other.Now = other.Now.Add(time.Minute)
	for len(other.Entries) < size {
		other.Invite(other.Founder, membership.RoleGuest, 2)
	}
	e, err := o.Replica().NewFork(headOf(t, o, o.Checkpoint()), headOf(t, other, other.Checkpoint()), o.Entries[0], o.Entries[1], 1)
	if err != nil {
		t.Fatal(err)
	}
	return e, o
}

// broken returns evidence that the node signed a roll of size entries, one of which breaks a rule.
func broken(t testing.TB, index, size int) (membership.Evidence, *membershiptest.Org) {
	t.Helper()
	o := grown(t, 1, index)
	bad := byMember(o, o.Founder, func(o *membershiptest.Org, e *membership.Event) {
		e.Counter++
		inviteOf(nil)(o, e)
	})
	entries := append(slices.Clone(o.Entries), bad)
	for len(entries) < size {
		entries = append(entries, byMember(o, o.Founder, inviteOf(nil)))
	}
	e, err := membership.NewBroken(o.ID, headOf(t, o, signEntries(t, o, entries)), entries, uint64(index))
	if err != nil {
		t.Fatal(err)
	}
	return e, o
}

// signEntries signs entries with the node's key, whatever the rules say of them.
func signEntries(t testing.TB, o *membershiptest.Org, entries []membership.Entry) []byte {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, err error) {
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for i, entry := range entries {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), entry.Leaf(), reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(entries)), reader)
	if err != nil {
		t.Fatal(err)
	}
	return membership.SignCheckpoint(o.Node, o.ID, 1, uint64(len(entries)), root, o.Now)
}

// evidenceCase is evidence after one change.
type evidenceCase struct {
	name, expect, rule, comment string
	make                        func(t testing.TB) []byte
}

func forkCase(name, expect, comment string, change func(o *membershiptest.Org, e *membership.Evidence)) evidenceCase {
	return evidenceCase{"fork_" + name, expect, "[ROLL-64]", comment, func(t testing.TB) []byte {
		e, o := forked(t, 4, 7)
		change(o, &e)
		return e.Marshal()
	}}
}

func brokenCase(name, expect, comment string, change func(o *membershiptest.Org, e *membership.Evidence)) evidenceCase {
	return evidenceCase{"broken_" + name, expect, "[ROLL-65]", comment, func(t testing.TB) []byte {
		e, o := broken(t, 5, 8)
		change(o, &e)
		return e.Marshal()
	}}
}

func formCase(name, comment string, change func(data []byte) []byte) evidenceCase {
	return evidenceCase{"fork_" + name, "decode", "[ROLL-63]", comment, func(t testing.TB) []byte {
		e, _ := forked(t, 4, 7)
		return change(e.Marshal())
	}}
}

// headBy returns a head that a key signed.
func headBy(o *membershiptest.Org, key keys.PrivateKey, term, size uint64, root membership.Hash) [membership.HeadBytes]byte {
	head, err := membership.HeadOf(membership.SignCheckpoint(key, o.ID, term, size, root, o.Now), o.ID, key.Public())
	if err != nil {
		panic(err)
	}
	return [membership.HeadBytes]byte(head.Marshal())
}

func headBytes(o *membershiptest.Org, key keys.PrivateKey, term, size uint64, root membership.Hash) []byte {
	head := headBy(o, key, term, size, root)
	return head[:]
}

// namedBy returns an entry by which a device names a node, as entry number 1.
func namedBy(o *membershiptest.Org, device keys.PrivateKey, term uint64) []byte {
	e := membership.Event{Org: o.ID, Counter: 2, At: 1, Rendezvous: &membership.Rendezvous{
		Node: o.Node.Public(), Addresses: []string{"/ip4/192.0.2.1/udp/4001/quic-v1"}, Term: term,
	}}
	entry := o.Entries[1]
	entry.Event = membership.SignEvent(e, device, nil)
	return entry.Marshal()
}

func evidenceCases() []evidenceCase {
	type org = membershiptest.Org
	type evidence = membership.Evidence
	none := func(*org, *evidence) {}
	return []evidenceCase{
		forkCase("ok_smaller", "ok", "a smaller head that does not begin the larger one", none),
		{"fork_ok_same", "ok", "[ROLL-64]", "two heads of one size", func(t testing.TB) []byte {
			e, _ := forked(t, 4, 11)
			return e.Marshal()
		}},
		forkCase("begins", "state", "the smaller head begins the larger one", func(o *org, e *evidence) {
			e.Fork.Smaller = headBy(o, o.Node, 1, 7, o.RootAt(7))
		}),
		forkCase("larger_bit", "signature", "one bit of the larger head's signature is wrong", func(_ *org, e *evidence) {
			e.Fork.Larger[119] ^= 1
		}),
		forkCase("larger_signer", "signature", "the larger head is signed by a member", func(o *org, e *evidence) {
			e.Fork.Larger = headBy(o, o.Founder.Device(), 1, 11, o.RootAt(11))
		}),
		forkCase("smaller_bit", "signature", "one bit of the smaller head's root is wrong", func(_ *org, e *evidence) {
			e.Fork.Smaller[16] ^= 1
		}),
		forkCase("smaller_signer", "signature", "the smaller head is signed by a member", func(o *org, e *evidence) {
			e.Fork.Smaller = headBy(o, o.Founder.Device(), 1, 7, membership.Hash{1})
		}),
		forkCase("smaller_term", "state", "heads of two terms", func(o *org, e *evidence) {
			e.Fork.Smaller = headBy(o, o.Node, 2, 7, membership.Hash{1})
		}),
		forkCase("smaller_larger", "proof", "the second head is the larger one", func(o *org, e *evidence) {
			e.Fork.Smaller = headBy(o, o.Node, 1, 12, membership.Hash{1})
		}),
		forkCase("root", "proof", "a root that the proof does not lead from", func(_ *org, e *evidence) { e.Fork.Root[0] ^= 1 }),
		forkCase("consistency_bit", "proof", "one bit of the proof of consistency is wrong", func(_ *org, e *evidence) {
			e.Fork.Consistency[0][0] ^= 1
		}),
		forkCase("consistency_missing", "proof", "no proof of consistency", func(_ *org, e *evidence) { e.Fork.Consistency = nil }),
		forkCase("consistency_long", "decode", "65 hashes", func(_ *org, e *evidence) {
			e.Fork.Consistency = make([]membership.Hash, membership.MaxProof+1)
		}),
		forkCase("inclusion_bit", "proof", "one bit of the proof of inclusion is wrong", func(_ *org, e *evidence) {
			e.Fork.Inclusion[0][0] ^= 1
		}),
		forkCase("found_other", "state", "another organization's founding event", func(o *org, e *evidence) {
			e.Fork.Found = o.Found(membershiptest.Config{OrgName: "Other"})
		}),
		forkCase("found_kind", "state", "an event that founds nothing", func(o *org, e *evidence) { e.Fork.Found = o.Entries[1].Event }),
		forkCase("found_bit", "signature", "one bit of the founding event's signature is wrong", func(_ *org, e *evidence) {
			e.Fork.Found = bytes.Clone(e.Fork.Found)
			e.Fork.Found[len(e.Fork.Found)-1] ^= 1
		}),
		forkCase("named_kind", "state", "an entry that names no sequencer", func(o *org, e *evidence) { e.Fork.Named = o.Entries[2].Marshal() }),
		forkCase("named_stranger", "state", "a stranger names the sequencer", func(o *org, e *evidence) {
			e.Fork.Named = namedBy(o, o.Node, 1)
		}),
		forkCase("named_term", "state", "the entry is of another term", func(o *org, e *evidence) {
			e.Fork.Named = namedBy(o, o.Founder.Device(), 2)
		}),
		forkCase("named_elsewhere", "proof", "the founder names the sequencer in an event that is not on the roll", func(o *org, e *evidence) {
			e.Fork.Named = namedBy(o, o.Founder.Device(), 1)
			e.Fork.Named = bytes.Replace(e.Fork.Named, o.Entries[1].Nonce[:], make([]byte, 16), 1)
		}),
		forkCase("named_index", "state", "the entry is not the second", func(_ *org, e *evidence) { e.Fork.Index = 2 }),
		forkCase("org", "state", "another organization", func(_ *org, e *evidence) { e.Org[0] ^= 1 }),
		forkCase("version", "decode", "version 2", func(_ *org, e *evidence) { e.Version = 2 }),
		forkCase("kinds_none", "decode", "no kind", func(_ *org, e *evidence) { e.Fork = nil }),
		forkCase("kinds_two", "decode", "two kinds", func(o *org, e *evidence) {
			e.Broken = &membership.Broken{Head: e.Fork.Larger, Entries: [][]byte{o.Entries[0].Marshal()}}
		}),
		formCase("empty", "no bytes", func([]byte) []byte { return nil }),
		formCase("cut", "the last byte is missing", func(data []byte) []byte { return data[:len(data)-1] }),
		formCase("trailing", "one byte too many", func(data []byte) []byte { return append(data, 0) }),
		formCase("unknown_key", "a key that no version knows", func(data []byte) []byte {
			data[0]++
			return append(data, 0x18, 0x63, 0)
		}),

		brokenCase("ok", "ok", "the sixth entry of eight has a counter that is not due", none),
		{"broken_ok_last", "ok", "[ROLL-65]", "the last entry", func(t testing.TB) []byte {
			e, _ := broken(t, 5, 6)
			return e.Marshal()
		}},
		{"broken_no_fault", "state", "[ROLL-65]", "the last entry breaks no rule", func(t testing.TB) []byte {
			o := grown(t, 1, 8)
			proof, err := o.Roll.ProveConsistency(6, 8)
			if err != nil {
				t.Fatal(err)
			}
			b := &membership.Broken{Head: headBy(o, o.Node, 1, 8, o.RootAt(8)), Consistency: proof}
			for _, entry := range o.Entries[:6] {
				b.Entries = append(b.Entries, entry.Marshal())
			}
			return membership.Evidence{Version: membership.EvidenceVersion, Org: o.ID, Broken: b}.Marshal()
		}},
		brokenCase("before", "state", "an entry before the last breaks a rule", func(o *org, e *evidence) {
			e.Broken.Entries = append(e.Broken.Entries, e.Broken.Entries[4])
		}),
		brokenCase("head_bit", "signature", "one bit of the head's signature is wrong", func(_ *org, e *evidence) {
			e.Broken.Head[119] ^= 1
		}),
		brokenCase("head_signer", "signature", "the head is signed by a member", func(o *org, e *evidence) {
			e.Broken.Head = headBy(o, o.Founder.Device(), 1, 8, membership.Hash{1})
		}),
		brokenCase("head_term", "state", "the head is of a term that the entries know no sequencer of", func(o *org, e *evidence) {
			e.Broken.Head = headBy(o, o.Node, 2, 8, membership.Hash{1})
		}),
		brokenCase("consistency_bit", "proof", "one bit of the proof is wrong", func(_ *org, e *evidence) {
			e.Broken.Consistency[0][0] ^= 1
		}),
		brokenCase("entry_other", "proof", "a broken entry that the node did not sign", func(o *org, e *evidence) {
			e.Broken.Entries[5] = byMember(o, o.Founder, func(o *membershiptest.Org, e *membership.Event) {
				e.Counter += 2
				inviteOf(nil)(o, e)
			}).Marshal()
		}),
		brokenCase("entries_none", "decode", "no entries", func(_ *org, e *evidence) { e.Broken.Entries = nil }),
		brokenCase("entry_malformed", "decode", "an entry that is none", func(_ *org, e *evidence) { e.Broken.Entries[2] = []byte{0} }),
		brokenCase("no_sequencer", "state", "no entry names a sequencer", func(_ *org, e *evidence) {
			e.Broken.Entries = e.Broken.Entries[:1]
		}),
	}
}

// evidenceLayer says where evidence is refused, as the vectors name it.
func evidenceLayer(err error) string {
	reason, _ := membership.ReasonOf(err)
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, membership.ErrEvidence):
		return "decode"
	case !errors.Is(err, membership.ErrUnproved):
		return "unknown"
	case errors.Is(err, membership.ErrHead), reason == membership.ReasonSignature:
		return "signature"
	case errors.Is(err, membership.ErrProof):
		return "proof"
	}
	return "state"
}

func verifyEvidence(data []byte) (membership.Verdict, error) {
	e, err := membership.ParseEvidence(data)
	if err != nil {
		return membership.Verdict{}, err
	}
	return e.Verify()
}

// Evidence proves its case, or is refused by the layer that its one fault is in. [ROLL-63] [ROLL-64] [ROLL-65]
func TestEvidenceVectors(t *testing.T) {
	made := make(map[string]bool)
	for _, c := range evidenceCases() {
		path := filepath.Join(evidenceDir, c.name+".txt")
		made[path] = true
		v := files.Vector{Expect: c.expect, Rule: c.rule, Comment: c.comment, Data: c.make(t)}
		verdict, err := verifyEvidence(v.Data)
		if got := evidenceLayer(err); got != c.expect {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.expect)
		}
		if c.expect == "ok" {
			v.Inputs = append(v.Inputs, "node: "+verdict.Node.String())
			if node := grown(t, 1, 2).Node.Public(); verdict.Node != node || verdict.OrgName != "Example" || verdict.Term != 1 {
				t.Errorf("%s: %+v, the node is %s", c.name, verdict, node)
			}
		}
		if updating() {
			if err := errors.Join(os.MkdirAll(evidenceDir, 0o755), os.WriteFile(path, v.Marshal(), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, v.Marshal()) {
			t.Errorf("%s is not what the generator makes: %v", path, err)
		}
	}
	all, err := filepath.Glob(filepath.Join(evidenceDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if !made[path] {
			t.Errorf("%s has no generator", path)
		}
	}
}

// Between any two sizes, and however much they share, a fork is proved; what is no fork is not.
func TestNewFork(t *testing.T) {
	const size = 9
	o := grown(t, 1, size)
	roll, own := o.Replica(), headOf(t, o, o.Checkpoint())
	for same := 2; same < size; same++ {
		other := grown(t, 1, same)
		other.Now = other.Now.Add(time.Minute)
		for len(other.Entries) <= size {
			head := headOf(t, other, other.Checkpoint())
			e, err := roll.NewFork(own, head, o.Entries[0], o.Entries[1], 1)
			if proved := len(other.Entries) > same && len(other.Entries) <= size; proved != (err == nil) {
				t.Errorf("%d entries, %d the same: %v", len(other.Entries), same, err)
			} else if proved {
				if _, err := verifyEvidence(e.Marshal()); err != nil {
					t.Error(err)
				}
			} else if !errors.Is(err, membership.ErrUnproved) {
				t.Error(err)
			}
			other.Invite(other.Founder, membership.RoleGuest, 2)
		}
	}
}

// What ParseEvidence reads encodes to the bytes it was read from, and what it proves is about the node that signed.
func FuzzEvidence(f *testing.F) {
	for _, c := range evidenceCases() {
		f.Add(c.make(f))
	}
	node := grown(f, 1, 2).Node.Public()
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := membership.ParseEvidence(data)
		if err != nil {
			if !errors.Is(err, membership.ErrEvidence) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(e.Marshal(), data) {
			t.Fatal("the evidence does not encode to the bytes it was read from")
		}
		verdict, err := e.Verify()
		if err == nil && (verdict.Node != node || strings.TrimSpace(verdict.What) == "") {
			t.Fatalf("%+v is proved", verdict)
		}
	})
}

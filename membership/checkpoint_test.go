package membership_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// merkle is the tree head of RFC 6962, section 2.1, written down once more as a check on the library.
func merkle(leaves []membership.Hash) membership.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := merkle(leaves[:k]), merkle(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func TestRootIsRFC6962(t *testing.T) {
	o := grown(t, 1, 17)
	for size := range uint64(18) {
		if got, want := o.RootAt(size), rootOf(t, o.Entries[:size]); got != want {
			t.Errorf("size %d: %v, want %v", size, got, want)
		}
	}
}

func dropLine(text []byte, index int) []byte {
	lines := strings.SplitAfter(string(text), "\n")
	return []byte(strings.Join(append(lines[:index], lines[index+1:]...), ""))
}

func TestCheckpointRoundTrip(t *testing.T) {
	node, org := keys.FromSeed([32]byte{1}), keys.OrgID{2}
	now := time.Date(2026, 5, 4, 3, 2, 1, 999, time.UTC)
	want := membership.Checkpoint{
		Org: org, Term: 3, Size: 4, Root: membership.Hash{5}, Time: now.Truncate(time.Second),
	}
	data := membership.SignCheckpoint(node, org, 3, 4, membership.Hash{5}, now)
	got, err := membership.OpenCheckpoint(data, org, node.Public())
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// The log signature is one that any reader of signed notes verifies. [ROLL-52]
func TestCheckpointIsSignedNote(t *testing.T) {
	o := grown(t, 1, 3)
	name, public := "muster.example/"+o.ID.String(), o.Node.Public()
	key, err := note.NewEd25519VerifierKey(name, public[:])
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(o.Checkpoint(), note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s\n3\n%s\nterm 1\n", name, o.RootAt(3))
	if opened.Text != want || len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 1 {
		t.Errorf("%q with %d and %d signatures, want %q with 1 and 1",
			opened.Text, len(opened.Sigs), len(opened.UnverifiedSigs), want)
	}
}

// checkpointCase is a note that is refused. The same cases are the vectors checkpoint_*.
type checkpointCase struct {
	name, rule, comment string
	want                error
	change              func(note string, node keys.PrivateKey, org keys.OrgID) string
}

// resigned signs a text that SignCheckpoint would not write.
func resigned(change func(string) string) func(string, keys.PrivateKey, keys.OrgID) string {
	return func(data string, node keys.PrivateKey, org keys.OrgID) string {
		text, _, _ := strings.Cut(data, "\n\n")
		return resign(change(text+"\n"), node, org, checkpointTime)
	}
}

// resign writes a note with both signatures over any text, from the definitions of C2SP.
func resign(text string, node keys.PrivateKey, org keys.OrgID, at uint64) string {
	name, public := "muster.example/"+org.String(), node.Public()
	line := func(algorithm byte, signature []byte) string {
		id := sha256.Sum256(append([]byte(name+"\n"+string(algorithm)), public[:]...))
		return "— " + name + " " + base64.StdEncoding.EncodeToString(append(id[:4], signature...)) + "\n"
	}
	stamp := []byte{byte(at >> 56), byte(at >> 48), byte(at >> 40), byte(at >> 32),
		byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}
	return text + "\n" + line(1, rawSign(node, text)) +
		line(4, append(stamp, rawSign(node, fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, text))...))
}

// rawSign signs without a domain, as signed notes do.
func rawSign(key keys.PrivateKey, text string) []byte {
	return ed25519.Sign(key.Standard(), []byte(text))
}

const checkpointTime = 1767225600

func checkpointCases() []checkpointCase {
	text, signature := membership.ErrCheckpoint, membership.ErrCheckpointSignature
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	plain := func(change func(string) string) func(string, keys.PrivateKey, keys.OrgID) string {
		return func(s string, _ keys.PrivateKey, _ keys.OrgID) string { return change(s) }
	}
	return []checkpointCase{
		{"ok", "[ROLL-52]", "a checkpoint", nil, resigned(func(s string) string { return s })},
		{"no_log_signature", "[ROLL-53]", "the cosignature alone", signature,
			plain(func(s string) string { return string(dropLine([]byte(s), 5)) })},
		{"no_cosignature", "[ROLL-53]", "the log signature alone", signature,
			plain(func(s string) string { return string(dropLine([]byte(s), 6)) })},
		{"order", "[ROLL-52]", "the cosignature first", signature, plain(func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			return strings.Join(append(lines[:5], lines[6], lines[5]), "")
		})},
		{"twice", "[ROLL-52]", "the log signature twice", text, plain(func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			return s + lines[5]
		})},
		{"other_node", "[ROLL-53]", "signed by another node", signature,
			func(s string, _ keys.PrivateKey, org keys.OrgID) string {
				body, _, _ := strings.Cut(s, "\n\n")
				return resign(body+"\n", keys.FromSeed([32]byte{9}), org, checkpointTime)
			}},
		{"extra_signature", "[ROLL-52]", "one signature more, by somebody else", signature,
			plain(func(s string) string {
				return s + "— example.com/witness " + base64.StdEncoding.EncodeToString(make([]byte, 76)) + "\n"
			})},
		{"time_changed", "[ROLL-53]", "a cosignature whose time was changed", signature, plain(func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			fields := strings.Fields(lines[6])
			raw, _ := base64.StdEncoding.DecodeString(fields[2])
			raw[11] ^= 1
			return strings.Replace(s, fields[2], base64.StdEncoding.EncodeToString(raw), 1)
		})},
		{"size_changed", "[ROLL-53]", "another size under the signatures", signature, plain(replace("\n7\n", "\n8\n"))},
		{"time_far", "[ROLL-52]", "a time after the last date", text,
			func(s string, node keys.PrivateKey, org keys.OrgID) string {
				body, _, _ := strings.Cut(s, "\n\n")
				return resign(body+"\n", node, org, 1<<62)
			}},
		{"size_zero_padded", "[ROLL-52]", "a size with a zero first", text, resigned(replace("\n7\n", "\n07\n"))},
		{"size_sign", "[ROLL-52]", "a size with a sign", text, resigned(replace("\n7\n", "\n+7\n"))},
		{"size_huge", "[ROLL-40]", "a size above the cap", text, resigned(replace("\n7\n", "\n1099511627777\n"))},
		{"root_short", "[ROLL-52]", "a root of 31 bytes", text, resigned(func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 31)) + "\n"
			return strings.Join(lines, "")
		})},
		{"root_stray_bits", "[ROLL-52]", "a root with stray bits in its last character", text,
			resigned(func(s string) string {
				lines := strings.SplitAfter(s, "\n")
				lines[2] = strings.Repeat("A", 42) + "B=\n"
				return strings.Join(lines, "")
			})},
		{"no_term", "[ROLL-52]", "no term", text, resigned(replace("term 1\n", ""))},
		{"term_word", "[ROLL-52]", "another word for the term", text, resigned(replace("term 1\n", "era 1\n"))},
		{"extra_line", "[ROLL-52]", "a line more than this version knows", text,
			resigned(func(s string) string { return s + "more\n" })},
		{"origin", "[ROLL-53]", "the origin of another organization under this one's key name", text,
			resigned(replace("muster.example/", "muster.example/x"))},
		{"empty", "[ROLL-52]", "nothing", text, plain(func(string) string { return "" })},
	}
}

func TestCheckpointRefuses(t *testing.T) {
	node, org := keys.FromSeed([32]byte{1}), keys.OrgID{2}
	data := membership.SignCheckpoint(node, org, 1, 7, membership.Hash{5}, time.Unix(checkpointTime, 0))
	for _, c := range checkpointCases() {
		t.Run(c.name, func(t *testing.T) {
			changed := c.change(string(data), node, org)
			_, err := membership.OpenCheckpoint([]byte(changed), org, node.Public())
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%s: %v, want %v", c.comment, err, c.want)
			}
			if c.want == nil && changed != string(data) {
				t.Errorf("the definitions give\n%s\nSignCheckpoint\n%s", changed, data)
			}
		})
	}
}

// Every byte of a note is under a signature, or in the one form of the signatures. [ROLL-52] [ROLL-53]
func TestCheckpointEveryByte(t *testing.T) {
	o := grown(t, 1, 3)
	data := o.Checkpoint()
	for i := range data {
		for _, bit := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(data)
			changed[i] ^= bit
			if _, err := membership.OpenCheckpoint(changed, o.ID, o.Node.Public()); err == nil {
				t.Fatalf("byte %d changed by %#x is accepted", i, bit)
			}
		}
	}
}

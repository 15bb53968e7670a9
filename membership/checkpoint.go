package membership

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"muster.example/internal/keys"
)

// originPrefix and the organization's name are the origin of a checkpoint and the name of the key that signs it.
const originPrefix = "muster.example/"

// Algorithms of note signatures (C2SP signed-note): the log's own, and a cosignature that carries its time.
const (
	algorithmLog         = 0x01
	algorithmCosignature = 0x04
)

// stampSize is the length of the time at the start of a cosignature in bytes.
const stampSize = 8

// Checkpoint is the head of a roll as its sequencer signed it.
type Checkpoint struct {
	Org  keys.OrgID
	Term uint64 // of sequencing
	Size uint64
	Root Hash
	Time time.Time // when the sequencer signed it, by its clock; whole seconds, UTC
}

// SignCheckpoint returns the checkpoint of org at size as a signed note: a C2SP tlog-checkpoint with the extension line
// "term N", under the node's log signature and its timestamped cosignature/v1. now is cut to whole seconds. [ROLL-52]
func SignCheckpoint(node keys.PrivateKey, org keys.OrgID, term, size uint64, root Hash, now time.Time) []byte {
	text := Checkpoint{Org: org, Term: term, Size: size, Root: root}.text()
	origin := originPrefix + org.String()
	signed, err := note.Sign(&note.Note{Text: text},
		noteSigner{noteKey{origin, algorithmLog, node.Public()}, node, 0},
		noteSigner{noteKey{origin, algorithmCosignature, node.Public()}, node, now.Unix()})
	if err != nil {
		panic(fmt.Sprintf("membership: a note of our own making was refused: %v", err))
	}
	return signed
}

// OpenCheckpoint reads a checkpoint of org that node signed. It refuses every form but the one that SignCheckpoint
// writes: ErrCheckpoint for the text, ErrCheckpointSignature if one of the two signatures is missing, another's or
// wrong. [ROLL-52] [ROLL-53]
func OpenCheckpoint(data []byte, org keys.OrgID, node keys.PublicKey) (Checkpoint, error) {
	if len(data) > MaxNote {
		return Checkpoint{}, fmt.Errorf("%w: %d bytes", ErrCheckpoint, len(data))
	}
	origin := originPrefix + org.String()
	verifiers := note.VerifierList(
		noteKey{origin, algorithmLog, node}, noteKey{origin, algorithmCosignature, node})
	opened, err := note.Open(data, verifiers)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %v", noteFault(err), err)
	}
	if weak(node) || len(opened.Sigs) != 2 || len(opened.UnverifiedSigs) != 0 {
		return Checkpoint{}, fmt.Errorf("%w: %d good signatures and %d others, not two by the sequencer",
			ErrCheckpointSignature, len(opened.Sigs), len(opened.UnverifiedSigs))
	}
	checkpoint, err := parseCheckpoint(opened.Text, org)
	if err != nil {
		return Checkpoint{}, err
	}
	stamp, err := cosignatureTime(opened.Sigs[1].Base64)
	if err != nil {
		return Checkpoint{}, err
	}
	checkpoint.Time = time.Unix(stamp, 0).UTC()
	if !bytes.Equal(formatNote(opened), data) {
		return Checkpoint{}, fmt.Errorf("%w: not in its one form", ErrCheckpoint)
	}
	return checkpoint, nil
}

// noteFault tells a note that others signed, or wrongly, from one that is no note.
func noteFault(err error) error {
	_, unverified := errors.AsType[*note.UnverifiedNoteError](err)
	_, invalid := errors.AsType[*note.InvalidSignatureError](err)
	if unverified || invalid {
		return ErrCheckpointSignature
	}
	return ErrCheckpoint
}

// text returns what is signed: origin, size, root and term, one a line. [ROLL-52]
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s%s\n%d\n%s\nterm %d\n", originPrefix, c.Org, c.Size, c.Root, c.Term)
}

// parseCheckpoint reads what text writes; the comparison at the end refuses every other spelling of the same values.
func parseCheckpoint(text string, org keys.OrgID) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] != originPrefix+org.String() {
		return Checkpoint{}, fmt.Errorf("%w: its lines are not origin, size, root and term", ErrCheckpoint)
	}
	size, errSize := strconv.ParseUint(lines[1], 10, 64)
	root, errRoot := base64.StdEncoding.DecodeString(lines[2])
	term, errTerm := strconv.ParseUint(strings.TrimPrefix(lines[3], "term "), 10, 64)
	if errSize != nil || errRoot != nil || errTerm != nil || len(root) != len(Hash{}) || size > MaxSize {
		return Checkpoint{}, fmt.Errorf("%w: a line does not hold its value", ErrCheckpoint)
	}
	checkpoint := Checkpoint{Org: org, Term: term, Size: size, Root: Hash(root)}
	if checkpoint.text() != text {
		return Checkpoint{}, fmt.Errorf("%w: not in its one form", ErrCheckpoint)
	}
	return checkpoint, nil
}

// cosignatureTime returns the time of the second signature, which must be the cosignature.
func cosignatureTime(text string) (int64, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 4+stampSize+keys.SignatureSize {
		return 0, fmt.Errorf("%w: the second signature is no cosignature", ErrCheckpointSignature)
	}
	stamp := binary.BigEndian.Uint64(raw[4:])
	if stamp > MaxTime/1000 {
		return 0, fmt.Errorf("%w: its time is no date", ErrCheckpoint)
	}
	return int64(stamp), nil
}

// formatNote writes an opened note anew, with signatures encoded again, to find any other spelling of it.
func formatNote(n *note.Note) []byte {
	out := []byte(n.Text + "\n")
	for _, signature := range n.Sigs {
		raw, err := base64.StdEncoding.DecodeString(signature.Base64)
		if err != nil {
			return nil
		}
		out = fmt.Appendf(out, "— %s %s\n", signature.Name, base64.StdEncoding.EncodeToString(raw))
	}
	return out
}

// noteKey implements note.Verifier for one algorithm of a node's key.
type noteKey struct {
	name      string
	algorithm byte
	key       keys.PublicKey
}

// Name implements note.Verifier.
func (k noteKey) Name() string { return k.name }

// KeyHash implements note.Verifier: the first four bytes of the hash of name, algorithm and key (C2SP signed-note).
func (k noteKey) KeyHash() uint32 {
	h := sha256.New()
	h.Write([]byte(k.name + "\n"))
	h.Write([]byte{k.algorithm})
	h.Write(k.key[:])
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// Verify implements note.Verifier.
func (k noteKey) Verify(text, signature []byte) bool {
	if k.algorithm == algorithmLog {
		return len(signature) == keys.SignatureSize && ed25519.Verify(k.key[:], text, signature)
	}
	if len(signature) != stampSize+keys.SignatureSize {
		return false
	}
	stamp := binary.BigEndian.Uint64(signature)
	return ed25519.Verify(k.key[:], cosigned(stamp, text), signature[stampSize:])
}

// noteSigner implements note.Signer.
type noteSigner struct {
	noteKey
	private keys.PrivateKey
	time    int64 // of a cosignature, Unix seconds
}

// Sign implements note.Signer.
func (s noteSigner) Sign(text []byte) ([]byte, error) {
	if s.algorithm == algorithmLog {
		return ed25519.Sign(s.private.Standard(), text), nil
	}
	stamp := uint64(max(s.time, 0))
	signature := binary.BigEndian.AppendUint64(nil, stamp)
	return append(signature, ed25519.Sign(s.private.Standard(), cosigned(stamp, text))...), nil
}

// cosigned lays out what a cosignature/v1 signs (C2SP tlog-cosignature).
func cosigned(stamp uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", stamp), text...)
}

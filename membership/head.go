package membership

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"muster.example/internal/keys"
)

// HeadBytes is the length of a Head as it travels.
const HeadBytes = 8 + 8 + len(Hash{}) + 8 + keys.SignatureSize

// ErrHead means that bytes are not a head in its one form, or not one that the sequencer of its term signed.
var ErrHead = errors.New("membership: not a head that the sequencer signed")

// Head is a checkpoint in HeadBytes: its values and its cosignature/v1 alone, from which the text that was signed is
// made again. It proves what the whole checkpoint proves: that the sequencer signed this size and root at this time.
// Members put it into what they write to each other. [ROLL-56]
type Head struct {
	Term        uint64
	Size        uint64
	Root        Hash
	Time        int64 // when the sequencer signed it, Unix seconds
	Cosignature keys.Signature
}

// HeadOf returns the head of a checkpoint of org that node signed. Errors are those of OpenCheckpoint.
func HeadOf(note []byte, org keys.OrgID, node keys.PublicKey) (Head, error) {
	checkpoint, err := OpenCheckpoint(note, org, node)
	if err != nil {
		return Head{}, err
	}
	return checkpoint.head(note)
}

// head takes time and cosignature out of the verified note of the checkpoint: they end its last line.
func (c Checkpoint) head(note []byte) (Head, error) {
	line := bytes.TrimSuffix(note, []byte("\n"))
	raw, err := base64.StdEncoding.DecodeString(string(line[bytes.LastIndexByte(line, ' ')+1:]))
	if err != nil || len(raw) != 4+stampSize+keys.SignatureSize {
		return Head{}, fmt.Errorf("%w: the second signature is no cosignature", ErrCheckpointSignature)
	}
	return Head{
		Term: c.Term, Size: c.Size, Root: c.Root,
		Time: int64(binary.BigEndian.Uint64(raw[4:])), Cosignature: keys.Signature(raw[4+stampSize:]),
	}, nil
}

// Marshal returns the head as it travels: term, size, root, time and cosignature, numbers in eight big-endian bytes.
// [ROLL-56]
func (h Head) Marshal() []byte {
	data := make([]byte, 0, HeadBytes)
	data = binary.BigEndian.AppendUint64(data, h.Term)
	data = binary.BigEndian.AppendUint64(data, h.Size)
	data = append(data, h.Root[:]...)
	data = binary.BigEndian.AppendUint64(data, uint64(h.Time))
	return append(data, h.Cosignature[:]...)
}

// ParseHead reads what Marshal wrote; ErrHead for everything else. It checks no signature. [ROLL-56]
func ParseHead(data []byte) (Head, error) {
	if len(data) != HeadBytes {
		return Head{}, fmt.Errorf("%w: %d bytes where %d are due", ErrHead, len(data), HeadBytes)
	}
	number := func() uint64 {
		n := binary.BigEndian.Uint64(data)
		data = data[8:]
		return n
	}
	var h Head
	h.Term, h.Size = number(), number()
	data = data[copy(h.Root[:], data):]
	stamp := number()
	copy(h.Cosignature[:], data)
	if h.Size > MaxSize || stamp > MaxTime/1000 {
		return Head{}, fmt.Errorf("%w: size %d at %d", ErrHead, h.Size, stamp)
	}
	h.Time = int64(stamp)
	return h, nil
}

// Verify returns nil if node signed the head for org, else an error that wraps ErrHead. [ROLL-56]
func (h Head) Verify(org keys.OrgID, node keys.PublicKey) error {
	text := Checkpoint{Org: org, Term: h.Term, Size: h.Size, Root: h.Root}.text()
	if h.Time < 0 || weak(node) || !ed25519.Verify(node[:], cosigned(uint64(h.Time), []byte(text)), h.Cosignature[:]) {
		return fmt.Errorf("%w: size %d in term %d", ErrHead, h.Size, h.Term)
	}
	return nil
}

// Head returns the head of the checkpoint that was adopted last, or false for a roll that adopted none.
func (r *Roll) Head() (Head, bool) {
	text, _, _ := bytes.Cut(r.note, []byte("\n\n"))
	checkpoint, err := parseCheckpoint(string(text)+"\n", r.state.org)
	if err != nil {
		return Head{}, false
	}
	head, err := checkpoint.head(r.note)
	return head, err == nil
}

// VerifyHead returns nil if a head is signed by the sequencer that the roll names for its term: ErrSequencer if it names
// none for that term, ErrHead for any other signature. Who passed the head on cannot have made it up. [ROLL-56]
func (r *Roll) VerifyHead(h Head) error {
	node, ok := r.state.sequencerOf(h.Term)
	if !ok {
		return fmt.Errorf("%w: none for term %d", ErrSequencer, h.Term)
	}
	return h.Verify(r.state.org, node)
}

// CompareHead holds a head that somebody passed on against the roll: nil if it is a beginning of it; ErrAhead if it is
// larger, signed or of a term that the roll does not know yet; *ForkError if the sequencer of its term signed it and it
// contradicts the roll; ErrHead and ErrSequencer if the sequencer did not sign it, so that it says something of whoever
// passed it on alone. What a node signed beyond the end of its term is void, and nil. [ROLL-55]
func (r *Roll) CompareHead(h Head) error {
	err := r.VerifyHead(h)
	if errors.Is(err, ErrSequencer) && h.Size > r.Size() {
		return fmt.Errorf("%w: %d of %d, in term %d", ErrAhead, h.Size, r.Size(), h.Term)
	}
	if err != nil || r.state.VoidHead(h.Term, h.Size) {
		return err
	}
	return r.Compare(h.Size, h.Root)
}

// sequencerOf returns the node that orders the roll in a term.
func (s *State) sequencerOf(term uint64) (keys.PublicKey, bool) {
	for _, t := range s.terms {
		if t.Number == term {
			return t.Node, true
		}
	}
	return keys.PublicKey{}, false
}

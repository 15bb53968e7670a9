package mesh

import (
	"fmt"

	"muster.example/internal/wire"
)

// Kind says what a frame holds. The numbers are part of the wire format. [MSH-3]
type Kind uint8

// The kinds. What a reader does not know it passes over.
const (
	KindHello    Kind = 1 // Hello, first and once
	KindKnown    Kind = 2 // Known
	KindPrekeys  Kind = 3 // Prekeys
	KindAsk      Kind = 4 // Ask
	KindEnvelope Kind = 5 // a carried envelope for the reader itself, as envelope.Carried encodes it
	KindReceipt  Kind = 6 // a device's receipt, as it signed it
	KindPing     Kind = 7 // Ping
	KindPresence Kind = 8 // Presence

	FirstOfCarriers Kind = 16 // the first of the kinds by which devices hand each other what is for others
	LastOfCarriers  Kind = 23
)

// OfCarriers reports whether a kind is one of those by which devices hand each other what is for others.
func (k Kind) OfCarriers() bool { return FirstOfCarriers <= k && k <= LastOfCarriers }

// most is the size of the longest body of each kind.
var most = map[Kind]int{
	KindHello: maxHello, KindKnown: MaxKnown, KindPrekeys: maxPrekeys, KindAsk: maxAsk, KindEnvelope: MaxEnvelope,
	KindReceipt: MaxReceipt, KindPing: maxSmall, KindPresence: maxSmall,
}

// Most returns the size of the longest body of a kind, in bytes.
func (k Kind) Most() int {
	if n, known := most[k]; known {
		return n
	}
	return MaxCarriers
}

// Frame is one frame: what Body holds depends on Kind.
type Frame struct {
	Kind Kind
	Body []byte
}

// Bytes returns the frame as it travels, behind its length. [MSH-2]
func (f Frame) Bytes() []byte { return append([]byte{byte(f.Kind)}, f.Body...) }

// Parse reads a frame and checks its size against its kind. The body points into data. Errors wrap wire.ErrDecode. [MSH-2] [MSH-3]
func Parse(data []byte) (Frame, error) {
	if len(data) < 2 {
		return Frame{}, malformed("a frame of %d bytes", len(data))
	}
	f := Frame{Kind: Kind(data[0]), Body: data[1:]}
	if len(f.Body) > f.Kind.Most() {
		return Frame{}, malformed("a frame of kind %d with %d bytes, where at most %d are allowed", f.Kind, len(f.Body), f.Kind.Most())
	}
	return f, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: mesh: %s", wire.ErrDecode, fmt.Sprintf(format, args...))
}

// message is what the body of a frame says.
type message interface{ check() error }

// read reads the body of a frame.
func read[M message](f Frame, kind Kind, m *M) error {
	if f.Kind != kind {
		return malformed("a frame of kind %d where one of kind %d is expected", f.Kind, kind)
	}
	if err := wire.Decode(f.Body, m); err != nil {
		return err
	}
	return (*m).check()
}

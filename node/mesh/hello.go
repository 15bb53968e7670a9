package mesh

import "muster.example/internal/wire"

// Version is that of the protocol that Hello names.
const Version = 1

// Ability is something that a device can do, as bits. Those that a reader does not know it passes over. The numbers are part of the
// wire format.
type Ability uint64

// The abilities. [MSH-4]
const (
	CanCarry Ability = 1 << 0 // it takes what is for others, and hands it on
)

// State is what a device says of its person. The numbers are part of the wire format. [MSH-20]
type State uint8

// The states.
const (
	StateUntold State = 0 // the member does not let the reader see it
	StateOnline State = 1
	StateAway   State = 2
)

// Hello is the first frame of each side. [MSH-4]
type Hello struct {
	Version uint64  `cbor:"1,keyasint"`
	Size    uint64  `cbor:"2,keyasint"` // of the roll here
	Can     Ability `cbor:"3,keyasint"`
	State   State   `cbor:"4,keyasint"`
	Clock   int64   `cbor:"5,keyasint"` // unix seconds; decides nothing
}

// Frame encodes it.
func (h Hello) Frame() Frame { return Frame{KindHello, wire.Encode(h)} }

// ReadHello reads the first frame of the other side. Errors wrap wire.ErrDecode.
func ReadHello(f Frame) (h Hello, err error) { return h, read(f, KindHello, &h) }

func (h Hello) check() error {
	if h.Version != Version {
		return malformed("version %d", h.Version)
	}
	if h.State > StateAway {
		return malformed("state %d", h.State)
	}
	return nil
}

// Presence says that what a device says of its person has changed. [MSH-20]
type Presence struct {
	State State `cbor:"1,keyasint"`
}

// Frame encodes it.
func (p Presence) Frame() Frame { return Frame{KindPresence, wire.Encode(p)} }

// ReadPresence reads what the other side says of its person. Errors wrap wire.ErrDecode.
func ReadPresence(f Frame) (p Presence, err error) { return p, read(f, KindPresence, &p) }

func (p Presence) check() error {
	if p.State > StateAway {
		return malformed("state %d", p.State)
	}
	return nil
}

// Ping asks for the same with Answer set, so that each side knows that the other is there. [MSH-7]
type Ping struct {
	Number uint64 `cbor:"1,keyasint"`
	Answer bool   `cbor:"2,keyasint,omitempty"`
}

// Frame encodes it.
func (p Ping) Frame() Frame { return Frame{KindPing, wire.Encode(p)} }

// ReadPing reads a ping or an answer to one. Errors wrap wire.ErrDecode.
func ReadPing(f Frame) (p Ping, err error) { return p, read(f, KindPing, &p) }

func (p Ping) check() error { return nil }

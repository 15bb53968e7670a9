package envelope

import (
	"encoding/binary"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Envelopes, headers and receipts are canonical CBOR like everything else, but are read by hand: whoever carries them reads
// every one, and wire.Decode proves canonical form by encoding again. The reader below gets the same by
// accepting only heads in their shortest form, keys in their order, and no optional field at its zero value; a test and
// a fuzz target hold the two codecs against each other.

// The CBOR major types in use (RFC 8949 section 3.1).
const (
	majorUint  = 0
	majorBytes = 2
	majorArray = 4
	majorMap   = 5
)

// The keys of a header.
const (
	headerVersion = 1 + iota
	headerKind
	headerSender
	headerChain
	headerPosition
	headerRollSize
	headerExpires
	headerSalt
	headerLeave
)

// The keys of a leave.
const (
	leaveKind = 1 + iota
	leaveID
)

// cursor reads canonical CBOR from the front of data. After the first fault every method returns zero values and
// finish the error, so that a decoder needs one check at its end.
type cursor struct {
	data  []byte
	fault string
}

func (c *cursor) fail(fault string) {
	if c.fault == "" {
		c.fault, c.data = fault, nil
	}
}

// head reads a head of the major type and returns its argument; anything above max is a fault.
func (c *cursor) head(major byte, max uint64) uint64 {
	if len(c.data) == 0 {
		c.fail("cut short")
		return 0
	}
	first := c.data[0]
	if first>>5 != major {
		c.fail("an item of the wrong type")
		return 0
	}
	n, size := uint64(first&31), 1
	if n >= 24 {
		if n > 27 {
			c.fail("a length of no known form")
			return 0
		}
		size += 1 << (n - 24)
		if len(c.data) < size {
			c.fail("cut short")
			return 0
		}
		var least uint64
		switch size {
		case 2:
			n, least = uint64(c.data[1]), 24
		case 3:
			n, least = uint64(binary.BigEndian.Uint16(c.data[1:])), 1<<8
		case 5:
			n, least = uint64(binary.BigEndian.Uint32(c.data[1:])), 1<<16
		case 9:
			n, least = binary.BigEndian.Uint64(c.data[1:]), 1<<32
		}
		if n < least {
			c.fail("a number not in its shortest form")
			return 0
		}
	}
	if n > max {
		c.fail("a number or length beyond its cap")
		return 0
	}
	c.data = c.data[size:]
	return n
}

// bytes reads a byte string. It points into the data.
func (c *cursor) bytes() []byte {
	n := c.head(majorBytes, MaxEnvelope)
	if uint64(len(c.data)) < n {
		c.fail("cut short")
		return nil
	}
	value := c.data[:n:n]
	c.data = c.data[n:]
	return value
}

// fill reads a byte string of exactly the length of value into it.
func (c *cursor) fill(value []byte) {
	got := c.bytes()
	if len(got) != len(value) {
		c.fail("an identifier, key or salt of another length")
		return
	}
	copy(value, got)
}

// key reads a key of a header, one byte.
func (c *cursor) key(want byte) {
	if !c.at(want) {
		c.fail("a key missing, unknown, or out of its order")
		return
	}
	c.data = c.data[1:]
}

// at reports whether a key of a header follows.
func (c *cursor) at(key byte) bool { return len(c.data) > 0 && c.data[0] == key }

// finish returns the first fault, or one for bytes that are left.
func (c *cursor) finish(what string) error {
	if len(c.data) > 0 {
		c.fail("trailing bytes")
	}
	if c.fault == "" {
		return nil
	}
	return fmt.Errorf("%w: %w: %s: %s", ErrMalformed, wire.ErrDecode, what, c.fault)
}

// decodeEnvelope reads the outer array. The parts point into data. [ENV-1]
func decodeEnvelope(data []byte) (header, sealed []byte, err error) {
	c := cursor{data: data}
	if c.head(majorArray, 2) != 2 {
		c.fail("an array of the wrong length")
	}
	header, sealed = c.bytes(), c.bytes()
	return header, sealed, c.finish("envelope")
}

// decodeSigned reads something signed. The body points into data.
func decodeSigned(data []byte, what string) (signed signedWire, err error) {
	c := cursor{data: data}
	if c.head(majorArray, 2) != 2 {
		c.fail("an array of the wrong length")
	}
	signed.Body = c.bytes()
	c.fill(signed.Signature[:])
	return signed, c.finish(what)
}

// ids reads an array of identifiers. It is never nil.
func (c *cursor) ids() []keys.EnvelopeID {
	count := c.head(majorArray, MaxEnvelope)
	if count > uint64(len(c.data)/(keys.IDSize+2)) {
		c.fail("cut short")
		return nil
	}
	ids := make([]keys.EnvelopeID, count)
	for i := range ids {
		c.fill(ids[i][:])
	}
	return ids
}

// leave reads a header's leave. One that claims nothing is left out instead.
func (c *cursor) leave(l *Leave) {
	c.key(headerLeave)
	if c.head(majorMap, leaveID) != leaveID {
		c.fail("a map of the wrong length")
	}
	c.key(leaveKind)
	l.Kind = LeaveKind(c.head(majorUint, 1<<8-1))
	c.key(leaveID)
	if c.fill(l.ID[:]); l.IsZero() {
		c.fail("a leave that is zero")
	}
}

// decodeHeader reads a header without judging what its fields say. [ENV-4]
func decodeHeader(data []byte, h *Header) error {
	c := cursor{data: data}
	fields := c.head(majorMap, headerLeave)
	found := uint64(headerLeave)
	c.key(headerVersion)
	h.Version = c.head(majorUint, 1<<64-1)
	c.key(headerKind)
	h.Kind = Kind(c.head(majorUint, 1<<8-1))
	c.key(headerSender)
	c.fill(h.Sender[:])
	if c.at(headerChain) {
		c.key(headerChain)
		if c.fill(h.Chain[:]); h.Chain == (keys.ChainID{}) {
			c.fail("a chain that is zero")
		}
	} else {
		found--
	}
	if c.at(headerPosition) {
		c.key(headerPosition)
		if h.Position = c.head(majorUint, 1<<64-1); h.Position == 0 {
			c.fail("a position that is zero")
		}
	} else {
		found--
	}
	c.key(headerRollSize)
	h.RollSize = c.head(majorUint, 1<<64-1)
	c.key(headerExpires)
	h.Expires = int64(c.head(majorUint, 1<<63-1)) // a negative one is refused by every rule anyway
	c.key(headerSalt)
	c.fill(h.Salt[:])
	if c.at(headerLeave) {
		c.leave(&h.Leave)
	} else {
		found--
	}
	if fields != found {
		c.fail("a map of the wrong length")
	}
	return c.finish("header")
}

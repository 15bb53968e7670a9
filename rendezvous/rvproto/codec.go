package rvproto

import (
	"encoding/binary"
	"fmt"

	"muster.example/internal/wire"
)

// The frames of the long-lived streams are canonical CBOR like everything else, but are read by hand: wire.Decode
// proves canonical form by encoding again, which for a body of a kilobyte costs more than all the rest of accepting
// it. The reader below gets the same by accepting only heads in their shortest form; a fuzz target holds the two
// codecs against each other.

// The CBOR major types in use (RFC 8949 section 3.1).
const (
	majorUint  = 0
	majorBytes = 2
	majorArray = 4
)

// appendHead appends the shortest head of a major type with argument n.
func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendBytes(b, value []byte) []byte {
	return append(appendHead(b, majorBytes, uint64(len(value))), value...)
}

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
	if c.fault != "" {
		return 0
	}
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
		c.fail("an item beyond its cap")
		return 0
	}
	c.data = c.data[size:]
	return n
}

// bytes reads a byte string of at most max bytes. It points into the data.
func (c *cursor) bytes(max int) []byte {
	n := c.head(majorBytes, uint64(max))
	if uint64(len(c.data)) < n {
		c.fail("cut short")
		return nil
	}
	value := c.data[:n:n]
	c.data = c.data[n:]
	return value
}

// fixed reads a byte string of exactly 32 bytes.
func (c *cursor) fixed() (value [32]byte) {
	got := c.bytes(len(value))
	if len(got) != len(value) {
		c.fail("an identifier or key that is not 32 bytes long")
		return value
	}
	return [32]byte(got)
}

func (c *cursor) status() wire.Status { return wire.Status(c.head(majorUint, 1<<16-1)) }

// array reads the head of an array of exactly n items.
func (c *cursor) array(n uint64) {
	if c.head(majorArray, n) != n {
		c.fail("an array of the wrong length")
	}
}

// frame reads the head of a frame with n items, the type among them.
func (c *cursor) frame(want FrameType, n uint64) {
	c.array(n)
	c.kind(want)
}

// kind reads the type of a frame.
func (c *cursor) kind(want FrameType) {
	if FrameType(c.head(majorUint, 255)) != want {
		c.fail("a frame of another type")
	}
}

// finish returns the first fault, or one for bytes that are left, as an error that wraps wire.ErrDecode.
func (c *cursor) finish(what string) error {
	if len(c.data) > 0 {
		c.fail("trailing bytes")
	}
	if c.fault == "" {
		return nil
	}
	return fmt.Errorf("%w: %s frame: %s", wire.ErrDecode, what, c.fault)
}

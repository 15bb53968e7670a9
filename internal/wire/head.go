package wire

import (
	"encoding/binary"
	"fmt"
)

// The major types of RFC 8949, section 3.1.
const (
	MajorUint  = 0
	MajorInt   = 1 // negative
	MajorBytes = 2
	MajorText  = 3
	MajorArray = 4
	MajorMap   = 5
)

// Head reads the head of the data item that data begins with: its major type, its argument, and what follows. It takes the forms
// that Decode takes and no others. To read a whole message, use Decode: this is for finding one part of many. Errors wrap ErrDecode.
func Head(data []byte) (major byte, argument uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, fmt.Errorf("%w: no data item", ErrDecode)
	}
	major, short := data[0]>>5, data[0]&31
	data = data[1:]
	if short < 24 {
		return major, uint64(short), data, nil
	}
	size := 1 << (short - 24)
	if short > 27 || len(data) < size {
		return 0, 0, nil, fmt.Errorf("%w: a head that is cut off or has no length", ErrDecode)
	}
	var buffer [8]byte
	copy(buffer[8-size:], data[:size])
	argument = binary.BigEndian.Uint64(buffer[:])
	if argument < 24 || size > 1 && argument < 1<<(4*size) {
		return 0, 0, nil, fmt.Errorf("%w: a head that is not the shortest", ErrDecode)
	}
	return major, argument, data[size:], nil
}

// Skip returns what follows the data item that data begins with, nested as deep as Decode takes it. Errors wrap ErrDecode.
func Skip(data []byte) (rest []byte, err error) { return skip(data, maxNesting) }

func skip(data []byte, depth int) ([]byte, error) {
	major, argument, rest, err := Head(data)
	if err != nil {
		return nil, err
	}
	switch major {
	case MajorBytes, MajorText:
		if argument > uint64(len(rest)) {
			return nil, fmt.Errorf("%w: %d bytes, of which %d are there", ErrDecode, argument, len(rest))
		}
		return rest[argument:], nil
	case MajorMap, MajorArray:
		if argument > maxElements || depth == 0 {
			return nil, fmt.Errorf("%w: %d parts at a depth of %d", ErrDecode, argument, maxNesting-depth)
		}
		if major == MajorMap {
			argument *= 2
		}
		for range argument {
			if rest, err = skip(rest, depth-1); err != nil {
				return nil, err
			}
		}
	case 6:
		return nil, fmt.Errorf("%w: a tag", ErrDecode)
	}
	return rest, nil
}

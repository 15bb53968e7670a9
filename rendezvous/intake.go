package rendezvous

import (
	"encoding/binary"
	"fmt"

	"muster.example/internal/wire"
)

// intake is what has come on a stream and is not worked off.
type intake struct {
	buffer     []byte // buffer[start:end] is there
	start, end int
	skip       int // bytes of an oversize frame still to be thrown away
}

// makeRoom moves what is left to the front and, if it is the beginning of a frame that is longer than the buffer, and of most
// bytes at most, lets the buffer grow towards it.
func (a *intake) makeRoom(most int) {
	a.end = copy(a.buffer, a.buffer[a.start:a.end])
	a.start = 0
	need := a.end + 1
	if size, n := binary.Uvarint(a.buffer[:a.end]); n > 0 && a.skip == 0 && size <= uint64(most) {
		need = max(need, n+int(size))
	}
	if need > len(a.buffer) {
		larger := make([]byte, min(need, 2*len(a.buffer))) // as it comes, not as it is announced
		copy(larger, a.buffer[:a.end])
		a.buffer = larger
	}
}

// next cuts the next whole frame out of the buffer, where it stays until makeRoom. It returns nil if it has not arrived, an
// error for one of more than most bytes, and oversize for one of more than max, which is thrown away as it comes.
func (a *intake) next(max, most int) (frame []byte, oversize bool, err error) {
	thrown := min(a.skip, a.end-a.start)
	a.start, a.skip = a.start+thrown, a.skip-thrown
	size, n := binary.Uvarint(a.buffer[a.start:a.end])
	switch {
	case n == 0:
		return nil, false, nil
	case n < 0 || n > 5 || size > uint64(most):
		return nil, false, wire.ErrFrameSize
	case n > 1 && a.buffer[a.start+n-1] == 0:
		return nil, false, fmt.Errorf("%w: frame length is not minimal", wire.ErrDecode)
	case int(size) > max:
		a.start += n
		a.skip = int(size)
		return nil, true, nil
	case a.end-a.start < n+int(size):
		return nil, false, nil
	}
	frame = a.buffer[a.start+n : a.start+n+int(size)]
	a.start += n + int(size)
	return frame, false, nil
}

// empty reports whether nothing is there, nor to be thrown away.
func (a *intake) empty() bool { return a.start == a.end && a.skip == 0 }

package envelope

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// paddedSize returns the padded size of length bytes: the next one whose binary form has its low bits zero, so that at most
// about 12 % is added and only a few sizes of each magnitude exist (Nikitin et al., PURBs, 2019), and never
// less than minPadded. [ENV-8]
func paddedSize(length int) int {
	length = max(length, minPadded)
	exponent := bits.Len(uint(length)) - 1
	low := exponent - bits.Len(uint(exponent))
	mask := 1<<low - 1
	return (length + mask) &^ mask
}

// isPadded reports whether a plaintext can have the size.
func isPadded(size int) bool { return size >= minPadded && paddedSize(size) == size }

// pad lays data out in size bytes: length as four big-endian bytes, data, zeros. [ENV-8]
func pad(data []byte, size int) []byte {
	out := make([]byte, size, size+aeadOverhead)
	binary.BigEndian.PutUint32(out, uint32(len(data)))
	copy(out[4:], data)
	return out
}

// unpad returns what pad was given, a part of padded. Anything but zeros in the padding, or a size other than size(4 +
// length), is malformed: each plaintext has one layout.
func unpad(padded []byte, size func(int) int) ([]byte, error) {
	if len(padded) < 4 {
		return nil, fmt.Errorf("%w: padding", ErrMalformed)
	}
	length := int64(binary.BigEndian.Uint32(padded))
	if length > int64(len(padded)-4) || size(int(length)+4) != len(padded) {
		return nil, fmt.Errorf("%w: padding", ErrMalformed)
	}
	data, rest := padded[4:4+length], padded[4+length:]
	for _, b := range rest {
		if b != 0 {
			return nil, fmt.Errorf("%w: padding", ErrMalformed)
		}
	}
	return data, nil
}

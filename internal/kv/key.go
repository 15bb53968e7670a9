package kv

import "encoding/binary"

// Key joins parts to one key, each with its length before it, so that no two lists of parts make the same key and
// Key(a, b) is a prefix of every Key(a, b, …) and of nothing else. Parts of equal length keep their order. [STO-5]
func Key(parts ...[]byte) []byte {
	size := 0
	for _, part := range parts {
		size += len(part) + 2
	}
	key := make([]byte, 0, size)
	for _, part := range parts {
		key = binary.AppendUvarint(key, uint64(len(part)))
		key = append(key, part...)
	}
	return key
}

// Number returns n as a part of a key: eight big-endian bytes, which sort as the numbers do.
func Number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

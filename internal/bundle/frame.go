package bundle

import (
	"encoding/binary"
	"hash/crc32"
)

// magic begins every frame, and so every part. [CAR-10]
var magic = [4]byte{0x8d, 'M', 'u', 'B'}

var sums = crc32.MakeTable(crc32.Castagnoli)

// head is what stands before a sealed item, in the clear.
type head struct {
	size  int // of the sealed item
	sum   uint32
	nonce [nonceSize]byte
}

// appendFrame appends the frame of an item that is sealed already.
func appendFrame(b []byte, nonce [nonceSize]byte, sealed []byte) []byte {
	b = append(b, magic[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(sealed)))
	b = binary.BigEndian.AppendUint32(b, sumOf(nonce, sealed))
	b = append(b, nonce[:]...)
	return append(b, sealed...)
}

// sumOf is the check sum of a frame, by which who has no key sees that it is whole.
func sumOf(nonce [nonceSize]byte, sealed []byte) uint32 {
	return crc32.Update(crc32.Checksum(nonce[:], sums), sums, sealed)
}

// readHead reads the head of a frame; false if these bytes begin none. data has headSize bytes at least.
func readHead(data []byte) (h head, ok bool) {
	if [4]byte(data) != magic {
		return h, false
	}
	size := binary.BigEndian.Uint32(data[4:])
	h.size, h.sum, h.nonce = int(size), binary.BigEndian.Uint32(data[8:]), [nonceSize]byte(data[12:])
	return h, size > overhead && size <= MaxItem+1+overhead
}

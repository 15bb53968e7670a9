package kv

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/fb"
)

// errTable means that a table does not hold what its checksums say. The engine ends the process over some such tables.
var errTable = errors.New("its checksums do not fit what it holds")

// checkTable reads a table that no tally names by its checksums, which show damage, but not what somebody changes together with
// them. It returns the newest version in it. A table is
//
//	blocks | index | length of index 4 | checksum | length of checksum 4
//	block  = entries | offsets, 4 each | their number 4 | checksum | length of checksum 4
//
// Each block and the index are under AES-CTR, their IV of 16 bytes behind them; the index's checksum is of its encrypted form.
func checkTable(path string, key []byte) (newest uint64, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("kv: reading %s: %w", filepath.Base(path), err)
	}
	return checkTableBytes(data, key)
}

func checkTableBytes(data, key []byte) (newest uint64, err error) {
	defer func() {
		if recover() != nil { // the accessors of the index do not look where they read
			newest, err = 0, errTable
		}
	}()
	block, err := aes.NewCipher(key)
	if err != nil {
		return 0, errUnknownKey
	}
	rest, want, ok := cutChecksum(data)
	if !ok || len(rest) < 4 {
		return 0, errTable
	}
	length := uint64(binary.BigEndian.Uint32(rest[len(rest)-4:]))
	rest = rest[:len(rest)-4]
	if length > uint64(len(rest)) {
		return 0, errTable
	}
	raw, blocks := rest[uint64(len(rest))-length:], uint64(len(rest))-length
	if crc32.Checksum(raw, castagnoli) != want {
		return 0, errTable
	}
	plain, ok := decryptPart(block, raw)
	if !ok {
		return 0, errTable
	}
	index, at, offset := fb.GetRootAsTableIndex(plain, 0), uint64(0), fb.BlockOffset{}
	for i := range index.OffsetsLength() {
		if !index.Offsets(&offset, i) || uint64(offset.Offset()) != at || at+uint64(offset.Len()) > blocks {
			return 0, errTable
		}
		if !checkBlock(block, rest[at:at+uint64(offset.Len())]) {
			return 0, errTable
		}
		at += uint64(offset.Len())
	}
	if at != blocks {
		return 0, errTable
	}
	return index.MaxVersion(), nil
}

func checkBlock(block cipher.Block, raw []byte) bool {
	plain, ok := decryptPart(block, raw)
	if !ok {
		return false
	}
	held, want, ok := cutChecksum(plain)
	return ok && crc32.Checksum(held, castagnoli) == want
}

func decryptPart(block cipher.Block, raw []byte) (plain []byte, ok bool) {
	if len(raw) < aes.BlockSize {
		return nil, false
	}
	plain = make([]byte, len(raw)-aes.BlockSize)
	cipher.NewCTR(block, raw[len(plain):]).XORKeyStream(plain, raw[:len(plain)])
	return plain, true
}

// cutChecksum takes a checksum and its length off: the message of protobuf whose field 2 is a CRC-32C.
func cutChecksum(data []byte) (rest []byte, sum uint32, ok bool) {
	if len(data) < 4 {
		return nil, 0, false
	}
	length := uint64(binary.BigEndian.Uint32(data[len(data)-4:]))
	rest = data[:len(data)-4]
	if length > 11 || length > uint64(len(rest)) {
		return nil, 0, false
	}
	field := rest[uint64(len(rest))-length:]
	rest = rest[:uint64(len(rest))-length]
	if length == 0 {
		return rest, 0, true
	}
	n, size := binary.Uvarint(field[1:])
	return rest, uint32(n), field[0] == 2<<3 && size == len(field)-1 && n <= 1<<32-1
}

package kv

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// engineLog reads a log of the engine as the engine does, before it does: there everything behind the first entry that cannot be read
// is cut off as the torn end of a write, whatever it is. A log is
//
//	key id 8 | IV 12 | entries
//
// with integers big-endian, and an entry
//
//	meta 1 | user meta 1 | length of key uvarint | length of value uvarint | expiry uvarint | key and value | CRC-32C of these 4
//
// with key and value under AES-CTR with the IV and the entry's offset, 4 bytes. A key ends with 8 bytes, the bits of its version
// turned over. The file is longer than what it holds, filled up with zeroes.
type engineLog struct {
	data  []byte
	block cipher.Block // nil: nothing was ever written
}

const (
	logHead   = 20
	ivSize    = 12
	metaInTx  = 1 << 6 // an entry of an update
	metaEndTx = 1 << 7 // the end of an update
)

// endKey is the key of the entry that ends an update.
var endKey = []byte("!badger!txn")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errUnknownKey means that the registry of keys lacks the one that a file names.
var errUnknownKey = errors.New("it names a key that the store does not have: its head or " + registryFile + " was changed")

// openLog reads a log. The error is about what the file holds if it is errUnknownKey.
func openLog(path string, registry *badger.KeyRegistry) (*engineLog, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("kv: reading %s: %w", filepath.Base(path), err)
	}
	log := &engineLog{data: data}
	if len(data) < logHead || zeroes(data) {
		return log, nil
	}
	id := binary.BigEndian.Uint64(data)
	key, err := registry.DataKey(id)
	if id == 0 || err != nil {
		return nil, errUnknownKey
	}
	log.block, err = aes.NewCipher(key.Data)
	if err != nil {
		return nil, errUnknownKey
	}
	return log, nil
}

// engineEntry is an entry of a log.
type engineEntry struct {
	meta    byte
	version uint64
	end     int // where the next begins
	summed  int // bytes that were looked at, whether it is one or not
}

// The longest entries: of a value, and of the end of an update, whose value is its version in decimal.
const (
	longestEntry = MaxKey + MaxValue + 1<<10
	longestEnd   = 80
)

// searched is how many bytes of entries that are none are summed at most in a search: a log that was made for it would have many that
// overlap.
const searched = 1 << 30

// entry reads the entry at an offset, of at most so many bytes; ok is false for what is none.
func (l *engineLog) entry(at, longest int) (e engineEntry, ok bool) {
	rest := l.data[at:min(at+longest, len(l.data))]
	if len(rest) < 2 {
		return e, false
	}
	e.meta = rest[0]
	var length [3]uint64 // key, value, expiry
	head := 2
	for i := range length {
		n, size := binary.Uvarint(rest[head:])
		if size <= 0 {
			return e, false
		}
		length[i], head = n, head+size
	}
	key, value := length[0], length[1]
	if key < 8 || key > MaxKey+16 || value > longestEntry || uint64(len(rest)-head) < key+value+crc32.Size {
		return e, false
	}
	end := head + int(key+value)
	e.summed = end
	if crc32.Checksum(rest[:end], castagnoli) != binary.BigEndian.Uint32(rest[end:]) {
		return e, false
	}
	plain := l.decrypt(at, rest[head:head+int(key)])
	e.version = ^binary.BigEndian.Uint64(plain[key-8:])
	e.end = at + end + crc32.Size
	return e, e.meta&metaEndTx == 0 || bytes.HasPrefix(plain, endKey)
}

func (l *engineLog) decrypt(at int, data []byte) []byte {
	iv := make([]byte, aes.BlockSize)
	copy(iv, l.data[8:8+ivSize])
	binary.BigEndian.PutUint32(iv[ivSize:], uint32(at))
	plain := make([]byte, len(data))
	cipher.NewCTR(l.block, iv).XORKeyStream(plain, data)
	return plain
}

// replayed is what the engine makes of a log of updates.
type replayed struct {
	first, last uint64   // versions of the first and last update; zero if there is none
	end         int      // behind what counts
	behind      []uint64 // versions of ends of updates that can be read there: up to two, the lower first
}

// replay reads a log of updates. An update counts once its end is there.
func (l *engineLog) replay() (r replayed) {
	if l.block == nil {
		return r
	}
	r.end = logHead
	pending := uint64(0)
	for at := logHead; ; {
		e, ok := l.entry(at, longestEntry)
		if !ok {
			break
		}
		at = e.end
		switch {
		case e.meta&metaInTx != 0 && (pending == 0 || pending == e.version):
			pending = e.version
			continue
		case e.meta&metaEndTx != 0 && pending == e.version:
			if r.first == 0 {
				r.first = e.version
			}
			r.last, pending = e.version, 0
		case e.meta&(metaInTx|metaEndTx) != 0 || pending != 0:
			at = -1
		}
		if at < 0 {
			break
		}
		r.end = at
	}
	if !zeroes(l.data[r.end:]) {
		r.behind = l.ends(r.end)
	}
	return r
}

// ends looks for ends of updates that can be read from an offset on.
func (l *engineLog) ends(from int) (versions []uint64) {
	head := []byte{metaEndTx, 0, byte(len(endKey) + 8)}
	for at := from; at < len(l.data); at++ {
		next := bytes.Index(l.data[at:], head)
		if next < 0 {
			break
		}
		at += next
		e, ok := l.entry(at, longestEnd)
		switch {
		case !ok || len(versions) > 0 && versions[0] == e.version:
		case len(versions) == 0:
			versions = append(versions, e.version)
		default:
			return append([]uint64{min(versions[0], e.version)}, max(versions[0], e.version))
		}
	}
	return versions
}

// values reads a log of large values. behind is a version that can be read behind the first entry that cannot, at most upTo; zero if
// there is none.
func (l *engineLog) values(upTo uint64) (end int, behind uint64) {
	if l.block == nil {
		return 0, 0
	}
	at := logHead
	for {
		e, ok := l.entry(at, longestEntry)
		if !ok {
			break
		}
		at = e.end
	}
	end = at
	if zeroes(l.data[end:]) {
		return end, 0
	}
	for at, left := end+1, searched; at+2 < len(l.data) && left > 0; at++ {
		if l.data[at] != 0 || l.data[at+1] != 0 || l.data[at+2] == 0 {
			continue // what is there has no marks, and a key
		}
		e, ok := l.entry(at, longestEntry)
		if ok && e.version <= upTo && e.version > 0 {
			return end, e.version
		}
		left -= e.summed
	}
	return end, 0
}

func zeroes(data []byte) bool {
	for len(data) >= len(nothing) {
		if !bytes.Equal(data[:len(nothing)], nothing[:]) {
			return false
		}
		data = data[len(nothing):]
	}
	return bytes.Equal(data, nothing[:len(data)])
}

var nothing [4096]byte

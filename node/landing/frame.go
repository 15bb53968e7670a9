package landing

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/wire"
	"muster.example/sync/reconcile"
)

// A frame is what one Put wrote: the sizes of its two sealed parts, the items, and the records in the same order. [STO-43]
const (
	headSize = 8 // two numbers of four bytes, big-endian
	itemSize = 8 + reconcile.IDSize
	overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	// MaxRecords is how many records one frame holds.
	MaxRecords = 512
	// maxPart bounds the sealed records of one frame: a frame of the protocol with its longest record.
	maxPart = 64 << 20
)

// errFrame is wrapped by errors about a frame that is not whole, or not what was written there.
var errFrame = errors.New("landing: a frame that was not written so")

// frame is where one lies in its file.
type frame struct {
	offset  int64
	items   uint32 // bytes of the sealed items
	records uint32 // bytes of the sealed records
}

func (f frame) size() int64 { return headSize + int64(f.items) + int64(f.records) }

func (f frame) count() int { return (int(f.items) - overhead) / itemSize }

// readHead reads the sizes of the frame at an offset of a file that has so many bytes.
func readHead(file io.ReaderAt, offset, length int64) (frame, error) {
	var head [headSize]byte
	if _, err := file.ReadAt(head[:], offset); err != nil {
		return frame{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	f := frame{offset: offset, items: binary.BigEndian.Uint32(head[:]), records: binary.BigEndian.Uint32(head[4:])}
	switch {
	case f.items <= overhead || (f.items-overhead)%itemSize != 0 || f.count() > MaxRecords, f.records <= overhead || f.records > maxPart:
		return frame{}, fmt.Errorf("%w: parts of %d and %d bytes", errFrame, f.items, f.records)
	case offset+f.size() > length:
		return frame{}, fmt.Errorf("%w: it is cut off", errFrame)
	}
	return f, nil
}

// writeFrame appends a frame to data, as it is at an offset of the file that name names.
func writeFrame(data []byte, seal cipher.AEAD, name []byte, offset int64, items []reconcile.Item, records [][]byte) ([]byte, frame) {
	list := make([]byte, 0, len(items)*itemSize)
	for _, item := range items {
		list = append(binary.BigEndian.AppendUint64(list, item.Time), item.ID[:]...)
	}
	body := wire.Encode(records)
	f := frame{offset: offset, items: uint32(len(list) + overhead), records: uint32(len(body) + overhead)}
	data = binary.BigEndian.AppendUint32(data, f.items)
	data = binary.BigEndian.AppendUint32(data, f.records)
	data = sealPart(data, seal, place(name, offset, 0), list)
	return sealPart(data, seal, place(name, offset, 1), body), f
}

func sealPart(data []byte, seal cipher.AEAD, place, part []byte) []byte {
	at := len(data)
	data = append(data, make([]byte, chacha20poly1305.NonceSizeX)...)
	rand.Read(data[at:])
	return seal.Seal(data, data[at:], part, place)
}

// place is what a part is bound to: it means nothing in another file or at another place.
func place(name []byte, offset int64, part byte) []byte {
	bound := append([]byte(nil), name...)
	return append(binary.BigEndian.AppendUint64(bound, uint64(offset)), part)
}

// readItems reads the items of a frame.
func (f frame) readItems(file io.ReaderAt, seal cipher.AEAD, name []byte) ([]reconcile.Item, error) {
	list, err := readPart(file, f.offset+headSize, f.items, seal, place(name, f.offset, 0))
	if err != nil {
		return nil, err
	}
	items := make([]reconcile.Item, 0, f.count())
	for ; len(list) >= itemSize; list = list[itemSize:] {
		items = append(items, reconcile.Item{Time: binary.BigEndian.Uint64(list), ID: [reconcile.IDSize]byte(list[8:itemSize])})
	}
	return items, nil
}

// readRecords reads the records of a frame.
func (f frame) readRecords(file io.ReaderAt, seal cipher.AEAD, name []byte) (records [][]byte, err error) {
	body, err := readPart(file, f.offset+headSize+int64(f.items), f.records, seal, place(name, f.offset, 1))
	if err != nil {
		return nil, err
	}
	if err := wire.Decode(body, &records); err != nil || len(records) != f.count() {
		return nil, fmt.Errorf("%w: %d records of %d: %w", errFrame, len(records), f.count(), err)
	}
	return records, nil
}

func readPart(file io.ReaderAt, offset int64, size uint32, seal cipher.AEAD, place []byte) ([]byte, error) {
	sealed := make([]byte, size)
	if _, err := file.ReadAt(sealed, offset); err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	nonce, rest := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	part, err := seal.Open(rest[:0], nonce, rest, place)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not open", errFrame)
	}
	return part, nil
}

package queue

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// A segment file is its header and then frames. [STO-22] [STO-23]
//
//	header: "MUSTERQ\x01" 8 | segment number 8
//	frame:  "mqR1" 4 | length of sealed 4 | counter 4 | synced 4 | sealed record
//
// The counter of a segment's frames never repeats, even when a frame is written again at the same place after a failed
// write: it is the nonce. synced says up to which offset the file was durable when the frame was written: what is
// unreadable before the highest synced of a file is damage, what is unreadable behind it is the torn end of a write
// that nobody was told of.
const (
	segmentMagic  = "MUSTERQ\x01"
	segmentHeader = 16
	frameMagic    = "mqR1"
	frameHeader   = 16
	frameOverhead = frameHeader + chacha20poly1305.Overhead
)

// appendFrame seals r as the frame at offset and appends it to buf.
func appendFrame(
	buf []byte, key cipher.AEAD, segment uint64, offset int64, counter uint32, synced int64, r *record,
) []byte {
	start := len(buf)
	size := r.size()
	buf = append(buf, frameMagic...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(size+chacha20poly1305.Overhead))
	buf = binary.BigEndian.AppendUint32(buf, counter)
	buf = binary.BigEndian.AppendUint32(buf, uint32(synced))
	ad := frameAD(segment, offset, buf[start:])
	body := len(buf)
	buf = r.append(buf)
	nonce := frameNonce(counter)
	return key.Seal(buf[:body], nonce[:], buf[body:], ad[:])
}

// openFrame unseals the frame at offset, in place: data is the whole frame and is used up.
func openFrame(data []byte, key cipher.AEAD, segment uint64, offset int64) ([]byte, error) {
	if len(data) < frameOverhead || string(data[:4]) != frameMagic {
		return nil, fmt.Errorf("%w: no frame", ErrCorrupt)
	}
	ad := frameAD(segment, offset, data[:frameHeader])
	nonce := frameNonce(binary.BigEndian.Uint32(data[8:]))
	plain, err := key.Open(data[frameHeader:frameHeader], nonce[:], data[frameHeader:], ad[:])
	if err != nil {
		return nil, fmt.Errorf("%w: a frame was changed", ErrCorrupt)
	}
	return plain, nil
}

func frameNonce(counter uint32) (nonce [chacha20poly1305.NonceSize]byte) {
	binary.BigEndian.PutUint32(nonce[8:], counter)
	return nonce
}

// frameAD binds a frame to its segment, its place and its header.
func frameAD(segment uint64, offset int64, header []byte) (ad [16 + frameHeader]byte) {
	binary.BigEndian.PutUint64(ad[:], segment)
	binary.BigEndian.PutUint64(ad[8:], uint64(offset))
	copy(ad[16:], header)
	return ad
}

// frame is one that a scan found whole.
type frame struct {
	offset int64
	length int64
	record record // valid during the visit
}

// scan is what a walk over a segment file found besides its frames.
type scan struct {
	end    int64 // behind the last whole frame
	synced int64 // everything before it was durable once
	damage []int64
	sealed bool
}

// scanner walks the frames of a segment file through a window.
type scanner struct {
	file    File
	size    int64
	key     cipher.AEAD
	segment uint64
	window  []byte
	at      int64 // offset of the window in the file
	scratch []byte
}

// scanSegment visits the whole frames of a segment in order. Unreadable stretches are stepped over: those that were
// durable once are listed as damage by their offsets, the others are the torn end of a write. The error is of the
// disk or of visit. [STO-27]
func scanSegment(file File, key cipher.AEAD, segment uint64, visit func(frame) error) (scan, error) {
	var result scan
	size, err := file.Size()
	if err != nil {
		return result, err
	}
	s := &scanner{file: file, size: size, key: key, segment: segment}
	head, err := s.read(0, segmentHeader)
	if err != nil {
		return result, err
	}
	var bad []int64
	if want := headerOf(segment); !bytes.Equal(head, want[:]) {
		bad = append(bad, 0)
	}
	torn := false // inside an unreadable stretch
	for offset := int64(segmentHeader); offset < size; {
		f, synced, err := s.frame(offset)
		switch {
		case err == nil:
			torn = false
			result.synced = max(result.synced, synced)
			result.sealed = f.record.kind == recordSeal
			result.end = offset + f.length
			if err := visit(f); err != nil {
				return result, err
			}
			offset = result.end
			continue
		case !errors.Is(err, ErrCorrupt):
			return result, err
		case !torn:
			torn = true
			bad = append(bad, offset)
		}
		if offset, err = s.search(offset + 1); err != nil {
			return result, err
		}
	}
	for _, offset := range bad {
		if offset < result.synced {
			result.damage = append(result.damage, offset)
		}
	}
	return result, nil
}

func headerOf(segment uint64) (header [segmentHeader]byte) {
	copy(header[:], segmentMagic)
	binary.BigEndian.PutUint64(header[8:], segment)
	return header
}

// frame reads the frame at offset; ErrCorrupt if there is none.
func (s *scanner) frame(offset int64) (f frame, synced int64, err error) {
	head, err := s.read(offset, frameHeader)
	if err != nil {
		return f, 0, err
	}
	if len(head) < frameHeader || string(head[:4]) != frameMagic {
		return f, 0, ErrCorrupt
	}
	length := frameHeader + int64(binary.BigEndian.Uint32(head[4:]))
	if length > maxFrame || offset+length > s.size {
		return f, 0, ErrCorrupt
	}
	synced = int64(binary.BigEndian.Uint32(head[12:]))
	data, err := s.read(offset, int(length))
	if err != nil {
		return f, 0, err
	}
	if int64(len(data)) < length {
		return f, 0, ErrCorrupt
	}
	s.scratch = append(s.scratch[:0], data...) // the window stays sealed for a search
	plain, err := openFrame(s.scratch, s.key, s.segment, offset)
	if err != nil {
		return f, 0, err
	}
	r, err := parseRecord(plain)
	return frame{offset: offset, length: length, record: r}, synced, err
}

// search returns the next offset at or behind from where a frame may begin, or the size of the file.
func (s *scanner) search(from int64) (int64, error) {
	for from < s.size {
		data, err := s.read(from, int(min(windowBytes, s.size-from)))
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(data, []byte(frameMagic)); i >= 0 {
			return from + int64(i), nil
		}
		if len(data) < len(frameMagic) {
			break
		}
		from += int64(len(data) - len(frameMagic) + 1)
	}
	return s.size, nil
}

// read returns n bytes at offset, fewer at the end of the file, valid until the next read.
func (s *scanner) read(offset int64, n int) ([]byte, error) {
	if offset >= s.at && offset+int64(n) <= s.at+int64(len(s.window)) {
		return s.window[offset-s.at:][:n], nil
	}
	want := int(min(int64(max(n, windowBytes)), s.size-offset))
	if cap(s.window) < want {
		s.window = make([]byte, want)
	}
	s.window = s.window[:want]
	got, err := s.file.ReadAt(s.window, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	s.window, s.at = s.window[:got], offset
	return s.window[:min(n, got)], nil
}

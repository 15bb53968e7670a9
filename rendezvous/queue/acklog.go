package queue

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

// An ack log lies beside a segment and is a row of frames: [STO-25]
//
//	length of sealed 4 | nonce 24 | sealed notes; a note is number 8 | first 16 bytes of the device's key
//
// Half a device's key is enough beside the number, which only the recipients of one put share.
const (
	noteSize      = 8 + 16
	ackHeader     = 4 + chacha20poly1305.NonceSizeX
	maxAckedFrame = ackHeader + maxAckedNotes*noteSize + chacha20poly1305.Overhead
)

// ackNote names an entry that is gone.
type ackNote struct {
	number uint64
	device [16]byte
}

func noteOf(device *keys.PublicKey, number uint64) ackNote {
	return ackNote{number: number, device: [16]byte(device[:16])}
}

// appendAcks seals notes as frames at the end of buf.
func appendAcks(buf []byte, key cipher.AEAD, segment uint64, notes []ackNote) []byte {
	for len(notes) > 0 {
		part := notes[:min(len(notes), maxAckedNotes)]
		notes = notes[len(part):]
		start := len(buf)
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(part)*noteSize+chacha20poly1305.Overhead))
		nonce := make([]byte, chacha20poly1305.NonceSizeX)
		rand.Read(nonce)
		buf = append(buf, nonce...)
		body := len(buf)
		for _, note := range part {
			buf = binary.BigEndian.AppendUint64(buf, note.number)
			buf = append(buf, note.device[:]...)
		}
		buf = key.Seal(buf[:body], nonce, buf[body:], ackAD(segment, buf[start:start+4]))
	}
	return buf
}

func ackAD(segment uint64, length []byte) []byte {
	return append(binary.BigEndian.AppendUint64([]byte("muster queue acks\x00"), segment), length...)
}

// parseAcks reads the frames of an ack log up to the first that is not whole, and says how far that was. Nothing behind
// it counts: a lost note is a repeated delivery, no more.
func parseAcks(data []byte, key cipher.AEAD, segment uint64) (notes []ackNote, good int64) {
	for rest := data; len(rest) >= ackHeader; {
		size := int64(binary.BigEndian.Uint32(rest)) + ackHeader
		if size > maxAckedFrame || size > int64(len(rest)) {
			break
		}
		plain, err := key.Open(nil, rest[4:ackHeader], rest[ackHeader:size], ackAD(segment, rest[:4]))
		if err != nil || len(plain)%noteSize != 0 || len(plain) == 0 {
			break
		}
		for ; len(plain) > 0; plain = plain[noteSize:] {
			notes = append(notes, ackNote{binary.BigEndian.Uint64(plain), [16]byte(plain[8:noteSize])})
		}
		good += size
		rest = rest[size:]
	}
	return notes, good
}

// flushAcks writes the waiting notes of all segments to their ack logs and returns once they are durable. What could
// not be written waits for the next call.
func (e *Embedded) flushAcks() error {
	e.ackMu.Lock()
	defer e.ackMu.Unlock()
	type batch struct {
		segment *segment
		notes   []ackNote
	}
	var batches []batch
	e.mu.Lock()
	for _, s := range e.segments {
		if len(s.acks) > 0 && !s.draining {
			batches = append(batches, batch{s, s.acks})
			s.acks = nil
		}
	}
	e.mu.Unlock()
	var failed error
	for _, b := range batches {
		broken, err := e.writeAcks(b.segment, b.notes)
		if err == nil {
			continue
		}
		failed = errors.Join(failed, err)
		e.mu.Lock()
		b.segment.acks = append(b.notes, b.segment.acks...)
		b.segment.broken = b.segment.broken || broken
		e.mu.Unlock()
	}
	return failed
}

// writeAcks appends notes to the ack log of s. broken means that the file cannot be trusted any more.
func (e *Embedded) writeAcks(s *segment, notes []ackNote) (broken bool, err error) {
	name := s.ackName()
	file, err := e.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		s.ackSize = 0
		if file, err = e.files.Create(name); err == nil {
			err = e.files.Sync()
		}
	}
	if err != nil {
		if file != nil {
			file.Close()
		}
		return false, diskError("opening "+name, err)
	}
	defer file.Close()
	key, ok := e.slots.ackKey(s.number)
	if !ok {
		return false, nil // the segment is gone, and its entries with it
	}
	data := appendAcks(nil, key, s.number, notes)
	if _, err := file.WriteAt(data, s.ackSize); err != nil {
		return file.Truncate(s.ackSize) != nil, diskError("writing "+name, err)
	}
	if err := file.Sync(); err != nil {
		return true, diskError("syncing "+name, err)
	}
	s.ackSize += int64(len(data))
	return false, nil
}

// readAcks adds the notes of s to gone and cuts a torn end off.
func (e *Embedded) readAcks(s *segment, gone map[ackNote]struct{}) error {
	data, err := readFile(e.files, s.ackName())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return diskError("reading "+s.ackName(), err)
	}
	key, ok := e.slots.ackKey(s.number)
	if !ok {
		return nil
	}
	notes, good := parseAcks(data, key, s.number)
	for _, note := range notes {
		gone[note] = struct{}{}
	}
	s.ackSize = good
	if good < int64(len(data)) {
		e.log.Warn("queue: the end of an ack log is unreadable; some deliveries may repeat",
			"file", s.ackName(), "offset", good)
	}
	return nil
}

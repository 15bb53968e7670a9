package queue

import (
	"cmp"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sort"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

// An ack log lies beside a segment and is a row of frames: [STO-25]
//
//	length of sealed 4 | nonce 24 | sealed notes; a note is number 8 | last number 8 | first 16 bytes of the device's key
//
// Half a device's key is enough beside the numbers, which only the recipients of one put share. Format 1 had notes of one
// number, without a last; the associated data tells them apart.
const (
	noteSize      = 8 + 8 + 16
	oldNoteSize   = 8 + 16
	ackHeader     = 4 + chacha20poly1305.NonceSizeX
	maxAckedFrame = ackHeader + maxAckedNotes*noteSize + chacha20poly1305.Overhead
)

// ackNote says that of a device's entries none is left from one number to another.
type ackNote struct {
	from, to uint64
	device   [16]byte
}

func noteOf(device *keys.PublicKey, number uint64) ackNote {
	return ackNote{from: number, to: number, device: [16]byte(device[:16])}
}

// noteRange notes that nothing of a device is left up to a number, of which an entry lay in the segment.
func (s *segment) noteRange(d *device, number uint64) {
	if i, ok := s.ranges[d]; ok {
		s.acks[i].from, s.acks[i].to = min(s.acks[i].from, number), max(s.acks[i].to, number)
		return
	}
	if s.ranges == nil {
		s.ranges = make(map[*device]int)
	}
	s.ranges[d] = len(s.acks)
	s.acks = append(s.acks, noteOf(&d.key, number))
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
			buf = binary.BigEndian.AppendUint64(buf, note.from)
			buf = binary.BigEndian.AppendUint64(buf, note.to)
			buf = append(buf, note.device[:]...)
		}
		buf = key.Seal(buf[:body], nonce, buf[body:], ackAD(ackDomain, segment, buf[start:start+4]))
	}
	return buf
}

// What the associated data begin with, of notes that are written, and of those of format 1.
const (
	ackDomain    = "muster queue acks 2\x00"
	oldAckDomain = "muster queue acks\x00"
)

func ackAD(domain string, segment uint64, length []byte) []byte {
	return append(binary.BigEndian.AppendUint64([]byte(domain), segment), length...)
}

// parseAcks reads the frames of an ack log up to the first that is not whole, and says how far that was. Nothing behind
// it counts: a lost note is a repeated delivery, no more.
func parseAcks(data []byte, key cipher.AEAD, segment uint64) (notes []ackNote, good int64) {
	for rest := data; len(rest) >= ackHeader; {
		size := int64(binary.BigEndian.Uint32(rest)) + ackHeader
		if size > maxAckedFrame || size > int64(len(rest)) {
			break
		}
		part, ok := parseNotes(rest[:size], key, segment)
		if !ok {
			break
		}
		notes = append(notes, part...)
		good += size
		rest = rest[size:]
	}
	return notes, good
}

// parseNotes reads one frame of an ack log.
func parseNotes(frame []byte, key cipher.AEAD, segment uint64) (notes []ackNote, ok bool) {
	nonce, sealed, length := frame[4:ackHeader], frame[ackHeader:], frame[:4]
	plain, err := key.Open(nil, nonce, sealed, ackAD(ackDomain, segment, length))
	if err == nil && len(plain) > 0 && len(plain)%noteSize == 0 {
		for ; len(plain) > 0; plain = plain[noteSize:] {
			from, to := binary.BigEndian.Uint64(plain), binary.BigEndian.Uint64(plain[8:])
			notes = append(notes, ackNote{from, to, [16]byte(plain[16:noteSize])})
		}
		return notes, true
	}
	plain, err = key.Open(nil, nonce, sealed, ackAD(oldAckDomain, segment, length))
	if err != nil || len(plain) == 0 || len(plain)%oldNoteSize != 0 {
		return nil, false
	}
	for ; len(plain) > 0; plain = plain[oldNoteSize:] {
		number := binary.BigEndian.Uint64(plain)
		notes = append(notes, ackNote{number, number, [16]byte(plain[8:oldNoteSize])})
	}
	return notes, true
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
			s.acks, s.ranges = nil, nil
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
		b.segment.acks, b.segment.ranges = append(b.notes, b.segment.acks...), nil
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

// readAcks adds the notes of s to gone. A torn end is written over by the next ones.
func (e *Embedded) readAcks(s *segment, gone gone) error {
	file, err := e.files.Open(s.ackName())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return diskError("opening "+s.ackName(), err)
	}
	defer file.Close()
	data, err := readWhole(file)
	if err != nil && !errors.Is(err, io.EOF) {
		return diskError("reading "+s.ackName(), err)
	}
	key, ok := e.slots.ackKey(s.number)
	if !ok {
		return nil
	}
	notes, good := parseAcks(data, key, s.number)
	if len(notes) > 0 {
		if err := file.Sync(); err != nil {
			return diskError("syncing "+s.ackName(), err)
		}
	}
	gone.add(notes)
	s.ackSize = good
	if good < int64(len(data)) {
		e.log.Warn("queue: the end of an ack log is unreadable; some deliveries may repeat",
			"file", s.ackName(), "offset", good)
	}
	return nil
}

// span is numbers of which nothing is left of a device.
type span struct{ from, to uint64 }

// spans are in order and apart from each other, once they are merged.
type spans []span

// gone is what ack logs say, by device.
type gone map[[16]byte]spans

func (g gone) add(notes []ackNote) {
	for _, n := range notes {
		if n.from <= n.to {
			g[n.device] = append(g[n.device], span{n.from, n.to})
		}
	}
}

// merge sorts what was added.
func (g gone) merge() {
	for device, all := range g {
		slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		merged := all[:1]
		for _, s := range all[1:] {
			if last := &merged[len(merged)-1]; s.from <= last.to {
				last.to = max(last.to, s.to)
			} else {
				merged = append(merged, s)
			}
		}
		g[device] = merged
	}
}

// of returns what is gone of a device.
func (g gone) of(key *keys.PublicKey) spans { return g[[16]byte(key[:16])] }

// has reports whether a number is gone.
func (s spans) has(number uint64) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].to >= number })
	return i < len(s) && s[i].from <= number
}

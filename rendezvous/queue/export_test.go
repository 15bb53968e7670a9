package queue

import (
	"time"

	"muster.example/internal/keys"
)

// OSFiles returns the folder of the operating system, for tests to wrap.
func OSFiles(dir string) Files { return osFiles(dir) }

// QuietTime is how long a segment rests before its dead bodies are destroyed, and one sweep more.
const QuietTime = quietTime + 2*sweepEvery

// RotateEvery is the age of a root key.
const RotateEvery time.Duration = rotateEvery

// SlotSize is the size of a key slot.
const SlotSize = slotSize

// ScanForFuzz reads a segment file sealed under key zero, as an opening does, and returns how many frames were whole.
func ScanForFuzz(file File) (frames int, err error) {
	_, err = scanSegment(file, fuzzKey(), 7, func(frame) error { frames++; return nil })
	return frames, err
}

// SegmentForFuzz returns a small whole segment file sealed under key zero. [STO-22] [STO-23]
func SegmentForFuzz() []byte {
	header := headerOf(7)
	data := header[:]
	for i := range 3 {
		r := record{kind: recordBody, of: Envelope, recipients: []recipient{{number: uint64(i)}}, body: []byte("body")}
		data = appendFrame(data, fuzzKey(), 7, int64(len(data)), uint32(i+1), int64(len(data)), &r)
	}
	return appendFrame(data, fuzzKey(), 7, int64(len(data)), 9, int64(len(data)), &record{kind: recordSeal})
}

// RecodeRecord parses a record and returns it encoded again. [STO-24]
func RecodeRecord(data []byte) ([]byte, error) {
	r, err := parseRecord(data)
	return r.append(nil), err
}

// ParseAcksForFuzz reads an ack log sealed under key zero: how many notes are readable, up to which byte. [STO-25]
func ParseAcksForFuzz(data []byte) (notes int, good int64) {
	list, good := parseAcks(data, fuzzAckKey(), 7)
	return len(list), good
}

// AcksForFuzz returns an ack log of n notes.
func AcksForFuzz(n int) []byte { return appendAcks(nil, fuzzAckKey(), 7, make([]ackNote, n)) }

// Gained returns how many numbers of entries beyond the first are remembered of a body.
func (e *Embedded) Gained(id keys.EnvelopeID) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.bodies[id].gained)
}

package queue

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"muster.example/internal/keys"
)

// OSFiles returns the folder of the operating system, for tests to wrap.
func OSFiles(dir string) Files { return osFiles(dir) }

// QuietTime is how long a segment rests before its dead bodies are destroyed, and one sweep more.
const QuietTime = quietTime + 2*sweepEvery

// RotateEvery is the age of a root key.
const RotateEvery time.Duration = rotateEvery

// ParseFormat judges what FORMAT says for a program that knows the formats up to one.
var ParseFormat = parseFormat

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
func (e *Embedded) Gained(id keys.EnvelopeID) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for g := e.gains.of[e.table.find(&id)]; g != 0; g = e.gains.all[g].next {
		n++
	}
	return n
}

// RecordsForFuzz returns a record of each type.
func RecordsForFuzz() (all [][]byte) {
	for _, r := range recordsForFuzz() {
		all = append(all, r.append(nil))
	}
	return all
}

func recordsForFuzz() []record {
	devices := make([]keys.PublicKey, 9)
	for i := range devices {
		devices[i][0] = byte(i)
	}
	some := bitmap{0b1_0000_0010}
	return []record{
		{kind: recordBody, of: Envelope, recipients: []recipient{{devices[1], 1}, {devices[2], 1}}, body: []byte("body")},
		{kind: recordGain, of: Envelope, recipients: []recipient{{devices[3], 2}}},
		{kind: recordSet, devices: devices},
		{kind: recordShare, of: Receipt, count: 9, number: 3, set: 77, waiting: some, body: []byte("body")},
		{kind: recordSeal, body: []byte("footer")},
	}
}

// FooterForFuzz returns a footer with the first n records of each type.
func FooterForFuzz(n int) []byte {
	f := newFooter()
	for i, r := range recordsForFuzz()[:n] {
		f.add(&r, keys.MemberID{byte(i / 2)}, int64(100*i), 50)
	}
	return f.append(nil)
}

// RecodeFooter parses a footer and returns it encoded again. [STO-28]
func RecodeFooter(data []byte) ([]byte, error) {
	rows, err := parseFooter(data)
	if err != nil {
		return nil, err
	}
	f := newFooter()
	f.accounts, f.devices = rows.accounts, rows.devices
	var r row
	for {
		more, err := rows.next(&r)
		if err != nil || !more {
			return f.append(nil), err
		}
		f.addRow(&r)
	}
}

// IndexBytes returns the memory of the table of messages.
func (e *Embedded) IndexBytes() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.table.chunks) * chunkCells * cellSize
}

// MisleadFooter makes a queue in a folder whose only segment has a footer that tells of another message.
func MisleadFooter(t *testing.T, dir string) {
	t.Helper()
	e, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	item := Item{Kind: Envelope, Recipients: []keys.PublicKey{{1}}, Body: []byte("body"), Expires: time.Unix(1<<33, 0)}
	r := &request{items: []Item{item}, errs: make([]error, 1), done: make(chan struct{})}
	e.commit([]*request{r})
	if r.errs[0] != nil {
		t.Fatal(r.errs[0])
	}
	e.active.footer.rows[rowHeader+13] ^= 1 // the first byte of the id
	if err := errors.Join(e.sealActive(), e.Close()); err != nil {
		t.Fatal(err)
	}
}

// FormatForFuzz reads a marker of the format, for a program that knows some.
func FormatForFuzz(data []byte, known int) (int, error) { return parseFormat(data, known) }

// SlotForFuzz returns a slot with a key of ones.
func SlotForFuzz() []byte {
	return sealSlot(fuzzAckKey(), 1, 2, 3, bytes.Repeat([]byte{1}, keySize))
}

// OpenSlotForFuzz reads one.
func OpenSlotForFuzz(data []byte) (number uint64, key [keySize]byte, err error) {
	s := &slots{wrap: fuzzAckKey(), generation: 1}
	return s.open(2, data[:min(slotSize, len(data))])
}

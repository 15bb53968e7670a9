package queue_test

import (
	"bytes"
	"testing"

	"muster.example/rendezvous/queue"
)

func FuzzRecord(f *testing.F) {
	f.Add([]byte{3})
	for _, size := range []int{77, 78, 118, 130} {
		data := make([]byte, size)
		data[0], data[1] = 1, 1
		if size > 110 {
			data[77] = 1
		}
		f.Add(data)
	}
	for _, data := range queue.RecordsForFuzz() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		again, err := queue.RecodeRecord(data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("%x parses, and encodes to %x", data, again)
		}
	})
}

func FuzzFooter(f *testing.F) {
	f.Add(queue.FooterForFuzz(0))
	f.Add(queue.FooterForFuzz(4))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		again, err := queue.RecodeFooter(data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("%x parses, and encodes to %x", data, again)
		}
	})
}

// FuzzSegment damages a whole segment at will: reading it never fails, and never finds more than was there.
func FuzzSegment(f *testing.F) {
	whole := queue.SegmentForFuzz()
	f.Add(0, []byte{}, false)
	f.Add(40, []byte{1}, false)
	f.Add(16, []byte("mqR1mqR1mqR1"), false)
	f.Add(len(whole)-5, []byte{}, true)
	f.Fuzz(func(t *testing.T, at int, patch []byte, cut bool) {
		if at < 0 || at > len(whole) {
			return
		}
		data := bytes.Clone(whole)
		if cut {
			data = append(data[:at], patch...)
		} else {
			copy(data[at:], patch)
		}
		frames, err := queue.ScanForFuzz(bufferFile{bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		if frames > 4 || frames < 4 && bytes.Equal(data, whole) {
			t.Errorf("%d frames", frames)
		}
		if touched := min(len(patch), len(data)-at); !cut && touched <= 1 && frames < 3 {
			t.Errorf("one byte costs %d of 4 frames", 4-frames)
		}
	})
}

func FuzzAckLog(f *testing.F) {
	whole := queue.AcksForFuzz(5000)
	f.Add(0, byte(0))
	f.Add(len(whole)/2, byte(1))
	f.Fuzz(func(t *testing.T, at int, x byte) {
		if at < 0 || at >= len(whole) {
			return
		}
		data := bytes.Clone(whole)
		data[at] ^= x
		notes, good := queue.ParseAcksForFuzz(data)
		if x == 0 && (notes != 5000 || good != int64(len(whole))) || x != 0 && (notes == 5000 || good > int64(at)) {
			t.Errorf("byte %d changed by %d: %d notes in %d bytes", at, x, notes, good)
		}
	})
}

// bufferFile is a file that is only read.
type bufferFile struct{ *bytes.Reader }

func (f bufferFile) WriteAt([]byte, int64) (int, error) { panic("written") }
func (f bufferFile) Truncate(int64) error               { panic("truncated") }
func (f bufferFile) Size() (int64, error)               { return f.Reader.Size(), nil }
func (f bufferFile) Sync() error                        { panic("synced") }
func (f bufferFile) Close() error                       { return nil }

// A slot says what was sealed in it, or that it is free, or is damaged. [STO-21]
func FuzzSlot(f *testing.F) {
	whole := queue.SlotForFuzz()
	f.Add(whole)
	f.Add(whole[:40])
	f.Add(make([]byte, len(whole)))
	f.Fuzz(func(t *testing.T, data []byte) {
		number, key, err := queue.OpenSlotForFuzz(data)
		if err == nil && number != 0 && (number != 3 || key[0] != 1) {
			t.Errorf("slot %d, which nobody sealed", number)
		}
	})
}

func FuzzFormat(f *testing.F) {
	f.Add([]byte("muster queue 1\n"))
	f.Add([]byte("muster rendezvous queue 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if format, err := queue.FormatForFuzz(data, 3); err == nil && (format < 1 || format > 3) {
			t.Errorf("format %d", format)
		}
	})
}

package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrFrameSize means that a frame announced more bytes than the protocol allows. Nothing of it was read.
var ErrFrameSize = errors.New("wire: frame too large")

// AppendFrame appends payload to buffer as one frame: the length as a minimal unsigned varint, then the bytes. [WIRE-4]
func AppendFrame(buffer, payload []byte) []byte {
	buffer = binary.AppendUvarint(buffer, uint64(len(payload)))
	return append(buffer, payload...)
}

// FrameWriter writes frames through one buffer. Not safe for concurrent use.
type FrameWriter struct{ w *bufio.Writer }

// NewFrameWriter returns a writer that collects size bytes before it writes by itself.
func NewFrameWriter(w io.Writer, size int) *FrameWriter {
	return &FrameWriter{w: bufio.NewWriterSize(w, size)}
}

// Write buffers one frame.
func (f *FrameWriter) Write(payload []byte) error {
	var length [binary.MaxVarintLen64]byte
	if _, err := f.w.Write(length[:binary.PutUvarint(length[:], uint64(len(payload)))]); err != nil {
		return err
	}
	_, err := f.w.Write(payload)
	return err
}

// Flush writes what is buffered.
func (f *FrameWriter) Flush() error { return f.w.Flush() }

// FrameReader reads frames. Not safe for concurrent use.
type FrameReader struct {
	r   *bufio.Reader
	max int
}

// NewFrameReader returns a reader that refuses frames of more than max bytes, with a read buffer of size bytes.
func NewFrameReader(r io.Reader, size, max int) *FrameReader {
	return &FrameReader{r: bufio.NewReaderSize(r, size), max: max}
}

// Read returns the next frame in memory of its own. It returns io.EOF only between frames, io.ErrUnexpectedEOF within
// one, ErrFrameSize for one beyond the cap and ErrDecode for a length that is not minimal. [WIRE-4]
func (f *FrameReader) Read() ([]byte, error) {
	length, err := f.readLength()
	if err != nil {
		return nil, err
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(f.r, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return payload, nil
}

// Buffered returns how many bytes can be read without waiting: a reader that has none left answers what it has.
func (f *FrameReader) Buffered() int { return f.r.Buffered() }

// Ready reports whether the next frame is here to its last byte, so that reading it waits for nothing. Of one that is longer than the
// read buffer it never is.
func (f *FrameReader) Ready() bool {
	here, _ := f.r.Peek(f.r.Buffered())
	length, n := binary.Uvarint(here)
	return n > 0 && length <= uint64(len(here)-n) || n < 0 // what is no length is refused at once
}

func (f *FrameReader) readLength() (int, error) {
	var length uint64
	for shift := 0; ; shift += 7 {
		b, err := f.r.ReadByte()
		if err != nil {
			if shift > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		length |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 {
				return 0, fmt.Errorf("%w: frame length is not minimal", ErrDecode)
			}
			break
		}
		if shift >= 28 {
			return 0, fmt.Errorf("%w: its length has more than five bytes", ErrFrameSize)
		}
	}
	if length > uint64(f.max) {
		return 0, fmt.Errorf("%w: %d bytes where at most %d are allowed", ErrFrameSize, length, f.max)
	}
	return int(length), nil
}

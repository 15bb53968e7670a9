package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFramesAreExact(t *testing.T) {
	for _, test := range []struct {
		length int
		prefix string
	}{
		{0, "\x00"}, {1, "\x01"}, {127, "\x7f"}, {128, "\x80\x01"}, {16383, "\xff\x7f"}, {16384, "\x80\x80\x01"},
	} {
		payload := bytes.Repeat([]byte{'x'}, test.length)
		frame := AppendFrame([]byte("before"), payload)
		if want := "before" + test.prefix + string(payload); string(frame) != want {
			t.Errorf("%d bytes are framed as %.20x", test.length, frame)
		}
		got, err := NewFrameReader(bytes.NewReader(frame[len("before"):]), 16, test.length).Read()
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes came back as %d, %v", test.length, len(got), err)
		}
	}
}

func TestFrameWriterBuffersUntilFlush(t *testing.T) {
	var out bytes.Buffer
	writer := NewFrameWriter(&out, 64)
	for _, payload := range []string{"one", "", "three"} {
		if err := writer.Write([]byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() != 0 {
		t.Errorf("%d bytes were written before Flush", out.Len())
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	reader := NewFrameReader(iotest.OneByteReader(&out), 16, 5)
	for _, want := range []string{"one", "", "three"} {
		got, err := reader.Read()
		if err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := reader.Read(); err != io.EOF {
		t.Errorf("after the last frame: %v, want io.EOF itself", err)
	}
}

func TestFramesDoNotShareMemory(t *testing.T) {
	reader := NewFrameReader(strings.NewReader("\x01a\x01b"), 16, 1)
	first, err := reader.Read()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Read(); err != nil {
		t.Fatal(err)
	}
	if string(first) != "a" {
		t.Errorf("the first frame became %q", first)
	}
}

func TestFrameReaderRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		want   error
	}{
		"nothing":                      {"", io.EOF},
		"half a length":                {"\x80", io.ErrUnexpectedEOF},
		"no payload":                   {"\x02", io.ErrUnexpectedEOF},
		"half a payload":               {"\x02a", io.ErrUnexpectedEOF},
		"one byte beyond the cap":      {"\x09123456789", ErrFrameSize},
		"a length of four bytes":       {"\xff\xff\xff\x7f", ErrFrameSize},
		"a length of five bytes":       {"\xff\xff\xff\xff\x7f", ErrFrameSize},
		"a length of six bytes":        {"\x80\x80\x80\x80\x80\x01", ErrFrameSize},
		"a length of ten bytes":        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ErrFrameSize},
		"zero in two bytes":            {"\x80\x00", ErrDecode},
		"one in two bytes":             {"\x81\x00a", ErrDecode},
		"one in three bytes":           {"\x81\x80\x00a", ErrDecode},
		"an error of the reader below": {"!", iotest.ErrTimeout},
	} {
		var below io.Reader = strings.NewReader(test.stream)
		if test.stream == "!" {
			below = iotest.ErrReader(iotest.ErrTimeout)
		}
		if payload, err := NewFrameReader(below, 16, 8).Read(); !errors.Is(err, test.want) || payload != nil {
			t.Errorf("%s: %q, %v, want %v", name, payload, err, test.want)
		}
	}
}

func TestBuffered(t *testing.T) {
	reader := NewFrameReader(strings.NewReader("\x01a\x01b"), 16, 1)
	if reader.Buffered() != 0 {
		t.Error("bytes are there before anything was read")
	}
	if _, err := reader.Read(); err != nil {
		t.Fatal(err)
	}
	if reader.Buffered() != 2 {
		t.Errorf("%d bytes are there, want the second frame", reader.Buffered())
	}
}

// A frame is ready with its last byte, and what is no frame at once.
func TestReady(t *testing.T) {
	for stream, want := range map[string]bool{"": false, "\x02": false, "\x02b": false, "\x02bb": true, "\x00": true, "\x80": false,
		"\x81\x01" + strings.Repeat("b", 128): false, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01": true} {
		reader := NewFrameReader(strings.NewReader("\x01a"+stream), 64, 1)
		if reader.Ready() {
			t.Error("a frame is ready before anything was read")
		}
		if _, err := reader.Read(); err != nil {
			t.Fatal(err)
		}
		if got := reader.Ready(); got != want {
			t.Errorf("%.20q is ready: %t", stream, got)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFrameWriterReportsErrors(t *testing.T) {
	writer := NewFrameWriter(failing{}, 16)
	if err := writer.Write(make([]byte, 32)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write: %v", err)
	}
	if err := writer.Flush(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Flush: %v", err)
	}
}

func FuzzFrameReader(f *testing.F) {
	f.Add([]byte("\x03abc\x00"))
	f.Add([]byte("\x80\x00"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		reader := NewFrameReader(bytes.NewReader(stream), 16, 64)
		var again []byte
		for {
			payload, err := reader.Read()
			if err == io.EOF {
				if !bytes.Equal(again, stream) {
					t.Errorf("%x is framed as %x", stream, again)
				}
				return
			}
			if err != nil {
				return
			}
			if len(payload) > 64 {
				t.Fatalf("a frame of %d bytes passed the cap", len(payload))
			}
			again = AppendFrame(again, payload)
		}
	})
}

package search

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
)

// columns are those of the table words: subject, text, names of files, what is forwarded.
const columns = 4

// The forms of packed words.
const (
	plain   = 0
	deflate = 1
)

// worthPacking is from how many bytes on words are packed.
const worthPacking = 2 << 10

// words returns what the columns hold.
func (m *Message) words() (w [columns]string) {
	w[0], w[1] = indexed(m.Subject), indexed(m.Text)
	w[2], w[3] = indexed(strings.Join(m.Files, "\n")), indexed(strings.Join(m.Forwarded, "\n"))
	return w
}

// pack makes one value of the columns. A message's words hold no line feed.
func pack(words [columns]string) []byte {
	raw := []byte(strings.Join(words[:], "\n"))
	if len(raw) >= worthPacking { // making a compressor costs more than a short message
		var b bytes.Buffer
		b.WriteByte(deflate)
		if w, err := flate.NewWriter(&b, flate.BestSpeed); err == nil {
			if _, err := w.Write(raw); err == nil && w.Close() == nil && b.Len() <= len(raw) {
				return b.Bytes()
			}
		}
	}
	return append([]byte{plain}, raw...)
}

// unpack is the way back. What is damaged there is ErrDamaged.
func unpack(packed []byte) (words [columns]string, err error) {
	if len(packed) == 0 {
		return words, ErrDamaged
	}
	raw := packed[1:]
	if packed[0] == deflate {
		if raw, err = io.ReadAll(flate.NewReader(bytes.NewReader(raw))); err != nil {
			return words, ErrDamaged
		}
	}
	parts := strings.Split(string(raw), "\n")
	if len(parts) != columns {
		return words, ErrDamaged
	}
	return [columns]string(parts), nil
}

package bundle

import (
	"fmt"
	"io"
)

// Writer writes the frames of one part.
type Writer struct {
	w     io.Writer
	key   Key
	salt  [saltSize]byte
	items uint64
	frame []byte
}

// NewWriter returns a writer of a part of the bundle with a salt, that has so many items already. It buffers nothing: each item
// is one Write.
func NewWriter(w io.Writer, key Key, salt [saltSize]byte, items uint64) *Writer {
	return &Writer{w: w, key: key, salt: salt, items: items}
}

// Items returns how many items the part has.
func (w *Writer) Items() uint64 { return w.items }

// Tag returns by what the frame of an item can be told without a key.
func (w *Writer) Tag(item Item) Tag {
	nonce := w.key.nonce(w.salt, plain(item))
	return Tag(nonce[:])
}

// Put writes an item. Errors: ErrTooLarge, and those of the writer behind it. [CAR-10] [CAR-11]
func (w *Writer) Put(item Item) error {
	if len(item.Body) > MaxItem {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(item.Body))
	}
	text := plain(item)
	nonce := w.key.nonce(w.salt, text)
	sealed := w.key.sealer.Seal(nil, nonce[:], text, w.key.associated())
	w.frame = appendFrame(w.frame[:0], nonce, sealed)
	if _, err := w.w.Write(w.frame); err != nil {
		return err
	}
	w.items++
	return nil
}

// plain is an item as it is sealed. [CAR-11]
func plain(item Item) []byte { return append([]byte{byte(item.Kind)}, item.Body...) }

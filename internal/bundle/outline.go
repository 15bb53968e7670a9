package bundle

import (
	"errors"
	"io"
)

// Outline is what can be seen of a part without a key: whole frames from its beginning on.
type Outline struct {
	Size  int64  // bytes of them
	First []byte // the first frame, with what the part says of itself
	Tags  []Tag
}

// ReadOutline reads the whole frames at the beginning of a part, up to the first place where none lies, MaxItems at most. An
// export that broke off goes on behind them. [CAR-18]
func ReadOutline(src io.Reader) (Outline, error) {
	r := &Reader{src: src}
	var o Outline
	for len(o.Tags) < MaxItems {
		if err := r.fill(headSize); err != nil {
			return o, err
		}
		if r.held() < headSize {
			return o, nil
		}
		h, ok := readHead(r.buffer[r.start:])
		if !ok {
			return o, nil
		}
		if err := r.fill(headSize + h.size); err != nil {
			return o, err
		}
		if r.held() < headSize+h.size {
			return o, nil
		}
		frame := r.buffer[r.start : r.start+headSize+h.size]
		if sumOf(h.nonce, frame[headSize:]) != h.sum {
			return o, nil
		}
		if o.First == nil {
			o.First = append(o.First, frame...)
		}
		o.Tags = append(o.Tags, Tag(h.nonce[:]))
		o.Size += int64(headSize + h.size)
		r.drop(headSize + h.size)
	}
	return o, nil
}

// Follower makes the outline of a part as the part is written, whatever pieces it comes in: for who keeps no file of it, and goes
// on with the next. The zero value has seen nothing.
type Follower struct {
	outline Outline
	head    []byte // of the frame that comes
	left    int    // bytes of the frame that are to come, once its head is whole
}

// errNoFrame is what a Follower says of bytes that are no part.
var errNoFrame = errors.New("bundle: no frame of a part")

// Outline returns what was whole so far.
func (f *Follower) Outline() Outline {
	if len(f.outline.Tags) == 0 {
		return Outline{}
	}
	return f.outline
}

// Write implements io.Writer. It fails on what no Writer wrote.
func (f *Follower) Write(data []byte) (int, error) {
	written := len(data)
	for len(data) > 0 {
		if f.left == 0 {
			n := min(headSize-len(f.head), len(data))
			f.head, data = append(f.head, data[:n]...), data[n:]
			if len(f.head) < headSize {
				break
			}
			h, ok := readHead(f.head)
			if !ok {
				return 0, errNoFrame
			}
			f.left = h.size
			f.begin(f.head)
		}
		n := min(f.left, len(data))
		f.begin(data[:n])
		data = data[n:]
		if f.left -= n; f.left == 0 {
			f.end()
		}
	}
	return written, nil
}

// begin keeps bytes of the first frame.
func (f *Follower) begin(data []byte) {
	if len(f.outline.Tags) == 0 {
		f.outline.First = append(f.outline.First, data...)
	}
}

// end notes that a frame is whole.
func (f *Follower) end() {
	h, _ := readHead(f.head) // it was read before
	f.outline.Tags = append(f.outline.Tags, Tag(h.nonce[:]))
	f.outline.Size += int64(headSize + h.size)
	f.head = f.head[:0]
}

package bundle

import (
	"bytes"
	"errors"
	"io"
)

// Damage is a place of a part where no whole frame lies.
type Damage struct {
	From, To int64 // bytes of the file, To not included
	Cut      bool  // the file ends in it
}

// Reader reads the items of a part, those that are whole, whatever lies between them. It holds one frame at a time in memory.
type Reader struct {
	src      io.Reader
	keys     []Key
	only     *Key // that opened the first frame
	buffer   []byte
	start    int // buffer[start:end] is there
	end      int
	offset   int64 // in the file, of buffer[start]
	finished bool  // the source has ended
	damage   []Damage
	places   int // damaged, also those not named
	wasted   int64
	items    int
}

// NewReader reads a part that is of one of the organizations of keys.
func NewReader(src io.Reader, keys ...Key) *Reader { return &Reader{src: src, keys: keys} }

// Org returns the key of the organization that the part is of, nil before the first item.
func (r *Reader) Org() *Key { return r.only }

// Damage returns the first MaxDamage places where something is damaged, and how many there are.
func (r *Reader) Damage() ([]Damage, int) { return r.damage, r.places }

// Next returns the next item that is whole; its body is the caller's. At the end of the file it is io.EOF, or ErrForeign if
// nothing could be opened. ErrHostile ends it earlier; other errors are the source's. [CAR-15] [CAR-17]
func (r *Reader) Next() (Item, error) {
	for {
		if err := r.fill(headSize); err != nil {
			return Item{}, err
		}
		if r.held() < headSize {
			return Item{}, r.finish()
		}
		h, ok := readHead(r.buffer[r.start:])
		if !ok {
			r.skip()
			continue
		}
		if err := r.fill(headSize + h.size); err != nil {
			return Item{}, err
		}
		if r.held() < headSize+h.size {
			r.skip()
			continue
		}
		sealed := r.buffer[r.start+headSize : r.start+headSize+h.size]
		text, opened := r.open(h, sealed)
		if !opened {
			r.wasted += int64(h.size)
			if r.wasted > futile+futileShare*r.offset {
				return Item{}, ErrHostile
			}
			r.skip()
			continue
		}
		r.drop(headSize + h.size)
		if r.items++; r.items > MaxItems {
			return Item{}, ErrHostile
		}
		return Item{Kind: Kind(text[0]), Body: text[1:]}, nil
	}
}

// open opens a sealed item.
func (r *Reader) open(h head, sealed []byte) (text []byte, ok bool) {
	if sumOf(h.nonce, sealed) != h.sum {
		return nil, false
	}
	if r.only != nil {
		text, err := r.only.sealer.Open(nil, h.nonce[:], sealed, r.only.associated())
		return text, err == nil
	}
	for i := range r.keys {
		if text, err := r.keys[i].sealer.Open(nil, h.nonce[:], sealed, r.keys[i].associated()); err == nil {
			r.only = &r.keys[i]
			return text, true
		}
	}
	return nil, false
}

// held is how many bytes are there.
func (r *Reader) held() int { return r.end - r.start }

// fill reads until so many bytes are there, or the file ends. The buffer grows as bytes come, not as they are announced.
func (r *Reader) fill(want int) error {
	for r.held() < want && !r.finished {
		if r.end == len(r.buffer) {
			r.makeRoom()
		}
		n, err := r.src.Read(r.buffer[r.end:])
		r.end += n
		if errors.Is(err, io.EOF) {
			r.finished = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// makeRoom moves what is there to the front, of a larger buffer if that is not half empty then.
func (r *Reader) makeRoom() {
	to := r.buffer
	if r.held() > len(r.buffer)/2 || len(r.buffer) == 0 {
		to = make([]byte, max(firstBuffer, min(2*len(r.buffer), 2*(headSize+MaxItem+1+overhead))))
	}
	r.end = copy(to, r.buffer[r.start:r.end])
	r.buffer, r.start = to, 0
}

// drop takes bytes off the front.
func (r *Reader) drop(n int) {
	r.start += n
	r.offset += int64(n)
}

// skip goes on to where the next frame may begin.
func (r *Reader) skip() {
	n := r.held()
	if at := bytes.Index(r.buffer[r.start+1:r.end], magic[:]); at >= 0 {
		n = 1 + at
	} else if !r.finished {
		n = max(1, n-len(magic)+1)
	}
	r.note(n)
	r.drop(n)
}

// note adds the bytes at the front to what is damaged.
func (r *Reader) note(n int) {
	if last := len(r.damage) - 1; r.places > 0 && last >= 0 && r.places == len(r.damage) && r.damage[last].To == r.offset {
		r.damage[last].To = r.offset + int64(n)
		return
	}
	r.places++
	if len(r.damage) < MaxDamage {
		r.damage = append(r.damage, Damage{From: r.offset, To: r.offset + int64(n)})
	}
}

// finish takes account of what is left at the end of the file.
func (r *Reader) finish() error {
	if n := r.held(); n > 0 {
		r.note(n)
		r.drop(n)
	}
	if last := len(r.damage) - 1; last >= 0 && r.damage[last].To == r.offset {
		r.damage[last].Cut = true
	}
	if r.only == nil {
		return ErrForeign
	}
	return io.EOF
}

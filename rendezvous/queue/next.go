package queue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"

	"muster.example/internal/keys"
)

// place is where a delivery's body is.
type place struct {
	message handle
	number  uint64
	segment *segment
	offset  int64
	length  int64
	part    [idSize]byte // of the id
	cached  cached       // when it is in the cache
}

// placeLocked returns where the body of a message is.
func (e *Embedded) bodyLocked(h handle, number uint64) place {
	c := e.table.at(h)
	return place{
		message: h, number: number, segment: e.segmentOf(c), offset: int64(c.offset()), length: int64(c.length()),
		part: [idSize]byte(c.id()), cached: e.cache.bodies[h],
	}
}

// Next implements Engine. A body that cannot be read back is reported as damage and passed over.
func (e *Embedded) Next(
	ctx context.Context, key keys.PublicKey, after uint64, maxItems, maxBytes int,
) ([]Delivery, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	var out []Delivery
	var reader logReader
	defer reader.close()
	for {
		places := e.places(key, after, maxItems-len(out), maxBytes, len(out) == 0)
		if len(places) == 0 {
			return out, nil
		}
		again := false
		for i := range places {
			body, err := e.fetch(&reader, places[i:])
			if errors.Is(err, errMoved) {
				again = true // it was acknowledged, or lies elsewhere now: look once more
				break
			}
			if err != nil && !errors.Is(err, ErrCorrupt) {
				return out, err
			}
			after = places[i].number
			if err == nil {
				out = append(out, Delivery{Number: after, ID: body.id, Kind: body.kind, Body: body.data})
				maxBytes -= len(body.data)
			}
		}
		// Only a page of nothing but damage goes on to the next.
		if !again && len(out) > 0 || maxItems <= len(out) {
			return out, nil
		}
	}
}

// cursor walks what waits for a device in one list.
type cursor struct {
	list   *list
	set    *set // nil for the device's own list
	at     int  // the member of the set
	i      int
	number uint64
}

// settle notes the number of where the cursor is; false at the end.
func (c *cursor) settle(x *index) bool {
	if c.i >= len(c.list.refs) {
		return false
	}
	c.number = x.numberOf(c.list.refs[c.i])
	return true
}

// step goes on; false at the end.
func (c *cursor) step(x *index) bool {
	if c.set != nil {
		c.i = c.set.nextFor(c.i+1, c.at)
	} else {
		c.i = c.list.living(c.i + 1)
	}
	return c.settle(x)
}

// cursorsLocked returns where in each list of a device numbers begin that are at least from.
func (x *index) cursorsLocked(d *device, from uint64) []cursor {
	var all []cursor
	if own := (cursor{list: &d.list, i: d.list.living(d.list.find(x, from))}); own.settle(x) {
		all = append(all, own)
	}
	for _, m := range d.sets {
		if len(m.set.list.refs) == 0 {
			continue
		}
		if c := (cursor{list: &m.set.list, set: m.set, at: m.at, i: m.set.firstFor(x, m.at, from)}); c.settle(x) {
			all = append(all, c)
		}
	}
	return all
}

// places returns where the next bodies of a device lie. first allows one body above maxBytes.
func (e *Embedded) places(key keys.PublicKey, after uint64, maxItems, maxBytes int, first bool) []place {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.devices[key]
	if d == nil || after == ^uint64(0) {
		return nil
	}
	var places []place
	cursors := e.cursorsLocked(d, after+1)
	for len(cursors) > 0 && len(places) < maxItems {
		least := 0
		for i := range cursors {
			if cursors[i].number < cursors[least].number {
				least = i
			}
		}
		at := &cursors[least]
		h := e.messageOf(at.list.refs[at.i])
		if c := e.table.at(h); !c.is(markUnread) {
			if maxBytes -= int(c.size()); maxBytes < 0 && !first {
				break
			}
			first = false
			places = append(places, e.bodyLocked(h, at.number))
		}
		if !at.step(&e.index) {
			cursors[least] = cursors[len(cursors)-1]
			cursors = cursors[:len(cursors)-1]
		}
	}
	return places
}

// errMoved means that a body is not where the index said a moment ago.
var errMoved = errors.New("queue: body moved")

// stored is a body as it lies in the log.
type stored struct {
	id   keys.EnvelopeID
	kind Kind
	data []byte
}

// fetch returns the body at the first of places. The others are what is asked for next.
func (e *Embedded) fetch(reader *logReader, places []place) (stored, error) {
	p := &places[0]
	if p.cached.data != nil {
		return stored{p.cached.id, p.cached.kind, p.cached.data}, nil
	}
	body, err := reader.read(e.files, places)
	if err == nil && bytes.Equal(body.id[:idSize], p.part[:]) {
		return body, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.table.findPart(p.part[:])
	if h == 0 {
		return stored{}, errMoved
	}
	if c := e.table.at(h); c.is(markFresh) || e.segmentOf(c) != p.segment || int64(c.offset()) != p.offset {
		return stored{}, errMoved
	}
	if err == nil || errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.EOF) {
		e.table.at(h).mark(markUnread)
		e.damagedLocked(p.segment.logName(), p.offset, "a body cannot be read")
		return stored{}, ErrCorrupt
	}
	return stored{}, diskError("reading "+p.segment.logName(), err)
}

// logReader reads bodies from log files, keeping the last one open, and what lies behind a body if it is asked for next:
// neighbours mostly share a file.
type logReader struct {
	segment *segment
	file    File
	window  []byte
	at      int64 // offset of the window
}

func (r *logReader) read(files Files, places []place) (body stored, err error) {
	p := &places[0]
	if r.segment != p.segment {
		r.close()
		file, err := files.Open(p.segment.logName())
		if err != nil {
			return body, err
		}
		r.segment, r.file = p.segment, file
	}
	data := r.cut(p)
	if data == nil {
		if err := r.fill(places); err != nil {
			return body, err
		}
		data = r.cut(p)
	}
	plain, err := openFrame(data, p.segment.key, p.segment.number, p.offset)
	if err != nil {
		return body, err
	}
	body.id, body.kind, body.data, err = bodyOf(plain)
	return body, err
}

// cut returns the frame at p if the window has it. A frame is opened in place, so once.
func (r *logReader) cut(p *place) []byte {
	from := p.offset - r.at
	if from < 0 || from+p.length > int64(len(r.window)) {
		return nil
	}
	frame := r.window[from : from+p.length : from+p.length]
	r.window, r.at = r.window[from+p.length:], p.offset+p.length
	return frame
}

// fill reads the first of places and those that lie close behind it, in one piece.
func (r *logReader) fill(places []place) error {
	end := places[0].offset + places[0].length
	for i := 1; i < len(places); i++ {
		p := &places[i]
		if p.segment != r.segment || p.offset < end || p.offset > end+p.length || p.offset+p.length > places[0].offset+readBytes {
			break
		}
		end = p.offset + p.length
	}
	r.at = places[0].offset
	r.window = make([]byte, end-r.at) // bodies are given away in it
	if n, err := r.file.ReadAt(r.window, r.at); n < len(r.window) {
		short := r.window[:n]
		if r.window = nil; int64(n) < places[0].length {
			return err
		}
		r.window = short
	}
	return nil
}

func (r *logReader) close() {
	if r.file != nil {
		r.file.Close()
	}
	*r = logReader{}
}

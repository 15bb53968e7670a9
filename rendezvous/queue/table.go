package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math/bits"

	"muster.example/internal/keys"
)

// handle names a message in the table; 0 is none. It is used again when the message is gone.
type handle uint32

// idSize is how much of an id the index keeps. The rest is read with the record. An id is a hash that covers the sender, so
// whoever finds two with the same beginning, after 2^64 tries, has found two of their own.
const idSize = 16

// cell is what the index knows of one message, in the table's memory. It holds numbers instead of pointers, so that the
// collector has nothing to look at.
//
//	id 16 | number 8 | offset 4 | length 4 | size 4 | expires 4 | pending 4 | next 4 | set 4 | account 4 | segment 2 | kind 1 | marks 1
type cell []byte

const (
	cellSize   = 60
	chunkCells = 4096 // 240 KiB, which are whole pages
)

// marks of a cell.
const (
	markUnread = 1 << iota // the body could not be read back: the next Put of the id replaces it
	markFresh              // being written for the first time: there is nothing to deliver yet
	markGained             // it has gains
	markLost               // no body was found for it, while a folder is read
)

func (c cell) id() []byte        { return c[:idSize] }
func (c cell) number() uint64    { return binary.LittleEndian.Uint64(c[16:]) } // of its first entries
func (c cell) offset() uint32    { return binary.LittleEndian.Uint32(c[24:]) } // of the frame
func (c cell) length() uint32    { return binary.LittleEndian.Uint32(c[28:]) } // of the frame
func (c cell) size() uint32      { return binary.LittleEndian.Uint32(c[32:]) } // of the body alone
func (c cell) expires() uint32   { return binary.LittleEndian.Uint32(c[36:]) } // Unix seconds
func (c cell) pending() uint32   { return binary.LittleEndian.Uint32(c[40:]) } // living entries, and writes that need it
func (c cell) next() handle      { return handle(binary.LittleEndian.Uint32(c[44:])) }
func (c cell) set() uint32       { return binary.LittleEndian.Uint32(c[48:]) } // whose members its first entries are; 0 for a list of devices
func (c cell) account() uint32   { return binary.LittleEndian.Uint32(c[52:]) }
func (c cell) segment() uint16   { return binary.LittleEndian.Uint16(c[56:]) }
func (c cell) kind() Kind        { return Kind(c[58]) }
func (c cell) is(mark byte) bool { return c[59]&mark != 0 }

func (c cell) setNumber(n uint64)  { binary.LittleEndian.PutUint64(c[16:], n) }
func (c cell) setPending(n uint32) { binary.LittleEndian.PutUint32(c[40:], n) }
func (c cell) setNext(h handle)    { binary.LittleEndian.PutUint32(c[44:], uint32(h)) }
func (c cell) setSet(n uint32)     { binary.LittleEndian.PutUint32(c[48:], n) }
func (c cell) setAccount(n uint32) { binary.LittleEndian.PutUint32(c[52:], n) }
func (c cell) setKind(k Kind)      { c[58] = byte(k) }
func (c cell) mark(mark byte)      { c[59] |= mark }
func (c cell) unmark(mark byte)    { c[59] &^= mark }

func (c cell) setSize(n int)       { binary.LittleEndian.PutUint32(c[32:], uint32(n)) }
func (c cell) setExpires(at int64) { binary.LittleEndian.PutUint32(c[36:], seconds(at)) }

// setPlace says where the frame with the body lies.
func (c cell) setPlace(segment uint16, offset, length int64) {
	binary.LittleEndian.PutUint16(c[56:], segment)
	binary.LittleEndian.PutUint32(c[24:], uint32(offset))
	binary.LittleEndian.PutUint32(c[28:], uint32(length))
}

// seconds brings a time into the index's range, which ends in 2106: what expires later does so then.
func seconds(unix int64) uint32 { return uint32(min(max(unix, 0), 1<<32-1)) }

// table holds the cells of messages and finds them by their ids. Its buckets are split one at a time as it grows (linear
// hashing), so that no call waits for all of them. Ids are hashed under a seed: their makers may choose them.
type table struct {
	chunks  [][]byte
	free    handle // chain of cells that were used
	top     handle // of the cells that ever were
	used    int
	buckets []uint32
	seed    maphash.Seed
}

// bucketCells is how many messages there may be for each bucket.
const bucketCells = 2

func newTable() *table { return &table{buckets: make([]uint32, 1), seed: maphash.MakeSeed()} }

func (t *table) at(h handle) cell {
	i := int(h - 1)
	return t.chunks[i/chunkCells][i%chunkCells*cellSize:][:cellSize:cellSize]
}

func (t *table) bucket(id []byte) int {
	h := int(maphash.Bytes(t.seed, id[:idSize]) >> 1)
	wide := wider(len(t.buckets))
	if b := h & (wide - 1); b < len(t.buckets) {
		return b
	}
	return h & (wide>>1 - 1)
}

// wider returns the lowest power of two that is at least n.
func wider(n int) int { return 1 << bits.Len(uint(n-1)) }

// find returns the message of an id.
func (t *table) find(id *keys.EnvelopeID) handle { return t.findPart(id[:idSize]) }

func (t *table) findPart(id []byte) handle {
	for h := handle(t.buckets[t.bucket(id)]); h != 0; {
		c := t.at(h)
		if bytes.Equal(c.id(), id) {
			return h
		}
		h = c.next()
	}
	return 0
}

// insert makes a message, all zero but for its id.
func (t *table) insert(id []byte) (handle, error) {
	h := t.free
	switch {
	case h != 0:
		t.free = t.at(h).next()
	default:
		if int(t.top) == len(t.chunks)*chunkCells {
			chunk, err := allocate(chunkCells * cellSize)
			if err != nil {
				return 0, err
			}
			t.chunks = append(t.chunks, chunk)
		}
		t.top++
		h = t.top
	}
	c := t.at(h)
	clear(c)
	copy(c, id[:idSize])
	t.used++
	if t.used > bucketCells*len(t.buckets) {
		t.split()
	}
	t.link(h)
	return h, nil
}

// link puts a message into its bucket.
func (t *table) link(h handle) {
	c := t.at(h)
	b := t.bucket(c.id())
	c.setNext(handle(t.buckets[b]))
	t.buckets[b] = uint32(h)
}

// split adds a bucket, and moves there what belongs to it.
func (t *table) split() {
	added := len(t.buckets)
	t.buckets = append(t.buckets, 0)
	old := added & (wider(len(t.buckets))>>1 - 1)
	chain := handle(t.buckets[old])
	t.buckets[old] = 0
	for chain != 0 {
		h := chain
		chain = t.at(h).next()
		t.link(h)
	}
}

// remove takes a message out.
func (t *table) remove(h handle) {
	c := t.at(h)
	b := t.bucket(c.id())
	if handle(t.buckets[b]) == h {
		t.buckets[b] = uint32(c.next())
	} else {
		for at := handle(t.buckets[b]); ; {
			before := t.at(at)
			if at = before.next(); at == h {
				before.setNext(c.next())
				break
			}
		}
	}
	clear(c)
	c.setNext(t.free)
	t.free = h
	t.used--
}

// each visits all messages, in no order.
func (t *table) each(visit func(h handle, c cell)) {
	for _, bucket := range t.buckets {
		for h := handle(bucket); h != 0; {
			c := t.at(h)
			next := c.next()
			visit(h, c)
			h = next
		}
	}
}

// sparse says whether most of the memory is for messages that are gone.
func (t *table) sparse() bool {
	return len(t.chunks) > 1 && t.used < int(t.top)/4 || t.used == 0 && len(t.chunks) > 0
}

// packed returns a table with the same messages in as little memory as they need. The next of each old cell is then where
// its message went, and the old table is good for nothing else.
func (t *table) packed() (*table, error) {
	p := &table{seed: t.seed, buckets: make([]uint32, 1)}
	for need := t.used; need > len(p.chunks)*chunkCells; {
		chunk, err := allocate(chunkCells * cellSize)
		if err != nil {
			p.close()
			return nil, err
		}
		p.chunks = append(p.chunks, chunk)
	}
	var failed error
	t.each(func(_ handle, c cell) {
		to, err := p.insert(c.id())
		failed = errors.Join(failed, err)
		next := p.at(to).next()
		copy(p.at(to), c)
		p.at(to).setNext(next)
		c.setNext(to)
	})
	return p, failed
}

// close gives the memory back.
func (t *table) close() {
	for _, chunk := range t.chunks {
		release(chunk)
	}
	*t = table{buckets: make([]uint32, 1), seed: t.seed}
}

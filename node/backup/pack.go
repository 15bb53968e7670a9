package backup

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// A pack is sealed as: packMagic, the length of the contents as four bytes, the contents, and for each entry its body and its mark. [BAK-6]
const (
	packMagic = "muster pack 1\n\x00\x00"
	packHead  = len(packMagic) + 4
	entrySize = 32 + 1 + 8 + 4 // ID, class, time, size
	markSize  = 16             // of an item: the beginning of an HMAC
)

// contents says what is in a pack. [BAK-6]
type contents struct {
	Repository ID      `cbor:"1,keyasint"`
	Made       uint64  `cbor:"2,keyasint"` // when the run began that made the pack, Unix milliseconds
	Classes    []class `cbor:"3,keyasint"`
	Entries    []byte  `cbor:"4,keyasint"` // of entrySize bytes each
}

// class is what many entries have in common.
type class struct {
	_    struct{} `cbor:",toarray"`
	Org  keys.OrgID
	Kind Kind
}

// parseContents reads contents strictly. Errors wrap ErrDamaged. [BAK-12]
func parseContents(data []byte) (contents, error) {
	var c contents
	if err := wire.Decode(data, &c); err != nil {
		return c, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if len(c.Entries)%entrySize != 0 || c.count() == 0 || c.count() > MaxPackItems || len(c.Classes) > maxClasses || c.Made > math.MaxInt64 {
		return c, fmt.Errorf("%w: contents of %d bytes and %d classes", ErrDamaged, len(c.Entries), len(c.Classes))
	}
	seen := make(map[class]bool)
	for _, one := range c.Classes {
		if seen[one] || one.Kind == 0 {
			return c, fmt.Errorf("%w: a class that is none", ErrDamaged)
		}
		seen[one] = true
	}
	total := 0
	for i := range c.count() {
		raw := c.raw(i)
		size := binary.BigEndian.Uint32(raw[41:])
		if int(raw[32]) >= len(c.Classes) || binary.BigEndian.Uint64(raw[33:]) > math.MaxInt64 || size > MaxBody {
			return c, fmt.Errorf("%w: an entry that is none", ErrDamaged)
		}
		if total += int(size) + markSize; total > MaxFile {
			return c, fmt.Errorf("%w: more items than a file holds", ErrDamaged)
		}
	}
	return c, nil
}

func (c *contents) count() int { return len(c.Entries) / entrySize }

func (c *contents) raw(i int) []byte { return c.Entries[i*entrySize:][:entrySize] }

// entry returns the entry of a number.
func (c *contents) entry(i int) Entry {
	raw := c.raw(i)
	class := c.Classes[raw[32]]
	return Entry{Org: class.Org, Kind: class.Kind, ID: [32]byte(raw),
		Time: int64(binary.BigEndian.Uint64(raw[33:])), Size: int(binary.BigEndian.Uint32(raw[41:]))}
}

// markItem is an item's mark: without the repository, so that packs may be taken from one to another. [BAK-5]
func itemMark(key []byte, e Entry, body []byte) [32]byte {
	return markOf(key, markItem, e.Org[:], []byte{byte(e.Kind)}, e.ID[:], binary.BigEndian.AppendUint64(nil, uint64(e.Time)), body)
}

// builder collects a pack. Memory: what is in it, and its entries.
type builder struct {
	contents contents
	classes  map[class]byte
	bodies   bytes.Buffer
}

// fits reports whether an entry with so large a body can be added to what is there: an empty pack takes each.
func (b *builder) fits(e Entry, size int) bool {
	n := b.contents.count()
	_, known := b.classes[class{Org: e.Org, Kind: e.Kind}]
	return n == 0 || n < MaxPackItems && b.size()+size <= packTarget && (known || len(b.classes) < maxClasses)
}

func (b *builder) size() int { return b.bodies.Len() + len(b.contents.Entries) }

func (b *builder) add(e Entry, body, mark []byte) {
	of := class{Org: e.Org, Kind: e.Kind}
	number, known := b.classes[of]
	if !known {
		if b.classes == nil {
			b.classes = make(map[class]byte)
		}
		number = byte(len(b.classes))
		b.classes[of] = number
		b.contents.Classes = append(b.contents.Classes, of)
	}
	entries := append(b.contents.Entries, e.ID[:]...)
	entries = append(entries, number)
	entries = binary.BigEndian.AppendUint64(entries, uint64(e.Time))
	b.contents.Entries = binary.BigEndian.AppendUint32(entries, uint32(len(body)))
	b.bodies.Write(body)
	b.bodies.Write(mark[:markSize])
}

// plain returns the pack before it is sealed.
func (b *builder) plain(encoded []byte) []byte {
	plain := make([]byte, 0, packHead+len(encoded)+b.bodies.Len())
	plain = append(plain, packMagic...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(encoded)))
	plain = append(plain, encoded...)
	return append(plain, b.bodies.Bytes()...)
}

// reset empties the builder and keeps its memory.
func (b *builder) reset() {
	b.bodies.Reset()
	if b.bodies.Cap() > 2*packTarget {
		b.bodies = bytes.Buffer{}
	}
	b.classes = nil
	b.contents = contents{Repository: b.contents.Repository, Made: b.contents.Made, Entries: b.contents.Entries[:0]}
}

// summary is what a list of a snapshot says of a pack's items.
func (c *contents) summary() (kinds uint32, newest int64) {
	for _, one := range c.Classes {
		kinds |= one.Kind.bit()
	}
	for i := range c.count() {
		newest = max(newest, int64(binary.BigEndian.Uint64(c.raw(i)[33:])))
	}
	return kinds, newest
}

// bit is the kind's place in a set of kinds; the last one is of all from 31 on. [BAK-8]
func (k Kind) bit() uint32 { return 1 << min(k, 31) }

// encodedContents is the encoding that a pack holds.
func encodedContents(c *contents) []byte { return wire.Encode(c) }

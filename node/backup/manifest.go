package backup

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"muster.example/internal/wire"
)

// manifest is the list of a snapshot. [BAK-8]
type manifest struct {
	Repository ID     `cbor:"1,keyasint"`
	Number     uint64 `cbor:"2,keyasint"` // one more than the highest before
	Time       uint64 `cbor:"3,keyasint"` // when its run began, Unix milliseconds
	Items      uint64 `cbor:"4,keyasint"`
	Bytes      uint64 `cbor:"5,keyasint"` // of the items' bodies
	Packs      []byte `cbor:"6,keyasint"` // for each, in the order of names, what packLine says
}

const lineSize = 20 + 4 + 20 + 4 + 4 + 8 + 8 + 4

// packLine is what a snapshot says of one pack. [BAK-8]
type packLine struct {
	pack, index hash
	size        uint32 // of the pack's file
	items       int    // in it
	kinds       uint32 // a set of kinds
	newest      int64  // time of its newest item
	since       int64  // a time before which none of those had gone that are not of the snapshot; 0 if all are
	dead        []byte // a bit for each item, set for those that are not of the snapshot; nil if all are
}

// deadCount is how many items of the pack are not of the snapshot.
func (l *packLine) deadCount() (n int) {
	for _, b := range l.dead {
		n += bits.OnesCount8(b)
	}
	return n
}

// isDead reports whether an item is not of the snapshot.
func (l *packLine) isDead(i int) bool { return l.dead != nil && l.dead[i/8]>>(i%8)&1 == 1 }

// kill takes an item out of the snapshot.
func (l *packLine) kill(i int) {
	if l.dead == nil {
		l.dead = make([]byte, (l.items+7)/8)
	}
	l.dead[i/8] |= 1 << (i % 8)
}

func appendLine(data []byte, l *packLine) []byte {
	data = append(data, l.pack[:]...)
	data = binary.BigEndian.AppendUint32(data, l.size)
	data = append(data, l.index[:]...)
	data = binary.BigEndian.AppendUint32(data, uint32(l.items))
	data = binary.BigEndian.AppendUint32(data, l.kinds)
	data = binary.BigEndian.AppendUint64(data, uint64(l.newest))
	data = binary.BigEndian.AppendUint64(data, uint64(l.since))
	data = binary.BigEndian.AppendUint32(data, uint32(l.deadCount()))
	return append(data, l.dead...)
}

// parseManifest reads a list strictly. Errors wrap ErrDamaged.
func parseManifest(data []byte) (*manifest, []packLine, error) {
	m := new(manifest)
	if err := wire.Decode(data, m); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if m.Time > math.MaxInt64 || m.Bytes > math.MaxInt64 || m.Number == 0 {
		return nil, nil, fmt.Errorf("%w: a snapshot without a number or time", ErrDamaged)
	}
	var lines []packLine
	items, last := uint64(0), hash{}
	for rest := m.Packs; len(rest) > 0; {
		line, left, err := parseLine(rest)
		if err != nil {
			return nil, nil, err
		}
		if len(lines) > 0 && string(line.pack[:]) <= string(last[:]) {
			return nil, nil, fmt.Errorf("%w: packs out of order", ErrDamaged)
		}
		items += uint64(line.items - line.deadCount())
		lines, rest, last = append(lines, line), left, line.pack
	}
	if items != m.Items {
		return nil, nil, fmt.Errorf("%w: a snapshot of %d items names %d", ErrDamaged, m.Items, items)
	}
	return m, lines, nil
}

func parseLine(data []byte) (l packLine, rest []byte, err error) {
	if len(data) < lineSize {
		return l, nil, fmt.Errorf("%w: a list is cut off", ErrDamaged)
	}
	l.pack, l.size = hash(data), binary.BigEndian.Uint32(data[20:])
	l.index = hash(data[24:])
	items, dead := binary.BigEndian.Uint32(data[44:]), binary.BigEndian.Uint32(data[68:])
	l.kinds = binary.BigEndian.Uint32(data[48:])
	newest, since := binary.BigEndian.Uint64(data[52:]), binary.BigEndian.Uint64(data[60:])
	if l.size > MaxFile || items == 0 || items > MaxPackItems || dead >= items || newest > math.MaxInt64 || since > math.MaxInt64 {
		return l, nil, fmt.Errorf("%w: a pack that cannot be", ErrDamaged)
	}
	l.items, l.newest, l.since = int(items), int64(newest), int64(since)
	data = data[lineSize:]
	if dead > 0 {
		n := (l.items + 7) / 8
		if len(data) < n {
			return l, nil, fmt.Errorf("%w: a list is cut off", ErrDamaged)
		}
		l.dead, data = append([]byte(nil), data[:n]...), data[n:]
		if l.deadCount() != int(dead) || l.items%8 != 0 && l.dead[n-1]>>(l.items%8) != 0 {
			return l, nil, fmt.Errorf("%w: items that do not add up", ErrDamaged)
		}
	}
	return l, data, nil
}

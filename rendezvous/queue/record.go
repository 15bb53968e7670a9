package queue

import (
	"encoding/binary"
	"fmt"

	"muster.example/internal/keys"
)

// recordType is the first byte of a record.
type recordType uint8

const (
	recordBody  recordType = 1 // a body and devices that it waits for
	recordGain  recordType = 2 // more devices for a body that lies elsewhere
	recordSeal  recordType = 3 // the end of a segment, with what lies in it
	recordSet   recordType = 4 // devices that later records of the segment are for
	recordShare recordType = 5 // a body that waits for members of a set
)

// recipient is one entry: a device and the number by which it sees the body.
type recipient struct {
	device keys.PublicKey
	number uint64
}

const (
	recordHeader  = 1 + 1 + 8 + keys.IDSize + keys.IDSize + 4
	recipientSize = keys.PublicKeySize + 8
	setHeader     = 1 + 4
	shareHeader   = recordHeader + 8 + 4 // as far as the bits
)

// record is what a frame seals. [STO-24]
//
//	body, gain: type 1 | kind 1 | expires 8 (unix s) | org 32 | id 32 | count 4 | count × (device 32 | number 8) | body
//	seal:       type 1 | index, see footer
//	set:        type 1 | count 4 | count × device 32, in order
//	share:      type 1 | kind 1 | expires 8 | org 32 | id 32 | count 4 | number 8 | offset of the set 4 | a bit for each of count | body
//
// A gain has no body. Integers are big-endian. Bits begin with the lowest of a byte.
type record struct {
	kind       recordType
	of         Kind
	expires    int64
	org        keys.OrgID
	id         keys.EnvelopeID
	recipients []recipient
	body       []byte // of a seal its index

	devices []keys.PublicKey // of a set
	count   int              // members of a share's set
	number  uint64           // of a share
	set     uint32           // where a share's set lies
	waiting bitmap           // members that a share waits for
}

func (r *record) size() int {
	switch r.kind {
	case recordSeal:
		return 1 + len(r.body)
	case recordSet:
		return setHeader + len(r.devices)*keys.PublicKeySize
	case recordShare:
		return shareHeader + (r.count+7)/8 + len(r.body)
	}
	return recordHeader + len(r.recipients)*recipientSize + len(r.body)
}

func (r *record) append(buf []byte) []byte {
	buf = append(buf, byte(r.kind))
	switch r.kind {
	case recordSeal:
		return append(buf, r.body...)
	case recordSet:
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(r.devices)))
		for i := range r.devices {
			buf = append(buf, r.devices[i][:]...)
		}
		return buf
	}
	buf = append(buf, byte(r.of))
	buf = binary.BigEndian.AppendUint64(buf, uint64(r.expires))
	buf = append(buf, r.org[:]...)
	buf = append(buf, r.id[:]...)
	if r.kind == recordShare {
		buf = binary.BigEndian.AppendUint32(buf, uint32(r.count))
		buf = binary.BigEndian.AppendUint64(buf, r.number)
		buf = binary.BigEndian.AppendUint32(buf, r.set)
		return append(appendBits(buf, r.waiting, r.count), r.body...)
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(r.recipients)))
	for i := range r.recipients {
		buf = append(buf, r.recipients[i].device[:]...)
		buf = binary.BigEndian.AppendUint64(buf, r.recipients[i].number)
	}
	return append(buf, r.body...)
}

// appendBits adds the lowest count bits of b.
func appendBits(buf []byte, b bitmap, count int) []byte {
	for i := range (count + 7) / 8 {
		buf = append(buf, byte(b[i/8]>>(i%8*8)))
	}
	return buf
}

// parseBits reads count bits; false if more are set than there are, or none is.
func parseBits(data []byte, count int) (bitmap, bool) {
	b := make(bitmap, wordsFor(count))
	for i := range (count + 7) / 8 {
		b[i/8] |= uint64(data[i]) << (i % 8 * 8)
	}
	return b, !b.empty() && (count%64 == 0 || b[len(b)-1]>>(count%64) == 0)
}

// parseRecord reads what append wrote; the body shares data's memory. It accepts nothing that append would not write
// the same way. Errors wrap ErrCorrupt.
func parseRecord(data []byte) (record, error) {
	var r record
	if len(data) == 0 {
		return r, fmt.Errorf("%w: a record of no bytes", ErrCorrupt)
	}
	switch r.kind = recordType(data[0]); r.kind {
	case recordSeal:
		r.body = data[1:]
		return r, nil
	case recordSet:
		return parseSet(data)
	case recordBody, recordGain, recordShare:
	default:
		return r, fmt.Errorf("%w: a record of type %d", ErrCorrupt, r.kind)
	}
	if len(data) < recordHeader {
		return r, fmt.Errorf("%w: a record of %d bytes", ErrCorrupt, len(data))
	}
	r.of = Kind(data[1])
	r.expires = int64(binary.BigEndian.Uint64(data[2:]))
	copy(r.org[:], data[10:])
	copy(r.id[:], data[10+keys.IDSize:])
	count := int64(binary.BigEndian.Uint32(data[recordHeader-4:]))
	rest := data[recordHeader:]
	if r.kind == recordShare {
		return r, r.parseShare(rest, count)
	}
	if count > maxEntries || count*recipientSize > int64(len(rest)) {
		return r, fmt.Errorf("%w: a record of %d bytes for %d devices", ErrCorrupt, len(data), count)
	}
	r.recipients = make([]recipient, count)
	for i := range r.recipients {
		copy(r.recipients[i].device[:], rest)
		r.recipients[i].number = binary.BigEndian.Uint64(rest[keys.PublicKeySize:])
		rest = rest[recipientSize:]
	}
	if r.kind == recordGain && len(rest) > 0 || len(rest) > MaxBody {
		return r, fmt.Errorf("%w: %d bytes behind the devices of a record", ErrCorrupt, len(rest))
	}
	r.body = rest
	return r, nil
}

func (r *record) parseShare(rest []byte, count int64) error {
	const fixed = shareHeader - recordHeader
	wide := (count + 7) / 8
	if count == 0 || count > MaxSet || int64(len(rest)) < fixed+wide || int64(len(rest)) > fixed+wide+MaxBody {
		return fmt.Errorf("%w: a body for a set of %d devices in %d bytes", ErrCorrupt, count, len(rest))
	}
	r.count = int(count)
	r.number = binary.BigEndian.Uint64(rest)
	r.set = binary.BigEndian.Uint32(rest[8:])
	var ok bool
	if r.waiting, ok = parseBits(rest[fixed:], r.count); !ok {
		return fmt.Errorf("%w: a body for other members than a set has", ErrCorrupt)
	}
	r.body = rest[fixed+wide:]
	return nil
}

func parseSet(data []byte) (record, error) {
	r := record{kind: recordSet}
	if len(data) < setHeader {
		return r, fmt.Errorf("%w: a set of %d bytes", ErrCorrupt, len(data))
	}
	count := int64(binary.BigEndian.Uint32(data[1:]))
	rest := data[setHeader:]
	if count == 0 || count > MaxSet || count*keys.PublicKeySize != int64(len(rest)) {
		return r, fmt.Errorf("%w: a set of %d devices in %d bytes", ErrCorrupt, count, len(data))
	}
	r.devices = make([]keys.PublicKey, count)
	for i := range r.devices {
		copy(r.devices[i][:], rest[i*keys.PublicKeySize:])
	}
	if !ascending(r.devices) {
		return r, fmt.Errorf("%w: a set out of order", ErrCorrupt)
	}
	return r, nil
}

// spread gives a share the recipients that it has by its set; false if that is not there.
func (r *record) spread(sets map[uint32][]keys.PublicKey) bool {
	if r.kind != recordShare {
		return true
	}
	devices := sets[r.set]
	if len(devices) != r.count {
		return false
	}
	r.waiting.each(func(i int) { r.recipients = append(r.recipients, recipient{devices[i], r.number}) })
	return true
}

// bodyOf returns the id, kind and body of a record whose devices nobody needs to see.
func bodyOf(data []byte) (keys.EnvelopeID, Kind, []byte, error) {
	var id keys.EnvelopeID
	if len(data) < recordHeader {
		return id, 0, nil, fmt.Errorf("%w: not a record with a body", ErrCorrupt)
	}
	start, count := int64(recordHeader), int64(binary.BigEndian.Uint32(data[recordHeader-4:]))
	switch recordType(data[0]) {
	case recordBody:
		start += count * recipientSize
	case recordShare:
		start = shareHeader + (count+7)/8
	default:
		return id, 0, nil, fmt.Errorf("%w: not a record with a body", ErrCorrupt)
	}
	if start > int64(len(data)) {
		return id, 0, nil, fmt.Errorf("%w: a record shorter than its devices", ErrCorrupt)
	}
	copy(id[:], data[10+keys.IDSize:])
	return id, Kind(data[1]), data[start:], nil
}

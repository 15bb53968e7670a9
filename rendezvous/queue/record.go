package queue

import (
	"encoding/binary"
	"fmt"

	"muster.example/internal/keys"
)

// recordType is the first byte of a record.
type recordType uint8

const (
	recordBody recordType = 1 // a body and devices that it waits for
	recordGain recordType = 2 // more devices for a body that lies elsewhere
	recordSeal recordType = 3 // the end of a segment, alone
)

// recipient is one entry: a device and the number by which it sees the body.
type recipient struct {
	device keys.PublicKey
	number uint64
}

const (
	recordHeader  = 1 + 1 + 8 + keys.IDSize + keys.IDSize + 4
	recipientSize = keys.PublicKeySize + 8
)

// record is what a frame seals. [STO-24]
//
//	type 1 | kind 1 | expires 8 (unix s) | org 32 | id 32 | count 4 | count × (device 32 | number 8) | body
//
// A gain has no body. A seal is its type byte and nothing else. Integers are big-endian.
type record struct {
	kind       recordType
	of         Kind
	expires    int64
	org        keys.OrgID
	id         keys.EnvelopeID
	recipients []recipient
	body       []byte
}

func (r *record) size() int {
	if r.kind == recordSeal {
		return 1
	}
	return recordHeader + len(r.recipients)*recipientSize + len(r.body)
}

func (r *record) append(buf []byte) []byte {
	buf = append(buf, byte(r.kind))
	if r.kind == recordSeal {
		return buf
	}
	buf = append(buf, byte(r.of))
	buf = binary.BigEndian.AppendUint64(buf, uint64(r.expires))
	buf = append(buf, r.org[:]...)
	buf = append(buf, r.id[:]...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(r.recipients)))
	for i := range r.recipients {
		buf = append(buf, r.recipients[i].device[:]...)
		buf = binary.BigEndian.AppendUint64(buf, r.recipients[i].number)
	}
	return append(buf, r.body...)
}

// parseRecord reads what append wrote; the body shares data's memory. It accepts nothing that append would not write
// the same way. Errors wrap ErrCorrupt.
func parseRecord(data []byte) (record, error) {
	var r record
	if len(data) == 1 && recordType(data[0]) == recordSeal {
		r.kind = recordSeal
		return r, nil
	}
	if len(data) < recordHeader {
		return r, fmt.Errorf("%w: a record of %d bytes", ErrCorrupt, len(data))
	}
	r.kind, r.of = recordType(data[0]), Kind(data[1])
	if r.kind != recordBody && r.kind != recordGain {
		return r, fmt.Errorf("%w: a record of type %d", ErrCorrupt, r.kind)
	}
	r.expires = int64(binary.BigEndian.Uint64(data[2:]))
	copy(r.org[:], data[10:])
	copy(r.id[:], data[10+keys.IDSize:])
	count := int64(binary.BigEndian.Uint32(data[recordHeader-4:]))
	rest := data[recordHeader:]
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

// bodyOf returns the body of a record whose devices nobody needs to see.
func bodyOf(data []byte) ([]byte, error) {
	if len(data) < recordHeader || recordType(data[0]) != recordBody {
		return nil, fmt.Errorf("%w: not a record with a body", ErrCorrupt)
	}
	start := recordHeader + int64(binary.BigEndian.Uint32(data[recordHeader-4:]))*recipientSize
	if start > int64(len(data)) {
		return nil, fmt.Errorf("%w: a record shorter than its devices", ErrCorrupt)
	}
	return data[start:], nil
}

package history

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Outline is what of a record tells its place among others, read from its encoding without the rest.
type Outline struct {
	Wall   int64
	Kind   RecordKind
	ID     keys.RecordID
	Signed bool // a message or act with what its author signed
}

// Keys of a record's encoding. What a signature is in has no part in the id. [HIST-24]
const (
	keyClock   = 3
	keyKind    = 4
	keyMessage = 5
	keyAct     = 9
	keySigned  = 14 // by the device

	keyMessageSigned = 5
	keyActSigned     = 6
)

// ReadOutline reads the outline of what DecodeRecord reads: the same clock, kind and ID, in a tenth of the time. It takes more than
// that, so it says nothing of whether the rest is a record. Errors wrap ErrBody.
func ReadOutline(data []byte) (o Outline, err error) {
	bare, err := o.read(make([]byte, 0, len(data)), data)
	if err != nil {
		return Outline{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	o.ID = keys.Hash[keys.Record](keys.DomainRecord, bare)
	return o, nil
}

// IsSigned reports whether a record needs no signature of its author, or has it, as it is given to other devices.
func IsSigned(data []byte) (bool, error) {
	var o Outline
	if _, err := o.read(make([]byte, 0, len(data)), data); err != nil {
		return false, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return o.Signed || o.Kind != RecordMessage && o.Kind != RecordAct, nil
}

// read appends the record without signatures.
func (o *Outline) read(bare, data []byte) ([]byte, error) {
	bare, rest, err := copyMap(bare, data, func(bare []byte, key uint64, value []byte) ([]byte, bool, error) {
		switch key {
		case keyClock:
			return bare, true, o.readClock(value)
		case keyKind:
			_, kind, _, err := wire.Head(value)
			o.Kind = RecordKind(kind)
			return bare, true, err
		case keySigned:
			return bare, false, nil
		case keyMessage:
			return o.readSigned(bare, value, keyMessageSigned)
		case keyAct:
			return o.readSigned(bare, value, keyActSigned)
		}
		return bare, true, nil
	})
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: something follows", wire.ErrDecode)
	}
	return bare, err
}

func (o *Outline) readClock(value []byte) error {
	major, parts, rest, err := wire.Head(value)
	if err != nil || major != wire.MajorArray || parts == 0 {
		return fmt.Errorf("%w: a clock that is none", wire.ErrDecode)
	}
	major, wall, _, err := wire.Head(rest)
	if err != nil || major != wire.MajorUint || wall > MaxTime {
		return fmt.Errorf("%w: a clock that cannot be", wire.ErrDecode)
	}
	o.Wall = int64(wall)
	return nil
}

// readSigned appends a message or an act, without the key that holds what its author signed.
func (o *Outline) readSigned(bare, value []byte, signed uint64) ([]byte, bool, error) {
	bare, _, err := copyMap(bare, value, func(bare []byte, key uint64, _ []byte) ([]byte, bool, error) {
		o.Signed = o.Signed || key == signed
		return bare, key != signed, nil
	})
	return bare, false, err
}

// copyMap appends a map whose keys are numbers, with each value as visit has it: visit appends it, or says that it is to be copied, or
// neither, and then the key goes too. It returns what follows the map.
func copyMap(bare, data []byte, visit func(bare []byte, key uint64, value []byte) ([]byte, bool, error)) (_, rest []byte, err error) {
	major, pairs, rest, err := wire.Head(data)
	if err != nil || major != wire.MajorMap || pairs >= 24 {
		return bare, nil, fmt.Errorf("%w: no map of a few keys", wire.ErrDecode)
	}
	at := len(bare)
	bare = append(bare, data[0])
	for range pairs {
		pair := rest
		major, key, value, err := wire.Head(pair)
		if err != nil || major != wire.MajorUint || key >= 24 {
			return bare, nil, fmt.Errorf("%w: a key that is none", wire.ErrDecode)
		}
		if rest, err = wire.Skip(value); err != nil {
			return bare, nil, err
		}
		value = value[:len(value)-len(rest)]
		before := len(bare)
		bare = append(bare, pair[0])
		filled, whole, err := visit(bare, key, value)
		switch {
		case err != nil:
			return bare, nil, err
		case whole:
			bare = append(filled, value...)
		case len(filled) > before+1:
			bare = filled
		default:
			bare = filled[:before]
			bare[at]--
		}
	}
	return bare, rest, nil
}

package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Caps of the codec, for any message of any protocol. [WIRE-3]
const (
	maxNesting  = 8
	maxElements = 1 << 16
	maxPairs    = 64
)

// ErrDecode is wrapped by every error of Decode: the bytes are not the canonical encoding of a value of the type.
var ErrDecode = errors.New("wire: malformed")

var (
	encMode = must(encOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   maxNesting,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxPairs,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
		IntDec:            cbor.IntDecConvertNone,
	}.DecMode())
)

// encOptions are the core deterministic rules, with one form more for Go's nil: an absent string of bytes, array or map
// is an empty one, so that null is nowhere a second way to say "nothing". [WIRE-1]
func encOptions() cbor.EncOptions {
	options := cbor.CoreDetEncOptions()
	options.NilContainers = cbor.NilContainerAsEmpty
	return options
}

func must[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// Encode returns the one canonical encoding of v: RFC 8949 section 4.2.1 core deterministic CBOR. Messages are structs
// with integer keys (`cbor:"1,keyasint"`) or arrays (`cbor:",toarray"`). It panics on a type that CBOR has no form
// for, which only a programmer can cause. [WIRE-1]
func Encode(v any) []byte {
	data, err := encMode.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("wire: encoding %T: %v", v, err))
	}
	return data
}

// Decode reads data into v, a pointer. It refuses unknown and repeated keys, indefinite lengths, tags, invalid UTF-8,
// anything beyond the caps, trailing bytes, and every encoding other than the canonical one. Errors wrap ErrDecode;
// v is then in an unspecified state. [WIRE-2]
func Decode(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %v", ErrDecode, err)
	}
	canonical, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrDecode, err)
	}
	if !bytes.Equal(canonical, data) {
		return fmt.Errorf("%w: not the canonical encoding", ErrDecode)
	}
	return nil
}

package agreement

import (
	"crypto/mlkem"
	"crypto/sha256"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// NonceSize is what each side adds to the session's name, in bytes.
const NonceSize = 16

// PartSize is what each side adds to the keys and words once the key agreement is done, in bytes.
const PartSize = 32

// commitment is what the host says of its part before it tells it. Without it, somebody who knows the code and stands
// between the two could choose, among millions of shares, one that makes both screens show the same words. [PAIR-7]
func (p Purpose) commitment(part [PartSize]byte) [sha256.Size]byte {
	return [sha256.Size]byte(keys.Hash[keys.Event](p.Domain, part[:]))
}

// version is that of the conversation.
const version = 1

// Frame is one thing that one side says; exactly one is set. [PAIR-6]
type Frame struct {
	Hello   *Hello   `cbor:"1,keyasint,omitempty"`
	Share   *Share   `cbor:"2,keyasint,omitempty"`
	Reply   *Reply   `cbor:"3,keyasint,omitempty"`
	Confirm *Confirm `cbor:"4,keyasint,omitempty"`
	Refuse  *Refuse  `cbor:"5,keyasint,omitempty"`
	Sealed  []byte   `cbor:"6,keyasint,omitempty"` // a padded message
}

// Hello is what the host says first.
type Hello struct {
	Version uint8           `cbor:"1,keyasint"`
	Nonce   [NonceSize]byte `cbor:"2,keyasint"`
	Key     keys.PublicKey  `cbor:"3,keyasint"` // its identity for this conversation
}

// Share is the visitor's answer.
type Share struct {
	Nonce [NonceSize]byte       `cbor:"1,keyasint"`
	Key   keys.PublicKey        `cbor:"2,keyasint"` // its identity for this conversation
	KEM   []byte                `cbor:"3,keyasint"` // ML-KEM-768 encapsulation key
	Share [cpace.ShareSize]byte `cbor:"4,keyasint"`
	Link  bool                  `cbor:"5,keyasint,omitzero"` // it has the link, not the code
}

// Reply is the host's share.
type Reply struct {
	KEM   []byte                `cbor:"1,keyasint"` // ML-KEM-768 ciphertext
	Share [cpace.ShareSize]byte `cbor:"2,keyasint"`
	// Promise commits to the host's part of the words before it knows the visitor's: see commitment.
	Promise [sha256.Size]byte `cbor:"3,keyasint"`
}

// Confirm proves the key, and tells this side's part of the words: of the visitor first.
type Confirm struct {
	Tag  [cpace.TagSize]byte `cbor:"1,keyasint"`
	Part [PartSize]byte      `cbor:"2,keyasint"`
}

// Refuse comes in the place of the host's confirm.
type Refuse struct {
	Left uint8 `cbor:"1,keyasint"` // tries
}

// Encode returns the frame as it travels.
func (f Frame) Encode() []byte { return wire.Encode(f) }

// DecodeFrame reads a frame that holds exactly one thing, in its size. Errors wrap ErrFrame.
func DecodeFrame(data []byte) (Frame, error) {
	var f Frame
	if len(data) > MaxFrame {
		return f, frameError("a frame of %d bytes", len(data))
	}
	if err := wire.Decode(data, &f); err != nil {
		return f, frameError("%v", err)
	}
	set := 0
	for _, there := range []bool{f.Hello != nil, f.Share != nil, f.Reply != nil, f.Confirm != nil, f.Refuse != nil, len(f.Sealed) > 0} {
		if there {
			set++
		}
	}
	switch {
	case set != 1:
		return f, frameError("%d things in one frame", set)
	case f.Hello != nil && (f.Hello.Version != version || f.Hello.Key.IsZero()):
		return f, frameError("version %d of the conversation, or no key", f.Hello.Version)
	case f.Share != nil && (len(f.Share.KEM) != mlkem.EncapsulationKeySize768 || f.Share.Key.IsZero()):
		return f, frameError("a share without its keys")
	case f.Reply != nil && len(f.Reply.KEM) != mlkem.CiphertextSize768:
		return f, frameError("a reply without its ciphertext")
	}
	return f, nil
}

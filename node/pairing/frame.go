package pairing

import (
	"crypto/mlkem"
	"crypto/sha256"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// nonceSize is what each side adds to the session's name, in bytes.
const nonceSize = 16

// partSize is what each side adds to the keys and words once the key agreement is done, in bytes.
const partSize = 32

// commitment is what the old device says of its part before it tells it. Without it, somebody who knows the code and stands
// between the two could choose, among millions of shares, one that makes both screens show the same words. [PAIR-7]
func commitment(part [partSize]byte) [sha256.Size]byte {
	return [sha256.Size]byte(keys.Hash[keys.Event](keys.DomainPairing, part[:]))
}

// version is that of the conversation.
const version = 1

// frame is one thing that one side says; exactly one is set. [PAIR-6]
type frame struct {
	Hello   *hello   `cbor:"1,keyasint,omitempty"`
	Share   *share   `cbor:"2,keyasint,omitempty"`
	Reply   *reply   `cbor:"3,keyasint,omitempty"`
	Confirm *confirm `cbor:"4,keyasint,omitempty"`
	Refuse  *refuse  `cbor:"5,keyasint,omitempty"`
	Sealed  []byte   `cbor:"6,keyasint,omitempty"` // a padded message
}

// hello is what the old device says first.
type hello struct {
	Version uint8           `cbor:"1,keyasint"`
	Nonce   [nonceSize]byte `cbor:"2,keyasint"`
	Key     keys.PublicKey  `cbor:"3,keyasint"` // its identity for this pairing
}

// share is the new device's answer.
type share struct {
	Nonce [nonceSize]byte       `cbor:"1,keyasint"`
	Key   keys.PublicKey        `cbor:"2,keyasint"` // its identity for this pairing
	KEM   []byte                `cbor:"3,keyasint"` // ML-KEM-768 encapsulation key
	Share [cpace.ShareSize]byte `cbor:"4,keyasint"`
	Link  bool                  `cbor:"5,keyasint,omitzero"` // it has the link, not the code
}

// reply is the old device's share.
type reply struct {
	KEM   []byte                `cbor:"1,keyasint"` // ML-KEM-768 ciphertext
	Share [cpace.ShareSize]byte `cbor:"2,keyasint"`
	// Promise commits to the old device's part of the words before it knows the new one's: see commitment.
	Promise [sha256.Size]byte `cbor:"3,keyasint"`
}

// confirm proves the key, and tells this side's part of the words: of the new device first.
type confirm struct {
	Tag  [cpace.TagSize]byte `cbor:"1,keyasint"`
	Part [partSize]byte      `cbor:"2,keyasint"`
}

// refuse comes in the place of the old device's confirm.
type refuse struct {
	Left uint8 `cbor:"1,keyasint"` // tries
}

func (f frame) encode() []byte { return wire.Encode(f) }

// decodeFrame reads a frame that holds exactly one thing, in its size.
func decodeFrame(data []byte) (frame, error) {
	var f frame
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

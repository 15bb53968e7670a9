package history

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Proof is what its author's device signed of a message or an act, as a record keeps it: the array [content, signature]. Whose
// signature it is, the record says. [HIST-4]
type Proof struct {
	_         struct{} `cbor:",toarray"`
	Content   []byte
	Signature keys.Signature
}

// Encode returns the proof as a record keeps it.
func (p Proof) Encode() []byte { return wire.Encode(p) }

// DecodeProof reads what a record keeps. It verifies nothing. Errors wrap ErrBody.
func DecodeProof(data []byte) (Proof, error) {
	var p Proof
	if err := wire.Decode(data, &p); err != nil {
		return p, fmt.Errorf("%w: a proof: %w", ErrBody, err)
	}
	return p, nil
}

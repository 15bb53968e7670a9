package store

import (
	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// Sent is what this device wrote under a number of its line in a conversation: a part of a message, an act, or a body that is kept
// here.
type Sent struct {
	Message  *keys.MessageID `cbor:"1,keyasint,omitempty"`
	Part     uint64          `cbor:"2,keyasint,omitempty"` // of the message
	Act      []byte          `cbor:"3,keyasint,omitempty"` // under which its proof lies
	Kind     uint8           `cbor:"4,keyasint,omitempty"` // of an act or Body
	Body     []byte          `cbor:"5,keyasint,omitempty"`
	Previous keys.ContentID  `cbor:"6,keyasint"`
	Written  Moment          `cbor:"7,keyasint"`
}

var sents = bucket[Sent]{65, "what a number stands for"}

// ActKey is under which the proof of an act lies.
func ActKey(a history.Act) []byte { key := keyOf(a); return key[:] }

// PutSent notes what a number of this device's line stands for. [STO-38]
func (tx *Tx) PutSent(org keys.OrgID, c keys.ConversationID, number_ uint64, s Sent) error {
	return sents.put(tx, s, org[:], c[:], number(number_))
}

// Sent returns what a number of this device's line stands for.
func (tx *Tx) Sent(org keys.OrgID, c keys.ConversationID, number_ uint64) (Sent, error) {
	return sents.get(tx, org[:], c[:], number(number_))
}

// FindSent finds under which number of this device's line a part of a message went.
func (tx *Tx) FindSent(org keys.OrgID, c keys.ConversationID, message keys.MessageID, part uint64) (at uint64, s Sent, found bool, err error) {
	err = sents.each(tx, nil, func(rest []byte, one Sent) (bool, error) {
		if found = one.Message != nil && *one.Message == message && one.Part == part; found {
			at, s = readNumber(rest), one
		}
		return !found, nil
	}, org[:], c[:])
	return at, s, found, err
}

// ProofAt returns what this device signed of an act that is kept, by ActKey.
func (tx *Tx) ProofAt(org keys.OrgID, act []byte) (history.Signed, error) {
	return proofs.get(tx, org[:], act)
}

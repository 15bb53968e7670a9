package rvproto

import (
	"muster.example/internal/wire"
)

// Carry is the protocol by which a member's device hands over what it carries for others.
const Carry = "/muster/carry/1"

// Caps of the messages of Carry. An envelope that fits no request goes by its sender's own device alone, or by a bundle that the
// node imports. [RV-190]
const (
	MaxCarryItems   = 64      // carried envelopes and receipts of one request
	MaxCarryBytes   = 2 << 20 // bytes of them
	MaxCarryRequest = MaxCarryBytes + MaxCarryItems*5 + 64
	MaxCarryAnswer  = MaxCarryItems*4 + MaxEvent + 64
)

// CarryRequest hands over carried envelopes and receipts of others. [RV-190]
type CarryRequest struct {
	Carried  [][]byte `cbor:"1,keyasint"` // as envelope.Carried encodes them
	Receipts [][]byte `cbor:"2,keyasint"` // as their devices signed them
}

// CarryAnswer says what became of each, in the order of the request. StatusOK: the node has it on its disk for those who may have
// it, or nobody may; a status that is Retryable: nothing was kept, and it may be handed over again later; any other: it never will
// be taken. Of the devices that it is for nothing is said: who carries is not to learn who lets whom write. [RV-191]
type CarryAnswer struct {
	Status   wire.Status   `cbor:"1,keyasint"`
	Carried  []wire.Status `cbor:"2,keyasint"`
	Receipts []wire.Status `cbor:"3,keyasint"`
	Move     []byte        `cbor:"4,keyasint,omitempty"` // as in RollAnswer
}

// Check returns nil if there is something to hand over, within the caps, else an error that wraps wire.ErrDecode.
func (r CarryRequest) Check() error {
	if n := len(r.Carried) + len(r.Receipts); n == 0 || n > MaxCarryItems {
		return malformed("nothing to hand over, or more than the cap")
	}
	for _, receipt := range r.Receipts {
		if len(receipt) > MaxReceipt {
			return malformed("a receipt beyond the cap")
		}
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a CarryAnswer) Check() error {
	if len(a.Move) > MaxEvent || len(a.Carried)+len(a.Receipts) > MaxCarryItems {
		return malformed("an event or answers beyond the cap")
	}
	return nil
}

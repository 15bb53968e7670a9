package face

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/agreement"
)

// Card says who somebody is in an organization, and proves that their device is here and now at the other end. [FACE-6]
type Card struct {
	Org    keys.OrgID     `cbor:"1,keyasint"`
	Member keys.MemberID  `cbor:"2,keyasint"`
	Device keys.PublicKey `cbor:"3,keyasint"`
	// Speakers is who can speak for the member as their own device sees it: membership.State.Speakers.
	Speakers [keys.IDSize]byte `cbor:"4,keyasint"`
	Size     uint64            `cbor:"5,keyasint"` // of the roll that the device has
	Root     membership.Hash   `cbor:"6,keyasint"`
	Proof    keys.Signature    `cbor:"7,keyasint"` // by the device, over this conversation and all of the above
}

// Side is who says something.
type Side uint8

// The sides.
const (
	Host    Side = 1 // shows the code
	Visitor Side = 2 // has it entered
)

// Other returns the other side.
func (s Side) Other() Side { return Host + Visitor - s }

// proved returns what the proof is a signature of: it stands for one side of one conversation, so that nobody between two people
// can show one the other's card.
func (c Card) proved(binding [agreement.BindingSize]byte, side Side) []byte {
	c.Proof = keys.Signature{}
	return slices.Concat(binding[:], []byte{byte(side)}, encode(c))
}

// Prove signs a card for a side of a conversation. [FACE-6]
func (c Card) Prove(device keys.PrivateKey, channel *agreement.Channel, side Side) Card {
	c.Proof = device.Sign(keys.DomainMeeting, c.Org, c.proved(channel.Binding(), side))
	return c
}

// Check reports whether the device at the other end made the card for this conversation. Whether the roll has it as the member's
// is the caller's to find. The error is ErrProof. [FACE-6]
func (c Card) Check(channel *agreement.Channel, side Side) error {
	if c.Device.Verify(keys.DomainMeeting, c.Org, c.proved(channel.Binding(), side), c.Proof) != nil {
		return ErrProof
	}
	return nil
}

package envelope

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Content is what a message says and where: the signed bytes inside its seal. The caller of Seal gives Head,
// Kind and Body; the rest is filled in. [ENV-23]
type Content struct {
	Org          keys.OrgID          `cbor:"1,keyasint"`
	Conversation keys.ConversationID `cbor:"2,keyasint"`
	Chain        keys.ChainID        `cbor:"3,keyasint"`
	Position     uint64              `cbor:"4,keyasint"`
	Sequence     uint64              `cbor:"5,keyasint"`           // of this device in this conversation, from 1, across chains
	Previous     keys.ContentID      `cbor:"6,keyasint"`           // the message with the sequence number before; zero for the first
	Head         []byte              `cbor:"7,keyasint,omitempty"` // the roll as the author knows it: opaque here, at most MaxHead bytes
	Kind         uint8               `cbor:"9,keyasint"`           // what Body is, for the caller
	Body         []byte              `cbor:"10,keyasint"`
}

// Quote is content apart from any envelope, as its author's device signed it: it proves to anybody what was said.
// [ENV-24]
type Quote struct {
	Device    keys.PublicKey `cbor:"1,keyasint"`
	Content   []byte         `cbor:"2,keyasint"` // exact bytes that were signed
	Signature keys.Signature `cbor:"3,keyasint"`
}

// ID returns the content's identifier. [ENV-24]
func (q Quote) ID() keys.ContentID { return contentID(q.Content) }

// Open verifies a quote; see OpenContent.
func (q Quote) Open(org keys.OrgID) (Content, keys.ContentID, error) {
	return OpenContent(q.Content, q.Signature, org, q.Device)
}

// Line is where a device stands in a conversation: the sequence number and identifier of its last message. It
// survives chains; the zero value is a line without messages. The caller stores it with the chain.
type Line struct {
	Sequence uint64
	Previous keys.ContentID
}

// OpenContent verifies content that sender signed in org, apart from any envelope: devices of one member check what
// they hand to one another. [ENV-24]
func OpenContent(data []byte, signature keys.Signature, org keys.OrgID,
	sender keys.PublicKey) (Content, keys.ContentID, error) {
	var content Content
	if err := wire.Decode(data, &content); err != nil {
		return Content{}, keys.ContentID{}, fmt.Errorf("%w: content: %w", ErrMalformed, err)
	}
	if err := content.check(); err != nil {
		return Content{}, keys.ContentID{}, err
	}
	if content.Org != org {
		return Content{}, keys.ContentID{}, fmt.Errorf("%w: content of another organization", ErrBinding)
	}
	if sender.Verify(keys.DomainContent, org, data, signature) != nil {
		return Content{}, keys.ContentID{}, fmt.Errorf("%w: content", ErrSignature)
	}
	return content, contentID(data), nil
}

// SignContent signs content of a device that is never sealed, as the next of its line at a place where nobody else is. It names no
// chain. Devices of the account check it as any other. [ENV-23]
func SignContent(device keys.PrivateKey, org keys.OrgID, place Place, line *Line, content Content) (Quote, error) {
	content.Org, content.Conversation, content.Chain, content.Position = org, place.ID(org), keys.ChainID{}, 1
	content.Sequence, content.Previous = line.Sequence+1, line.Previous
	if err := content.check(); err != nil {
		return Quote{}, err
	}
	data := wire.Encode(content)
	quote := Quote{Device: device.Public(), Content: data, Signature: device.Sign(keys.DomainContent, org, data)}
	line.Sequence, line.Previous = content.Sequence, quote.ID()
	return quote, nil
}

func contentID(data []byte) keys.ContentID { return keys.Hash[keys.Content](keys.DomainContent, data) }

// check applies the rules of form. [ENV-23]
func (c Content) check() error {
	switch {
	case c.Position == 0 || c.Position > MaxPosition:
		return fmt.Errorf("%w: content at position %d", ErrMalformed, c.Position)
	case c.Sequence == 0 || (c.Sequence == 1) != c.Previous.IsZero():
		return fmt.Errorf("%w: content whose previous message does not fit its sequence number", ErrMalformed)
	case c.Kind == 0:
		return fmt.Errorf("%w: content without a kind", ErrMalformed)
	case len(c.Head) > MaxHead:
		return fmt.Errorf("%w: head of %d bytes", ErrTooLarge, len(c.Head))
	case len(c.Body) > MaxBody:
		return fmt.Errorf("%w: body of %d bytes", ErrTooLarge, len(c.Body))
	}
	return nil
}

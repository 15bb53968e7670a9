package pairing

import (
	"io"

	"muster.example/internal/keys"
	"muster.example/node/agreement"
)

// New is the side of the device that is to be added, in one conversation. Its methods are called in the order in which they
// stand here, the last ones as what comes asks for; each takes the other side's next frame, or returns the next one for it.
// After an error the conversation is over.
type New struct {
	*agreement.Visitor
	course
	rounds int
}

// NewNew begins a conversation.
func NewNew(random io.Reader, setup Setup) *New {
	return &New{Visitor: agreement.NewVisitor(random, purpose, setup)}
}

// Said is what the old device says once both have confirmed; exactly one is set.
type Said struct {
	Offer *Offer
	Ask   *Ask
	Done  *Done
}

// Next takes the old device's next frame: an offer first, then what is asked, and Done at the end.
func (n *New) Next(data []byte) (Said, error) {
	m, err := open(n.Visitor, data)
	if err != nil {
		return Said{}, err
	}
	switch {
	case m.Offer != nil && n.phase == joined:
		n.phase, n.orgs = offered, len(m.Offer.Orgs)
		return Said{Offer: m.Offer}, nil
	case m.Ask != nil && (n.phase == keyed || n.phase == signed):
		if n.rounds++; n.rounds > Rounds {
			return Said{}, frameError("asked more than %d times", Rounds)
		}
		n.phase = asked
		return Said{Ask: m.Ask}, m.Ask.check(n.orgs)
	case m.Done != nil && (n.phase == keyed || n.phase == signed):
		if len(m.Done.Outcomes) != n.orgs {
			return Said{}, frameError("not an outcome for each organization")
		}
		n.phase = ended
		return Said{Done: m.Done}, nil
	}
	return Said{}, frameError("a message out of order")
}

// Keys returns the frame with the new device's keys, which answers the offer.
func (n *New) Keys(devices []keys.PublicKey) []byte {
	n.at(n.Visitor, offered, keyed)
	return seal(n.Visitor, message{Keys: &Keys{Devices: devices}})
}

// Signatures returns the frame that answers an Ask. [PAIR-11]
func (n *New) Signatures(signatures []keys.Signature) []byte {
	n.at(n.Visitor, asked, signed)
	return seal(n.Visitor, message{Signatures: &Signatures{Signatures: signatures}})
}

package pairing

import (
	"fmt"

	"muster.example/internal/wire"
	"muster.example/node/agreement"
)

// phase is how far a conversation has come after the agreement.
type phase uint8

const (
	joined phase = iota // both have confirmed: messages are sealed
	offered
	keyed
	asked
	signed
	ended
)

// course is what both sides keep of the conversation.
type course struct {
	phase phase
	orgs  int // of the offer
}

// agreed is a side of an agreement.
type agreed interface {
	Joined() bool
	Channel() *agreement.Channel
}

// at panics if the caller does not keep the order, which is a fault of the program and nothing that a peer can cause.
func (c *course) at(side agreed, want, next phase) {
	if !side.Joined() || c.phase != want {
		panic(fmt.Sprintf("pairing: phase %d where %d is due", c.phase, want))
	}
	c.phase = next
}

// seal returns the frame of the next message. [PAIR-8]
func seal(side agreed, m message) []byte { return side.Channel().Seal(wire.Encode(m)) }

// open reads the frame of the next message.
func open(side agreed, data []byte) (message, error) {
	plain, err := side.Channel().Open(data)
	if err != nil {
		return message{}, err
	}
	return decodeMessage(plain)
}

package membership

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
)

// cardPrefix starts every card; after it come only base64url characters.
const cardPrefix = "muster:card/"

// ErrCard means that text is not a card in its one form.
var ErrCard = errors.New("membership: not a card")

// Card is what is printed beside the recovery words: which organization they are good for, and where it is reached. It is
// no secret, and without the words it opens nothing. [ROLL-110]
type Card struct {
	Org   keys.OrgID    `cbor:"1,keyasint"`
	Nodes []NodeAddress `cbor:"2,keyasint"` // 1 to MaxNodes
	// Number is that of the organization's recovery key in the series of the words: where to look first.
	Number uint32 `cbor:"3,keyasint"`
}

// Text returns the card as a line. One beyond a cap makes a line that ParseCard refuses. [ROLL-110]
func (c Card) Text() string { return encodeLink(cardPrefix, c) }

// ParseCard reads what Text writes, and nothing else. Errors wrap ErrCard.
func ParseCard(text string) (Card, error) {
	var c Card
	if err := decodeLink(cardPrefix, text, MaxInvitation, &c, ErrCard); err != nil {
		return Card{}, err
	}
	if c.Org.IsZero() {
		return Card{}, fmt.Errorf("%w: it names no organization", ErrCard)
	}
	if err := checkNodes(c.Nodes, ErrCard); err != nil {
		return Card{}, err
	}
	return c, nil
}

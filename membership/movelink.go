package membership

import (
	"errors"
	"fmt"
)

// movePrefix starts the line that tells of a move of the sequencing duty; after it come only base64url characters.
const movePrefix = "muster:move/"

// MaxMoveLink is the size of such a line in bytes: room for every event.
const MaxMoveLink = 6 << 10

// ErrMoveLink means that text is not such a line in its one form.
var ErrMoveLink = errors.New("membership: not a move of the sequencing duty")

// moveLink is what the line holds.
type moveLink struct {
	Event []byte `cbor:"1,keyasint"`
}

// MoveLink returns a signed move as a line that people pass on when the old node is gone. It is no secret, and says
// nothing that the event does not prove. [ROLL-122]
func MoveLink(move SignedEvent) string { return encodeLink(movePrefix, moveLink{Event: move}) }

// ParseMoveLink reads what MoveLink writes, and nothing else. Whether the event is a move, and by whom, OpenEvent says.
// Errors wrap ErrMoveLink.
func ParseMoveLink(link string) (SignedEvent, error) {
	var l moveLink
	if err := decodeLink(movePrefix, link, MaxMoveLink, &l, ErrMoveLink); err != nil {
		return nil, err
	}
	if len(l.Event) == 0 || len(l.Event) > MaxEvent {
		return nil, fmt.Errorf("%w: it holds no event", ErrMoveLink)
	}
	return l.Event, nil
}

package store

import (
	"errors"

	"muster.example/internal/keys"
)

var linkChoices = bucket[LinkChoice]{141, "what was chosen for the link"}

// LinkChoice is what the person chose for this device's link to the network.
type LinkChoice struct {
	Metered   bool             `cbor:"1,keyasint,omitempty"`
	FilesOver uint64           `cbor:"2,keyasint,omitempty"` // bytes of a message's files above which they wait; 0 stands for the usual number
	Now       []keys.MessageID `cbor:"3,keyasint,omitempty"` // messages that do not wait, the last ones that were chosen
	Normal    bool             `cbor:"4,keyasint,omitempty"` // everything goes; without this and Metered it is as the system says
}

// LinkChoice returns what was chosen, the zero value if nothing was.
func (tx *Tx) LinkChoice() (LinkChoice, error) {
	c, err := linkChoices.get(tx)
	if errors.Is(err, ErrNotFound) {
		return LinkChoice{}, nil
	}
	return c, err
}

// PutLinkChoice stores what was chosen.
func (tx *Tx) PutLinkChoice(c LinkChoice) error { return linkChoices.put(tx, c) }

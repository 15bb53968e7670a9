package store

import (
	"errors"

	"muster.example/internal/keys"
)

var ownShares = bucket[[]byte]{135, "what the account shows of its presence"}

// Share returns what the account shows of its presence, as a rendezvous node had it last, encoded; nil if that was never heard.
func (tx *Tx) Share(org keys.OrgID) ([]byte, error) {
	share, err := ownShares.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return share, err
}

// PutShare keeps what the account shows of its presence.
func (tx *Tx) PutShare(org keys.OrgID, share []byte) error { return ownShares.put(tx, share, org[:]) }

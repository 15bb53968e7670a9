package store

import (
	"errors"

	"muster.example/internal/keys"
	"muster.example/node/orgtime"
)

var reckonings = bucket[orgtime.Kept]{143, "what is known of an organization's time"}

// Reckoning returns what was kept of an organization's time, the zero value if nothing was.
func (tx *Tx) Reckoning(org keys.OrgID) (orgtime.Kept, error) {
	kept, err := reckonings.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return kept, err
}

// PutReckoning keeps what is known of an organization's time.
func (tx *Tx) PutReckoning(org keys.OrgID, kept orgtime.Kept) error {
	return reckonings.put(tx, kept, org[:])
}

package store

import (
	"errors"

	"muster.example/internal/keys"
)

var aways = bucket[int64]{47, "the day of an away notice"}

// AwayTold returns the day, counted from 1970 in UTC, on which a member was last told that this account is away; 0 if never.
func (tx *Tx) AwayTold(org keys.OrgID, member keys.MemberID) (day int64, err error) {
	day, err = aways.get(tx, org[:], member[:])
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return day, err
}

// PutAwayTold notes the day on which a member was told.
func (tx *Tx) PutAwayTold(org keys.OrgID, member keys.MemberID, day int64) error {
	return aways.put(tx, day, org[:], member[:])
}

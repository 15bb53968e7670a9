package store

import (
	"errors"

	"muster.example/internal/keys"
)

// Parked is a time in which the rendezvous node kept nothing for this device, since it stayed away.
type Parked struct {
	From  int64  `cbor:"1,keyasint"` // unix seconds, of the day on which the device last came before
	Until int64  `cbor:"2,keyasint"` // of the day on which it came back
	Came  uint64 `cbor:"3,keyasint"` // messages of that time that other devices of the account have given since
}

// Covers reports whether what was written at a time (unix seconds) may not have been kept for this device.
func (p Parked) Covers(at int64) bool { return at >= p.From && at < p.Until+2*24*3600 }

var parkings = bucket[Parked]{76, "when this device was parked"}

// Parked returns when this device was parked last, the zero value if never.
func (tx *Tx) Parked(org keys.OrgID) (Parked, error) {
	p, err := parkings.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return p, err
}

// PutParked notes when this device was parked.
func (tx *Tx) PutParked(org keys.OrgID, p Parked) error { return parkings.put(tx, p, org[:]) }

package store

import "muster.example/internal/keys"

// Distrust says that an organization's sequencer was proved to have broken its word: the device takes no new events from
// it, whatever happens, until the organization settles the matter. Size is how many stored entries count: those before
// an entry that breaks a rule count without a checkpoint of their own.
type Distrust struct {
	Time int64  `cbor:"1,keyasint"` // unix milliseconds
	Text string `cbor:"2,keyasint"` // what was proved, as in the alarm
	Size uint64 `cbor:"3,keyasint"`
}

var distrusts = bucket[Distrust]{7, "why the sequencer is not trusted"}

// Distrust returns why the organization's sequencer is not trusted, or ErrNotFound while it is.
func (tx *Tx) Distrust(org keys.OrgID) (Distrust, error) { return distrusts.get(tx, org[:]) }

// PutDistrust ends trust in the organization's sequencer.
func (tx *Tx) PutDistrust(org keys.OrgID, d Distrust) error { return distrusts.put(tx, d, org[:]) }

// DeleteDistrust begins trust anew: the organization has settled the matter by a move of the sequencing duty.
func (tx *Tx) DeleteDistrust(org keys.OrgID) error { return distrusts.delete(tx, org[:]) }

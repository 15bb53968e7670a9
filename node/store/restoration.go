package store

import "muster.example/internal/keys"

// Restoration is an organization that this device has from a backup, and is not a device of yet. It is kept until it is.
type Restoration struct {
	Org      keys.OrgID          `cbor:"1,keyasint"`
	Identity [keys.SeedSize]byte `cbor:"2,keyasint"` // of this device there
	Name     string              `cbor:"3,keyasint"` // for people, until the roll is there
	Member   keys.MemberID       `cbor:"4,keyasint"` // by the backup, which proves nothing
	Nodes    []Node              `cbor:"5,keyasint"`
	Since    int64               `cbor:"6,keyasint"` // unix milliseconds
	// Keys are the private recovery keys with which to enter, the likeliest first: one if the roll is here. They are nowhere else on
	// this device, and go with this value.
	Keys []NumberedKey `cbor:"7,keyasint,omitempty"`
	// Checkpoint is the newest that the backup has, of a roll that is not here.
	Checkpoint []byte `cbor:"8,keyasint,omitempty"`
	// Bar, BarSince and First are what is to be done once this device has entered.
	Bar      []string `cbor:"9,keyasint,omitempty"`
	BarSince int64    `cbor:"10,keyasint,omitempty"` // unix milliseconds; 0: none
	First    bool     `cbor:"11,keyasint,omitempty"`
	Refused  string   `cbor:"12,keyasint,omitempty"` // why it never enters by itself
}

// NumberedKey is a recovery key with its number in the series of the words.
type NumberedKey struct {
	Number uint32              `cbor:"1,keyasint"`
	Seed   [keys.SeedSize]byte `cbor:"2,keyasint"`
}

var restorations = bucket[Restoration]{80, "an organization that was restored"}

// Restorations returns every one.
func (tx *Tx) Restorations() ([]Restoration, error) {
	var all []Restoration
	err := restorations.each(tx, nil, func(_ []byte, r Restoration) (bool, error) {
		all = append(all, r)
		return true, nil
	})
	return all, err
}

// Restoration returns the one of an organization, or ErrNotFound.
func (tx *Tx) Restoration(org keys.OrgID) (Restoration, error) { return restorations.get(tx, org[:]) }

// PutRestoration stores one, for its organization.
func (tx *Tx) PutRestoration(r Restoration) error { return restorations.put(tx, r, r.Org[:]) }

// DeleteRestoration forgets one, and the keys in it.
func (tx *Tx) DeleteRestoration(org keys.OrgID) error { return restorations.delete(tx, org[:]) }

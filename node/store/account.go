package store

import (
	"errors"

	"muster.example/internal/keys"
)

// Choice is what the owner of this device chose for it in one organization, and what only they and it know.
type Choice struct {
	Nobody bool           `cbor:"1,keyasint,omitempty"` // no bar has this device remove its data
	Device keys.PublicKey `cbor:"2,keyasint,omitzero"`  // beside the recovery key, this device's bar has
	Number uint32         `cbor:"3,keyasint,omitempty"` // of the recovery key in the series of the words, if the device came back by them
}

// Exclusion says why this device may not act in an organization, as it was told and has verified.
type Exclusion struct {
	Standing uint8    `cbor:"1,keyasint"`           // a membership.Standing
	Event    []byte   `cbor:"2,keyasint,omitempty"` // as signed: what made it so; absent if it was not shown
	Time     int64    `cbor:"3,keyasint"`           // its stamp, or when this device was told, unix milliseconds
	Index    uint64   `cbor:"4,keyasint,omitempty"` // of its entry
	Wipe     int64    `cbor:"5,keyasint,omitempty"` // when the data is to be removed, unix milliseconds; 0 if it is not
	Size     uint64   `cbor:"7,keyasint,omitempty"` // of the roll, as the node that told it last showed
	Entries  [][]byte `cbor:"6,keyasint,omitempty"` // all entries that were shown and verified
}

// Application is a request for re-admission that this device made and that has not taken effect.
type Application struct {
	Org      keys.OrgID          `cbor:"1,keyasint"`
	Identity [keys.SeedSize]byte `cbor:"2,keyasint"`
	Recovery keys.PublicKey      `cbor:"3,keyasint"`
	Name     string              `cbor:"4,keyasint"`
	Nodes    []Node              `cbor:"5,keyasint"`
	Since    int64               `cbor:"6,keyasint"`            // unix milliseconds
	Due      int64               `cbor:"7,keyasint,omitempty"`  // unix milliseconds; 0 while no admin has signed it
	Promised bool                `cbor:"8,keyasint,omitempty"`  // an admin had signed it
	Refused  bool                `cbor:"9,keyasint,omitempty"`  // it waited, and waits no more
	Number   uint32              `cbor:"10,keyasint,omitempty"` // of the recovery key in the series of the words
}

// Wiped says that the data of an organization was removed.
type Wiped struct {
	Org  keys.OrgID `cbor:"1,keyasint"`
	Time int64      `cbor:"2,keyasint"` // unix milliseconds
	By   string     `cbor:"3,keyasint"` // whose bar was obeyed
	Done bool       `cbor:"4,keyasint"` // nothing is left to remove
}

var (
	choices      = bucket[Choice]{40, "a choice for this device"}
	exclusions   = bucket[Exclusion]{41, "why this device may not act"}
	applications = bucket[Application]{42, "a request for re-admission"}
	wipes        = bucket[Wiped]{43, "that data was removed"}
	sightings    = bucket[int64]{44, "when a device was last heard of"}
)

// Choice returns what was chosen, the zero value if nothing was.
func (tx *Tx) Choice(org keys.OrgID) (Choice, error) {
	c, err := choices.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		return Choice{}, nil
	}
	return c, err
}

// PutChoice stores a choice.
func (tx *Tx) PutChoice(org keys.OrgID, c Choice) error { return choices.put(tx, c, org[:]) }

// Exclusion returns why this device may not act, or ErrNotFound if it may.
func (tx *Tx) Exclusion(org keys.OrgID) (Exclusion, error) { return exclusions.get(tx, org[:]) }

// PutExclusion stores why this device may not act.
func (tx *Tx) PutExclusion(org keys.OrgID, e Exclusion) error { return exclusions.put(tx, e, org[:]) }

// DeleteExclusion notes that this device may act again.
func (tx *Tx) DeleteExclusion(org keys.OrgID) error { return exclusions.delete(tx, org[:]) }

// Applications returns the requests for re-admission under way.
func (tx *Tx) Applications() ([]Application, error) {
	var all []Application
	err := applications.each(tx, nil, func(_ []byte, a Application) (bool, error) {
		all = append(all, a)
		return true, nil
	})
	return all, err
}

// PutApplication stores a request for re-admission, one for each organization.
func (tx *Tx) PutApplication(a Application) error { return applications.put(tx, a, a.Org[:]) }

// DeleteApplication forgets a request for re-admission.
func (tx *Tx) DeleteApplication(org keys.OrgID) error { return applications.delete(tx, org[:]) }

// Wipes returns which organizations' data was removed, or is being removed.
func (tx *Tx) Wipes() ([]Wiped, error) {
	var all []Wiped
	err := wipes.each(tx, nil, func(_ []byte, w Wiped) (bool, error) {
		all = append(all, w)
		return true, nil
	})
	return all, err
}

// PutWiped stores that an organization's data is being removed, or was.
func (tx *Tx) PutWiped(w Wiped) error { return wipes.put(tx, w, w.Org[:]) }

// DeleteWiped forgets that an organization's data was removed: the device is in it again.
func (tx *Tx) DeleteWiped(org keys.OrgID) error { return wipes.delete(tx, org[:]) }

// Sighting returns when another device was last heard of, in unix milliseconds; 0 if never.
func (tx *Tx) Sighting(org keys.OrgID, device keys.PublicKey) (int64, error) {
	at, err := sightings.get(tx, org[:], device[:])
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return at, err
}

// PutSighting notes when another device was last heard of.
func (tx *Tx) PutSighting(org keys.OrgID, device keys.PublicKey, at int64) error {
	return sightings.put(tx, at, org[:], device[:])
}

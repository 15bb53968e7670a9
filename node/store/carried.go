package store

import (
	"errors"
	"slices"

	"muster.example/internal/keys"
)

// Carry is what is kept of an envelope that this device carries for others. The carried bytes lie apart.
type Carry struct {
	ID      keys.EnvelopeID  `cbor:"1,keyasint"`
	Sender  keys.PublicKey   `cbor:"2,keyasint"`
	Size    uint64           `cbor:"3,keyasint"`           // of the carried bytes
	Expires int64            `cbor:"4,keyasint"`           // unix seconds
	Taken   int64            `cbor:"5,keyasint"`           // unix milliseconds
	Wanted  []keys.PublicKey `cbor:"6,keyasint,omitempty"` // devices that have not given a receipt; none: a group's
	Whole   bool             `cbor:"7,keyasint,omitempty"` // it is for whoever of the group of its header may have it
	// Of what came on a stream of the mesh, else zero.
	Copies uint64 `cbor:"8,keyasint,omitempty"`  // that may be handed on, this device's own among them
	Hops   uint64 `cbor:"9,keyasint,omitempty"`  // handings from the sender to here
	Since  int64  `cbor:"10,keyasint,omitempty"` // when its sender handed it on first, unix milliseconds
	Opens  bool   `cbor:"11,keyasint,omitempty"` // it announces a chain
	Sealed uint64 `cbor:"12,keyasint,omitempty"` // bytes of the envelope alone; 0 if an earlier program noted it
	// Handed is to whom copies of it were handed from here.
	Handed []keys.PublicKey `cbor:"13,keyasint,omitempty"`
}

// CarriedReceipt is a receipt that is on its way back to a sender: this device's own, or another's.
type CarriedReceipt struct {
	Bytes  []byte         `cbor:"1,keyasint"`
	Sender keys.PublicKey `cbor:"2,keyasint"` // who gets it
	Kept   int64          `cbor:"3,keyasint"` // unix milliseconds
	// Landed: a rendezvous node or the sender has it. It is kept for those who carry what it ends.
	Landed bool `cbor:"4,keyasint,omitempty"`
}

var (
	carries         = bucket[Carry]{130, "an envelope that is carried"}
	carriedBytes    = bucket[[]byte]{131, "the bytes of an envelope that is carried"}
	carriedBefore   = bucket[int64]{132, "an envelope that was carried"}
	carriedReceipts = bucket[CarriedReceipt]{133, "a receipt on its way back"}
	knownPrekeys    = bucket[[]byte]{134, "a prekey of another device"}
)

// PutCarry stores an envelope that is carried, and what is kept of it.
func (tx *Tx) PutCarry(org keys.OrgID, c Carry, carried []byte) error {
	c.Size = uint64(len(carried))
	return errors.Join(carriedBytes.put(tx, carried, org[:], c.ID[:]), carries.put(tx, c, org[:], c.ID[:]))
}

// SetCarry stores what is kept of an envelope that is carried already.
func (tx *Tx) SetCarry(org keys.OrgID, c Carry) error { return carries.put(tx, c, org[:], c.ID[:]) }

// Carry returns what is kept of an envelope that is carried.
func (tx *Tx) Carry(org keys.OrgID, id keys.EnvelopeID) (Carry, error) {
	return carries.get(tx, org[:], id[:])
}

// Carried returns the carried bytes.
func (tx *Tx) Carried(org keys.OrgID, id keys.EnvelopeID) ([]byte, error) {
	return carriedBytes.get(tx, org[:], id[:])
}

// Carries returns what is kept of all that is carried, what was taken first in front.
func (tx *Tx) Carries(org keys.OrgID) (all []Carry, err error) {
	err = carries.each(tx, nil, func(_ []byte, c Carry) (bool, error) {
		all = append(all, c)
		return true, nil
	}, org[:])
	slices.SortStableFunc(all, func(a, b Carry) int {
		switch {
		case a.Taken < b.Taken:
			return -1
		case a.Taken > b.Taken:
			return 1
		}
		return 0
	})
	return all, err
}

// DeleteCarry forgets an envelope that was carried, but for its id until it expires.
func (tx *Tx) DeleteCarry(org keys.OrgID, c Carry) error {
	return errors.Join(carriedBytes.delete(tx, org[:], c.ID[:]), carries.delete(tx, org[:], c.ID[:]),
		carriedBefore.put(tx, c.Expires, org[:], c.ID[:]))
}

// CarriedBefore reports whether an envelope is carried, or was.
func (tx *Tx) CarriedBefore(org keys.OrgID, id keys.EnvelopeID) (is, was bool, err error) {
	if _, err = carries.get(tx, org[:], id[:]); err == nil {
		return true, false, nil
	} else if !errors.Is(err, ErrNotFound) {
		return false, false, err
	}
	if _, err = carriedBefore.get(tx, org[:], id[:]); err == nil {
		return false, true, nil
	} else if !errors.Is(err, ErrNotFound) {
		return false, false, err
	}
	return false, false, nil
}

// ForgetCarriedBefore removes up to limit notes of envelopes that expired before now (unix seconds) and returns how many.
func (tx *Tx) ForgetCarriedBefore(org keys.OrgID, now int64, limit int) (int, error) {
	var old [][]byte
	err := carriedBefore.each(tx, nil, func(id []byte, expires int64) (bool, error) {
		if expires < now {
			old = append(old, slices.Clone(id))
		}
		return len(old) < limit, nil
	}, org[:])
	for _, id := range old {
		err = errors.Join(err, carriedBefore.delete(tx, org[:], id))
	}
	return len(old), err
}

// PutCarriedReceipt stores a receipt on its way back under its id.
func (tx *Tx) PutCarriedReceipt(org keys.OrgID, id keys.EnvelopeID, r CarriedReceipt) error {
	return carriedReceipts.put(tx, r, org[:], id[:])
}

// HasCarriedReceipt reports whether a receipt is on its way back here.
func (tx *Tx) HasCarriedReceipt(org keys.OrgID, id keys.EnvelopeID) (bool, error) {
	_, err := carriedReceipts.get(tx, org[:], id[:])
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// LandCarriedReceipt notes that a rendezvous node has a receipt.
func (tx *Tx) LandCarriedReceipt(org keys.OrgID, id keys.EnvelopeID) error {
	r, err := carriedReceipts.get(tx, org[:], id[:])
	if errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	r.Landed = true
	return carriedReceipts.put(tx, r, org[:], id[:])
}

// DeleteCarriedReceipt forgets a receipt.
func (tx *Tx) DeleteCarriedReceipt(org keys.OrgID, id keys.EnvelopeID) error {
	return carriedReceipts.delete(tx, org[:], id[:])
}

// CarriedReceipts visits the receipts on their way back until visit returns false.
func (tx *Tx) CarriedReceipts(org keys.OrgID, visit func(id keys.EnvelopeID, r CarriedReceipt) (more bool, err error)) error {
	return carriedReceipts.each(tx, nil, func(rest []byte, r CarriedReceipt) (bool, error) {
		if len(rest) != keys.IDSize {
			return true, nil
		}
		return visit(keys.EnvelopeID(rest), r)
	}, org[:])
}

// PutKnownPrekey keeps the newest prekey of another device, for when no rendezvous node can be asked.
func (tx *Tx) PutKnownPrekey(org keys.OrgID, device keys.PublicKey, signed []byte) error {
	return knownPrekeys.put(tx, signed, org[:], device[:])
}

// KnownPrekey returns the newest prekey of another device that came by any way; ErrNotFound if none did.
func (tx *Tx) KnownPrekey(org keys.OrgID, device keys.PublicKey) ([]byte, error) {
	return knownPrekeys.get(tx, org[:], device[:])
}

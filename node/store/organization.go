package store

import (
	"muster.example/internal/keys"
)

// Profile is what belongs to the person and not to one organization: the public halves of the recovery keys, and how
// many are used up. Unshown holds the seed from when it is made until the words have been shown, at the end of the first
// entry into an organization; after that the words are nowhere but with the person. [KEY-7]
type Profile struct {
	Recovery []keys.PublicKey `cbor:"1,keyasint"`
	Used     uint32           `cbor:"2,keyasint"`
	Unshown  []byte           `cbor:"3,keyasint,omitempty"`
	First    uint32           `cbor:"4,keyasint,omitempty"` // the number of the first of Recovery in the series of the words
}

// Node is a rendezvous node as it can be reached.
type Node struct {
	Key       keys.PublicKey `cbor:"1,keyasint"`
	Addresses []string       `cbor:"2,keyasint"`
}

// Organization is the account in one organization. Identity is the device's private key there.
type Organization struct {
	Org      keys.OrgID          `cbor:"1,keyasint"`
	Member   keys.MemberID       `cbor:"2,keyasint"`
	Identity [keys.SeedSize]byte `cbor:"3,keyasint"`
	Node     Node                `cbor:"4,keyasint"`
	Joined   int64               `cbor:"5,keyasint"` // unix milliseconds
	// Move is the signed event by which the sequencing duty moves to another node, while this device has not followed.
	Move []byte `cbor:"6,keyasint,omitempty"`
	// Common is how many entries count, one more than that, while those beyond are being replaced by the ones of a new
	// node; 0 if all do.
	Common uint64 `cbor:"7,keyasint,omitempty"`
	// Bear is whether the rendezvous node is new and may lack leave that others gave this member: they may follow late.
	Bear bool `cbor:"8,keyasint,omitempty"`
}

// Checkpoint is the newest signed checkpoint that was adopted.
type Checkpoint struct {
	Note []byte `cbor:"1,keyasint"`
	Seen int64  `cbor:"2,keyasint"` // own clock when it came, unix milliseconds
}

// Alarm is something that a person must know about an organization's node or another member, with the evidence.
type Alarm struct {
	Time     int64    `cbor:"1,keyasint"` // unix milliseconds
	Kind     string   `cbor:"2,keyasint"`
	Text     string   `cbor:"3,keyasint"`
	Evidence [][]byte `cbor:"4,keyasint,omitempty"`
	File     string   `cbor:"5,keyasint,omitempty"` // name of the file that holds evidence for others; "" if there is none
}

var (
	profiles      = bucket[Profile]{1, "the profile"}
	organizations = bucket[Organization]{2, "an organization"}
	entries       = bucket[[]byte]{3, "an entry of the roll"}
	checkpoints   = bucket[Checkpoint]{4, "the checkpoint"}
	alarms        = bucket[Alarm]{5, "an alarm"}
)

// Profile returns the profile, or ErrNotFound before the first organization.
func (tx *Tx) Profile() (Profile, error) { return profiles.get(tx) }

// PutProfile stores the profile.
func (tx *Tx) PutProfile(p Profile) error { return profiles.put(tx, p) }

// Organizations returns every organization of the device.
func (tx *Tx) Organizations() ([]Organization, error) {
	var all []Organization
	err := organizations.each(tx, nil, func(_ []byte, o Organization) (bool, error) {
		all = append(all, o)
		return true, nil
	})
	return all, err
}

// PutOrganization stores an organization.
func (tx *Tx) PutOrganization(o Organization) error { return organizations.put(tx, o, o.Org[:]) }

// Entries visits the roll's entries from the first.
func (tx *Tx) Entries(org keys.OrgID, visit func(entry []byte) error) error {
	return entries.each(tx, nil, func(_ []byte, entry []byte) (bool, error) { return true, visit(entry) }, org[:])
}

// PutEntry stores the roll's entry at index.
func (tx *Tx) PutEntry(org keys.OrgID, index uint64, entry []byte) error {
	return entries.put(tx, entry, org[:], number(index))
}

// Checkpoint returns the newest checkpoint adopted.
func (tx *Tx) Checkpoint(org keys.OrgID) (Checkpoint, error) { return checkpoints.get(tx, org[:]) }

// PutCheckpoint stores the newest checkpoint. All entries below its size are stored already and were verified: a start
// trusts its root.
func (tx *Tx) PutCheckpoint(org keys.OrgID, c Checkpoint) error {
	return checkpoints.put(tx, c, org[:])
}

// Alarms returns the organization's alarms, oldest first.
func (tx *Tx) Alarms(org keys.OrgID) ([]Alarm, error) {
	var all []Alarm
	err := alarms.each(tx, nil, func(_ []byte, a Alarm) (bool, error) {
		all = append(all, a)
		return true, nil
	}, org[:])
	return all, err
}

// PutAlarm stores an alarm; one of the same kind and text is stored once. MaxAlarms bounds them, so that the first ones
// stay; one with a file of evidence is stored beyond it, as those are bounded themselves.
func (tx *Tx) PutAlarm(org keys.OrgID, a Alarm) error {
	all, err := tx.Alarms(org)
	if err != nil {
		return err
	}
	for _, have := range all {
		if have.Kind == a.Kind && have.Text == a.Text {
			return nil
		}
	}
	if len(all) >= MaxAlarms && a.File == "" {
		return nil
	}
	return alarms.put(tx, a, org[:], number(uint64(len(all))))
}

// MaxAlarms is the number of alarms kept for an organization.
const MaxAlarms = 256

package store

import "muster.example/internal/keys"

// Notice is something that a person is told once: a member has another name, a verification has fallen, messages were returned.
type Notice struct {
	Time   int64         `cbor:"1,keyasint"` // unix milliseconds
	Member keys.MemberID `cbor:"2,keyasint"`
	Text   string        `cbor:"3,keyasint"`
	Told   bool          `cbor:"4,keyasint,omitempty"`

	// Of messages that the member did not get: the last of them, how many, and why that.
	Message keys.MessageID `cbor:"5,keyasint,omitzero"`
	Count   uint64         `cbor:"6,keyasint,omitempty"`
	Why     Reason         `cbor:"7,keyasint,omitempty"`

	// Kind says what a notice of the device itself is about, by its word in the API; Count goes with it. Empty: see Text.
	Kind string `cbor:"8,keyasint,omitempty"`
}

// MaxNotices is the number of notices kept for an organization; the oldest go first.
const MaxNotices = 64

var notices = bucket[Notice]{50, "a notice"}

// Notices visits the organization's notices, oldest first. number names one.
func (tx *Tx) Notices(org keys.OrgID, visit func(number uint64, n Notice) error) error {
	return notices.each(tx, nil, func(rest []byte, n Notice) (bool, error) {
		return true, visit(readNumber(rest), n)
	}, org[:])
}

// AddNotice stores a new notice.
func (tx *Tx) AddNotice(org keys.OrgID, n Notice) error {
	var all []uint64
	err := tx.Notices(org, func(number uint64, _ Notice) error {
		all = append(all, number)
		return nil
	})
	if err != nil {
		return err
	}
	next := uint64(1)
	if len(all) > 0 {
		next = all[len(all)-1] + 1
	}
	if len(all) >= MaxNotices {
		if err := notices.delete(tx, org[:], number(all[0])); err != nil {
			return err
		}
	}
	return notices.put(tx, n, org[:], number(next))
}

// PutNotice stores a notice again.
func (tx *Tx) PutNotice(org keys.OrgID, at uint64, n Notice) error {
	return notices.put(tx, n, org[:], number(at))
}

package history

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// ErrUnsigned is wrapped by the refusal of a record that its device did not sign.
var ErrUnsigned = errors.New("history: record not signed by its device")

// Sign returns the record with the signature of the device that made it. It stays good when a message is erased. [HIST-26]
func (r Record) Sign(org keys.OrgID, self keys.PrivateKey) Record {
	r.Signature = self.Sign(keys.DomainHistory, org, r.signed())
	return r
}

// Check checks that the device which a record names made it, in an organization. Whose device that is, and what an author signed of
// a message or an act, is for the caller to check. Errors wrap ErrUnsigned. [HIST-26]
func (r Record) Check(org keys.OrgID) error {
	if err := r.Device.Verify(keys.DomainHistory, org, r.signed(), r.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	return nil
}

// ProvesItself reports whether a record shows what its author's device signed, so that it counts whoever noted it: a message and an
// act do. All others are the account's own word. [HIST-27]
func (r Record) ProvesItself() bool { return r.Message != nil || r.Act != nil }

// signed returns what a record's device signs: the record without signatures, and of a message only what erasing leaves.
func (r Record) signed() []byte {
	if r.Message != nil {
		m := r.Message.Erase(0)
		r.Message = &m
	}
	return r.bare()
}

// bare returns the encoding of a record without signatures, of which its id is the hash. [HIST-24]
func (r Record) bare() []byte {
	switch {
	case r.Message != nil && r.Message.Signed != nil:
		m := *r.Message
		m.Signed, r.Message = nil, &m
	case r.Act != nil && r.Act.Signed != nil:
		a := *r.Act
		a.Signed, r.Act = nil, &a
	}
	r.Signature = keys.Signature{}
	return wire.Encode(r)
}

package history

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// MaxLockKey is the length of a key to lock for in bytes, as text. [HIST-40]
const MaxLockKey = 2 << 10

// LockKey is what a member's device says of the key that others lock for that member: which it is, or that it is none any
// more. Whoever has it can show it to others, who can check it. [HIST-40]
type LockKey struct {
	Recipient string         `cbor:"1,keyasint"` // as age writes it
	Time      int64          `cbor:"2,keyasint"` // of the device's clock, unix milliseconds; of two the later counts
	Revoked   bool           `cbor:"3,keyasint,omitempty"`
	Device    keys.PublicKey `cbor:"4,keyasint"`
	Signature keys.Signature `cbor:"5,keyasint"`
}

// SignLockKey signs what a member's device says of the member's key. [HIST-40]
func SignLockKey(org keys.OrgID, member keys.MemberID, k LockKey, self keys.PrivateKey) LockKey {
	k.Device = self.Public()
	k.Signature = self.Sign(keys.DomainLockKey, org, k.signed(member))
	return k
}

// Check checks the signature, as of a member's device. Whether the device is that member's is for the roll to say. Errors
// wrap ErrUnsigned.
func (k LockKey) Check(org keys.OrgID, member keys.MemberID) error {
	if err := k.Device.Verify(keys.DomainLockKey, org, k.signed(member), k.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	return nil
}

// signed returns what is signed: the member, and all but device and signature.
func (k LockKey) signed(member keys.MemberID) []byte {
	return wire.Encode(struct {
		_         struct{} `cbor:",toarray"`
		Member    keys.MemberID
		Recipient string
		Time      int64
		Revoked   bool
	}{Member: member, Recipient: k.Recipient, Time: k.Time, Revoked: k.Revoked})
}

// Compare orders what devices of one member say: by time, then a revocation behind a key, then by the bytes. The highest
// counts, in whatever order they come. [HIST-40]
func (k LockKey) Compare(other LockKey) int {
	revoked := func(k LockKey) int {
		if k.Revoked {
			return 1
		}
		return 0
	}
	order := cmp.Or(cmp.Compare(k.Time, other.Time), cmp.Compare(revoked(k), revoked(other)), strings.Compare(k.Recipient, other.Recipient))
	if order != 0 {
		return order
	}
	return bytes.Compare(wire.Encode(k), wire.Encode(other))
}

// DecodeLockKey reads a body of KindLockKey, or what was kept of one, and checks its form: not the signature, nor whether
// the key is one. Errors wrap ErrBody. [HIST-40]
func DecodeLockKey(data []byte) (LockKey, error) {
	var k LockKey
	if err := wire.Decode(data, &k); err != nil {
		return LockKey{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	switch {
	case k.Recipient == "" || len(k.Recipient) > MaxLockKey:
		return LockKey{}, fmt.Errorf("%w: a key to lock for of %d bytes, where 1 to %d are allowed", ErrBody, len(k.Recipient), MaxLockKey)
	case strings.ContainsFunc(k.Recipient, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }):
		return LockKey{}, fmt.Errorf("%w: a key to lock for is one line of ASCII", ErrBody)
	}
	return k, validateTime(k.Time)
}

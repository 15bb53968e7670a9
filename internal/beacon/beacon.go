// Package beacon is what a device of an organization announces on a local network: which device it is, sealed so that who is not of
// the organization sees bytes that are others each time.
//
// Pure: time and randomness come in. The package must not know how announcements travel, who is a member, or what comes of one.
//
// Spec: docs/spec/12-nearby.md.
package beacon

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

const (
	// Size is that of a beacon, in bytes: nonce, sealed time and device, tag. [NEAR-2]
	Size = chacha20poly1305.NonceSizeX + 8 + keys.PublicKeySize + chacha20poly1305.Overhead
	// latest is the last time that a beacon may say: what is later is no date.
	latest = 1 << 40
)

var (
	// ErrBeacon means that bytes are no beacon of the organization.
	ErrBeacon = errors.New("beacon: not of the organization")
	// ErrTime means that a beacon is of another time: somebody may have kept it.
	ErrTime = errors.New("beacon: of another time")
)

// Key seals and opens the beacons of one organization.
type Key struct{ sealer cipher.AEAD }

// NewKey derives the key of an organization from the first entry of its roll, as it is encoded: every member has it, and no
// invitation holds it. [NEAR-1]
func NewKey(org keys.OrgID, founding []byte) (Key, error) {
	secret, err := hkdf.Key(sha256.New, founding, nil, string(keys.DomainNearby)+string(org[:]), chacha20poly1305.KeySize)
	if err != nil {
		return Key{}, fmt.Errorf("deriving the key of beacons: %w", err)
	}
	sealer, err := chacha20poly1305.NewX(secret)
	return Key{sealer}, err
}

// Seal makes the beacon of a device. No two are alike: random gives 24 bytes for each. [NEAR-2]
func (k Key) Seal(random io.Reader, device keys.PublicKey, now time.Time) ([]byte, error) {
	beacon := make([]byte, chacha20poly1305.NonceSizeX, Size)
	if _, err := io.ReadFull(random, beacon); err != nil {
		return nil, fmt.Errorf("nonce of a beacon: %w", err)
	}
	said := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	return k.sealer.Seal(beacon, beacon, append(said, device[:]...), []byte(keys.DomainNearby)), nil
}

// Open returns the device that a beacon says it is of, and when that device says it made it. Neither is more than a hint: that it is the
// device, only a handshake shows, since whoever hears a beacon can repeat it. One that was made before from, or after until, is not
// answered to. Errors are ErrBeacon and ErrTime. [NEAR-3]
func (k Key) Open(beacon []byte, from, until time.Time) (device keys.PublicKey, made time.Time, err error) {
	if len(beacon) != Size {
		return device, made, ErrBeacon
	}
	nonce, sealed := beacon[:chacha20poly1305.NonceSizeX], beacon[chacha20poly1305.NonceSizeX:]
	said, err := k.sealer.Open(nil, nonce, sealed, []byte(keys.DomainNearby))
	if err != nil {
		return device, made, ErrBeacon
	}
	at := binary.BigEndian.Uint64(said)
	if at > latest || int64(at) < from.Unix() || int64(at) > until.Unix() {
		return device, made, ErrTime
	}
	return keys.PublicKey(said[8:]), time.Unix(int64(at), 0), nil
}

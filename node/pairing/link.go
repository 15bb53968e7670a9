package pairing

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// LinkPrefix starts every link of a pairing; only base64url characters follow.
const LinkPrefix = "muster:pair/"

// SecretSize is the size of a link's secret in bytes.
const SecretSize = 16

// Link is what a QR code holds: where the old device waits, who it is there, and a secret that nobody guesses. [PAIR-2]
type Link struct {
	Slot   uint32           `cbor:"1,keyasint"`
	Secret [SecretSize]byte `cbor:"2,keyasint"`
	Old    keys.PublicKey   `cbor:"3,keyasint"` // the old device's identity for this pairing alone
	// Node is the rendezvous node that has the slot, absent if there is none.
	Node *membership.NodeAddress `cbor:"4,keyasint,omitempty"`
	// Addresses are those of the old device itself, where it listens.
	Addresses []string `cbor:"5,keyasint,omitempty"`
}

// Text returns the link as a line. One beyond a cap makes a line that ParseLink refuses. [PAIR-2]
func (l Link) Text() string { return LinkPrefix + base64.RawURLEncoding.EncodeToString(wire.Encode(l)) }

// ParseLink reads what Text writes, and nothing else. Errors wrap ErrText and do not repeat the link.
func ParseLink(text string) (Link, error) {
	encoded, ok := strings.CutPrefix(text, LinkPrefix)
	if !ok || len(text) > maxLink {
		return Link{}, fmt.Errorf("%w: it does not start with %s or is too long", ErrText, LinkPrefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || base64.RawURLEncoding.EncodeToString(data) != encoded {
		return Link{}, fmt.Errorf("%w: a character is wrong or missing", ErrText)
	}
	var l Link
	if err := wire.Decode(data, &l); err != nil {
		return Link{}, fmt.Errorf("%w: part of it is missing or changed", ErrText)
	}
	if l.Slot >= Slots || l.Old.IsZero() || l.Node == nil && len(l.Addresses) == 0 {
		return Link{}, fmt.Errorf("%w: it names no place to meet", ErrText)
	}
	if l.Node != nil && !goodNode(*l.Node) || !goodAddresses(l.Addresses) {
		return Link{}, fmt.Errorf("%w: an address is bad", ErrText)
	}
	return l, nil
}

// goodNode checks where a rendezvous node is said to be.
func goodNode(n membership.NodeAddress) bool {
	return !n.Key.IsZero() && len(n.Addresses) > 0 && goodAddresses(n.Addresses)
}

func goodAddresses(addresses []string) bool {
	if len(addresses) > maxAddresses {
		return false
	}
	for _, address := range addresses {
		if len(address) < 2 || len(address) > maxAddress || address[0] != '/' {
			return false
		}
		for i := range len(address) {
			if address[i] <= ' ' || address[i] > '~' {
				return false
			}
		}
	}
	return true
}

// String implements fmt.Stringer without showing the secret.
func (l Link) String() string { return "[pairing link]" }

// GoString keeps %#v from showing the secret.
func (l Link) GoString() string { return l.String() }

// LogValue implements slog.LogValuer without showing the secret.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.String()) }

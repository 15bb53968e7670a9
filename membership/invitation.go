package membership

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// invitationPrefix starts every invitation link; after it come only base64url characters.
const invitationPrefix = "muster:join/"

// Invitation is what an invitation link or QR code holds: the private half of the key that the roll has, where to join,
// and the head of the roll that its maker had, so that nobody can show the joiner an older one. It is a secret: it
// prints and logs without the seed. [ROLL-62]
type Invitation struct {
	Org     keys.OrgID          `cbor:"1,keyasint"`
	OrgName string              `cbor:"2,keyasint"` // for people, until the roll is there
	Nodes   []NodeAddress       `cbor:"3,keyasint"` // 1 to MaxNodes
	Seed    [keys.SeedSize]byte `cbor:"4,keyasint"` // the private half
	Size    uint64              `cbor:"5,keyasint"` // of the maker's roll
	Root    Hash                `cbor:"6,keyasint"`
}

// NodeAddress is a rendezvous node and where it is reached.
type NodeAddress struct {
	Key       keys.PublicKey `cbor:"1,keyasint"`
	Addresses []string       `cbor:"2,keyasint"` // multiaddrs, 1 to MaxAddresses
}

// Link returns the invitation as a link. One beyond a cap makes a link that ParseInvitation refuses. [ROLL-62]
func (i Invitation) Link() string {
	return invitationPrefix + base64.RawURLEncoding.EncodeToString(wire.Encode(i))
}

// ParseInvitation reads what Link writes, and nothing else. The error does not repeat the link, which is a secret.
func ParseInvitation(link string) (Invitation, error) {
	encoded, ok := strings.CutPrefix(link, invitationPrefix)
	if !ok || len(link) > MaxInvitation {
		return Invitation{}, fmt.Errorf("%w: it does not start with %s or is too long", ErrInvitation, invitationPrefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || base64.RawURLEncoding.EncodeToString(data) != encoded {
		return Invitation{}, fmt.Errorf("%w: a character is wrong or missing", ErrInvitation)
	}
	var i Invitation
	if err := wire.Decode(data, &i); err != nil {
		return Invitation{}, fmt.Errorf("%w: part of it is missing or changed", ErrInvitation)
	}
	if err := i.form(); err != nil {
		return Invitation{}, err
	}
	return i, nil
}

// Key returns the private half of the invitation's key, which cosigns the joiner's event.
func (i Invitation) Key() keys.PrivateKey { return keys.FromSeed(i.Seed) }

// String implements fmt.Stringer without showing the seed.
func (i Invitation) String() string {
	return fmt.Sprintf("[invitation to %q, %s]", i.OrgName, i.Org.Short())
}

// GoString keeps %#v from showing the seed.
func (i Invitation) GoString() string { return i.String() }

// LogValue implements slog.LogValuer without showing the seed.
func (i Invitation) LogValue() slog.Value { return slog.StringValue(i.String()) }

func (i Invitation) form() error {
	if CheckName(i.OrgName) != nil {
		return fmt.Errorf("%w: the organization's name breaks the rule", ErrInvitation)
	}
	if len(i.Nodes) == 0 || len(i.Nodes) > MaxNodes {
		return fmt.Errorf("%w: %d nodes, not from 1 to %d", ErrInvitation, len(i.Nodes), MaxNodes)
	}
	for _, node := range i.Nodes {
		if err := checkAddresses(node.Addresses); err != nil || weak(node.Key) {
			return fmt.Errorf("%w: a node without a good key and address", ErrInvitation)
		}
	}
	if i.Org.IsZero() || i.Size == 0 || i.Size > MaxSize {
		return fmt.Errorf("%w: no organization or no roll", ErrInvitation)
	}
	return nil
}

package rvproto

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// ClaimPrefix starts every claim link; only base64url characters follow. [RV-10]
const ClaimPrefix = "muster:claim/"

// ErrClaimLink means that a text is not a claim link: mistyped, cut short, or another kind of link.
var ErrClaimLink = errors.New("not a claim link: it begins with \"" + ClaimPrefix + "\" and is one line from the rendezvous node")

// Claim is what a claim link holds: where the node is and the token that lets its bearer found one organization on it.
type Claim struct {
	Node      keys.PublicKey `cbor:"1,keyasint"`
	Addresses []string       `cbor:"2,keyasint"` // multiaddresses without the peer id; 1 to MaxAddresses
	Token     [32]byte       `cbor:"3,keyasint"` // secret; the node keeps only its hash
}

// Link returns the link. [RV-10]
func (c Claim) Link() string {
	return ClaimPrefix + base64.RawURLEncoding.EncodeToString(wire.Encode(c))
}

// ParseClaim reads a link. It accepts exactly what Link writes; errors wrap ErrClaimLink.
func ParseClaim(link string) (Claim, error) {
	text, found := strings.CutPrefix(link, ClaimPrefix)
	if !found || len(link) > MaxLink {
		return Claim{}, ErrClaimLink
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return Claim{}, fmt.Errorf("%w (a character is not base64url)", ErrClaimLink)
	}
	var c Claim
	if err := wire.Decode(raw, &c); err != nil {
		return Claim{}, fmt.Errorf("%w (its content is damaged)", ErrClaimLink)
	}
	if c.Node.IsZero() || len(c.Addresses) == 0 || len(c.Addresses) > MaxAddresses {
		return Claim{}, fmt.Errorf("%w (it names no node or no address)", ErrClaimLink)
	}
	for _, address := range c.Addresses {
		if address == "" || len(address) > MaxAddress {
			return Claim{}, fmt.Errorf("%w (an address is empty or too long)", ErrClaimLink)
		}
	}
	return c, nil
}

// TokenHash is what the node keeps of a token. [RV-10]
func TokenHash(token [32]byte) [32]byte { return keys.Hash[keys.Event](keys.DomainClaim, token[:]) }

package membership

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Grant is a member's signed leave for another member to send to them, or its end. Grants are numbered per pair; the
// highest number counts. [ROLL-60]
type Grant struct {
	Org    keys.OrgID    `cbor:"1,keyasint"`
	From   keys.MemberID `cbor:"2,keyasint"` // who gives the leave
	To     keys.MemberID `cbor:"3,keyasint"` // who may then write to them
	Number uint64        `cbor:"4,keyasint"` // 1 to MaxGrantNumber
	Open   bool          `cbor:"5,keyasint"` // false ends the leave
}

// signedGrant is the layout of a grant as it travels.
type signedGrant struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signer    keys.PublicKey
	Signature keys.Signature
}

// SignGrant returns the grant signed by a device of the member who gives it. [ROLL-60]
func SignGrant(g Grant, device keys.PrivateKey) []byte {
	body := wire.Encode(g)
	return wire.Encode(signedGrant{
		Body: body, Signer: device.Public(), Signature: device.Sign(keys.DomainGrant, g.Org, body),
	})
}

// OpenGrant reads a grant and holds it against the state: its organization, that both are members, and that an active
// device of the one who gives it signed. Errors are *Refusal. [ROLL-60] [ROLL-61]
func OpenGrant(data []byte, state *State) (Grant, error) {
	var signed signedGrant
	var grant Grant
	if len(data) > MaxGrant {
		return Grant{}, refuse(ReasonMalformed, "%d bytes where at most %d are allowed", len(data), MaxGrant)
	}
	if err := wire.Decode(data, &signed); err != nil {
		return Grant{}, refuse(ReasonMalformed, "reading the signed grant: %v", err)
	}
	if err := wire.Decode(signed.Body, &grant); err != nil {
		return Grant{}, refuse(ReasonMalformed, "reading the grant: %v", err)
	}
	if grant.Number == 0 || grant.Number > MaxGrantNumber || grant.From == grant.To {
		return Grant{}, refuse(ReasonMalformed, "number %d, or a grant to oneself", grant.Number)
	}
	if err := grant.standing(state, signed.Signer); err != nil {
		return Grant{}, err
	}
	if signed.Signer.Verify(keys.DomainGrant, grant.Org, signed.Body, signed.Signature) != nil {
		return Grant{}, refuse(ReasonSignature, "the device's")
	}
	return grant, nil
}

// standing: the grant is of this organization, between two of its members, by a device of the first. [ROLL-61]
func (g Grant) standing(state *State, signer keys.PublicKey) error {
	if g.Org != state.org {
		return refuse(ReasonOrg, "%s", g.Org.Short())
	}
	if from, ok := state.MemberOf(signer); !ok || from != g.From {
		return refuse(ReasonNotMember, "%s is no device of %s", signer.Short(), g.From.Short())
	}
	if _, ok := state.members[g.To]; !ok {
		return refuse(ReasonNotMember, "%s", g.To.Short())
	}
	return nil
}

package membership

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Grant is a member's signed leave for another member to send to them, or for everybody in a conversation of several, or
// the end of that leave. Grants are numbered per GrantKey; the highest number counts. [ROLL-60]
type Grant struct {
	Org    keys.OrgID    `cbor:"1,keyasint"`
	From   keys.MemberID `cbor:"2,keyasint"`          // who gives the leave
	To     keys.MemberID `cbor:"3,keyasint,omitzero"` // who may then write to them; zero with a conversation
	Number uint64        `cbor:"4,keyasint"`          // 1 to MaxGrantNumber
	Open   bool          `cbor:"5,keyasint"`          // false ends the leave
	// Conversation is that in which everybody may then write to them; zero with To.
	Conversation keys.ConversationID `cbor:"6,keyasint,omitzero"`
}

// ConversationGrant returns a member's leave, or its end, for everybody in a conversation of several. Who is in it, and
// that the giver is, the holder knows: it has the list of members that the id is made of. [ROLL-60]
func ConversationGrant(org keys.OrgID, from keys.MemberID, conversation keys.ConversationID, number uint64, open bool) Grant {
	return Grant{Org: org, From: from, Number: number, Open: open, Conversation: conversation}
}

// GrantKey is what the numbers of grants count within: who gives leave, and to whom or where. [ROLL-60]
type GrantKey struct {
	From         keys.MemberID
	To           keys.MemberID       // zero with a conversation
	Conversation keys.ConversationID // zero with To
}

// Key returns what the grant's number counts within.
func (g Grant) Key() GrantKey { return GrantKey{g.From, g.To, g.Conversation} }

// ForConversation reports whether the leave is for everybody in a conversation of several.
func (g Grant) ForConversation() bool { return !g.Conversation.IsZero() }

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

// OpenGrant reads a grant and holds it against the state: its organization, that who it names
// are members, and that a device of the one who gives it signed while it might. heard is the size of the roll at which the holder first had the grant: one
// of a device barred since stands if it was there before the position from which the bar voids. A grant to or from
// somebody who was re-admitted since sleeps until it is given anew. Errors are *Refusal. [ROLL-60] [ROLL-61]
func OpenGrant(data []byte, state *State, heard uint64) (Grant, error) {
	grant, err := DecodeGrant(data)
	if err != nil {
		return Grant{}, err
	}
	var signed signedGrant
	if err := wire.Decode(data, &signed); err != nil {
		return Grant{}, refuse(ReasonMalformed, "reading the signed grant: %v", err)
	}
	if err := grant.standing(state, signed.Signer, heard); err != nil {
		return Grant{}, err
	}
	if signed.Signer.Verify(keys.DomainGrant, grant.Org, signed.Body, signed.Signature) != nil {
		return Grant{}, refuse(ReasonSignature, "the device's")
	}
	return grant, nil
}

// DecodeGrant reads what a grant says without asking who signed it, or whether it stands: for its number only.
func DecodeGrant(data []byte) (Grant, error) {
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
	if grant.ForConversation() != grant.To.IsZero() {
		return Grant{}, refuse(ReasonMalformed, "a grant is to a member or for a conversation")
	}
	return grant, nil
}

// standing: the grant is of this organization, between two of its members, by a device of the first. [ROLL-61]
func (g Grant) standing(state *State, signer keys.PublicKey, heard uint64) error {
	if g.Org != state.org {
		return refuse(ReasonOrg, "%s", g.Org.Short())
	}
	from := state.accountOf(signer)
	if from == nil || from.id != g.From {
		return refuse(ReasonNotMember, "%s is no device of %s", signer.Short(), g.From.Short())
	}
	to := from // leave for a conversation is to nobody in particular
	if !g.ForConversation() {
		to = state.members[g.To]
	}
	switch {
	case to == nil:
		return refuse(ReasonNotMember, "%s", g.To.Short())
	case from.removed || to.removed:
		return refuse(ReasonRemoved, "")
	case heard <= from.entered && from.entered > 0 || heard <= to.entered && to.entered > 0:
		return refuse(ReasonStale, "one of the two was re-admitted since")
	}
	device, _ := from.devices.Device(signer)
	if device.Active() && !from.devices.Suspended() {
		return nil
	}
	if heard >= state.size || device.Barred && heard > device.Cut || device.Ended {
		return refuse(ReasonBarred, "%s", signer.Short())
	}
	return nil
}

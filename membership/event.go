package membership

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Version is the version of events that this build writes and reads.
const Version = 1

// Event is the body of an entry of the roll: what one key says, once. Exactly one of the kinds is set. It travels as a
// SignedEvent; SignEvent fills in Version and Signer. Numbers of keys are never used again. [ROLL-1]
type Event struct {
	Version uint8          `cbor:"1,keyasint"`
	Org     keys.OrgID     `cbor:"2,keyasint,omitzero"` // zero only in a founding event, which gives the name
	Signer  keys.PublicKey `cbor:"3,keyasint"`
	Counter uint64         `cbor:"4,keyasint"` // the signer's, from 1, without gaps
	At      uint64         `cbor:"5,keyasint"` // the size of the roll that the author had seen

	Found      *Found        `cbor:"10,keyasint,omitempty"`
	Rendezvous *Rendezvous   `cbor:"11,keyasint,omitempty"`
	Invite     *Invite       `cbor:"12,keyasint,omitempty"`
	Join       *Join         `cbor:"13,keyasint,omitempty"`
	Device     *Device       `cbor:"14,keyasint,omitempty"`
	Policy     *PolicyChange `cbor:"15,keyasint,omitempty"`
	Bar        *Bar          `cbor:"16,keyasint,omitempty"`
	Freeze     *Freeze       `cbor:"17,keyasint,omitempty"`
	Lift       *Lift         `cbor:"18,keyasint,omitempty"`
	Order      *Order        `cbor:"19,keyasint,omitempty"`
	Recovery   *Recovery     `cbor:"20,keyasint,omitempty"`
	Role       *RoleChange   `cbor:"21,keyasint,omitempty"`
	Suspend    *Suspend      `cbor:"22,keyasint,omitempty"`
	Reinstate  *Reinstate    `cbor:"23,keyasint,omitempty"`
	Remove     *Remove       `cbor:"24,keyasint,omitempty"`
	Readmit    *Readmit      `cbor:"25,keyasint,omitempty"`
	Enter      *Enter        `cbor:"26,keyasint,omitempty"`
	Refuse     *Refuse       `cbor:"27,keyasint,omitempty"`
	Name       *NameChange   `cbor:"28,keyasint,omitempty"`
	Root       *RootChange   `cbor:"29,keyasint,omitempty"`
	Cancel     *Cancel       `cbor:"30,keyasint,omitempty"`
	Revoke     *Revoke       `cbor:"31,keyasint,omitempty"`

	Group          *NewGroup       `cbor:"32,keyasint,omitempty"`
	GroupEdit      *GroupEdit      `cbor:"33,keyasint,omitempty"`
	GroupInvite    *GroupInvite    `cbor:"34,keyasint,omitempty"`
	GroupJoin      *GroupJoin      `cbor:"35,keyasint,omitempty"`
	GroupAdmit     *GroupAdmit     `cbor:"36,keyasint,omitempty"`
	GroupLeave     *GroupLeave     `cbor:"37,keyasint,omitempty"`
	GroupRemove    *GroupRemove    `cbor:"38,keyasint,omitempty"`
	GroupModerator *GroupModerator `cbor:"39,keyasint,omitempty"`
	GroupClose     *GroupClose     `cbor:"40,keyasint,omitempty"`
	Vouch          *Vouch          `cbor:"41,keyasint,omitempty"`
	Dismiss        *Dismiss        `cbor:"42,keyasint,omitempty"`
	Skin           *Skin           `cbor:"43,keyasint,omitempty"`
	Archive        *Archive        `cbor:"44,keyasint,omitempty"`
	Nodes          *Nodes          `cbor:"45,keyasint,omitempty"`
	Enrolment      *Enrolment      `cbor:"46,keyasint,omitempty"`
}

// body is what an event says: one of its kinds.
type body interface {
	// form checks what can be said without a roll.
	form() error
	// cosigner returns the second key that must sign, which the body itself names; false if its kind has none.
	cosigner() (keys.PublicKey, bool)
	// kind returns the rules.
	kind() *kind
}

// plain is the part of bodies that need nothing but a good signature.
type plain struct{}

func (plain) form() error                      { return nil }
func (plain) cosigner() (keys.PublicKey, bool) { return keys.PublicKey{}, false }

// bodies returns the kinds that are set, in the order of their numbers.
func (e *Event) bodies() (list []body) {
	list = with(list, e.Found)
	list = with(list, e.Rendezvous)
	list = with(list, e.Invite)
	list = with(list, e.Join)
	list = with(list, e.Device)
	list = with(list, e.Policy)
	list = with(list, e.Bar)
	list = with(list, e.Freeze)
	list = with(list, e.Lift)
	list = with(list, e.Order)
	list = with(list, e.Recovery)
	list = with(list, e.Role)
	list = with(list, e.Suspend)
	list = with(list, e.Reinstate)
	list = with(list, e.Remove)
	list = with(list, e.Readmit)
	list = with(list, e.Enter)
	list = with(list, e.Refuse)
	list = with(list, e.Name)
	list = with(list, e.Root)
	list = with(list, e.Cancel)
	list = with(list, e.Revoke)
	list = with(list, e.Group)
	list = with(list, e.GroupEdit)
	list = with(list, e.GroupInvite)
	list = with(list, e.GroupJoin)
	list = with(list, e.GroupAdmit)
	list = with(list, e.GroupLeave)
	list = with(list, e.GroupRemove)
	list = with(list, e.GroupModerator)
	list = with(list, e.GroupClose)
	list = with(list, e.Vouch)
	list = with(list, e.Dismiss)
	list = with(list, e.Skin)
	list = with(list, e.Archive)
	list = with(list, e.Nodes)
	return with(list, e.Enrolment)
}

func with[T any, Body interface {
	*T
	body
}](list []body, added Body) []body {
	if added == nil {
		return list
	}
	return append(list, added)
}

// says returns the one kind of an event that has passed form.
func (e *Event) says() body { return e.bodies()[0] }

// SignedEvent is an event as it travels and is hashed: the CBOR array of body, signature and cosignature. Its bytes are
// never made again from the parts. [ROLL-2]
type SignedEvent []byte

// ID returns the hash that names the event. [ROLL-4]
func (e SignedEvent) ID() keys.EventID { return keys.Hash[keys.Event](keys.DomainEvent, e) }

// signedEvent is the layout of SignedEvent.
type signedEvent struct {
	_           struct{} `cbor:",toarray"`
	Body        []byte
	Signature   keys.Signature
	Cosignature []byte // empty or 64 bytes
}

// Principal is who an event is authentically from. Every rule asks it, and nothing else, who speaks.
type Principal struct {
	Org      keys.OrgID     // the organization that both signatures are bound to, or that a founding event makes
	Signer   keys.PublicKey // the key that signed
	Cosigner keys.PublicKey // the second key that its kind asks for, zero for kinds with one signature
	Event    keys.EventID   // the hash of the signed bytes
}

// SignEvent signs e as signer and, for a kind that needs a second signature, as cosigner: the root key for found, the
// invitation's key for join, the new device's for device, the new key for recovery and root, the root key for a
// re-admission that names it; nil for the others. A wrong key makes an event that
// OpenEvent refuses. [ROLL-2] [ROLL-3]
func SignEvent(e Event, signer keys.PrivateKey, cosigner *keys.PrivateKey) SignedEvent {
	e.Version, e.Signer = Version, signer.Public()
	body := wire.Encode(e)
	signed := signedEvent{Body: body, Signature: signer.Sign(keys.DomainEvent, e.Org, body), Cosignature: []byte{}}
	if cosigner != nil {
		cosignature := cosigner.Sign(keys.DomainEvent, e.Org, body)
		signed.Cosignature = cosignature[:]
	}
	return wire.Encode(signed)
}

// Cosign returns the second signature of an event that somebody else signs: what SignCosigned takes. [ROLL-2]
func Cosign(e Event, signer keys.PublicKey, cosigner keys.PrivateKey) keys.Signature {
	e.Version, e.Signer = Version, signer
	return cosigner.Sign(keys.DomainEvent, e.Org, wire.Encode(e))
}

// SignCosigned is SignEvent with the second signature made elsewhere, by Cosign of the same event. It does not look at it:
// OpenEvent does. [ROLL-2]
func SignCosigned(e Event, signer keys.PrivateKey, cosignature keys.Signature) SignedEvent {
	e.Version, e.Signer = Version, signer.Public()
	body := wire.Encode(e)
	return wire.Encode(signedEvent{Body: body, Signature: signer.Sign(keys.DomainEvent, e.Org, body), Cosignature: cosignature[:]})
}

// OpenEvent reads a signed event and returns it with its principal. It is the one place where bytes become somebody's
// word: it checks form, caps and both signatures against the keys that the body names, and nothing about the state of a
// roll. Its errors are *Refusal with ReasonMalformed, ReasonKey or ReasonSignature. [ROLL-1] [ROLL-2] [ROLL-3]
func OpenEvent(data []byte) (Event, Principal, error) {
	signed, event, err := decodeEvent(data)
	if err != nil {
		return Event{}, Principal{}, err
	}
	if weak(event.Signer) {
		return Event{}, Principal{}, refuse(ReasonKey, "the signer's")
	}
	if event.Signer.Verify(keys.DomainEvent, event.Org, signed.Body, signed.Signature) != nil {
		return Event{}, Principal{}, refuse(ReasonSignature, "the signer's")
	}
	if cosigner, wanted := event.says().cosigner(); wanted {
		if weak(cosigner) {
			return Event{}, Principal{}, refuse(ReasonKey, "the cosigner's")
		}
		cosignature := keys.Signature(signed.Cosignature)
		if cosigner.Verify(keys.DomainEvent, event.Org, signed.Body, cosignature) != nil {
			return Event{}, Principal{}, refuse(ReasonSignature, "the cosigner's")
		}
	}
	return event, event.claims(data), nil
}

// claims returns the principal that a signed event names. It is authentic only after both signatures were verified.
func (e *Event) claims(data []byte) Principal {
	principal := Principal{Org: e.Org, Signer: e.Signer, Event: SignedEvent(data).ID()}
	principal.Cosigner, _ = e.says().cosigner()
	if e.Found != nil {
		principal.Org = OrgOf(data)
	}
	return principal
}

// OrgOf returns the name of the organization that a signed founding event makes: its hash. [ROLL-4]
func OrgOf(found SignedEvent) keys.OrgID { return keys.Hash[keys.Org](keys.DomainOrg, found) }

// MemberOf returns the name of the account that a signed found or join event makes in org: their hash. [ROLL-4]
func MemberOf(org keys.OrgID, admission SignedEvent) keys.MemberID {
	return keys.Hash[keys.Member](keys.DomainMember, org[:], admission)
}

// decodeEvent checks the form: canonical bytes within the caps, one kind, and a cosignature where the kind has one.
func decodeEvent(data []byte) (signedEvent, Event, error) {
	var signed signedEvent
	var event Event
	if len(data) > MaxEvent {
		return signed, event, refuse(ReasonMalformed, "%d bytes where at most %d are allowed", len(data), MaxEvent)
	}
	if err := wire.Decode(data, &signed); err != nil {
		return signed, event, refuse(ReasonMalformed, "reading the signed event: %v", err)
	}
	if err := wire.Decode(signed.Body, &event); err != nil {
		return signed, event, refuse(ReasonMalformed, "reading the body: %v", err)
	}
	if err := event.form(); err != nil {
		return signed, event, err
	}
	length := 0
	if _, wanted := event.says().cosigner(); wanted {
		length = keys.SignatureSize
	}
	if len(signed.Cosignature) != length {
		return signed, event, refuse(ReasonMalformed, "the cosignature is not %d bytes", length)
	}
	return signed, event, nil
}

// form checks what can be said of an event without a roll. [ROLL-1]
func (e *Event) form() error {
	kinds := e.bodies()
	switch {
	case e.Version != Version:
		return refuse(ReasonMalformed, "version %d, this build knows %d", e.Version, Version)
	case len(kinds) != 1:
		return refuse(ReasonMalformed, "%d kinds in one event", len(kinds))
	case e.Org.IsZero() != (e.Found != nil):
		return refuse(ReasonMalformed, "only a founding event names no organization")
	case e.Counter == 0:
		return refuse(ReasonMalformed, "counters start at 1")
	}
	return kinds[0].form()
}

func checkNameSize(what, name string) error {
	if len(name) > MaxNameBytes {
		return refuse(ReasonMalformed, "the %s has %d bytes, at most %d are allowed", what, len(name), MaxNameBytes)
	}
	return nil
}

func checkAddresses(addresses []string) error {
	if len(addresses) == 0 || len(addresses) > MaxAddresses {
		return fmt.Errorf("%d addresses, not from 1 to %d", len(addresses), MaxAddresses)
	}
	for _, address := range addresses {
		if len(address) < 2 || len(address) > MaxAddress || address[0] != '/' {
			return fmt.Errorf("an address that is not a multiaddr of at most %d bytes", MaxAddress)
		}
		for i := range len(address) {
			if address[i] <= ' ' || address[i] > '~' {
				return fmt.Errorf("an address with a character that no multiaddr has")
			}
		}
	}
	return nil
}

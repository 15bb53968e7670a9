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
}

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
// invitation's key for join, the new device's for device; nil for the others. A wrong key makes an event that
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

// OpenEvent reads a signed event and returns it with its principal. It is the one place where bytes become somebody's
// word: it checks form, caps and both signatures against the keys that the body names, and nothing about the state of a
// roll. Its errors are *Refusal with ReasonMalformed, ReasonKey or ReasonSignature. [ROLL-1] [ROLL-2] [ROLL-3]
func OpenEvent(data []byte) (Event, Principal, error) {
	signed, event, err := decodeEvent(data)
	if err != nil {
		return Event{}, Principal{}, err
	}
	principal := Principal{Org: event.Org, Signer: event.Signer, Event: SignedEvent(data).ID()}
	if weak(event.Signer) {
		return Event{}, Principal{}, refuse(ReasonKey, "the signer's")
	}
	if event.Signer.Verify(keys.DomainEvent, event.Org, signed.Body, signed.Signature) != nil {
		return Event{}, Principal{}, refuse(ReasonSignature, "the signer's")
	}
	if cosigner, wanted := event.cosigner(); wanted {
		if weak(cosigner) {
			return Event{}, Principal{}, refuse(ReasonKey, "the cosigner's")
		}
		cosignature := keys.Signature(signed.Cosignature)
		if cosigner.Verify(keys.DomainEvent, event.Org, signed.Body, cosignature) != nil {
			return Event{}, Principal{}, refuse(ReasonSignature, "the cosigner's")
		}
		principal.Cosigner = cosigner
	}
	if event.Found != nil {
		principal.Org = OrgOf(data)
	}
	return event, principal, nil
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
	if _, wanted := event.cosigner(); wanted {
		length = keys.SignatureSize
	}
	if len(signed.Cosignature) != length {
		return signed, event, refuse(ReasonMalformed, "the cosignature is not %d bytes", length)
	}
	return signed, event, nil
}

// form checks what can be said of a body without a roll. [ROLL-1]
func (e *Event) form() error {
	switch {
	case e.Version != Version:
		return refuse(ReasonMalformed, "version %d, this build knows %d", e.Version, Version)
	case e.kinds() != 1:
		return refuse(ReasonMalformed, "%d kinds in one event", e.kinds())
	case e.Org.IsZero() != (e.Found != nil):
		return refuse(ReasonMalformed, "only a founding event names no organization")
	case e.Counter == 0:
		return refuse(ReasonMalformed, "counters start at 1")
	case e.Found != nil:
		return e.Found.form()
	case e.Rendezvous != nil:
		return e.Rendezvous.form()
	case e.Invite != nil:
		return e.Invite.form()
	case e.Join != nil:
		return e.Join.form()
	}
	return nil
}

func (e *Event) kinds() int {
	n := 0
	for _, set := range []bool{
		e.Found != nil, e.Rendezvous != nil, e.Invite != nil, e.Join != nil, e.Device != nil, e.Policy != nil,
	} {
		if set {
			n++
		}
	}
	return n
}

// cosigner returns the second key that must sign, which the body itself names. [ROLL-3]
func (e *Event) cosigner() (keys.PublicKey, bool) {
	switch {
	case e.Found != nil:
		return e.Found.Root, true
	case e.Join != nil:
		return e.Join.Invitation, true
	case e.Device != nil:
		return e.Device.Add, true
	}
	return keys.PublicKey{}, false
}

// kind returns the rules of the event's kind. The event has passed form.
func (e *Event) kind() *kind {
	switch {
	case e.Found != nil:
		return &foundKind
	case e.Rendezvous != nil:
		return &rendezvousKind
	case e.Invite != nil:
		return &inviteKind
	case e.Join != nil:
		return &joinKind
	case e.Device != nil:
		return &deviceKind
	default:
		return &policyKind
	}
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

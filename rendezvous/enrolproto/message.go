package enrolproto

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// Ticket is the secret by which a device goes on with what it began.
type Ticket [32]byte

// Request is what a device asks; exactly one is set. [ENR-2]
type Request struct {
	Begin *Begin `cbor:"1,keyasint,omitempty"`
	Poll  *Poll  `cbor:"2,keyasint,omitempty"`
	Sign  *Sign  `cbor:"3,keyasint,omitempty"`
}

// Begin asks for an offer to a device that is on no roll. [ENR-10]
type Begin struct {
	Device   keys.PublicKey `cbor:"1,keyasint"`
	Recovery keys.PublicKey `cbor:"2,keyasint"`
	Name     string         `cbor:"3,keyasint,omitempty"` // that the person chose, if the login gives none
	// Return is where the browser comes back to: an address of this computer. Without one the person types a code.
	Return string `cbor:"4,keyasint,omitempty"`
}

// Poll asks how the login stands. [ENR-14]
type Poll struct {
	Ticket Ticket `cbor:"1,keyasint"`
}

// Sign asks the enrolment key to sign the join. [ENR-15]
type Sign struct {
	Ticket Ticket `cbor:"1,keyasint"`
	Code   []byte `cbor:"2,keyasint,omitempty"` // what the browser brought back
	Body   []byte `cbor:"3,keyasint"`           // the body of the join event
}

// Answer answers a Request. Under another status than OK and Waiting all else is empty. [ENR-2]
type Answer struct {
	Status Status `cbor:"1,keyasint"`

	Offer     []byte         `cbor:"2,keyasint,omitempty"` // to Begin: an Offer
	Signature keys.Signature `cbor:"3,keyasint,omitzero"`  // to Begin: the enrolment key's, of the offer
	Ticket    Ticket         `cbor:"4,keyasint,omitzero"`  // to Begin
	Login     string         `cbor:"5,keyasint,omitempty"` // to Begin: the page where the person logs in
	Code      string         `cbor:"6,keyasint,omitempty"` // to Begin without Return: what the person types there

	Name string          `cbor:"7,keyasint,omitempty"` // to Poll: under which name to join
	Role membership.Role `cbor:"8,keyasint,omitempty"` // to Poll: with which role

	Cosignature keys.Signature `cbor:"9,keyasint,omitzero"` // to Sign: the enrolment key's
}

// Check returns nil if exactly one request is set and within its caps, else an error that wraps wire.ErrDecode.
func (r Request) Check() error {
	set := 0
	if b := r.Begin; b != nil {
		set++
		if len(b.Name) > MaxName || b.Return != "" && !Loopback(b.Return) {
			return malformed("a name beyond the cap, or an address to return to that is not of the own computer")
		}
	}
	if r.Poll != nil {
		set++
	}
	if s := r.Sign; s != nil {
		set++
		if len(s.Body) == 0 || len(s.Body) > membership.MaxEvent || len(s.Code) > len(Ticket{}) {
			return malformed("no join, or one beyond the cap")
		}
	}
	if set != 1 {
		return malformed("not exactly one request")
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a Answer) Check() error {
	switch {
	case len(a.Offer) > MaxOffer, len(a.Login) > MaxLogin, len(a.Name) > MaxName:
		return malformed("an answer beyond its caps")
	case a.Code != "" && !validCode(a.Code):
		return malformed("a code that nobody could type")
	case a.Login != "" && !membershipURL(a.Login):
		return malformed("a page that is not of the web")
	}
	return nil
}

// ParseRequest reads a request: the canonical encoding of one within its caps. Errors wrap wire.ErrDecode.
func ParseRequest(data []byte) (Request, error) {
	var r Request
	if len(data) > MaxRequest {
		return r, malformed("a request beyond the cap")
	}
	if err := wire.Decode(data, &r); err != nil {
		return r, err
	}
	return r, r.Check()
}

// ParseAnswer reads an answer: the canonical encoding of one within its caps. Errors wrap wire.ErrDecode.
func ParseAnswer(data []byte) (Answer, error) {
	var a Answer
	if len(data) > MaxAnswer {
		return a, malformed("an answer beyond the cap")
	}
	if err := wire.Decode(data, &a); err != nil {
		return a, err
	}
	return a, a.Check()
}

func malformed(fault string) error { return fmt.Errorf("%w: %s", wire.ErrDecode, fault) }

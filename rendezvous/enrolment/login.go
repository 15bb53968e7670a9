package enrolment

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/enrolproto"
)

// phase is how far a login is.
type phase uint8

const (
	begun      phase = iota + 1 // the person is to open the page
	away                        // at the provider
	confirming                  // back, with a code: the person compares words
	ready                       // the device may have its join signed
	signed                      // it had
	refused                     // for why
)

// attempt is a login under way: of a device that is to join, or of a member who logs in again.
type attempt struct {
	ticket  enrolproto.Ticket // the device's secret
	page    string            // by which the browser knows it, of no use to anybody else
	offer   enrolproto.Offer  // zero for a member who logs in again
	chosen  string            // the name that the person chose
	back    string            // where the browser comes back to; "" with a code
	code    string            // that the person types; "" without
	expires time.Time

	phase    phase
	session  string // the cookie of the browser that logs in
	state    string // of the round to the provider, used once
	verifier string // of PKCE
	nonce    string
	handed   string // what the browser brings back to the device; "" with a code

	subject string
	refresh string
	name    string
	role    membership.Role
	joined  keys.EventID // the body that was signed, by its hash
	answer  keys.Signature
	why     enrolproto.Status
}

// again reports whether it is a member's, who logs in again.
func (a *attempt) again() bool { return a.offer.Org.IsZero() }

// refuse ends an attempt.
func (a *attempt) refuse(why enrolproto.Status) enrolproto.Status {
	a.phase, a.why = refused, why
	return why
}

// status is what the device is told.
func (a *attempt) status() enrolproto.Status {
	switch a.phase {
	case ready, signed:
		return enrolproto.OK
	case refused:
		return a.why
	}
	return enrolproto.Waiting
}

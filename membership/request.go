package membership

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
)

// requestPrefix starts every request for re-admission; after it come only base64url characters.
const requestPrefix = "muster:again/"

// ErrRequest means that text is not a request for re-admission in its one form.
var ErrRequest = errors.New("membership: not a request for re-admission")

// Request is what a member who lost everything hands to an admin: the keys that the account is to have. It is no secret,
// and proves nothing: the admin makes sure of whom it is from, and compares the code. [ROLL-111]
type Request struct {
	Org      keys.OrgID     `cbor:"1,keyasint"`
	Device   keys.PublicKey `cbor:"2,keyasint"` // of the new computer
	Recovery keys.PublicKey `cbor:"3,keyasint"` // of the new words
	Name     string         `cbor:"4,keyasint"` // the member's, as they remember it: 1 to MaxNameBytes bytes
}

// Link returns the request as a line. One beyond a cap makes a line that ParseRequest refuses. [ROLL-111]
func (r Request) Link() string { return encodeLink(requestPrefix, r) }

// Code returns 16 characters by which two people compare over the telephone that they mean the same request. [ROLL-111]
func (r Request) Code() string {
	text := keys.Hash[keys.Event](keys.DomainEvent, []byte(r.Link())).String()
	return text[0:4] + " " + text[4:8] + " " + text[8:12] + " " + text[12:16]
}

// ParseRequest reads what Link writes, and nothing else. Errors wrap ErrRequest.
func ParseRequest(link string) (Request, error) {
	var r Request
	if err := decodeLink(requestPrefix, link, MaxRequest, &r, ErrRequest); err != nil {
		return Request{}, err
	}
	switch {
	case r.Org.IsZero():
		return Request{}, fmt.Errorf("%w: it names no organization", ErrRequest)
	case weak(r.Device) || weak(r.Recovery) || r.Device == r.Recovery:
		return Request{}, fmt.Errorf("%w: it lacks two good keys", ErrRequest)
	case r.Name == "" || len(r.Name) > MaxNameBytes:
		return Request{}, fmt.Errorf("%w: it names nobody", ErrRequest)
	}
	return r, nil
}

// Readmit returns what an admin signs to carry the request out for a member. root is the organization's root key if it
// cosigns, else zero.
func (r Request) Readmit(member keys.MemberID, root keys.PublicKey) *Readmit {
	return &Readmit{Member: member, Device: r.Device, Recovery: r.Recovery, Root: root}
}

package membership

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
)

// enrolmentPrefix starts every link to an enrolment service; after it come only base64url characters.
const enrolmentPrefix = "muster:sso/"

// MaxEnrolmentLink is the size of such a link in bytes.
const MaxEnrolmentLink = 1024

// ErrEnrolmentLink means that text is not a link to an enrolment service in its one form.
var ErrEnrolmentLink = errors.New("membership: not a link to an enrolment service")

// EnrolmentLink says where a person joins an organization with their login, and by what they know that it is the one. It is no
// secret. [ROLL-187]
type EnrolmentLink struct {
	Org keys.OrgID     `cbor:"1,keyasint"`
	URL string         `cbor:"2,keyasint"`           // of the service
	Key keys.PublicKey `cbor:"3,keyasint"`           // the enrolment key
	Pin []byte         `cbor:"4,keyasint,omitempty"` // as in EnrolmentTerms
}

// Link returns the link as a line.
func (l EnrolmentLink) Link() string { return encodeLink(enrolmentPrefix, l) }

// ParseEnrolmentLink reads what Link writes, and nothing else. Errors wrap ErrEnrolmentLink.
func ParseEnrolmentLink(text string) (EnrolmentLink, error) {
	var l EnrolmentLink
	if err := decodeLink(enrolmentPrefix, text, MaxEnrolmentLink, &l, ErrEnrolmentLink); err != nil {
		return EnrolmentLink{}, err
	}
	if l.Org.IsZero() || weak(l.Key) || !SecureURL(l.URL) || l.Pin != nil && len(l.Pin) != len(Hash{}) {
		return EnrolmentLink{}, fmt.Errorf("%w: it names no organization, key or address", ErrEnrolmentLink)
	}
	return l, nil
}

package enrolproto

import (
	"crypto/subtle"
	"errors"
	"net"
	"net/url"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// ErrOffer means that an offer is not the enrolment key's word to this device.
var ErrOffer = errors.New("enrolproto: not an offer to this device")

// Offer is what the enrolment key says to a device that begins: which organization it is, where it is reached, and what binds
// the login to the device. [ENR-11]
type Offer struct {
	Org       keys.OrgID     `cbor:"1,keyasint"`
	OrgName   string         `cbor:"2,keyasint"`
	Key       keys.PublicKey `cbor:"3,keyasint"` // the enrolment key
	Device    keys.PublicKey `cbor:"4,keyasint"`
	Recovery  keys.PublicKey `cbor:"5,keyasint"`
	Challenge [32]byte       `cbor:"6,keyasint"`
	Expires   int64          `cbor:"7,keyasint"` // Unix seconds
	Nodes     []Node         `cbor:"8,keyasint"`
	// Size and Root are the newest head of the roll that the service has verified: the device refuses an older roll.
	Size uint64          `cbor:"9,keyasint"`
	Root membership.Hash `cbor:"10,keyasint"`
}

// Node is a rendezvous node with the leave to view the roll there. [RV-8]
type Node struct {
	Key       keys.PublicKey `cbor:"1,keyasint"`
	Addresses []string       `cbor:"2,keyasint"`
	Proof     keys.Signature `cbor:"3,keyasint"`
}

// Sign returns the offer's bytes and the enrolment key's signature over them.
func (o Offer) Sign(key keys.PrivateKey) (offer []byte, signature keys.Signature) {
	offer = wire.Encode(o)
	return offer, key.Sign(keys.DomainEnrol, o.Org, offer)
}

// OpenOffer reads an offer to a device and its recovery key, signed by the enrolment key that it names. Whether that is the
// organization's, only its roll says. Errors wrap ErrOffer. [ENR-11]
func OpenOffer(data []byte, signature keys.Signature, device, recovery keys.PublicKey, now int64) (Offer, error) {
	var o Offer
	if len(data) > MaxOffer || wire.Decode(data, &o) != nil {
		return Offer{}, ErrOffer
	}
	if o.Key.Verify(keys.DomainEnrol, o.Org, data, signature) != nil || o.Device != device || o.Recovery != recovery || o.Org.IsZero() {
		return Offer{}, ErrOffer
	}
	if now >= o.Expires || o.Expires-now > 2*int64(OfferTime.Seconds()) {
		return Offer{}, ErrOffer
	}
	if len(o.Nodes) == 0 || len(o.Nodes) > membership.MaxNodes || membership.CheckName(o.OrgName) != nil {
		return Offer{}, ErrOffer
	}
	for _, node := range o.Nodes {
		if len(node.Addresses) == 0 || len(node.Addresses) > membership.MaxAddresses {
			return Offer{}, ErrOffer
		}
	}
	return o, nil
}

// Nonce is what the provider's token has to hold: it stands for the device, its recovery key and the challenge, so that a
// token is worth nothing to anybody else. [ENR-12]
func Nonce(org keys.OrgID, device, recovery keys.PublicKey, challenge [32]byte) string {
	return keys.Hash[keys.Event](keys.DomainEnrol, []byte("nonce"), org[:], device[:], recovery[:], challenge[:]).String()
}

// Nonce returns that of the offer.
func (o Offer) Nonce() string { return Nonce(o.Org, o.Device, o.Recovery, o.Challenge) }

// Words returns what the device and the service's page show, for a person to compare. [ENR-13]
func (o Offer) Words() string {
	sum := keys.Hash[keys.Event](keys.DomainEnrol, []byte("words"), o.Org[:], o.Device[:], o.Recovery[:], o.Challenge[:])
	return strings.Join(keys.RecoverySeed(sum).Words()[:3], " ")
}

// SameNonce compares without telling by its time how far two agree.
func SameNonce(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// letters are those of user codes: no vowels, so that no words come up, and nothing that looks like something else. [ENR-13]
const letters = "BCDFGHJKLMNPQRSTVWXZ"

// UserCode makes a code of random bytes: CodeSize of letters, drawn evenly. It returns "" if the bytes do not suffice.
func UserCode(random []byte) string {
	var code []byte
	for _, b := range random {
		if len(code) == CodeSize {
			break
		}
		if b < 240 { // the largest multiple of 20
			code = append(code, letters[b%byte(len(letters))])
		}
	}
	if len(code) < CodeSize {
		return ""
	}
	return string(code)
}

// ShowCode returns a code as people read it.
func ShowCode(code string) string {
	if len(code) != CodeSize {
		return code
	}
	return code[:CodeSize/2] + "-" + code[CodeSize/2:]
}

// TypedCode returns the code that a person meant, "" for none.
func TypedCode(text string) string {
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(text))
	if !validCode(code) {
		return ""
	}
	return code
}

func validCode(code string) bool {
	return len(code) == CodeSize && strings.Trim(code, letters) == ""
}

// Loopback reports whether an address is one to which a browser may come back: http, of this computer, with a port. [ENR-10]
func Loopback(text string) bool {
	parsed, err := url.Parse(text)
	if err != nil || len(text) > MaxReturn || parsed.Scheme != "http" || parsed.User != nil || parsed.RawQuery != "" ||
		parsed.Fragment != "" || parsed.String() != text || parsed.Port() == "" || strings.ContainsAny(text, "?#") {
		return false
	}
	ip := net.ParseIP(parsed.Hostname())
	return ip != nil && ip.IsLoopback()
}

func membershipURL(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && parsed.Scheme == "https" && parsed.Hostname() != "" && parsed.User == nil && parsed.String() == text
}

package rvproto

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// MaxGap bounds a gap in bytes.
const MaxGap = 512

// Gap is a node's signed word to the archive that envelopes went on without a copy of theirs, because too much waited: where
// the archive fails open. Their senders' devices bring the copies later, as far as they still have them. [RV-155]
type Gap struct {
	Org       keys.OrgID     `cbor:"1,keyasint"`
	Node      keys.PublicKey `cbor:"2,keyasint"` // who signs
	Archive   keys.PublicKey `cbor:"3,keyasint"` // the archive's service, for which it is
	From      uint64         `cbor:"4,keyasint"` // the first of them, by the node's clock, Unix milliseconds
	To        uint64         `cbor:"5,keyasint"` // the last of them
	Envelopes uint64         `cbor:"6,keyasint"`
	Bytes     uint64         `cbor:"7,keyasint"` // of them
}

// signedGap is how a gap travels: the very bytes that were signed.
type signedGap struct {
	Body      []byte         `cbor:"1,keyasint"`
	Signature keys.Signature `cbor:"2,keyasint"`
}

// ErrGap means that a gap is not one of the organization or of the node that it names.
var ErrGap = errors.New("rvproto: not a gap of this organization's node")

// SignGap signs a gap. It fills in Node.
func SignGap(g Gap, node keys.PrivateKey) ([]byte, error) {
	g.Node = node.Public()
	if err := g.check(); err != nil {
		return nil, err
	}
	body := wire.Encode(g)
	return wire.Encode(signedGap{Body: body, Signature: node.Sign(keys.DomainArchive, g.Org, body)}), nil
}

// OpenGap reads a gap and verifies it against the node that it names; the caller checks that this is one of the
// organization's. An error wraps wire.ErrDecode or ErrGap. [RV-155]
func OpenGap(data []byte, org keys.OrgID) (Gap, error) {
	if len(data) > MaxGap {
		return Gap{}, malformed("a gap beyond its cap")
	}
	var signed signedGap
	if err := wire.Decode(data, &signed); err != nil {
		return Gap{}, err
	}
	var g Gap
	if err := wire.Decode(signed.Body, &g); err != nil {
		return Gap{}, err
	}
	if err := g.check(); err != nil {
		return Gap{}, err
	}
	if g.Org != org {
		return Gap{}, fmt.Errorf("%w: it is of another organization", ErrGap)
	}
	if g.Node.Verify(keys.DomainArchive, org, signed.Body, signed.Signature) != nil {
		return Gap{}, fmt.Errorf("%w: its signature does not hold", ErrGap)
	}
	return g, nil
}

// check applies the rules of form. [RV-155]
func (g Gap) check() error {
	switch {
	case g.Envelopes == 0:
		return malformed("a gap of nothing")
	case g.From > g.To || g.To > 1<<48:
		return malformed("a gap that ends before it begins, or of no time that there is")
	}
	return nil
}

// GapID is the id under which a gap is queued and acknowledged: the hash of its bytes. [RV-155]
func GapID(data []byte) keys.EnvelopeID {
	return keys.Hash[keys.Envelope](keys.DomainArchive, []byte("gap"), data)
}

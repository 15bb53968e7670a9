package envelope

import (
	"fmt"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Receipt is a device's signed word that it has opened and saved envelopes of one sender, or that they do not open for
// it and it keeps them. [ENV-45]
type Receipt struct {
	Org    keys.OrgID        `cbor:"1,keyasint"`
	Device keys.PublicKey    `cbor:"2,keyasint"` // who received, and signs
	Sender keys.PublicKey    `cbor:"3,keyasint"` // whose envelopes, and who gets the receipt
	Opened []keys.EnvelopeID `cbor:"4,keyasint"` // increasing
	Failed []keys.EnvelopeID `cbor:"5,keyasint"` // increasing, none of Opened
}

// SignReceipt signs a receipt of at most MaxReceiptIDs envelopes, in any order; repeats count once. It fills in
// Device.
func SignReceipt(r Receipt, device keys.PrivateKey) ([]byte, error) {
	r.Device = device.Public()
	r.Opened, r.Failed = increasing(r.Opened), increasing(r.Failed)
	if err := r.check(); err != nil {
		return nil, err
	}
	body := wire.Encode(r)
	return wire.Encode(signedWire{Body: body, Signature: device.Sign(keys.DomainReceipt, r.Org, body)}), nil
}

// OpenReceipt reads a receipt and verifies it against the device that it names; the caller checks that the device is
// the one, or one of those, that it expects. Errors: ErrTooLarge, ErrMalformed, ErrBinding for another organization,
// ErrSignature. [ENV-45] [ENV-46]
func OpenReceipt(data []byte, org keys.OrgID) (Receipt, error) {
	r, signed, err := readReceipt(data, org)
	if err != nil {
		return Receipt{}, err
	}
	if r.Device.Verify(keys.DomainReceipt, org, signed.Body, signed.Signature) != nil {
		return Receipt{}, fmt.Errorf("%w: receipt", ErrSignature)
	}
	return r, nil
}

// ReadReceipt is OpenReceipt without the signature: who was handed a receipt by the device itself, and only passes it on,
// leaves that to the one whom it tells of a delivery. What it says is not to be believed. [ENV-45]
func ReadReceipt(data []byte, org keys.OrgID) (Receipt, error) {
	r, _, err := readReceipt(data, org)
	return r, err
}

func readReceipt(data []byte, org keys.OrgID) (r Receipt, signed signedWire, err error) {
	if len(data) > MaxReceiptIDs*(keys.IDSize+2)+512 {
		return Receipt{}, signed, fmt.Errorf("%w: receipt of %d bytes", ErrTooLarge, len(data))
	}
	if signed, err = decodeSigned(data, "receipt"); err != nil {
		return Receipt{}, signed, err
	}
	if err := decodeReceipt(signed.Body, &r); err != nil {
		return Receipt{}, signed, err
	}
	if err := r.check(); err != nil {
		return Receipt{}, signed, err
	}
	if r.Org != org {
		return Receipt{}, signed, fmt.Errorf("%w: receipt", ErrBinding)
	}
	return r, signed, nil
}

// The keys of a receipt.
const (
	receiptOrg = 1 + iota
	receiptDevice
	receiptSender
	receiptOpened
	receiptFailed
)

// decodeReceipt reads the map without judging what it says.
func decodeReceipt(data []byte, r *Receipt) error {
	c := cursor{data: data}
	if c.head(majorMap, receiptFailed) != receiptFailed {
		c.fail("a map of the wrong length")
	}
	c.key(receiptOrg)
	c.fill(r.Org[:])
	c.key(receiptDevice)
	c.fill(r.Device[:])
	c.key(receiptSender)
	c.fill(r.Sender[:])
	c.key(receiptOpened)
	r.Opened = c.ids()
	c.key(receiptFailed)
	r.Failed = c.ids()
	return c.finish("receipt")
}

// check applies the rules of form. [ENV-45]
func (r Receipt) check() error {
	switch count := len(r.Opened) + len(r.Failed); {
	case count == 0:
		return fmt.Errorf("%w: receipt for nothing", ErrMalformed)
	case count > MaxReceiptIDs:
		return fmt.Errorf("%w: receipt for %d envelopes", ErrTooLarge, count)
	}
	if !inOrder(r.Opened) || !inOrder(r.Failed) || shares(r.Opened, r.Failed) {
		return fmt.Errorf("%w: receipt whose envelopes are out of order or named twice", ErrMalformed)
	}
	return nil
}

// inOrder reports whether ids are in increasing order, each once.
func inOrder(ids []keys.EnvelopeID) bool {
	for i := 1; i < len(ids); i++ {
		if ids[i-1].Compare(ids[i]) >= 0 {
			return false
		}
	}
	return true
}

// shares reports whether two lists in order have an id in common.
func shares(a, b []keys.EnvelopeID) bool {
	for len(a) > 0 && len(b) > 0 {
		switch order := a[0].Compare(b[0]); {
		case order == 0:
			return true
		case order < 0:
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return false
}

// ascending returns devices sorted, without repeats, and never nil.
func ascending(devices []keys.PublicKey) []keys.PublicKey {
	sorted := append(make([]keys.PublicKey, 0, len(devices)), devices...)
	slices.SortFunc(sorted, keys.PublicKey.Compare)
	return slices.Compact(sorted)
}

// increasing returns ids sorted, without repeats, and never nil: an empty list has one encoding.
func increasing(ids []keys.EnvelopeID) []keys.EnvelopeID {
	sorted := append(make([]keys.EnvelopeID, 0, len(ids)), ids...)
	slices.SortFunc(sorted, keys.EnvelopeID.Compare)
	return slices.Compact(sorted)
}

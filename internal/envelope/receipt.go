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
	if len(data) > MaxReceiptIDs*(keys.IDSize+2)+512 {
		return Receipt{}, fmt.Errorf("%w: receipt of %d bytes", ErrTooLarge, len(data))
	}
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return Receipt{}, fmt.Errorf("%w: receipt: %w", ErrMalformed, err)
	}
	var r Receipt
	if err := wire.Decode(signed.Body, &r); err != nil {
		return Receipt{}, fmt.Errorf("%w: receipt: %w", ErrMalformed, err)
	}
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	if r.Org != org {
		return Receipt{}, fmt.Errorf("%w: receipt", ErrBinding)
	}
	if r.Device.Verify(keys.DomainReceipt, org, signed.Body, signed.Signature) != nil {
		return Receipt{}, fmt.Errorf("%w: receipt", ErrSignature)
	}
	return r, nil
}

// check applies the rules of form. [ENV-45]
func (r Receipt) check() error {
	switch count := len(r.Opened) + len(r.Failed); {
	case count == 0:
		return fmt.Errorf("%w: receipt for nothing", ErrMalformed)
	case count > MaxReceiptIDs:
		return fmt.Errorf("%w: receipt for %d envelopes", ErrTooLarge, count)
	}
	both := slices.Concat(r.Opened, r.Failed)
	slices.SortFunc(both, keys.EnvelopeID.Compare)
	if len(slices.Compact(both)) != len(r.Opened)+len(r.Failed) ||
		!slices.IsSortedFunc(r.Opened, keys.EnvelopeID.Compare) || !slices.IsSortedFunc(r.Failed, keys.EnvelopeID.Compare) {
		return fmt.Errorf("%w: receipt whose envelopes are out of order or named twice", ErrMalformed)
	}
	return nil
}

// increasing returns ids sorted, without repeats, and never nil: an empty list has one encoding.
func increasing(ids []keys.EnvelopeID) []keys.EnvelopeID {
	sorted := append(make([]keys.EnvelopeID, 0, len(ids)), ids...)
	slices.SortFunc(sorted, keys.EnvelopeID.Compare)
	return slices.Compact(sorted)
}

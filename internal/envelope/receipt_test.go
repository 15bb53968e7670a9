package envelope

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

func envelopeIDs(count, from int) []keys.EnvelopeID {
	ids := make([]keys.EnvelopeID, count)
	for i := range ids {
		ids[i][0], ids[i][1] = byte((from+i)>>8), byte(from+i)
	}
	return ids
}

// [ENV-45]
func TestReceiptRoundTrip(t *testing.T) {
	w := newWorld(t, "receipt")
	ids := envelopeIDs(5, 0)
	for name, test := range map[string]struct{ opened, failed []keys.EnvelopeID }{
		"both":       {ids[:3], ids[3:]},
		"only one":   {ids[:1], nil},
		"only fails": {nil, ids},
		"most":       {envelopeIDs(1000, 0), envelopeIDs(24, 1000)},
	} {
		data, err := SignReceipt(Receipt{Org: w.org, Sender: w.alice.key(), Opened: test.opened, Failed: test.failed}, w.bob.device)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := OpenReceipt(data, w.org)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := Receipt{Org: w.org, Device: w.bob.key(), Sender: w.alice.key(), Opened: increasing(test.opened), Failed: increasing(test.failed)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSignReceiptSortsAndMerges(t *testing.T) {
	w := newWorld(t, "receipt order")
	ids := envelopeIDs(3, 1)
	mixed, err := SignReceipt(Receipt{Org: w.org, Opened: []keys.EnvelopeID{ids[2], ids[0], ids[2], ids[1]}}, w.bob.device)
	if err != nil {
		t.Fatal(err)
	}
	sorted, err := SignReceipt(Receipt{Org: w.org, Opened: ids}, w.bob.device)
	if err != nil || !bytes.Equal(mixed, sorted) {
		t.Errorf("two encodings of one receipt: %v", err)
	}
	for name, r := range map[string]Receipt{
		"nothing":  {Org: w.org},
		"both":     {Org: w.org, Opened: ids, Failed: ids[:1]},
		"too many": {Org: w.org, Opened: envelopeIDs(MaxReceiptIDs+1, 0)},
	} {
		if _, err := SignReceipt(r, w.bob.device); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func (w *world) forgeReceipt(change func(*Receipt), signer keys.PrivateKey, domain keys.Domain) []byte {
	r := Receipt{Org: w.org, Device: w.bob.key(), Sender: w.alice.key(), Opened: envelopeIDs(3, 1), Failed: envelopeIDs(1, 9)}
	change(&r)
	body := wire.Encode(r)
	return wire.Encode(signedWire{Body: body, Signature: signer.Sign(domain, r.Org, body)})
}

// [ENV-45] [ENV-46]
func TestOpenReceiptRefuses(t *testing.T) {
	w := newWorld(t, "receipt refuses")
	as := func(change func(*Receipt)) []byte { return w.forgeReceipt(change, w.bob.device, keys.DomainReceipt) }
	for _, test := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing wrong", as(func(*Receipt) {}), nil},
		{"of another organization", as(func(r *Receipt) { r.Org[0] ^= 1 }), ErrBinding},
		{"signed by another device", w.forgeReceipt(func(*Receipt) {}, w.carol.device, keys.DomainReceipt), ErrSignature},
		{"signed for another purpose", w.forgeReceipt(func(*Receipt) {}, w.bob.device, keys.DomainContent), ErrSignature},
		{"for nothing", as(func(r *Receipt) { r.Opened, r.Failed = r.Opened[:0], r.Failed[:0] }), ErrMalformed},
		{"out of order", as(func(r *Receipt) { r.Opened[0], r.Opened[1] = r.Opened[1], r.Opened[0] }), ErrMalformed},
		{"named twice", as(func(r *Receipt) { r.Opened[0] = r.Opened[1] }), ErrMalformed},
		{"opened and failed", as(func(r *Receipt) { r.Failed[0] = r.Opened[0] }), ErrMalformed},
		{"too many", as(func(r *Receipt) { r.Opened = envelopeIDs(MaxReceiptIDs, 100) }), ErrTooLarge},
		{"huge", make([]byte, 1<<20), ErrTooLarge},
		{"trailing byte", append(as(func(*Receipt) {}), 0), ErrMalformed},
		{"empty", nil, ErrMalformed},
	} {
		if _, err := OpenReceipt(test.data, w.org); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// [ENV-46]
func TestReceiptBitFlips(t *testing.T) {
	w := newWorld(t, "receipt flips")
	data := w.forgeReceipt(func(*Receipt) {}, w.bob.device, keys.DomainReceipt)
	for bit := range len(data) * 8 {
		if _, err := OpenReceipt(flip(data, bit), w.org); err == nil {
			t.Fatalf("bit %d: accepted", bit)
		}
	}
}

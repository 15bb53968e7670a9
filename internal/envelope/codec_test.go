package envelope

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// slowHeader is parseHeader by the generic codec.
func slowHeader(data []byte) (h Header, ok bool) {
	return h, len(data) <= MaxHeader && wire.Decode(data, &h) == nil && h.check() == nil
}

// slowParse is Parse by the generic codec.
func slowParse(data []byte, max int) (w envelopeWire, h Header, ok bool) {
	if len(data) > max || wire.Decode(data, &w) != nil {
		return w, h, false
	}
	h, ok = slowHeader(w.Header)
	return w, h, ok && fitsKind(h.Kind, len(w.Sealed))
}

// compareCodecs holds both codecs against each other: the same bytes pass, and mean the same.
func compareCodecs(t *testing.T, data []byte) {
	t.Helper()
	const max = 1 << 20
	w, header, ok := slowParse(data, max)
	e, err := Parse(data, max)
	if ok != (err == nil) {
		t.Fatalf("%x: generic codec %v, Parse: %v", data, ok, err)
	}
	if ok && (!bytes.Equal(w.Header, e.Header) || !bytes.Equal(w.Sealed, e.Sealed) || header != e.ParsedHeader()) {
		t.Fatalf("%x: the codecs read different envelopes", data)
	}
	if quick, err := HeaderOf(data); ok && (err != nil || quick != header) {
		t.Fatalf("%x: the header is %v, %v", data, quick, err)
	} else if err != nil && quick != (Header{}) {
		t.Fatalf("%x: a header in spite of %v", data, err)
	}
	header, ok = slowHeader(data)
	parsed, err := parseHeader(data)
	if ok != (err == nil) {
		t.Fatalf("%x: generic codec %v, parseHeader: %v", data, ok, err)
	}
	if ok && header != parsed {
		t.Fatalf("%x: %s", data, cmp.Diff(header, parsed))
	}
}

// codecSamples are envelopes and headers of each kind, and of odd numbers.
func codecSamples(t testing.TB) (all [][]byte) {
	w := newWorld(t, "codec")
	c := w.chain(t)
	for _, e := range []Envelope{w.announce(t, c, w.bob), w.seal(t, c, &Line{}, "hello"), w.introduce(t, w.introduction("hello"), w.bob),
		w.announceAt(t, w.chainAt(t, InGroup(w.group)), w.bob), w.report(t, w.complaint(t), w.bob)} {
		all = append(all, e.Bytes(), e.Header)
		for _, n := range []uint64{0, 1, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
			h := e.ParsedHeader()
			h.RollSize = n
			all = append(all, wire.Encode(h))
			h.Expires = int64(n)
			all = append(all, wire.Encode(h))
			if h.Position > 0 {
				h.Position = n
				all = append(all, wire.Encode(h))
			}
		}
	}
	return all
}

// Every change of one bit, cut and extra byte in what is not sealed is judged alike by both codecs. [ENV-1] [ENV-4]
func TestParseAgreesWithTheGenericCodec(t *testing.T) {
	for _, data := range codecSamples(t) {
		compareCodecs(t, data)
		compareCodecs(t, append(slices.Clone(data), 0))
		front := min(len(data), 140)
		for i := range front * 8 {
			changed := slices.Clone(data)
			changed[i/8] ^= 1 << (i % 8)
			compareCodecs(t, changed)
		}
		for i := range front {
			compareCodecs(t, data[:i])
			compareCodecs(t, slices.Delete(slices.Clone(data), i, i+1))
			for _, extra := range []byte{0x00, 0x04, 0x05, 0x18, 0x40, 0xf6, 0xff} {
				compareCodecs(t, slices.Insert(slices.Clone(data), i, extra))
			}
		}
	}
}

// slowReceipt is readReceipt by the generic codec.
func slowReceipt(data []byte, org keys.OrgID) (r Receipt, ok bool) {
	var signed signedWire
	return r, wire.Decode(data, &signed) == nil && wire.Decode(signed.Body, &r) == nil && r.check() == nil && r.Org == org
}

func compareReceiptCodecs(t *testing.T, data []byte, org keys.OrgID) {
	t.Helper()
	want, ok := slowReceipt(data, org)
	got, err := ReadReceipt(data, org)
	if ok != (err == nil) {
		t.Fatalf("%x: generic codec %v, ReadReceipt: %v", data, ok, err)
	}
	if ok && !reflect.DeepEqual(want, got) { // cmp looks at each byte of each id, which takes it milliseconds
		t.Fatalf("%x: %s", data, cmp.Diff(want, got))
	}
}

// The same of receipts, in which heads of numbers, lists and strings are changed. [ENV-45]
func TestReadReceiptAgreesWithTheGenericCodec(t *testing.T) {
	w := newWorld(t, "receipt codec")
	for _, change := range []func(*Receipt){
		func(*Receipt) {},
		func(r *Receipt) { r.Opened = r.Opened[:0] },
		func(r *Receipt) { r.Failed = nil },
		func(r *Receipt) { r.Opened = envelopeIDs(30, 100) },
		func(r *Receipt) { r.Opened = envelopeIDs(300, 100) },
	} {
		data := w.forgeReceipt(change, w.bob.device, keys.DomainReceipt)
		compareReceiptCodecs(t, data, w.org)
		compareReceiptCodecs(t, append(slices.Clone(data), 0), w.org)
		for i := range min(len(data), 300) {
			for bit := range 8 {
				changed := slices.Clone(data)
				changed[i] ^= 1 << bit
				compareReceiptCodecs(t, changed, w.org)
			}
			compareReceiptCodecs(t, data[:i], w.org)
			compareReceiptCodecs(t, slices.Delete(slices.Clone(data), i, i+1), w.org)
			for _, extra := range []byte{0x00, 0x05, 0x18, 0x40, 0x80, 0xf6, 0xff} {
				compareReceiptCodecs(t, slices.Insert(slices.Clone(data), i, extra), w.org)
			}
		}
	}
}

// Fields at zero are left out, and a map names as many fields as it has. [ENV-4] [ENV-5]
func TestHeaderRefusesZeroFields(t *testing.T) {
	type spelled struct { // a header that spells everything out
		Version  uint64         `cbor:"1,keyasint"`
		Kind     Kind           `cbor:"2,keyasint"`
		Sender   keys.PublicKey `cbor:"3,keyasint"`
		Chain    keys.ChainID   `cbor:"4,keyasint"`
		Position uint64         `cbor:"5,keyasint"`
		RollSize uint64         `cbor:"6,keyasint"`
		Expires  int64          `cbor:"7,keyasint"`
		Salt     [saltSize]byte `cbor:"8,keyasint"`
		Leave    Leave          `cbor:"9,keyasint"`
	}
	for _, kind := range []Kind{KindAnnounce, KindIntroduction} {
		h := spelled{Version: 1, Kind: kind, Sender: keys.PublicKey{1}, Expires: 1}
		if kind == KindAnnounce {
			h.Chain = keys.ChainID{1}
		}
		data := wire.Encode(h)
		if _, err := parseHeader(data); err == nil {
			t.Errorf("%v with zero fields passes", kind)
		}
		compareCodecs(t, data)
	}
}

func FuzzParseAgrees(f *testing.F) {
	for _, data := range codecSamples(f) {
		f.Add(data)
	}
	seedVectors(f, "parse")
	f.Fuzz(compareCodecs)
}

// View takes no memory, and what Parse returns does not change with data.
func TestViewPointsIntoData(t *testing.T) {
	w := newWorld(t, "view")
	data := w.seal(t, w.chain(t), &Line{}, "hello").Bytes()
	if allocations := testing.AllocsPerRun(10, func() {
		if _, err := View(data, len(data)); err != nil {
			t.Error(err)
		}
	}); allocations > 0 {
		t.Errorf("View allocates %v times", allocations)
	}
	view, err := View(data, len(data))
	if err != nil {
		t.Fatal(err)
	}
	own, err := Parse(data, len(data))
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if !bytes.Equal(view.Sealed, make([]byte, len(view.Sealed))) || bytes.Equal(own.Sealed, view.Sealed) {
		t.Error("View copied, or Parse did not")
	}
}

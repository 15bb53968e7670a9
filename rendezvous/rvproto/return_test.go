package rvproto

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

type parkedWire struct {
	_     struct{} `cbor:",toarray"`
	Type  FrameType
	From  uint64
	Until uint64
}

var parkedCodec = codec{FrameParked, func(data []byte) ([]byte, error) {
	f, err := ParseParked(data)
	return AppendParked(nil, f), err
}, func() any { return new(parkedWire) }, nil}

var (
	returnOrg  = keys.OrgID(fill32(0x0a))
	returnNode = keys.FromSeed(sha256.Sum256([]byte("vector node")))
)

// sampleReturn is of two devices, one of them for two reasons.
func sampleReturn() Return {
	return Return{
		Org: returnOrg, Node: returnNode.Public(), Sender: keys.PublicKey(fill32(0xd9)), Time: 1_800_000_000,
		Lots: []Lot{
			{Device: keys.PublicKey(fill32(0xd0)), Reason: ReasonTime, IDs: []keys.EnvelopeID{fill32(0xe0), fill32(0xe1)}},
			{Device: keys.PublicKey(fill32(0xd0)), Reason: ReasonParked, IDs: []keys.EnvelopeID{fill32(0xe2)}},
			{Device: keys.PublicKey(fill32(0xd1)), Reason: ReasonTime, IDs: []keys.EnvelopeID{fill32(0xe0)}},
		},
	}
}

// forged signs a return as it is, whether it is one or not.
func forged(change func(*Return), signer keys.PrivateKey, domain keys.Domain) []byte {
	r := sampleReturn()
	change(&r)
	body := wire.Encode(r)
	return wire.Encode(signedReturn{Body: body, Signature: signer.Sign(domain, returnOrg, body)})
}

// againReturn reads a return and writes it again: signatures are deterministic.
func againReturn(data []byte) ([]byte, error) {
	r, err := OpenReturn(data, returnOrg)
	if err != nil {
		return nil, err
	}
	return SignReturn(r, returnNode)
}

// manyIDs returns so many ids in order.
func manyIDs(n int) (ids []keys.EnvelopeID) {
	for i := range n {
		ids = append(ids, keys.EnvelopeID{0: byte(i >> 8), 1: byte(i)})
	}
	return ids
}

// returnCases are the vectors of returns.
func returnCases(add adder) {
	as := func(change func(*Return)) []byte { return forged(change, returnNode, keys.DomainReturn) }
	bad := func(name, comment string, data []byte) {
		add("return_"+name, "return", "decode", "[RV-54]", comment, data)
	}
	good := as(func(*Return) {})
	add("return_good", "return", "ok", "[RV-54]", "three lots for two devices", good)
	bad("trailing", "a byte behind it", append(slices.Clone(good), 0))
	bad("nothing", "no lots", as(func(r *Return) { r.Lots = []Lot{} }))
	bad("empty", "a lot without envelopes", as(func(r *Return) { r.Lots[1].IDs = []keys.EnvelopeID{} }))
	bad("reason", "a reason that there is not", as(func(r *Return) { r.Lots[2].Reason = 5 }))
	bad("lots", "lots out of order", as(func(r *Return) { r.Lots[0], r.Lots[1] = r.Lots[1], r.Lots[0] }))
	bad("twice", "a device twice for one reason", as(func(r *Return) { r.Lots[1].Reason = ReasonTime }))
	bad("ids", "envelopes out of order", as(func(r *Return) { slices.Reverse(r.Lots[0].IDs) }))
	bad("many", "one pair above the cap", as(func(r *Return) { r.Lots[0].IDs = manyIDs(MaxReturned - 1) }))
	bad("time", "a time beyond all", as(func(r *Return) { r.Time = 1<<40 + 1 }))
	bad = func(name, comment string, data []byte) {
		add("return_"+name, "return", "signature", "[RV-54]", comment, data)
	}
	bad("org", "of another organization", as(func(r *Return) { r.Org[0] ^= 1 }))
	bad("domain", "signed for another purpose", forged(func(*Return) {}, returnNode, keys.DomainReceipt))
	bad("signer", "signed by another node", forged(func(*Return) {}, keys.FromSeed([32]byte{1}), keys.DomainReturn))

	parked := AppendParked(nil, ParkedFrame{From: 86400, Until: 864000})
	add("parked_days", "parked", "ok", "[RV-57]", "for nine days", parked)
	add("parked_backwards", "parked", "decode", "[RV-57]", "it ends before it begins", AppendParked(nil, ParkedFrame{From: 86400}))
	add("parked_items", "parked", "decode", "[RV-57]", "a fourth item", slices.Concat([]byte{0x84}, parked[1:], []byte{0}))
}

// [RV-54]
func TestReturnRoundTrip(t *testing.T) {
	want := sampleReturn()
	mixed := sampleReturn()
	slices.Reverse(mixed.Lots)
	slices.Reverse(mixed.Lots[2].IDs)
	data, err := SignReturn(mixed, returnNode)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenReturn(data, returnOrg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if ReturnID(data) == ReceiptID(data) {
		t.Error("a return and a receipt share an id")
	}
}

// The longest return fits into its cap of bytes, and is refused with one pair more.
func TestLongestReturn(t *testing.T) {
	r := Return{Org: returnOrg, Time: 1 << 40}
	for i := range MaxReturned {
		r.Lots = append(r.Lots, Lot{Device: keys.PublicKey{0: byte(i >> 8), 1: byte(i)}, Reason: ReasonTime, IDs: manyIDs(1)})
	}
	data, err := SignReturn(r, returnNode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReturn(data, returnOrg); err != nil {
		t.Errorf("%d bytes: %v", len(data), err)
	}
	r.Lots = append(r.Lots, Lot{Device: keys.PublicKey(fill32(0xff)), Reason: ReasonTime, IDs: manyIDs(1)})
	if _, err := SignReturn(r, returnNode); err == nil {
		t.Error("signed above the cap")
	}
}

// [RV-54]
func TestReturnBitFlips(t *testing.T) {
	data := forged(func(*Return) {}, returnNode, keys.DomainReturn)
	for bit := range len(data) * 8 {
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := OpenReturn(flipped, returnOrg); err == nil {
			t.Fatalf("bit %d: accepted", bit)
		}
	}
}

func FuzzReturn(f *testing.F) { // [RV-54]
	f.Add(forged(func(*Return) {}, returnNode, keys.DomainReturn))
	f.Add(forged(func(r *Return) { r.Lots = r.Lots[:1] }, returnNode, keys.DomainReturn))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := OpenReturn(data, returnOrg)
		if err != nil {
			if !errors.Is(err, wire.ErrDecode) && !errors.Is(err, ErrReturn) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if r.Node == returnNode.Public() {
			again, err := SignReturn(r, returnNode)
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%v, %x written again as %x", err, data, again)
			}
		}
		if r.check() != nil {
			t.Fatal("it is no return")
		}
	})
}

// The fuzzer cannot sign: what it makes of the body is tried unsigned.
func FuzzReturnBody(f *testing.F) { // [RV-54]
	f.Add(wire.Encode(sampleReturn()))
	f.Fuzz(func(t *testing.T, body []byte) {
		data := wire.Encode(signedReturn{Body: body, Signature: returnNode.Sign(keys.DomainReturn, returnOrg, body)})
		r, err := OpenReturn(data, returnOrg)
		if err != nil || r.Node != returnNode.Public() {
			return
		}
		if again, err := SignReturn(r, returnNode); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v, %x written again as %x", err, data, again)
		}
	})
}

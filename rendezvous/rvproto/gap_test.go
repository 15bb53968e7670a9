package rvproto

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

func sampleGap() Gap {
	return Gap{
		Org: returnOrg, Node: returnNode.Public(), Archive: keys.PublicKey(fill32(0xaa)), From: 1_800_000_000_000,
		To: 1_800_000_060_000, Envelopes: 3, Bytes: 4096,
	}
}

// forgedGap signs a gap that SignGap would not.
func forgedGap(change func(*Gap), signer keys.PrivateKey, domain keys.Domain) []byte {
	g := sampleGap()
	change(&g)
	body := wire.Encode(g)
	return wire.Encode(signedGap{Body: body, Signature: signer.Sign(domain, returnOrg, body)})
}

func againGap(data []byte) ([]byte, error) {
	g, err := OpenGap(data, returnOrg)
	if err != nil {
		return nil, err
	}
	return SignGap(g, returnNode)
}

// gapCases are the vectors of gaps.
func gapCases(add adder) {
	as := func(change func(*Gap)) []byte { return forgedGap(change, returnNode, keys.DomainArchive) }
	bad := func(name, comment string, data []byte) { add("gap_"+name, "gap", "decode", "[RV-155]", comment, data) }
	good := as(func(*Gap) {})
	add("gap_good", "gap", "ok", "[RV-155]", "three envelopes in a minute", good)
	bad("trailing", "a byte behind it", append(slices.Clone(good), 0))
	bad("nothing", "no envelope", as(func(g *Gap) { g.Envelopes = 0 }))
	bad("backwards", "it ends before it begins", as(func(g *Gap) { g.From = g.To + 1 }))
	bad("time", "a time beyond all", as(func(g *Gap) { g.To = 1<<48 + 1 }))
	bad = func(name, comment string, data []byte) {
		add("gap_"+name, "gap", "signature", "[RV-155]", comment, data)
	}
	bad("org", "of another organization", as(func(g *Gap) { g.Org[0] ^= 1 }))
	bad("domain", "signed for another purpose", forgedGap(func(*Gap) {}, returnNode, keys.DomainReturn))
	bad("signer", "signed by another node", forgedGap(func(*Gap) {}, keys.FromSeed([32]byte{1}), keys.DomainArchive))
}

// [RV-155]
func TestGapRoundTrip(t *testing.T) {
	want := sampleGap()
	data, err := SignGap(want, returnNode)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenGap(data, returnOrg); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if len(data) > MaxGap || GapID(data) == ReturnID(data) {
		t.Errorf("%d bytes, id %s", len(data), GapID(data).Short())
	}
	if _, err := SignGap(Gap{Org: returnOrg}, returnNode); err == nil {
		t.Error("a gap of nothing is signed")
	}
}

// The fuzzer cannot sign: what it makes of the body is signed for it.
func FuzzGapBody(f *testing.F) { // [RV-155]
	f.Add(wire.Encode(sampleGap()))
	f.Fuzz(func(t *testing.T, body []byte) {
		data := wire.Encode(signedGap{Body: body, Signature: returnNode.Sign(keys.DomainArchive, returnOrg, body)})
		g, err := OpenGap(data, returnOrg)
		if err != nil {
			if !errors.Is(err, wire.ErrDecode) && !errors.Is(err, ErrGap) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if again, err := SignGap(g, returnNode); g.Node == returnNode.Public() && (err != nil || !bytes.Equal(again, data)) {
			t.Fatalf("%v, %x written again as %x", err, data, again)
		}
	})
}

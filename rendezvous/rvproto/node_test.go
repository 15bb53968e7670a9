package rvproto

import (
	"errors"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

type signedFrameWire struct {
	_    struct{} `cbor:",toarray"`
	Type FrameType
	Ack  []byte
}

var signedCodec = codec{FrameSigned, func(data []byte) ([]byte, error) {
	ack, err := ParseSigned(data)
	return AppendSigned(nil, ack), err
}, func() any { return new(signedFrameWire) }, nil}

var ackDevice = returnNode // any key pair of the vectors

// signedAckOf signs whatever it is given, so that a vector breaks one rule alone.
func signedAckOf(a SignedAck) []byte {
	a.Device = ackDevice.Public()
	body := wire.Encode(a)
	return wire.Encode(signedAck{Body: body, Signature: ackDevice.Sign(keys.DomainAck, a.Org, body)})
}

// againAck reads an acknowledgement and writes it again: signatures are deterministic.
func againAck(data []byte) ([]byte, error) {
	a, err := OpenAck(data, returnOrg)
	if err != nil {
		return nil, err
	}
	return SignAck(a, ackDevice)
}

// nodeCases are the vectors of several nodes.
func nodeCases(add adder) {
	one, two := keys.EnvelopeID(fill32(1)), keys.EnvelopeID(fill32(2))
	const ack, rule = "signed ack", "[RV-165]"
	good := signedAckOf(SignedAck{Org: returnOrg, IDs: []keys.EnvelopeID{one, two}})
	add("ok_signed_ack", ack, "ok", rule, "a device is done with two envelopes", good)
	bad := slices.Clone(good)
	bad[len(bad)-1] ^= 1
	add("signed_ack_signature", ack, "signature", rule, "a signature that does not hold", bad)
	add("signed_ack_org", ack, "signature", rule, "of another organization", signedAckOf(SignedAck{Org: keys.OrgID(fill32(9)), IDs: []keys.EnvelopeID{one}}))
	add("signed_ack_order", ack, "decode", rule, "ids out of order", signedAckOf(SignedAck{Org: returnOrg, IDs: []keys.EnvelopeID{two, one}}))
	add("signed_ack_nothing", ack, "decode", rule, "nothing is acknowledged", signedAckOf(SignedAck{Org: returnOrg, IDs: []keys.EnvelopeID{}}))
	add("ok_signed_frame", "signed", "ok", rule, "an acknowledgement for the other nodes", AppendSigned(nil, []byte("ack")))

	org, device := keys.OrgID(fill32(0x0a)), keys.PublicKey(fill32(0xd0))
	add("ok_node_ask", "node ask", "ok", "[RV-160]", "what is new behind a note", wire.Encode(NodeAsk{Org: org, Size: 7, Epoch: [16]byte{1}, After: 3, Note: []byte("note")}))
	add("node_ask_end", "node ask", "decode", "[RV-160]", "an end before the beginning", wire.Encode(NodeAsk{Org: org, Size: 7, To: 7}))
	answer := func(note NodeNote) []byte {
		return wire.Encode(NodeAnswer{Epoch: [16]byte{1}, After: 1, Notes: []NodeNote{note}})
	}
	add("ok_node_answer", "node answer", "ok", "[RV-160]", "entries and a note", wire.Encode(NodeAnswer{
		Checkpoint: []byte("note"), Entries: [][]byte{[]byte("entry")}, Epoch: [16]byte{1}, After: 1,
		Notes: []NodeNote{{Kind: NoteSeen, Device: device, Day: 20000}},
	}))
	for name, note := range map[string]NodeNote{
		"node_note_kind": {Kind: 5, Signed: []byte("x")}, "node_note_unsigned": {Kind: NoteAck}, "node_note_device": {Kind: NotePrekey, Signed: []byte("x")},
		"node_note_day": {Kind: NoteSeen, Device: device}, "node_note_members": {Kind: NoteAck, Signed: []byte("x"), Members: []keys.MemberID{{1}}},
	} {
		add(name, "node answer", "decode", "[RV-161]", "a note with what its kind does not have, or without what it has", answer(note))
	}
	add("ok_serve", "join request", "ok", "[RV-162]", "a node is to serve", wire.Encode(JoinRequest{Serve: &ServeRequest{Org: org, Checkpoint: []byte("note")}}))
	add("serve_checkpoint", "join request", "decode", "[RV-162]", "without a checkpoint", wire.Encode(JoinRequest{Serve: &ServeRequest{Org: org}}))
}

func TestSignedAckHasItsForm(t *testing.T) { // [RV-165]
	ids := make([]keys.EnvelopeID, MaxReceiptIDs+1)
	for i := range ids {
		ids[i] = keys.EnvelopeID{byte(i), byte(i >> 8)}
	}
	if _, err := SignAck(SignedAck{Org: returnOrg, IDs: ids}, ackDevice); !errors.Is(err, wire.ErrDecode) {
		t.Errorf("beyond its cap: %v", err)
	}
	data, err := SignAck(SignedAck{Org: returnOrg, IDs: append(ids[1:MaxReceiptIDs:MaxReceiptIDs], ids[1])}, ackDevice)
	if err != nil || len(data) > MaxSignedAck {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	a, err := OpenAck(data, returnOrg)
	if err != nil || a.Device != ackDevice.Public() || len(a.IDs) != MaxReceiptIDs-1 {
		t.Errorf("%d ids, %v", len(a.IDs), err)
	}
}

func FuzzOpenAck(f *testing.F) { // [RV-165]
	f.Add(signedAckOf(SignedAck{Org: returnOrg, IDs: []keys.EnvelopeID{{1}, {2}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := OpenAck(data, returnOrg)
		switch {
		case err != nil && !errors.Is(err, wire.ErrDecode) && !errors.Is(err, ErrAck):
			t.Fatal(err)
		case err == nil && a.Device == ackDevice.Public():
			if again, err := SignAck(a, ackDevice); err != nil || string(again) != string(data) {
				t.Fatalf("%x again %x, %v", data, again, err)
			}
		}
	})
}

package rvproto

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// The frames as the generic codec has them: what the codec by hand must agree with.
type (
	helloWire struct {
		_          struct{} `cbor:",toarray"`
		Type       FrameType
		Status     wire.Status
		Org        keys.OrgID
		Checkpoint []byte
	}
	postWire struct {
		_          struct{} `cbor:",toarray"`
		Type       FrameType
		Recipients []keys.PublicKey
		Envelope   []byte
	}
	answerWire struct {
		_       struct{} `cbor:",toarray"`
		Type    FrameType
		ID      keys.EnvelopeID
		Status  wire.Status
		Refused []refusalWire
	}
	newerWire struct {
		_       struct{} `cbor:",toarray"`
		Type    FrameType
		ID      keys.EnvelopeID
		Status  wire.Status
		Refused []refusalWire
		Newer   []keys.PublicKey
	}
	refusalWire struct {
		_      struct{} `cbor:",toarray"`
		Device keys.PublicKey
		Status wire.Status
	}
	deliverWire struct {
		_      struct{} `cbor:",toarray"`
		Type   FrameType
		Number uint64
		Kind   Kind
		Body   []byte
	}
	headWire struct {
		_          struct{} `cbor:",toarray"`
		Type       FrameType
		Checkpoint []byte
	}
	ackWire struct {
		_        struct{} `cbor:",toarray"`
		Type     FrameType
		Receipts [][]byte
		IDs      []keys.EnvelopeID
	}
)

// codec is one frame seen by both codecs.
type codec struct {
	frame FrameType
	again func(data []byte) ([]byte, error) // parsed by hand and appended
	plain func() any                        // for wire.Decode
	other func() any                        // another layout that the frame may have, if there is one
}

var codecs = append([]codec{
	{FrameHello, func(data []byte) ([]byte, error) {
		f, err := ParseHello(data)
		return AppendHello(nil, f), err
	}, func() any { return new(helloWire) }, nil},
	{FramePost, func(data []byte) ([]byte, error) {
		f, err := ParsePost(data, nil)
		return AppendPost(nil, f), err
	}, func() any { return new(postWire) }, nil},
	{FrameAnswer, func(data []byte) ([]byte, error) {
		f, err := ParseAnswer(data)
		return AppendAnswer(nil, f), err
	}, func() any { return new(answerWire) }, func() any { return new(newerWire) }},
	{FrameDeliver, func(data []byte) ([]byte, error) {
		f, err := ParseDeliver(data)
		return AppendDeliver(nil, f), err
	}, func() any { return new(deliverWire) }, nil},
	{FrameHead, func(data []byte) ([]byte, error) {
		f, err := ParseHead(data)
		return AppendHead(nil, f), err
	}, func() any { return new(headWire) }, nil},
	{FrameAck, func(data []byte) ([]byte, error) {
		f, err := ParseAck(data)
		return AppendAck(nil, f), err
	}, func() any { return new(ackWire) }, nil},
	parkedCodec, signedCodec, beginCodec, pieceCodec, heldCodec, broughtCodec, comingCodec,
}, presenceCodecs...)

// check holds the two codecs against each other on any bytes: what one parses by hand is canonical, of its type, and
// the generic codec agrees; a frame that the generic codec refuses is refused by hand.
func (c codec) check(t interface{ Fatalf(string, ...any) }, data []byte) {
	again, err := c.again(data)
	plain := wire.Decode(data, c.plain())
	if plain != nil && c.other != nil {
		plain = wire.Decode(data, c.other())
	}
	if err != nil {
		if !errors.Is(err, wire.ErrDecode) {
			t.Fatalf("error %v", err)
		}
		return
	}
	if !bytes.Equal(again, data) {
		t.Fatalf("parsed %x, appended %x", data, again)
	}
	if plain != nil {
		t.Fatalf("by hand %x is a frame, else %v", data, plain)
	}
	if got, err := TypeOf(data); err != nil || got != c.frame {
		t.Fatalf("type %d, %v", got, err)
	}
}

func FuzzFrames(f *testing.F) { // [RV-4]
	for _, seed := range append(append(append(sampleFrames(), samplePieces()...), samplePresence()...), AppendParked(nil, ParkedFrame{From: 86400, Until: 1 << 30})) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range codecs {
			c.check(t, data)
		}
	})
}

func sampleFrames() [][]byte {
	device := keys.PublicKey{1, 2, 3}
	return [][]byte{
		AppendPing(nil), AppendPong(nil),
		AppendHello(nil, HelloFrame{Org: keys.OrgID{9}, Checkpoint: []byte("note")}),
		AppendPost(nil, PostFrame{Recipients: []keys.PublicKey{device, {7}}, Envelope: bytes.Repeat([]byte{5}, 300)}),
		AppendAnswer(nil, AnswerFrame{ID: keys.EnvelopeID{4}, Refused: []Refusal{{device, wire.StatusNoLeave}, {device, 300}}}),
		AppendPost(nil, PostFrame{Envelope: []byte("for a group")}),
		AppendAnswer(nil, AnswerFrame{ID: keys.EnvelopeID{4}, Newer: []keys.PublicKey{device}}),
		AppendDeliver(nil, DeliverFrame{Number: 1 << 40, Kind: KindReceipt, Body: []byte("body")}),
		AppendHead(nil, HeadFrame{Checkpoint: []byte("note")}),
		AppendAck(nil, AckFrame{Receipts: [][]byte{[]byte("r"), {}}, IDs: []keys.EnvelopeID{{1}, {2}}}),
	}
}

func TestFramesAreCanonicalCBOR(t *testing.T) { // [RV-4]
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Uint64(), rapid.Uint64Max(1<<17), rapid.Uint64Max(30))
		blob := func(max int, name string) []byte {
			return rapid.SliceOfN(rapid.Byte(), 0, max).Draw(t, name)
		}
		key := func(name string) (k keys.PublicKey) {
			copy(k[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
			return k
		}
		status := wire.Status(rapid.Uint16().Draw(t, "status"))
		post := PostFrame{Envelope: blob(70_000, "envelope")}
		for range rapid.IntRange(0, 40).Draw(t, "recipients") {
			post.Recipients = append(post.Recipients, key("recipient"))
		}
		answer := AnswerFrame{ID: keys.EnvelopeID(key("id")), Status: status}
		for range rapid.IntRange(0, 40).Draw(t, "refused") {
			answer.Refused = append(answer.Refused, Refusal{key("device"), status})
		}
		for range rapid.IntRange(0, 3).Draw(t, "newer") {
			answer.Newer = append(answer.Newer, key("newer"))
		}
		for _, test := range []struct {
			c    codec
			data []byte
			want any
		}{
			{codecs[0], AppendHello(nil, HelloFrame{status, keys.OrgID(key("org")), blob(300, "note"), blob(300, "move")}), nil},
			{codecs[1], AppendPost(nil, post), nil},
			{codecs[2], AppendAnswer(nil, answer), nil},
			{codecs[3], AppendDeliver(nil, DeliverFrame{number.Draw(t, "number"), KindEnvelope, blob(300, "body")}), nil},
			{codecs[4], AppendHead(nil, HeadFrame{blob(300, "head")}), nil},
			{codecs[5], AppendAck(nil, AckFrame{[][]byte{blob(300, "receipt")}, []keys.EnvelopeID{answer.ID}}), nil},
		} {
			if _, err := test.c.again(test.data); err != nil {
				t.Fatalf("frame %d: %v", test.c.frame, err)
			}
			test.c.check(t, test.data)
			for cut := range min(len(test.data), 200) {
				if _, err := test.c.again(test.data[:cut]); err == nil {
					t.Fatalf("frame %d parses when cut to %d bytes", test.c.frame, cut)
				}
			}
			if _, err := test.c.again(append(test.data[:len(test.data):len(test.data)], 0)); err == nil {
				t.Fatalf("frame %d parses with a byte behind it", test.c.frame)
			}
		}
	})
}

func TestFramesBeyondTheirCaps(t *testing.T) { // [RV-3]
	many := make([]keys.PublicKey, MaxRecipients+1)
	ids := make([]keys.EnvelopeID, MaxReceiptIDs+1)
	for name, err := range map[string]error{
		"recipients": second(ParsePost(AppendPost(nil, PostFrame{Recipients: many}), nil)),
		"refused":    second(ParseAnswer(AppendAnswer(nil, AnswerFrame{Refused: make([]Refusal, MaxFanOut+1)}))),
		"newer":      second(ParseAnswer(AppendAnswer(nil, AnswerFrame{Newer: make([]keys.PublicKey, MaxFanOut+1)}))),
		"envelope":   second(ParsePost(AppendPost(nil, PostFrame{Recipients: many[:1], Envelope: make([]byte, MaxEnvelope+1)}), nil)),
		"checkpoint": second(ParseHello(AppendHello(nil, HelloFrame{Checkpoint: make([]byte, MaxCheckpoint+1)}))),
		"receipts":   second(ParseAck(AppendAck(nil, AckFrame{Receipts: make([][]byte, MaxReceipts+1)}))),
		"receipt":    second(ParseAck(AppendAck(nil, AckFrame{Receipts: [][]byte{make([]byte, MaxReceipt+1)}}))),
		"ids":        second(ParseAck(AppendAck(nil, AckFrame{IDs: ids}))),
		"nothing":    second(ParseAck(AppendAck(nil, AckFrame{}))),
		"kind":       second(ParseDeliver(AppendDeliver(nil, DeliverFrame{Kind: 4}))),
		"status":     second(ParseHello(append([]byte{0x84, 1, 0x1a, 0, 1, 0, 0}, make([]byte, 40)...))),
	} {
		if !errors.Is(err, wire.ErrDecode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	largest := AppendPost(nil, PostFrame{Recipients: many[1:], Envelope: make([]byte, MaxEnvelope)})
	if _, err := ParsePost(largest, nil); err != nil || len(largest) > MaxPostFrame {
		t.Errorf("the largest post has %d bytes of %d: %v", len(largest), MaxPostFrame, err)
	}
	receipts := make([][]byte, MaxReceipts)
	for i := range receipts {
		receipts[i] = make([]byte, MaxReceipt)
	}
	ack := AppendAck(nil, AckFrame{Receipts: receipts, IDs: ids[1:]})
	if _, err := ParseAck(ack); err != nil || len(ack) > MaxAckFrame {
		t.Errorf("the largest ack has %d bytes of %d: %v", len(ack), MaxAckFrame, err)
	}
	answer := AppendAnswer(nil, AnswerFrame{Status: 1 << 15, Refused: make([]Refusal, MaxRecipients)})
	if _, err := ParseAnswer(answer); err != nil || len(answer) > MaxAnswerFrame {
		t.Errorf("the largest answer has %d bytes of %d: %v", len(answer), MaxAnswerFrame, err)
	}
	deliver := AppendDeliver(nil, DeliverFrame{Number: 1<<64 - 1, Kind: KindEnvelope, Body: make([]byte, MaxEnvelope)})
	if _, err := ParseDeliver(deliver); err != nil || len(deliver) > MaxDeliverFrame {
		t.Errorf("the largest delivery has %d bytes of %d: %v", len(deliver), MaxDeliverFrame, err)
	}
}

func second[A any](_ A, err error) error { return err }

func FuzzMessages(f *testing.F) { // [RV-7]
	for _, seed := range sampleMessages() {
		f.Add(wire.Encode(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		roundTrip[JoinRequest](t, data)
		roundTrip[RollRequest](t, data)
		roundTrip[RollAnswer](t, data)
		roundTrip[PrekeyRequest](t, data)
		roundTrip[PrekeyAnswer](t, data)
		roundTrip[GrantRequest](t, data)
		roundTrip[GrantAnswer](t, data)
		roundTrip[PresenceRequest](t, data)
		roundTrip[PresenceAnswer](t, data)
		roundTrip[HealthRequest](t, data)
		roundTrip[HealthAnswer](t, data)
		roundTrip[PairRequest](t, data)
		roundTrip[PairAnswer](t, data)
		roundTrip[PairFrame](t, data)
		roundTrip[CarryRequest](t, data)
		roundTrip[CarryAnswer](t, data)
		roundTrip[NodeAsk](t, data)
		roundTrip[NodeAnswer](t, data)
	})
}

func roundTrip[M Message](t *testing.T, data []byte) {
	message, err := Parse[M](data)
	if err != nil {
		if !errors.Is(err, wire.ErrDecode) {
			t.Fatalf("%T: %v", message, err)
		}
		return
	}
	if again := wire.Encode(message); !bytes.Equal(again, data) {
		t.Fatalf("%T: %x again %x", message, data, again)
	}
}

func sampleMessages() []any {
	return []any{
		JoinRequest{Claim: &ClaimRequest{Token: [32]byte{1}, Found: []byte("found"), Rendezvous: []byte("rendezvous")}},
		JoinRequest{View: &ViewRequest{Org: keys.OrgID{1}, Invitation: keys.PublicKey{2}, From: 3}},
		JoinRequest{Submit: &SubmitRequest{Org: keys.OrgID{1}, Invitation: keys.PublicKey{2}, Event: []byte("join")}},
		JoinRequest{Serve: &ServeRequest{Org: keys.OrgID{1}, Checkpoint: []byte("note")}},
		NodeAsk{Org: keys.OrgID{1}, Size: 1, To: 2, Epoch: [16]byte{3}, After: 4, Note: []byte("note")},
		NodeAnswer{Checkpoint: []byte("note"), Notes: []NodeNote{{Kind: NoteAck, Signed: []byte("ack")}, {Kind: NoteSeen, Device: keys.PublicKey{1}, Day: 2}}},
		RollRequest{Fetch: &FetchRequest{From: 1, To: 2}},
		RollRequest{Submit: []byte("event")},
		RollRequest{Submit: []byte("move"), Checkpoint: []byte("note")},
		RollAnswer{Checkpoint: []byte("note"), Entries: [][]byte{[]byte("entry")}, Proof: [][32]byte{{1}}},
		PrekeyRequest{Put: []byte("prekey")},
		PrekeyRequest{Get: []keys.PublicKey{{1}, {2}}},
		PrekeyAnswer{Prekeys: [][]byte{[]byte("prekey"), {}}},
		GrantRequest{Put: []byte("grant")},
		GrantRequest{Put: []byte("grant"), Members: []keys.MemberID{{1}, {2}}},
		GrantAnswer{Status: wire.StatusStale},
		PresenceRequest{Get: new(struct{})},
		PresenceRequest{Put: &Share{Number: 1, With: ShareListed, Members: []keys.MemberID{{1}, {2}}, Grain: GrainDay, Hidden: true}},
		PresenceAnswer{Share: &Share{Number: 1, With: ShareContacts, Grain: GrainNone, Typing: true}},
		CarryRequest{Carried: [][]byte{{1}}, Receipts: [][]byte{{2}, {}}}, CarryAnswer{Carried: []wire.Status{1}, Receipts: []wire.Status{}},
		HealthRequest{}, HealthAnswer{Health: sampleHealth()},
		JoinRequest{Apply: &ApplyRequest{Org: keys.OrgID{1}, Event: []byte("join"), Text: "Ann"}},
		RollRequest{Applications: &ApplicationsRequest{After: keys.EventID{1}}},
		RollAnswer{Applications: []Application{{Event: []byte("join"), Text: "Ann", Time: 1}}},
	}
}

func TestRequestsWithNotExactlyOne(t *testing.T) { // [RV-7]
	claim := &ClaimRequest{Found: []byte{1}, Rendezvous: []byte{1}}
	for name, err := range map[string]error{
		"join: nothing":       JoinRequest{}.Check(),
		"join: two":           JoinRequest{Claim: claim, View: &ViewRequest{}}.Check(),
		"claim: one event":    JoinRequest{Claim: &ClaimRequest{Found: []byte{1}}}.Check(),
		"claim: large event":  JoinRequest{Claim: &ClaimRequest{Found: []byte{1}, Rendezvous: make([]byte, MaxEvent+1)}}.Check(),
		"submit: no event":    JoinRequest{Submit: &SubmitRequest{}}.Check(),
		"roll: nothing":       RollRequest{}.Check(),
		"roll: two":           RollRequest{Fetch: &FetchRequest{}, Submit: []byte{1}}.Check(),
		"roll: large event":   RollRequest{Submit: make([]byte, MaxEvent+1)}.Check(),
		"roll: stray note":    RollRequest{Fetch: &FetchRequest{}, Checkpoint: []byte{1}}.Check(),
		"answer: empty entry": RollAnswer{Entries: [][]byte{{}}}.Check(),
		"answer: long proof":  RollAnswer{Proof: make([][32]byte, MaxProof+1)}.Check(),
		"prekey: nothing":     PrekeyRequest{}.Check(),
		"prekey: two":         PrekeyRequest{Put: []byte{1}, Get: []keys.PublicKey{{}}}.Check(),
		"prekey: many":        PrekeyRequest{Get: make([]keys.PublicKey, MaxPrekeys+1)}.Check(),
		"prekeys: large":      PrekeyAnswer{Prekeys: [][]byte{make([]byte, MaxPrekey+1)}}.Check(),
		"grant: nothing":      GrantRequest{}.Check(),
		"grant: alone":        GrantRequest{Put: []byte("g"), Members: []keys.MemberID{{1}}}.Check(),
		"grant: twice":        GrantRequest{Put: []byte("g"), Members: []keys.MemberID{{1}, {1}}}.Check(),
		"grant: order":        GrantRequest{Put: []byte("g"), Members: []keys.MemberID{{2}, {1}}}.Check(),
		"grant: large":        GrantRequest{Put: make([]byte, MaxGrant+1)}.Check(),
	} {
		if !errors.Is(err, wire.ErrDecode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, message := range sampleMessages() {
		if err := message.(interface{ Check() error }).Check(); err != nil {
			t.Errorf("%+v: %v", message, err)
		}
	}
}

func FuzzParseClaim(f *testing.F) { // [RV-10]
	f.Add(Claim{Node: keys.PublicKey{1}, Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}, Token: [32]byte{2}}.Link())
	f.Add(ClaimPrefix)
	f.Fuzz(func(t *testing.T, link string) {
		claim, err := ParseClaim(link)
		if err != nil {
			if !errors.Is(err, ErrClaimLink) {
				t.Fatal(err)
			}
			return
		}
		if again := claim.Link(); again != link {
			t.Fatalf("%q again %q", link, again)
		}
	})
}

func TestClaimLink(t *testing.T) { // [RV-10]
	want := Claim{Node: keys.PublicKey{1}, Addresses: []string{"/ip4/192.0.2.1/tcp/4747", "/ip6/2001:db8::1/udp/4747/quic-v1"}, Token: [32]byte{2}}
	link := want.Link()
	if rest, ok := strings.CutPrefix(link, ClaimPrefix); !ok || strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("link %q", link)
	}
	got, err := ParseClaim(link)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{
		"", ClaimPrefix, strings.ToUpper(link), link + "=", link + "A", link[:len(link)-1], link + "\n", " " + link,
		strings.Replace(link, "claim", "join", 1), link[:20] + "\n" + link[20:],
		Claim{Node: want.Node, Token: want.Token}.Link(), Claim{Addresses: want.Addresses}.Link(),
		Claim{Node: want.Node, Addresses: []string{""}}.Link(),
		Claim{Node: want.Node, Addresses: make([]string, MaxAddresses+1)}.Link(),
		Claim{Node: want.Node, Addresses: []string{strings.Repeat("a", MaxAddress+1)}}.Link(),
	} {
		if _, err := ParseClaim(bad); !errors.Is(err, ErrClaimLink) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzCheckpointSize(f *testing.F) {
	f.Add([]byte("origin\n12\nroot\n"))
	f.Fuzz(func(t *testing.T, note []byte) {
		if _, err := CheckpointSize(note); err != nil && !errors.Is(err, wire.ErrDecode) {
			t.Fatal(err)
		}
	})
}

func TestCheckpointSize(t *testing.T) {
	for note, want := range map[string]uint64{"o\n12\nr\n": 12, "o\n0\nr\n": 0, "o\n18446744073709551615\nr": 1<<64 - 1} {
		if got, err := CheckpointSize([]byte(note)); err != nil || got != want {
			t.Errorf("%q: %d %v", note, got, err)
		}
	}
	for _, note := range []string{"", "o\n12", "o\n012\nr", "o\n+1\nr", "o\n\nr", "o\n18446744073709551616\nr"} {
		if _, err := CheckpointSize([]byte(note)); err == nil {
			t.Errorf("%q has a size", note)
		}
	}
}

func BenchmarkParsePost(b *testing.B) {
	data := AppendPost(nil, PostFrame{Recipients: make([]keys.PublicKey, 3), Envelope: make([]byte, 1024)})
	b.Run("by hand", func(b *testing.B) {
		var room []keys.PublicKey
		for b.Loop() {
			f, err := ParsePost(data, room[:0])
			if err != nil {
				b.Fatal(err)
			}
			room = f.Recipients
		}
	})
	b.Run("generic", func(b *testing.B) {
		for b.Loop() {
			var f postWire
			if err := wire.Decode(data, &f); err != nil {
				b.Fatal(err)
			}
		}
	})
}

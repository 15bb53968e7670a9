package rvproto

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
)

var update = flag.Bool("update", false, "write the vectors anew")

// objects are what the vectors hold, by the input "object", with how each is read and written again.
var objects = map[string]func(data []byte) ([]byte, error){
	"hello":          codecs[0].again,
	"post":           codecs[1].again,
	"answer":         codecs[2].again,
	"deliver":        codecs[3].again,
	"head":           codecs[4].again,
	"ack":            codecs[5].again,
	"join request":   again[JoinRequest],
	"roll request":   again[RollRequest],
	"roll answer":    again[RollAnswer],
	"prekey request": again[PrekeyRequest],
	"prekey answer":  again[PrekeyAnswer],
	"grant request":  again[GrantRequest],
	"grant answer":   again[GrantAnswer],
	"status":         presenceCodecs[0].again,
	"watch":          presenceCodecs[1].again,
	"presence":       presenceCodecs[2].again,
	"typing":         presenceCodecs[3].again,
	"typist":         presenceCodecs[4].again,
	"parked":         parkedCodec.again,
	"begin":          beginCodec.again,
	"piece":          pieceCodec.again,
	"held":           heldCodec.again,
	"brought":        broughtCodec.again,
	"coming":         comingCodec.again,
	"return":         againReturn,
	"gap":            againGap,
	"signed":         signedCodec.again,
	"signed ack":     againAck,
	"node ask":       again[NodeAsk],
	"node answer":    again[NodeAnswer],

	"presence request": again[PresenceRequest],
	"presence answer":  again[PresenceAnswer],

	"health request": again[HealthRequest],
	"health answer":  again[HealthAnswer],

	"pair request": again[PairRequest],
	"pair answer":  again[PairAnswer],
	"pair frame":   again[PairFrame],

	"claim link": func(data []byte) ([]byte, error) {
		claim, err := ParseClaim(string(data))
		return []byte(claim.Link()), err
	},
}

func again[M Message](data []byte) ([]byte, error) {
	message, err := Parse[M](data)
	return wire.Encode(message), err
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/rendezvous", *update, cases(), func(t *testing.T, v vector.Vector) {
		read := objects[v.Input("object")]
		if read == nil {
			t.Fatalf("object %q", v.Input("object"))
		}
		data, err := read(v.Data)
		switch v.Expect {
		case "ok":
			if err != nil || !bytes.Equal(data, v.Data) {
				t.Errorf("%v, written again as %x", err, data)
			}
		case "decode":
			if err == nil {
				t.Error("accepted")
			}
		case "signature":
			if !errors.Is(err, ErrReturn) && !errors.Is(err, ErrGap) && !errors.Is(err, ErrAck) {
				t.Errorf("%v", err)
			}
		default:
			t.Errorf("expect %q", v.Expect)
		}
	})
}

// cases makes every vector.
func cases() map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, object, expect, rule, comment string, data []byte) {
		all[name] = vector.Vector{Expect: expect, Rule: rule, Comment: comment, Inputs: []string{"object: " + object}, Data: data}
	}
	frameCases(add)
	messageCases(add)
	claimCases(add)
	presenceCases(add)
	pairCases(add)
	healthCases(add)
	returnCases(add)
	gapCases(add)
	nodeCases(add)
	pieceCases(add)
	return all
}

type adder = func(name, object, expect, rule, comment string, data []byte)

func fill32(b byte) (out [32]byte) {
	copy(out[:], bytes.Repeat([]byte{b}, 32))
	return out
}

func frameCases(add adder) {
	device, id := keys.PublicKey(fill32(0xd0)), keys.EnvelopeID(fill32(0xe0))
	hello := AppendHello(nil, HelloFrame{Org: keys.OrgID(fill32(0x0a)), Checkpoint: []byte("note")})
	post := AppendPost(nil, PostFrame{Recipients: []keys.PublicKey{device, keys.PublicKey(fill32(0xd1))}, Envelope: []byte("envelope")})
	ack := AppendAck(nil, AckFrame{Receipts: [][]byte{[]byte("receipt")}, IDs: []keys.EnvelopeID{id}})
	deliver := AppendDeliver(nil, DeliverFrame{Number: 1000, Kind: KindEnvelope, Body: []byte("envelope")})
	ok := func(name, object, comment string, data []byte) { add(name, object, "ok", "[RV-4]", comment, data) }
	bad := func(name, object, rule, comment string, data []byte) {
		add(name, object, "decode", rule, comment, data)
	}

	ok("hello_member", "hello", "a device that is admitted", hello)
	ok("hello_stranger", "hello", "a stranger", AppendHello(nil, HelloFrame{Status: wire.StatusNotMember}))
	ok("hello_moved", "hello", "another node orders the roll", AppendHello(nil, HelloFrame{
		Status: wire.StatusMoved, Org: keys.OrgID(fill32(0x0a)), Move: []byte("move")}))
	bad("hello_checkpoint", "hello", "[RV-3]", "a checkpoint above its cap",
		AppendHello(nil, HelloFrame{Checkpoint: make([]byte, MaxCheckpoint+1)}))
	bad("hello_org", "hello", "[RV-4]", "an organization of 31 bytes", slices.Concat(hello[:3], []byte{0x58, 31}, make([]byte, 31), []byte{0x40}))
	bad("hello_status", "hello", "[RV-4]", "a status beyond 16 bits", slices.Concat(hello[:2], []byte{0x1a, 0, 1, 0, 0}, hello[3:]))

	ok("post_two", "post", "one envelope for two devices", post)
	ok("post_group", "post", "one envelope for whom its header says", AppendPost(nil, PostFrame{Envelope: []byte("envelope")}))
	bad("post_many", "post", "[RV-3]", "one recipient above the cap", AppendPost(nil, PostFrame{Recipients: make([]keys.PublicKey, MaxRecipients+1)}))
	bad("post_short", "post", "[RV-4]", "cut one byte before its end", post[:len(post)-1])
	bad("post_trailing", "post", "[RV-4]", "a byte behind it", append(slices.Clone(post), 0))
	bad("post_type", "post", "[RV-4]", "the type of another frame", slices.Concat([]byte{post[0], byte(FrameDeliver)}, post[2:]))
	bad("post_items", "post", "[RV-4]", "a fourth item", slices.Concat([]byte{0x84}, post[1:], []byte{0x40}))
	bad("post_long", "post", "[RV-4]", "a length that is not in its shortest form", slices.Concat(post[:2], []byte{0x98, 2}, post[3:]))
	bad("post_indefinite", "post", "[RV-4]", "an array of indefinite length", slices.Concat([]byte{0x9f}, post[1:], []byte{0xff}))
	bad("post_text", "post", "[RV-4]", "an envelope that is text", slices.Concat(post[:len(post)-9], []byte{0x68}, post[len(post)-8:]))

	ok("answer_accepted", "answer", "accepted for all", AppendAnswer(nil, AnswerFrame{ID: id}))
	refused := AnswerFrame{ID: id, Refused: []Refusal{{device, wire.StatusNoLeave}, {keys.PublicKey(fill32(0xd1)), wire.StatusNotFound}}}
	ok("answer_refused", "answer", "two recipients refused", AppendAnswer(nil, refused))
	ok("answer_full", "answer", "refused whole, to be tried later", AppendAnswer(nil, AnswerFrame{ID: id, Status: wire.StatusFull}))
	newer := AppendAnswer(nil, AnswerFrame{ID: id, Newer: []keys.PublicKey{device}})
	ok("answer_newer", "answer", "a device that the sender did not know of", newer)
	bad("answer_newer_none", "answer", "[RV-4]", "an empty list of newer devices that is not left out",
		slices.Concat([]byte{0x85}, AppendAnswer(nil, AnswerFrame{ID: id})[1:], []byte{0x80}))
	bad("answer_newer_items", "answer", "[RV-4]", "newer devices in an array of four", slices.Concat([]byte{0x84}, newer[1:]))
	bad("answer_newer_many", "answer", "[RV-3]", "one newer device above the cap",
		slices.Concat([]byte{0x85}, AppendAnswer(nil, AnswerFrame{ID: id})[1:], []byte{0x9a, 0, 1, 0, 1}))
	bad("answer_id", "answer", "[RV-4]", "an id of 33 bytes", slices.Concat([]byte{0x84, 3, 0x58, 33}, make([]byte, 33), []byte{0, 0x80}))
	bad("answer_pair", "answer", "[RV-4]", "a refusal without a status",
		slices.Concat(AppendAnswer(nil, AnswerFrame{ID: id})[:37], []byte{0x81, 0x81, 0x58, 32}, device[:]))

	ok("deliver_envelope", "deliver", "an envelope", deliver)
	ok("deliver_receipt", "deliver", "a receipt", AppendDeliver(nil, DeliverFrame{Number: 1<<64 - 1, Kind: KindReceipt, Body: []byte("receipt")}))
	ok("deliver_return", "deliver", "a return", AppendDeliver(nil, DeliverFrame{Number: 3, Kind: KindReturn, Body: []byte("return")}))
	ok("deliver_gap", "deliver", "a gap", AppendDeliver(nil, DeliverFrame{Number: 3, Kind: KindGap, Body: []byte("gap")}))
	bad("deliver_kind", "deliver", "[RV-4]", "a kind that there is not", AppendDeliver(nil, DeliverFrame{Number: 1, Kind: 4}))
	bad("deliver_number", "deliver", "[RV-4]", "a negative number", slices.Concat([]byte{0x84, 4, 0x20, 1, 0x40}))

	ok("head_newest", "head", "news of the roll", AppendHead(nil, HeadFrame{Checkpoint: []byte("note")}))
	bad("head_checkpoint", "head", "[RV-3]", "a checkpoint above its cap", AppendHead(nil, HeadFrame{Checkpoint: make([]byte, MaxCheckpoint+1)}))

	ok("ack_both", "ack", "a receipt, and the id of a delivered one", ack)
	ok("ack_receipt", "ack", "a receipt alone", AppendAck(nil, AckFrame{Receipts: [][]byte{[]byte("receipt")}}))
	bad("ack_nothing", "ack", "[RV-4]", "nothing acknowledged", AppendAck(nil, AckFrame{}))
	bad("ack_receipts", "ack", "[RV-3]", "one receipt above the cap", AppendAck(nil, AckFrame{Receipts: make([][]byte, MaxReceipts+1)}))
	bad("ack_ids", "ack", "[RV-3]", "one id above the cap", AppendAck(nil, AckFrame{IDs: make([]keys.EnvelopeID, MaxReceiptIDs+1)}))
}

func messageCases(add adder) {
	org, key := keys.OrgID(fill32(0x0a)), keys.PublicKey(fill32(0x1a))
	view := &ViewRequest{Org: org, Invitation: key, Proof: keys.Signature(bytes.Repeat([]byte{0x50}, 64)), From: 3}
	ok := func(name, object, rule, comment string, message any) {
		add(name, object, "ok", rule, comment, wire.Encode(message))
	}
	bad := func(name, object, rule, comment string, message any) {
		add(name, object, "decode", rule, comment, wire.Encode(message))
	}
	ok("join_claim", "join request", "[RV-7]", "a claim", JoinRequest{
		Claim: &ClaimRequest{Token: fill32(0x70), Found: []byte("found"), Rendezvous: []byte("rendezvous")}})
	ok("join_view", "join request", "[RV-7]", "a view", JoinRequest{View: view})
	ok("join_submit", "join request", "[RV-7]", "a submission", JoinRequest{
		Submit: &SubmitRequest{Org: org, Invitation: key, Proof: view.Proof, Event: []byte("join")}})
	bad("join_nothing", "join request", "[RV-7]", "no request", JoinRequest{})
	bad("join_two", "join request", "[RV-7]", "two requests", JoinRequest{
		View: view, Submit: &SubmitRequest{Org: org, Invitation: key, Event: []byte("join")}})
	bad("join_unknown", "join request", "[RV-7]", "a hundredth kind of request", map[int]any{100: map[int]any{}})
	ok("join_recover", "join request", "[RV-60]", "a reading by a recovery key", JoinRequest{
		Recover: &RecoverRequest{Org: org, Key: key, Proof: view.Proof, From: 3}})
	ok("join_present", "join request", "[RV-61]", "an event that speaks for itself", JoinRequest{
		Present: &PresentRequest{Org: org, Event: []byte("event")}})
	bad("join_present_nothing", "join request", "[RV-61]", "an event without bytes", JoinRequest{
		Present: &PresentRequest{Org: org, Event: []byte{}}})
	ok("join_verdict", "join request", "[RV-62]", "a question for the own standing", JoinRequest{Verdict: &VerdictRequest{Org: org}})
	ok("join_promised", "join request", "[RV-63]", "a reading by a device that a re-admission names", JoinRequest{
		Promised: &PromisedRequest{Org: org, From: 3, To: 9}})
	ok("join_handover", "join request", "[RV-70]", "a piece of a roll", JoinRequest{
		HandOver: &HandOverRequest{Token: fill32(0x70), Org: org, From: 7, Entries: [][]byte{[]byte("entry")}}})
	bad("join_handover_nothing", "join request", "[RV-70]", "a piece without entries", JoinRequest{
		HandOver: &HandOverRequest{Token: fill32(0x70), Org: org, Entries: [][]byte{}}})
	bad("join_handover_long", "join request", "[RV-3]", "a piece above its cap", JoinRequest{
		HandOver: &HandOverRequest{Token: fill32(0x70), Org: org, Entries: slices.Repeat([][]byte{make([]byte, MaxEntry)}, 8)}})
	ok("join_take", "join request", "[RV-71]", "the event that moves the duty", JoinRequest{
		Take: &TakeRequest{Token: fill32(0x70), Org: org, Event: []byte("move")}})
	apply := ApplyRequest{Org: org, Invitation: key, Proof: view.Proof, Event: []byte("join"), Text: "Ann, from the lab"}
	ok("join_apply", "join request", "[RV-90]", "an application", JoinRequest{Apply: &apply})
	silent, long := apply, apply
	silent.Text, long.Text = "", strings.Repeat("a", MaxApplication+1)
	bad("join_apply_silent", "join request", "[RV-90]", "an application without a text", JoinRequest{Apply: &silent})
	bad("join_apply_long", "join request", "[RV-3]", "a text above its cap", JoinRequest{Apply: &long})
	ok("roll_applications", "roll request", "[RV-92]", "the applications after one", RollRequest{
		Applications: &ApplicationsRequest{After: keys.EventID(fill32(3))}})
	ok("roll_decline", "roll request", "[RV-93]", "an application is declined", RollRequest{
		Decline: &DeclineRequest{Event: keys.EventID(fill32(3))}})
	ok("roll_waiting", "roll answer", "[RV-92]", "an application that waits", RollAnswer{
		Applications: []Application{{Event: []byte("join"), Text: "Ann, from the lab", Time: 1_800_000_000}}})
	bad("roll_waiting_nothing", "roll answer", "[RV-92]", "an application without an event", RollAnswer{
		Applications: []Application{{Event: []byte{}, Text: "Ann", Time: 1_800_000_000}}})
	ok("roll_pending", "roll answer", "[RV-90]", "an application that waits, to who made it", RollAnswer{Status: wire.StatusPending})
	bad("join_event", "join request", "[RV-3]", "an event above its cap", JoinRequest{
		Submit: &SubmitRequest{Org: org, Invitation: key, Event: make([]byte, MaxEvent+1)}})
	bad("join_proof", "join request", "[RV-7]", "a proof of 63 bytes", map[int]any{2: map[int]any{
		1: org[:], 2: key[:], 3: make([]byte, 63), 4: 0, 5: 0}})

	ok("roll_fetch", "roll request", "[RV-9]", "a fetch of everything", RollRequest{Fetch: &FetchRequest{}})
	ok("roll_page", "roll request", "[RV-9]", "a fetch of a page", RollRequest{Fetch: &FetchRequest{From: 4096, To: 5000}})
	ok("roll_submit", "roll request", "[RV-9]", "a submission", RollRequest{Submit: []byte("event")})
	ok("roll_submit_move", "roll request", "[RV-72]", "a move, with a checkpoint of the node that has taken over", RollRequest{
		Submit: []byte("move"), Checkpoint: []byte("note")})
	bad("roll_submit_empty", "roll request", "[RV-9]", "an empty checkpoint that is not left out", map[int]any{2: []byte("move"), 4: []byte{}})
	bad("roll_submit_large", "roll request", "[RV-3]", "a checkpoint above its cap", RollRequest{
		Submit: []byte("move"), Checkpoint: make([]byte, MaxCheckpoint+1)})
	bad("roll_fetch_checkpoint", "roll request", "[RV-9]", "a checkpoint without a submission", RollRequest{
		Fetch: &FetchRequest{}, Checkpoint: []byte("note")})
	bad("roll_checkpoint", "roll request", "[RV-9]", "a checkpoint alone", RollRequest{Checkpoint: []byte("note")})
	bad("roll_nothing", "roll request", "[RV-9]", "no request", RollRequest{})
	bad("roll_both", "roll request", "[RV-9]", "a fetch and a submission", RollRequest{Fetch: &FetchRequest{}, Submit: []byte("event")})
	ok("roll_show", "roll request", "[RV-64]", "a roll that the node has forgotten", RollRequest{Show: &ShowRequest{
		Checkpoint: []byte("note"), From: 7, Entries: [][]byte{[]byte("entry")}, Proof: [][32]byte{fill32(1)}}})
	ok("roll_show_head", "roll request", "[RV-64]", "a checkpoint that the node has forgotten", RollRequest{Show: &ShowRequest{
		Checkpoint: []byte("note")}})
	bad("roll_show_nothing", "roll request", "[RV-64]", "no checkpoint", RollRequest{Show: &ShowRequest{Checkpoint: []byte{}}})
	ok("roll_moved", "roll answer", "[RV-72]", "another node orders the roll", RollAnswer{Status: wire.StatusMoved, Move: []byte("move")})
	ok("roll_verdict", "roll answer", "[RV-62]", "a barred device, and the bar", RollAnswer{Checkpoint: []byte("note"), Standing: 2,
		Shown: []Shown{{Index: 9, Entry: []byte("entry"), Proof: [][32]byte{fill32(1)}}}})
	bad("roll_verdict_many", "roll answer", "[RV-3]", "one entry above the cap", RollAnswer{Checkpoint: []byte("note"), Standing: 2,
		Shown: slices.Repeat([]Shown{{Index: 9, Entry: []byte("entry")}}, MaxShown+1)})
	ok("roll_answer", "roll answer", "[RV-9]", "an extension", RollAnswer{
		Checkpoint: []byte("note"), Entries: [][]byte{[]byte("entry"), []byte("entry")}, Proof: [][32]byte{fill32(1)}})
	ok("roll_refusal", "roll answer", "[RV-9]", "a refusal", RollAnswer{Status: wire.StatusStale})
	bad("roll_entry", "roll answer", "[RV-9]", "an entry without bytes", RollAnswer{Checkpoint: []byte("note"), Entries: [][]byte{{}}})
	bad("roll_proof", "roll answer", "[RV-3]", "a proof above its cap", RollAnswer{Proof: make([][32]byte, MaxProof+1)})
	bad("roll_empty", "roll answer", "[RV-9]", "an empty list that is not left out", map[int]any{1: 0, 3: [][]byte{}})

	ok("prekey_put", "prekey request", "[RV-30]", "a prekey", PrekeyRequest{Put: []byte("prekey")})
	ok("prekey_get", "prekey request", "[RV-30]", "two devices", PrekeyRequest{Get: []keys.PublicKey{key, keys.PublicKey(fill32(0x1b))}})
	bad("prekey_nothing", "prekey request", "[RV-30]", "no request", PrekeyRequest{})
	bad("prekey_many", "prekey request", "[RV-3]", "one device above the cap", PrekeyRequest{Get: make([]keys.PublicKey, MaxPrekeys+1)})
	ok("prekey_answer", "prekey answer", "[RV-31]", "one prekey, and none for the second device", PrekeyAnswer{Prekeys: [][]byte{[]byte("prekey"), {}}})
	bad("prekey_large", "prekey answer", "[RV-3]", "a prekey above its cap", PrekeyAnswer{Prekeys: [][]byte{make([]byte, MaxPrekey+1)}})

	ok("grant_put", "grant request", "[RV-32]", "a grant", GrantRequest{Put: []byte("grant")})
	bad("grant_nothing", "grant request", "[RV-32]", "an empty grant", GrantRequest{Put: []byte{}})
	three := []keys.MemberID{fill32(1), fill32(2), fill32(3)}
	ok("grant_conversation", "grant request", "[RV-46]", "a grant for a conversation of three", GrantRequest{Put: []byte("grant"), Members: three})
	bad("grant_conversation_alone", "grant request", "[RV-46]", "a conversation of one", GrantRequest{Put: []byte("grant"), Members: three[:1]})
	bad("grant_conversation_order", "grant request", "[RV-46]", "members in another order", GrantRequest{
		Put: []byte("grant"), Members: []keys.MemberID{three[1], three[0]}})
	bad("grant_conversation_twice", "grant request", "[RV-46]", "a member twice", GrantRequest{
		Put: []byte("grant"), Members: []keys.MemberID{three[0], three[0]}})
	bad("grant_conversation_many", "grant request", "[RV-3]", "one member above the cap", GrantRequest{
		Put: []byte("grant"), Members: ascending(MaxConversation + 1)})
	ok("grant_answer", "grant answer", "[RV-32]", "a lower number than the one held", GrantAnswer{Status: wire.StatusStale})
}

// ascending returns so many members in order.
func ascending(n int) (members []keys.MemberID) {
	for i := range n {
		members = append(members, keys.MemberID{0: byte(i >> 8), 1: byte(i), 2: 1})
	}
	return members
}

func claimCases(add adder) {
	claim := Claim{
		Node: keys.PublicKey(fill32(0x0d)), Token: fill32(0x70),
		Addresses: []string{"/ip4/192.0.2.7/tcp/4747", "/ip4/192.0.2.7/udp/4747/quic-v1"},
	}
	link := claim.Link()
	bad := func(name, comment, text string) { add(name, "claim link", "decode", "[RV-10]", comment, []byte(text)) }
	add("claim_link", "claim link", "ok", "[RV-10]", "a link with two addresses", []byte(link))
	bad("claim_prefix", "the prefix of another link", "muster:join/"+strings.TrimPrefix(link, ClaimPrefix))
	bad("claim_short", "its last character is missing", link[:len(link)-1])
	bad("claim_padding", "padded", link+"=")
	bad("claim_standard", "the other base64 alphabet",
		ClaimPrefix+base64.RawStdEncoding.EncodeToString(wire.Encode(Claim{Node: keys.PublicKey(fill32(0xff)), Addresses: claim.Addresses, Token: fill32(0xff)})))
	bad("claim_newline", "a line break inside", link[:40]+"\n"+link[40:])
	none := claim
	none.Addresses = nil
	bad("claim_nowhere", "no address", none.Link())
	none.Addresses = slices.Repeat([]string{"/ip4/192.0.2.7/tcp/4747"}, MaxAddresses+1)
	bad("claim_everywhere", "one address above the cap", none.Link())
	none = claim
	none.Node = keys.PublicKey{}
	bad("claim_nobody", "no node", none.Link())
}

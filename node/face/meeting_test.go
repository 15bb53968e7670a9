package face

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/agreement"
)

func drawn(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func private(n byte) keys.PrivateKey { return keys.FromSeed([keys.SeedSize]byte{n}) }

func key(n byte) keys.PublicKey { return private(n).Public() }

// agree returns both ends of a channel that two devices agreed on, each with a secret and for a purpose.
func agree(ofHost, ofVisitor agreement.Purpose, hosts, visitors string) (host, visitor *agreement.Channel, err error) {
	h := agreement.NewHost(drawn(1), ofHost, agreement.Setup{Secret: []byte(hosts), Slot: 7, Own: key(1)})
	v := agreement.NewVisitor(drawn(2), ofVisitor, agreement.Setup{Secret: []byte(visitors), Slot: 7, Own: key(2)})
	share, err := v.Hello(h.Hello())
	if err != nil {
		return nil, nil, err
	}
	reply, err := h.Share(share)
	if err != nil {
		return nil, nil, err
	}
	tag, err := v.Reply(reply)
	if err != nil {
		return nil, nil, err
	}
	answer, err := h.Confirm(tag)
	if err != nil {
		return nil, nil, err
	}
	err = v.Confirm(answer)
	return h.Channel(), v.Channel(), err
}

// two are both sides of a conversation after the agreement.
func two(t testing.TB, kind Kind) (host, visitor *Course) {
	h, v, err := agree(Purpose, Purpose, "apple-river-stone", "apple-river-stone")
	if err != nil {
		t.Fatal(err)
	}
	return NewHost(h, kind), NewVisitor(v)
}

func aLink() *Link {
	return &Link{Text: membership.Invitation{
		Org: keys.OrgID{1}, OrgName: "Harbour", Seed: [keys.SeedSize]byte{9}, Size: 3, Root: membership.Hash{4},
		Nodes: []membership.NodeAddress{{Key: key(5), Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}}},
	}.Link(), Waiting: true}
}

func anInvitation() *Invitation {
	return &Invitation{Org: keys.OrgID{1}, OrgName: "Harbour", By: "Ada", Role: membership.RoleMember}
}

// aJoin is a join by some invitation.
func aJoin() []byte {
	invitation := private(21)
	return membership.SignEvent(membership.Event{Org: keys.OrgID{1}, Counter: 1, At: 3, Join: &membership.Join{
		Invitation: invitation.Public(), Name: "Bo", Recovery: key(22),
	}}, private(20), &invitation)
}

func notAJoin() []byte {
	return membership.SignEvent(membership.Event{Org: keys.OrgID{1}, Counter: 1, At: 3, Revoke: &membership.Revoke{Key: key(21)}}, private(20), nil)
}

// [FACE-8]
func TestJoinInThePlaceOfDone(t *testing.T) {
	host, visitor := two(t, Invite)
	for _, m := range []Message{{Invitation: anInvitation()}, {Yes: true}, {Link: aLink()}} {
		from, to := host, visitor
		if m.Yes {
			from, to = visitor, host
		}
		if _, err := to.Hear(from.Say(m)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := host.Hear(visitor.Say(Message{Join: aJoin()}))
	if err != nil || !bytes.Equal(got.Join, aJoin()) || host.Over() || visitor.Over() {
		t.Errorf("%v, %v, over: %v and %v", got, err, host.Over(), visitor.Over())
	}
	for range 2 { // the roll comes in pieces, each when it is asked for [FACE-9]
		if got, err = host.Hear(visitor.Say(Message{Ask: &Ask{From: 7}})); err != nil || got.Ask.From != 7 {
			t.Errorf("asked: %v", err)
		}
		if got, err = visitor.Hear(host.Say(Message{Piece: &Piece{Size: 9, Data: []byte{1}}})); err != nil || got.Piece.Size != 9 {
			t.Errorf("a piece: %v", err)
		}
	}
	if _, err = visitor.Hear(host.channel.Seal(encode(Message{Piece: &Piece{Size: 9, Data: []byte{1}}}))); err == nil {
		t.Error("a piece comes that nobody asked for")
	}
	for _, m := range []Message{
		{Ask: &Ask{From: MaxRoll}}, {Piece: &Piece{Size: MaxRoll + 1, Data: []byte{1}}}, {Piece: &Piece{Size: 1}}, {Piece: &Piece{Size: 1, Data: make([]byte, MaxPiece+1)}},
	} {
		if _, err := decode(encode(m)); err == nil {
			t.Errorf("%+v is read", m)
		}
	}
	host, visitor = two(t, Exchange)
	said, by := whole(Exchange, host, visitor)
	for i := range said[:len(said)-1] {
		to := host
		if by[i] == host {
			to = visitor
		}
		if _, err := to.Hear(by[i].Say(said[i])); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := host.Hear(visitor.channel.Seal(encode(Message{Join: aJoin()}))); !errors.Is(err, agreement.ErrFrame) {
		t.Errorf("a join at the end of an exchange: %v", err)
	}
}

func aCard(n byte) Card {
	return Card{Org: keys.OrgID{1}, Member: keys.MemberID{n}, Device: key(n), Speakers: [keys.IDSize]byte{n}, Size: 3, Root: membership.Hash{4}}
}

// whole is what is said in a whole conversation, with who says it.
func whole(kind Kind, host, visitor *Course) (said []Message, by []*Course) {
	ofHost, ofVisitor := aCard(11).Prove(private(11), host.Channel(), Host), aCard(12).Prove(private(12), visitor.Channel(), Visitor)
	if kind == Invite {
		return []Message{{Invitation: anInvitation()}, {Yes: true}, {Link: aLink()}, {Done: true}}, []*Course{host, visitor, host, visitor}
	}
	return []Message{{Card: &ofHost}, {Card: &ofVisitor}, {Yes: true}, {Yes: true}, {Grant: []byte{1}}, {Grant: []byte{2}}, {Done: true}},
		[]*Course{host, visitor, visitor, host, visitor, host, visitor}
}

// TestWhole goes through both conversations. [FACE-4] [FACE-5] [FACE-6]
func TestWhole(t *testing.T) {
	for _, kind := range []Kind{Invite, Exchange} {
		host, visitor := two(t, kind)
		said, by := whole(kind, host, visitor)
		for i, m := range said {
			other := visitor
			if by[i] == visitor {
				other = host
			}
			heard, err := other.Hear(by[i].Say(m))
			if err != nil || !bytes.Equal(encode(heard), encode(m)) {
				t.Fatalf("%s: message %d is heard as %+v, %v", kind, i, heard, err)
			}
			if m.Card != nil && heard.Card.Check(other.Channel(), by[i].Side()) != nil {
				t.Errorf("a card is not believed")
			}
		}
		if visitor.Kind() != kind || !host.Over() || !visitor.Over() {
			t.Errorf("%s ends as %s, %v, %v", kind, visitor.Kind(), host.Over(), visitor.Over())
		}
		if _, err := host.Hear(visitor.channel.Seal(encode(Message{Done: true}))); !errors.Is(err, agreement.ErrFrame) {
			t.Errorf("after the end: %v", err)
		}
	}
}

// TestNo: each side may say no at each step, and then all is over. [FACE-4]
func TestNo(t *testing.T) {
	for _, kind := range []Kind{Invite, Exchange} {
		for stop := range courses[kind] {
			host, visitor := two(t, kind)
			said, by := whole(kind, host, visitor)
			for i := range stop {
				other := visitor
				if by[i] == visitor {
					other = host
				}
				if _, err := other.Hear(by[i].Say(said[i])); err != nil {
					t.Fatal(err)
				}
			}
			who, other := by[stop], host
			if who == host {
				other = visitor
			}
			_, err := other.Hear(who.Say(Message{No: &No{Outsider}}))
			if refused, ok := errors.AsType[*NoError](err); !ok || refused.Reason != Outsider || !other.Over() || !who.Over() {
				t.Errorf("%s: no at step %d: %v", kind, stop, err)
			}
		}
	}
}

// TestOrder: what is sealed well is refused all the same where it has no place. [FACE-4]
func TestOrder(t *testing.T) {
	for _, kind := range []Kind{Invite, Exchange} {
		for at := range courses[kind] {
			for wrong := range 7 {
				host, visitor := two(t, kind)
				said, by := whole(kind, host, visitor)
				for i := range at {
					other := visitor
					if by[i] == visitor {
						other = host
					}
					if _, err := other.Hear(by[i].Say(said[i])); err != nil {
						t.Fatal(err)
					}
				}
				who, other := by[at], host
				if who == host {
					other = visitor
				}
				one := aCard(13)
				m := []Message{{Invitation: anInvitation()}, {Card: &one}, {Yes: true}, {Link: aLink()}, {Grant: []byte{3}}, {Done: true}, {}}[wrong]
				if m.kind() == said[at].kind() || at == 0 && (m.kind() == invitation || m.kind() == card) {
					continue // it is due, or begins the other conversation
				}
				if _, err := other.Hear(who.channel.Seal(encode(m))); !errors.Is(err, agreement.ErrFrame) {
					t.Errorf("%s: message %d at step %d: %v", kind, m.kind(), at, err)
				}
			}
		}
	}
}

// TestPurposes: a code of a pairing is none of a meeting, and the other way round. [FACE-2]
func TestPurposes(t *testing.T) {
	pairing := agreement.Purpose{Domain: keys.DomainPairing, Host: "old", Visitor: "new"}
	for _, purposes := range [][2]agreement.Purpose{{Purpose, pairing}, {pairing, Purpose}} {
		if _, _, err := agree(purposes[0], purposes[1], "apple-river-stone", "apple-river-stone"); !errors.Is(err, agreement.ErrCode) {
			t.Errorf("for another purpose: %v", err)
		}
	}
	if _, _, err := agree(Purpose, Purpose, "apple-river-stone", "apple-river-stove"); !errors.Is(err, agreement.ErrCode) {
		t.Errorf("another code: %v", err)
	}
}

// TestCardsProve: a card is believed in its own conversation, from its own side and as it was signed, and nowhere else. [FACE-6]
func TestCardsProve(t *testing.T) {
	host, visitor := two(t, Exchange)
	card := aCard(11).Prove(private(11), host.Channel(), Host)
	if err := card.Check(visitor.Channel(), Host); err != nil {
		t.Errorf("as it is: %v", err)
	}
	if err := card.Check(visitor.Channel(), Visitor); !errors.Is(err, ErrProof) {
		t.Errorf("shown back: %v", err)
	}
	h := agreement.NewChannel(Purpose, agreement.Secrets{KEM: []byte{1}}, true)
	if err := card.Check(h, Host); !errors.Is(err, ErrProof) {
		t.Errorf("in another conversation: %v", err)
	}
	for what, change := range map[string]func(*Card){
		"organization": func(c *Card) { c.Org[0]++ }, "member": func(c *Card) { c.Member[0]++ }, "device": func(c *Card) { c.Device = key(12) },
		"speakers": func(c *Card) { c.Speakers[0]++ }, "size": func(c *Card) { c.Size++ }, "root": func(c *Card) { c.Root[0]++ },
	} {
		other := card
		change(&other)
		if err := other.Check(visitor.Channel(), Host); !errors.Is(err, ErrProof) {
			t.Errorf("another %s: %v", what, err)
		}
	}
}

// TestSizesTellNothing: an invitation, a card and a yes are frames of one size. [FACE-3]
func TestSizesTellNothing(t *testing.T) {
	host, _ := two(t, Exchange)
	one := aCard(11)
	sizes := make(map[int]bool)
	for _, m := range []Message{{Invitation: anInvitation()}, {Card: &one}, {Yes: true}, {Link: aLink()}, {No: &No{}}} {
		sizes[len(host.channel.Seal(encode(m)))] = true
	}
	if len(sizes) != 1 {
		t.Errorf("frames of sizes %v", sizes)
	}
}

// FuzzHear has both sides hear anything at any step: no panic, and what is taken is written as it was read.
func FuzzHear(f *testing.F) {
	one := aCard(11)
	for step, m := range []Message{{Invitation: anInvitation()}, {Card: &one}, {Yes: true}, {Link: aLink()}, {Grant: []byte{3}}, {Done: true}, {No: &No{1}}} {
		f.Add(uint8(step), true, encode(m))
	}
	f.Fuzz(func(t *testing.T, step uint8, cards bool, data []byte) {
		kind := Invite
		if cards {
			kind = Exchange
		}
		host, visitor := two(t, kind)
		said, by := whole(kind, host, visitor)
		at := int(step) % len(said)
		for i := range at {
			other := visitor
			if by[i] == visitor {
				other = host
			}
			if _, err := other.Hear(by[i].Say(said[i])); err != nil {
				t.Fatal(err)
			}
		}
		who, other := by[at], host
		if who == host {
			other = visitor
		}
		heard, err := other.Hear(who.channel.Seal(data))
		if err == nil && !bytes.Equal(encode(heard), data) {
			t.Errorf("%x is read and written as another", data)
		}
		if err == nil && (heard.kind() != said[at].kind() && at > 0 || heard.kind() == 0) {
			t.Errorf("message %d at step %d of %s", heard.kind(), at, kind)
		}
	})
}

// TestReadsWhatItWrites keeps the wire's rule for messages: one form.
func TestReadsWhatItWrites(t *testing.T) {
	if _, err := decode(append(wire.Encode(Message{Yes: true}), 0)); !errors.Is(err, agreement.ErrFrame) {
		t.Errorf("a byte behind a message: %v", err)
	}
	if text := fmt.Sprint(&NoError{Forked}); text == "" {
		t.Error("an error without words")
	}
}

package envelope

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// [ENV-15]
func TestConversationIDIgnoresOrderAndRepeats(t *testing.T) {
	org := keys.OrgID{9}
	a, b, c := keys.MemberID{1}, keys.MemberID{2}, keys.MemberID{3}
	want := ConversationID(org, []keys.MemberID{a, b})
	for _, members := range [][]keys.MemberID{{b, a}, {a, b, a}, {b, b, a, a}} {
		if got := ConversationID(org, members); got != want {
			t.Errorf("%v: another id", members)
		}
	}
	for name, other := range map[string]keys.ConversationID{
		"more members": ConversationID(org, []keys.MemberID{a, b, c}), "fewer": ConversationID(org, []keys.MemberID{a}),
		"other organization": ConversationID(keys.OrgID{8}, []keys.MemberID{a, b}),
	} {
		if other == want {
			t.Errorf("%s: the same id", name)
		}
	}
}

// [ENV-16]
func TestNewChainRefusesPlaces(t *testing.T) {
	many := make([]keys.MemberID, MaxMembers+1)
	for i := range many {
		many[i][0], many[i][1] = byte(i), byte(i>>8)
	}
	for _, place := range []Place{{}, Among(many...), {Members: []keys.MemberID{{2}, {1}}}, {Group: keys.GroupID{1}, Guest: keys.MemberID{1}}} {
		if _, err := NewChain(seeded("x"), keys.OrgID{1}, place, keys.PublicKey{1}, time.Unix(1, 0), 1); !errors.Is(err, ErrPlace) {
			t.Errorf("%d members: %v, want ErrPlace", len(place.Members), err)
		}
	}
	if _, err := NewChain(seeded("x"), keys.OrgID{1}, Among(many[1:]...), keys.PublicKey{1}, time.Unix(1, 0), 1); err != nil {
		t.Errorf("%d members: %v", MaxMembers, err)
	}
}

// [ENV-20] [ENV-23]
func TestMessagesArrive(t *testing.T) {
	w := newWorld(t, "arrive")
	c, in := w.pair(t)
	var line Line
	var previous keys.ContentID
	for i := range 5 {
		content := Content{Head: bytes.Repeat([]byte{7}, MaxHead), Kind: 3, Body: bytes.Repeat([]byte{byte(i)}, i*700)}
		e, quote, err := c.Seal(w.random, w.alice.device, &line, content, testMeta)
		if err != nil {
			t.Fatal(err)
		}
		id := quote.ID()
		opened, err := in.Open(reparse(t, e))
		if err != nil {
			t.Fatal(err)
		}
		content.Org, content.Conversation, content.Chain = w.org, c.Conversation(), c.ID()
		content.Position, content.Sequence, content.Previous = uint64(i+1), uint64(i+1), previous
		if diff := cmp.Diff(content, opened.Content); diff != "" {
			t.Errorf("content (-want +got):\n%s", diff)
		}
		if opened.ID != id || opened.Sender != w.alice.key() || line != (Line{Sequence: uint64(i + 1), Previous: id}) {
			t.Errorf("message %d: id, sender or line differ", i)
		}
		again, againID, err := OpenContent(opened.ContentBytes, opened.Signature, w.org, opened.Sender)
		if err != nil || againID != id || cmp.Diff(again, opened.Content) != "" {
			t.Errorf("content does not stand by itself: %v", err)
		}
		previous = id
	}
}

// [ENV-8]
func TestShortTextsAreOfOneSize(t *testing.T) {
	w := newWorld(t, "one size")
	c, line := w.chain(t), Line{}
	short, longer := w.seal(t, c, &line, ""), w.seal(t, c, &line, "a somewhat longer line of text, though still short")
	if len(short.Sealed) != len(longer.Sealed) {
		t.Errorf("%d and %d sealed bytes", len(short.Sealed), len(longer.Sealed))
	}
}

// [ENV-24]
func TestOpenContentRefuses(t *testing.T) {
	w := newWorld(t, "content")
	c, in := w.pair(t)
	opened, err := in.Open(w.seal(t, c, &Line{}, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenContent(opened.ContentBytes, opened.Signature, keys.OrgID{1}, opened.Sender); !errors.Is(err, ErrBinding) {
		t.Errorf("other organization: %v", err)
	}
	if _, _, err := OpenContent(opened.ContentBytes, opened.Signature, w.org, w.carol.key()); !errors.Is(err, ErrSignature) {
		t.Errorf("other author: %v", err)
	}
	for bit := range len(opened.ContentBytes) * 8 {
		if _, _, err := OpenContent(flip(opened.ContentBytes, bit), opened.Signature, w.org, opened.Sender); err == nil {
			t.Fatalf("bit %d: accepted", bit)
		}
	}
}

func TestSealRefusesAndStays(t *testing.T) {
	w := newWorld(t, "seal refuses")
	c, line := w.chain(t), Line{Sequence: 4, Previous: keys.ContentID{1}}
	spent := w.chain(t)
	spent.next = MaxPosition + 1
	for _, test := range []struct {
		name    string
		chain   *Chain
		device  keys.PrivateKey
		content Content
		meta    Meta
		want    error
	}{
		{"another device", c, w.bob.device, Content{Kind: 1}, testMeta, ErrDevice},
		{"no kind", c, w.alice.device, Content{}, testMeta, ErrMalformed},
		{"head too large", c, w.alice.device, Content{Kind: 1, Head: make([]byte, MaxHead+1)}, testMeta, ErrTooLarge},
		{"body too large", c, w.alice.device, Content{Kind: 1, Body: make([]byte, MaxBody+1)}, testMeta, ErrTooLarge},
		{"no expiry", c, w.alice.device, Content{Kind: 1}, Meta{RollSize: 1}, ErrMalformed},
		{"spent chain", spent, w.alice.device, Content{Kind: 1}, testMeta, ErrSpent},
	} {
		before, lineBefore := test.chain.Marshal(), line
		if _, _, err := test.chain.Seal(w.random, test.device, &line, test.content, test.meta); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if !bytes.Equal(before, test.chain.Marshal()) || line != lineBefore {
			t.Errorf("%s: chain or line moved", test.name)
		}
	}
}

func TestLargestBodyFits(t *testing.T) {
	w := newWorld(t, "largest")
	c, in := w.pair(t)
	e, _, err := c.Seal(w.random, w.alice.device, &Line{}, Content{Kind: 1, Body: make([]byte, MaxBody)}, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := in.Open(reparse(t, e))
	if err != nil || len(opened.Content.Body) != MaxBody {
		t.Errorf("%d bytes, %v", len(opened.Content.Body), err)
	}
}

func TestChainDue(t *testing.T) {
	w := newWorld(t, "due")
	c := w.chain(t)
	for _, test := range []struct {
		after time.Duration
		next  uint64
		want  bool
	}{
		{0, 1, false}, {ChainAge - time.Second, ChainMessages, false}, {ChainAge, 1, true}, {0, ChainMessages + 1, true},
		{-time.Hour, 1, false}, {-ChainAge - time.Second, 1, true},
	} {
		c.next = test.next
		if got := c.Due(w.now.Add(test.after)); got != test.want {
			t.Errorf("Due after %v at %d = %v", test.after, test.next, got)
		}
	}
}

// [ENV-50]
func TestChainSurvivesTheDisk(t *testing.T) {
	w := newWorld(t, "chain disk")
	c, in := w.pair(t)
	var line Line
	for i := range 4 {
		stored := c.Marshal()
		again, err := UnmarshalChain(stored)
		if err != nil {
			t.Fatal(err)
		}
		if again.ID() != c.ID() || again.Conversation() != c.Conversation() || again.Position() != uint64(i+1) ||
			again.Org() != c.Org() || again.RollSize() != 7 || !bytes.Equal(again.Marshal(), stored) {
			t.Fatalf("position %d: another chain came back", i+1)
		}
		c = again
		if _, err := in.Open(w.seal(t, c, &line, "hello")); err != nil {
			t.Fatal(err)
		}
	}
	if size := len(c.Marshal()); size > 240 {
		t.Errorf("a chain of two members takes %d bytes", size)
	}
}

// [ENV-50]
func TestUnmarshalChainRefuses(t *testing.T) {
	w := newWorld(t, "chain form")
	good := w.chain(t)
	for name, change := range map[string]func(*chainWire){
		"version":          func(c *chainWire) { c.Version = 2 },
		"position zero":    func(c *chainWire) { c.Next = 0 },
		"position beyond":  func(c *chainWire) { c.Next = MaxPosition + 2 },
		"no members":       func(c *chainWire) { c.Members = nil },
		"members unsorted": func(c *chainWire) { c.Members[0], c.Members[1] = c.Members[1], c.Members[0] },
		"anchor":           func(c *chainWire) { c.Anchor[0] ^= 1 },
	} {
		var stored chainWire
		if err := wire.Decode(good.Marshal(), &stored); err != nil {
			t.Fatal(err)
		}
		change(&stored)
		if _, err := UnmarshalChain(wire.Encode(stored)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// A folder put back from a snapshot: the same position is sealed twice from one state. The two share no key stream, and
// the receiver can tell. [ENV-21] [ENV-34]
func TestSnapshotNeverReusesAKey(t *testing.T) {
	w := newWorld(t, "snapshot")
	c, in := w.pair(t)
	snapshot := c.Marshal()
	var first, second Line
	body := string(make([]byte, 4096))
	a := w.seal(t, c, &first, body)
	restored, err := UnmarshalChain(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	b := w.seal(t, restored, &second, body)
	if a.ParsedHeader().Position != b.ParsedHeader().Position || a.ParsedHeader().Salt == b.ParsedHeader().Salt {
		t.Fatal("want one position and two salts")
	}
	// The plaintexts are equal (signatures are deterministic), so under one key stream the ciphertexts would be too:
	// no 16 bytes at one place may agree.
	for at := bodyTagSize; at+16 <= len(a.Sealed); at += 16 {
		if bytes.Equal(a.Sealed[at:at+16], b.Sealed[at:at+16]) {
			t.Fatalf("the key stream repeats at byte %d", at)
		}
	}
	if _, err := in.Open(a); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Open(b); !errors.Is(err, ErrCloned) || !errors.Is(err, ErrReplayed) {
		t.Errorf("second message at the position: %v, want ErrCloned", err)
	}
}

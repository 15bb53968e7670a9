package pairing

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/agreement"
)

// drawn is repeatable randomness.
func drawn(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func key(n byte) keys.PublicKey { return keys.FromSeed([keys.SeedSize]byte{n}).Public() }

// pair is both sides of a conversation, as they are set up.
type pair struct {
	old *Old
	new *New
}

func (p pair) String() string { return "a pair" }

// newPair makes both sides; change alters what the new device knows.
func newPair(change func(old, new *Setup)) pair {
	code := Code{Slot: 12345, Words: [3]string{"apple", "river", "stone"}}
	old := Setup{Secret: code.Secret(), Slot: code.Slot, Path: key(9), Own: key(1)}
	new := Setup{Secret: code.Secret(), Slot: code.Slot, Path: key(9), Own: key(2)}
	if change != nil {
		change(&old, &new)
	}
	return pair{NewOld(drawn(1), old), NewNew(drawn(2), new)}
}

// join carries the frames up to both confirmations. touch may alter each on its way, by its number from 0.
func (p pair) join(touch func(n int, frame []byte) []byte) (ofOld, ofNew error) {
	if touch == nil {
		touch = func(_ int, frame []byte) []byte { return frame }
	}
	share, err := p.new.Hello(touch(0, p.old.Hello()))
	if err != nil {
		return nil, err
	}
	reply, err := p.old.Share(touch(1, share))
	if err != nil {
		return err, nil
	}
	tag, err := p.new.Reply(touch(2, reply))
	if err != nil {
		return nil, err
	}
	answer, err := p.old.Confirm(touch(3, tag))
	if errors.Is(err, ErrCode) {
		return err, p.new.Confirm(RefuseFrame(2))
	}
	if err != nil {
		return err, nil
	}
	return nil, p.new.Confirm(touch(4, answer))
}

func offer() Offer {
	one := Organization{
		Org: keys.OrgID{1}, Name: "Lighthouse", Member: keys.MemberID{2}, Signer: key(3), Size: 7, Root: membership.Hash{4}, Number: 1,
		Nodes: []membership.NodeAddress{{Key: key(5), Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}}},
	}
	two := one
	two.Org, two.Name = keys.OrgID{6}, "Harbour"
	return Offer{Orgs: []Organization{one, two}, Recovery: []keys.PublicKey{key(7)}, First: 32}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// TestPairing goes through a whole conversation, in which one signature has to be asked for again. [PAIR-9] [PAIR-10] [PAIR-11]
func TestPairing(t *testing.T) {
	p := newPair(nil)
	if a, b := p.join(nil); a != nil || b != nil {
		t.Fatal(a, b)
	}
	if p.old.Words() != p.new.Words() || !p.old.Joined() || !p.new.Joined() {
		t.Fatalf("the screens show %v and %v", p.old.Words(), p.new.Words())
	}
	said := must[Said](t)(p.new.Next(must[[]byte](t)(p.old.Offer(offer()))))
	if diff := cmp.Diff(offer(), *said.Offer); diff != "" {
		t.Errorf("the offer arrives as another:\n%s", diff)
	}
	got := must[[]keys.PublicKey](t)(p.old.Keys(p.new.Keys([]keys.PublicKey{key(10), key(11)})))
	if got[0] != key(10) || got[1] != key(11) {
		t.Errorf("the keys arrive as %v", got)
	}
	for _, ask := range []Ask{{Places: []Place{{0, 5, 7}, {1, 2, 9}}}, {Places: []Place{{1, 3, 10}}}} {
		said = must[Said](t)(p.new.Next(p.old.Ask(ask)))
		if diff := cmp.Diff(ask, *said.Ask); diff != "" {
			t.Errorf("what is asked arrives as something else:\n%s", diff)
		}
		signatures := make([]keys.Signature, len(ask.Places))
		signatures[0][0] = 9
		back := must[[]keys.Signature](t)(p.old.Signatures(p.new.Signatures(signatures), len(signatures)))
		if back[0] != signatures[0] {
			t.Error("a signature arrives as another")
		}
	}
	said = must[Said](t)(p.new.Next(p.old.Done(Done{Outcomes: []Outcome{Added, Missed}})))
	if said.Done == nil || said.Done.Outcomes[1] != Missed {
		t.Errorf("the end arrives as %+v", said)
	}
}

// TestWrongCode: who has another code, slot, way, or is another device than the link names, gets no words and no offer.
// [PAIR-3] [PAIR-5]
func TestWrongCode(t *testing.T) {
	for what, test := range map[string]struct {
		change     func(old, new *Setup)
		old, newer error // what each side finds; nil: nothing
	}{
		"another word":         {func(_, n *Setup) { n.Secret = []byte("apple-river-stove") }, ErrCode, &RefusedError{Left: 2}},
		"another slot":         {func(_, n *Setup) { n.Slot++ }, ErrCode, &RefusedError{Left: 2}},
		"another way":          {func(_, n *Setup) { n.Path = key(8) }, ErrCode, &RefusedError{Left: 2}},
		"no way":               {func(_, n *Setup) { n.Path = keys.PublicKey{} }, ErrCode, &RefusedError{Left: 2}},
		"the link":             {func(o, n *Setup) { o.Link, n.Secret, n.ByLink = []byte("link"), []byte("link"), true }, nil, nil},
		"the code as a link":   {func(o, n *Setup) { o.Link, n.ByLink = []byte("link"), true }, ErrCode, &RefusedError{Left: 2}},
		"a link without one":   {func(_, n *Setup) { n.ByLink = true }, ErrFrame, nil},
		"another old device":   {func(_, n *Setup) { n.Peer = key(8) }, nil, ErrPeer},
		"another new device":   {func(o, _ *Setup) { o.Peer = key(8) }, ErrPeer, nil},
		"the devices as meant": {func(o, n *Setup) { o.Peer, n.Peer = n.Own, o.Own }, nil, nil},
	} {
		p := newPair(test.change)
		ofOld, ofNew := p.join(nil)
		if !errors.Is(ofOld, test.old) || fmt.Sprint(ofNew) != fmt.Sprint(test.newer) {
			t.Errorf("%s: the sides find %v and %v, want %v and %v", what, ofOld, ofNew, test.old, test.newer)
		}
		if joined := p.old.Joined() || p.new.Joined(); joined != (test.old == nil && test.newer == nil) {
			t.Errorf("%s: joined is %v", what, joined)
		}
	}
}

// TestRelayInTheMiddle changes each frame in each of its bytes: no side is ever joined with a frame that was changed, and
// neither panics. [PAIR-4] [PAIR-5]
func TestRelayInTheMiddle(t *testing.T) {
	for n := range 5 {
		for at := 0; ; at += 7 {
			inside := false
			p := newPair(nil)
			ofOld, ofNew := p.join(func(i int, frame []byte) []byte {
				if i == n && at < len(frame) {
					inside = true
					frame = bytes.Clone(frame)
					frame[at] ^= 0x10
				}
				return frame
			})
			if !inside {
				break
			}
			if n == 3 && ofOld == nil && ofNew == nil && p.old.Words() != p.new.Words() {
				if _, err := p.new.Next(must[[]byte](t)(p.old.Offer(offer()))); !errors.Is(err, ErrSealed) {
					t.Fatalf("frame %d changed at byte %d: %v", n, at, err)
				}
				continue // its part, which no tag covers: the keys and words differ
			}
			if ofOld == nil && ofNew == nil {
				t.Fatalf("frame %d changed at byte %d: nobody notices", n, at)
			}
			if p.new.Joined() || n < 4 && p.old.Joined() {
				t.Fatalf("frame %d changed at byte %d: joined all the same (%v, %v)", n, at, ofOld, ofNew)
			}
		}
	}
}

// TestGuessesLearnOneThing: a stranger who takes the new device's side with a guess is refused, and what the old device
// says to a wrong guess is the same whatever is right.
func TestGuessesLearnOneThing(t *testing.T) {
	for _, right := range []string{"apple-river-stone", "zoo-zoo-zoo"} {
		p := newPair(func(o, n *Setup) { o.Secret, n.Secret = []byte(right), []byte("able-able-able") })
		if ofOld, _ := p.join(nil); !errors.Is(ofOld, ErrCode) {
			t.Fatal(ofOld)
		}
		defer func() {
			if recover() == nil {
				t.Error("an offer is made after a wrong guess")
			}
		}()
		if _, err := p.old.Offer(offer()); err == nil {
			t.Error("an offer is made after a wrong guess")
		}
	}
}

// TestWordsCannotBeChosen: who knows the code and stands between the two must promise its part of the new device's words before
// it knows theirs, so that it cannot search for words that the other screen shows. [PAIR-7]
func TestWordsCannotBeChosen(t *testing.T) {
	p := newPair(nil)
	ofOld, ofNew := p.join(func(n int, data []byte) []byte {
		if n != 4 {
			return data
		}
		f, err := agreement.DecodeFrame(data)
		if err != nil {
			t.Fatal(err)
		}
		f.Confirm.Part[0]++ // another part, which would make other words
		return f.Encode()
	})
	if ofOld != nil || !errors.Is(ofNew, ErrFrame) || p.new.Joined() {
		t.Errorf("another part than was promised: %v, %v", ofOld, ofNew)
	}
	// A part that is changed on its way to the old device makes other words there.
	p = newPair(nil)
	ofOld, ofNew = p.join(func(n int, data []byte) []byte {
		f, err := agreement.DecodeFrame(data)
		if n != 3 || err != nil {
			return data
		}
		f.Confirm.Part[0]++
		return f.Encode()
	})
	if ofOld != nil || ofNew != nil || p.old.Words() == p.new.Words() {
		t.Errorf("the screens show %v and %v (%v, %v)", p.old.Words(), p.new.Words(), ofOld, ofNew)
	}
}

// TestSealedFrames are neither repeated, left out, sent back nor changed. [PAIR-8]
func TestSealedFrames(t *testing.T) {
	start := func() (pair, []byte) {
		p := newPair(nil)
		if a, b := p.join(nil); a != nil || b != nil {
			t.Fatal(a, b)
		}
		return p, must[[]byte](t)(p.old.Offer(offer()))
	}
	p, first := start()
	if _, err := p.new.Next(first); err != nil {
		t.Fatal(err)
	}
	if _, err := p.new.Next(first); !errors.Is(err, ErrSealed) {
		t.Errorf("a frame that comes twice: %v", err)
	}
	p, first = start()
	if _, err := p.old.Keys(first); !errors.Is(err, ErrSealed) {
		t.Errorf("a frame that comes back: %v", err)
	}
	p, first = start()
	first = bytes.Clone(first)
	first[len(first)-1] ^= 1
	if _, err := p.new.Next(first); !errors.Is(err, ErrSealed) {
		t.Errorf("a frame that was changed: %v", err)
	}
	p, _ = start()
	_ = seal(p.old, message{Done: &Done{}})
	if _, err := p.new.Next(seal(p.old, message{Done: &Done{}})); !errors.Is(err, ErrSealed) {
		t.Errorf("a frame before which one was left out: %v", err)
	}
	p, first = start()
	q := newPair(func(o, n *Setup) { o.Own = key(4) }) // another conversation by the same code
	if a, b := q.join(nil); a != nil || b != nil {
		t.Fatal(a, b)
	}
	if _, err := q.new.Next(first); !errors.Is(err, ErrSealed) {
		t.Errorf("a frame of another conversation: %v", err)
	}
	if p.new.Words() == q.new.Words() {
		t.Error("two conversations show the same words")
	}
}

// TestSizesTellNothing: an account in one organization and one in ten send frames of one size. [PAIR-8]
func TestSizesTellNothing(t *testing.T) {
	size := func(orgs int) int {
		p := newPair(nil)
		p.join(nil)
		made := offer()
		for i := range orgs {
			next := made.Orgs[0]
			next.Org = keys.OrgID{100, byte(i)}
			made.Orgs = append(made.Orgs, next)
		}
		return len(must[[]byte](t)(p.old.Offer(made)))
	}
	if few, many := size(0), size(8); few != many {
		t.Errorf("two organizations make %d bytes, ten %d", few, many)
	}
}

// TestMessagesOutOfOrder: what is sealed well is refused all the same where it has no place. [PAIR-9]
func TestMessagesOutOfOrder(t *testing.T) {
	good := offer()
	twice := good
	twice.Orgs = append([]Organization{good.Orgs[0]}, good.Orgs...)
	nowhere := good
	nowhere.Orgs = []Organization{good.Orgs[0]}
	nowhere.Orgs[0].Nodes = nil
	for what, m := range map[string]message{
		"an end before an offer":     {Done: &Done{Outcomes: []Outcome{Added}}},
		"a question before an offer": {Ask: &Ask{Places: []Place{{0, 1, 1}}}},
		"the own kind of message":    {Keys: &Keys{}},
		"an empty offer":             {Offer: &Offer{}},
		"an organization twice":      {Offer: &twice},
		"an organization nowhere":    {Offer: &nowhere},
		"two messages in one":        {Offer: &good, Done: &Done{}},
		"nothing":                    {},
	} {
		p := newPair(nil)
		p.join(nil)
		if said, err := p.new.Next(seal(p.old, m)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %+v, %v", what, said, err)
		}
	}
	for what, ask := range map[string]Ask{
		"nothing":              {},
		"what was not offered": {Places: []Place{{2, 1, 1}}},
		"twice the same":       {Places: []Place{{0, 1, 1}, {0, 2, 1}}},
		"no counter":           {Places: []Place{{0, 0, 1}}},
	} {
		p := newPair(nil)
		p.join(nil)
		must[Said](t)(p.new.Next(must[[]byte](t)(p.old.Offer(offer()))))
		p.new.Keys([]keys.PublicKey{key(10), key(11)})
		if _, err := p.new.Next(seal(p.old, message{Ask: &ask})); !errors.Is(err, ErrFrame) {
			t.Errorf("asked for %s: %v", what, err)
		}
	}
	for what, devices := range map[string][]keys.PublicKey{
		"too few keys": {key(10)}, "one key twice": {key(10), key(10)}, "no key": {key(10), {}},
	} {
		p := newPair(nil)
		p.join(nil)
		must[Said](t)(p.new.Next(must[[]byte](t)(p.old.Offer(offer()))))
		if _, err := p.old.Keys(p.new.Keys(devices)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestAskingHasAnEnd: a hostile old device gets no more signatures than the rounds allow. [PAIR-11]
func TestAskingHasAnEnd(t *testing.T) {
	p := newPair(nil)
	p.join(nil)
	must[Said](t)(p.new.Next(must[[]byte](t)(p.old.Offer(offer()))))
	must[[]keys.PublicKey](t)(p.old.Keys(p.new.Keys([]keys.PublicKey{key(10), key(11)})))
	for round := 0; ; round++ {
		_, err := p.new.Next(p.old.Ask(Ask{Places: []Place{{0, uint64(round + 1), 1}}}))
		if err != nil {
			if round != Rounds {
				t.Errorf("round %d: %v", round, err)
			}
			return
		}
		must[[]keys.Signature](t)(p.old.Signatures(p.new.Signatures(make([]keys.Signature, 1)), 1))
	}
}

func TestCodes(t *testing.T) {
	for range 200 {
		slot := NewSlot(drawn(byte(3)))
		code := NewCode(drawn(4), slot)
		for _, text := range []string{code.Text(), strings.ToUpper(code.Text()), strings.ReplaceAll(code.Text(), "-", " "), "  " + code.Text() + " "} {
			if back, err := ParseCode(text); err != nil || back != code {
				t.Fatalf("%q is read as %v, %v", text, back.Text(), err)
			}
		}
	}
	for text, want := range map[string]string{
		"":                            "a number of five digits",
		"12345-apple-river":           "a number of five digits",
		"1234-apple-river-stone":      "five digits",
		"1234x-apple-river-stone":     "five digits",
		"12345-apple-river-stonne":    "is it stone?",
		"12345-apple-river-stone-one": "a number of five digits",
		"12345-äpfel-river-stone":     "no word of a code",
		strings.Repeat("1 ", 40):      "a number of five digits",
	} {
		if _, err := ParseCode(text); !errors.Is(err, ErrText) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	code := NewCode(drawn(5), 1)
	link := Link{Secret: [SecretSize]byte{77, 78, 79}, Old: key(1)}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", code, code, code, code), fmt.Sprintf("%v %+v %#v %s", link, link, link, link)} {
		if strings.Contains(text, code.Words[0]) || strings.Contains(text, "77") {
			t.Errorf("it prints as %s", text)
		}
	}
}

// FuzzFrames feeds anything to both sides at any of their steps: no panic, and what is no error was made by the other side.
func FuzzFrames(f *testing.F) {
	p := newPair(nil)
	var frames [][]byte
	p.join(func(_ int, frame []byte) []byte { frames = append(frames, frame); return frame })
	for step, frame := range frames {
		f.Add(uint8(step), frame)
	}
	f.Fuzz(func(t *testing.T, step uint8, data []byte) {
		step %= 5
		if decoded, err := agreement.DecodeFrame(data); err == nil && !bytes.Equal(decoded.Encode(), data) {
			t.Errorf("%x is read and written as another", data)
		}
		p := newPair(nil)
		p.join(func(n int, frame []byte) []byte {
			if n == int(step) {
				return data
			}
			return frame
		})
		if p.new.Joined() && p.old.Words() == p.new.Words() && !bytes.Equal(data, frames[step]) {
			t.Errorf("step %d: joined by a frame that the other side has not made", step)
		}
	})
}

// FuzzTexts: a code or link that is read is written as it was read, and nothing else is.
func FuzzTexts(f *testing.F) {
	f.Add("01234-apple-river-stone")
	f.Add(Link{Old: key(1), Addresses: []string{"/ip4/192.0.2.1/tcp/1"}}.Text())
	f.Fuzz(func(t *testing.T, text string) {
		if code, err := ParseCode(text); err == nil {
			if again, err := ParseCode(code.Text()); err != nil || again != code {
				t.Errorf("%q is read as %q", text, code.Text())
			}
		}
		if link, err := ParseLink(text); err == nil && link.Text() != text {
			t.Errorf("%q is written as %q", text, link.Text())
		}
	})
}

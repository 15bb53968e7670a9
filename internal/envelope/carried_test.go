package envelope

import (
	"bytes"
	"errors"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

func (w *world) carried(t testing.TB, wanted ...keys.PublicKey) Carried {
	t.Helper()
	e := w.seal(t, w.chain(t), &Line{}, "hello")
	c, err := Carry(e, e.Bytes(), w.org, wanted, w.alice.device)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// [CAR-1] [CAR-2]
func TestCarriedRoundTrip(t *testing.T) {
	w := newWorld(t, "carried")
	sent := w.carried(t, w.bob2.key(), w.bob.key(), w.bob2.key())
	got, err := ParseCarried(sent.Bytes(), MaxEnvelope)
	if err != nil || got.Verify(w.org) != nil {
		t.Fatal(err, got.Verify(w.org))
	}
	if len(got.Label.Wanted) != 2 || !bytes.Equal(got.EnvelopeBytes(), sent.Envelope.Bytes()) || !bytes.Equal(got.Bytes(), sent.Bytes()) {
		t.Errorf("another envelope came out: %+v", got.Label)
	}
	if less := got.For([]keys.PublicKey{w.bob.key()}); less.Verify(w.org) != nil || len(less.Label.Wanted) != 1 || len(got.Label.Wanted) != 2 {
		t.Errorf("a shorter label: %+v", less.Label)
	}
	if got.Verify(keys.OrgID{1}) == nil {
		t.Error("it verifies in another organization")
	}
	node := keys.FromSeed([32]byte{8})
	had, err := Carry(sent.Envelope, sent.EnvelopeBytes(), w.org, sent.Label.Wanted, node)
	if err != nil || !errors.Is(had.Verify(w.org), ErrSignature) || had.Verify(w.org, node.Public()) != nil {
		t.Errorf("what a rendezvous node hands on: %v", err)
	}
}

// [CAR-2] Who carries cannot put another header or other sealed bytes under a signature.
func TestCarriedBindsTheEnvelope(t *testing.T) {
	w := newWorld(t, "carried binds")
	good, other := w.carried(t, w.bob.key()), w.carried(t, w.bob.key())
	mixed := other
	mixed.Signature = good.Signature
	if again, err := ParseCarried(mixed.Bytes(), MaxEnvelope); err != nil || !errors.Is(again.Verify(w.org), ErrSignature) {
		t.Errorf("the signature of another envelope holds: %v", err)
	}
}

// [CAR-3] [CAR-4]
func TestCarriedRefusesBadLabels(t *testing.T) {
	w := newWorld(t, "carried labels")
	good := w.carried(t, w.bob.key(), w.bob2.key())
	encode := func(change func(l *Label)) []byte {
		label := good.Label
		label.Wanted = append([]keys.PublicKey(nil), label.Wanted...)
		change(&label)
		return wire.Encode(carriedWire{Label: wire.Encode(label), Signature: good.Signature, Envelope: good.EnvelopeBytes()})
	}
	if _, err := ParseCarried(encode(func(*Label) {}), MaxEnvelope); err != nil {
		t.Fatal(err)
	}
	many := make([]keys.PublicKey, MaxWanted+1)
	for i := range many {
		many[i][0], many[i][1], many[i][2] = byte(i>>8), byte(i), 1
	}
	for name, test := range map[string]struct {
		change func(l *Label)
		want   error
	}{
		"another id":   {func(l *Label) { l.ID[0] ^= 1 }, ErrMalformed},
		"nobody":       {func(l *Label) { l.Wanted = nil }, ErrMalformed},
		"twice":        {func(l *Label) { l.Wanted[1] = l.Wanted[0] }, ErrMalformed},
		"disorder":     {func(l *Label) { l.Wanted[0], l.Wanted[1] = l.Wanted[1], l.Wanted[0] }, ErrMalformed},
		"a zero key":   {func(l *Label) { l.Wanted[0] = keys.PublicKey{} }, ErrMalformed},
		"longer":       {func(l *Label) { l.Expires++ }, ErrMalformed},
		"another size": {func(l *Label) { l.Class++ }, ErrMalformed},
		"too many":     {func(l *Label) { l.Wanted = many }, ErrTooLarge},
	} {
		if _, err := ParseCarried(encode(test.change), MaxEnvelope); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data := good.Bytes()
	for n := range data {
		if _, err := ParseCarried(data[:n], MaxEnvelope); err == nil {
			t.Fatalf("%d of %d bytes are read", n, len(data))
		}
	}
	if _, err := ParseCarried(data, len(good.EnvelopeBytes())-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an envelope beyond the cap: %v", err)
	}
}

func TestSizeClass(t *testing.T) {
	for size, want := range map[int]uint8{0: 0, 1: 0, 2: 1, 512: 9, 513: 10, 1024: 10, 1025: 11, MaxEnvelope: 24} {
		if got := SizeClass(size); got != want {
			t.Errorf("%d bytes: %d, want %d", size, got, want)
		}
	}
}

func FuzzCarried(f *testing.F) {
	seedVectors(f, "carried")
	w := newWorld(f, "fuzz carried")
	f.Add(w.carried(f, w.bob.key()).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCarried(data, 1<<20)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Bytes(), data) || c.Label.ID != c.Envelope.ID() {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

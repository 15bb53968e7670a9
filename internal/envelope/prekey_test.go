package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// [ENV-11] [ENV-12]
func TestPrekeyRoundTrip(t *testing.T) {
	w := newWorld(t, "prekey")
	signed := w.bob.private.Signed()
	prekey, err := OpenPrekey(signed, w.org, w.bob.key(), w.now)
	if err != nil {
		t.Fatal(err)
	}
	if prekey.ID() != w.bob.private.Prekey.ID() || len(prekey.Key) != PrekeySize || prekey.Device != w.bob.key() {
		t.Errorf("opened prekey differs: %v", prekey.ID())
	}
	again, err := UnmarshalPrekeyPrivate(w.bob.private.Marshal(), w.org, w.bob.key())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Signed(), signed) || again.Prekey.ID() != prekey.ID() {
		t.Error("unmarshalled prekey differs")
	}
	in, err := OpenAnnounce(w.announce(t, w.chain(t), w.bob), w.org, w.bob.key(), lookup(again), w.admits)
	if err != nil || in == nil {
		t.Errorf("unmarshalled prekey does not open: %v", err)
	}
}

// [ENV-11] [ENV-13]
func TestOpenPrekeyRefuses(t *testing.T) {
	w := newWorld(t, "prekey refuses")
	sign := func(signer keys.PrivateKey, change func(*Prekey)) []byte {
		p := w.bob.prekey
		change(&p)
		body := wire.Encode(p)
		return wire.Encode(signedWire{Body: body, Signature: signer.Sign(keys.DomainPrekey, p.Org, body)})
	}
	good := w.bob.private.Signed()
	last := time.Unix(w.bob.prekey.LastSealing, 0)
	for _, test := range []struct {
		name string
		data []byte
		org  keys.OrgID
		now  time.Time
		want error
	}{
		{"at the last second", good, w.org, last, nil},
		{"expired", good, w.org, last.Add(time.Second), ErrExpired},
		{"for too long", good, w.org, last.Add(-MaxPrekeyTerm - time.Second), ErrMalformed},
		{"other organization", good, keys.OrgID{1}, w.now, ErrBinding},
		{"signed by another device", sign(w.carol.device, func(*Prekey) {}), w.org, w.now, ErrSignature},
		{"of another device", sign(w.bob.device, func(p *Prekey) { p.Device = w.carol.key() }), w.org, w.now, ErrBinding},
		{"short key", sign(w.bob.device, func(p *Prekey) { p.Key = p.Key[1:] }), w.org, w.now, ErrMalformed},
		{"no key", sign(w.bob.device, func(p *Prekey) { p.Key = nil }), w.org, w.now, ErrMalformed},
		{"key out of range", sign(w.bob.device, func(p *Prekey) { p.Key = bytes.Repeat([]byte{255}, PrekeySize) }), w.org, w.now, ErrMalformed},
		{"trailing byte", append(bytes.Clone(good), 0), w.org, w.now, ErrMalformed},
		{"truncated", good[:len(good)-1], w.org, w.now, ErrMalformed},
		{"empty", nil, w.org, w.now, ErrMalformed},
	} {
		if _, err := OpenPrekey(test.data, test.org, w.bob.key(), test.now); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// [ENV-11]
func TestPrekeyBitFlips(t *testing.T) {
	w := newWorld(t, "prekey flips")
	good := w.bob.private.Signed()
	for bit := 0; bit < len(good)*8; bit += 3 { // two or three bits of every byte
		if _, err := OpenPrekey(flip(good, bit), w.org, w.bob.key(), w.now); err == nil {
			t.Fatalf("bit %d: accepted", bit)
		}
	}
}

func TestUnmarshalPrekeyPrivateRefusesAWrongHalf(t *testing.T) {
	w := newWorld(t, "wrong half")
	mixed := wire.Encode(prekeyPrivateWire{Seed: w.carol.private.seed, Signed: w.bob.private.Signed()})
	if _, err := UnmarshalPrekeyPrivate(mixed, w.org, w.bob.key()); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v, want ErrMalformed", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	w := newWorld(t, "print")
	c, in := w.pair(t)
	for _, secret := range []any{c, in, w.bob.private, *c, *in} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret)
		for _, text := range []string{fmt.Sprint(secret), fmt.Sprintf("%+v", secret), fmt.Sprintf("%#v", secret), log.String()} {
			if !strings.Contains(text, "[") || len(text) > 120 {
				t.Errorf("%T prints as %.200s", secret, text)
			}
		}
	}
}

func TestNoRandomness(t *testing.T) {
	w := newWorld(t, "no randomness")
	broken := errors.New("broken source")
	random := iotest.ErrReader(broken)
	c, line := w.chain(t), Line{}
	before := c.Marshal()
	_, _, prekeyErr := NewPrekey(random, w.bob.device, w.org, w.now)
	_, chainErr := NewChain(random, w.org, c.Place(), w.alice.key(), w.now, 1)
	_, announceErr := c.Announce(random, w.alice.device, w.bob.prekey, testMeta)
	_, _, sealErr := c.Seal(random, w.alice.device, &line, Content{Kind: 1}, testMeta)
	_, introductionErr := SealIntroduction(random, w.alice.device, w.introduction("hello"), []Prekey{w.bob.prekey}, testMeta)
	for i, err := range []error{prekeyErr, chainErr, announceErr, sealErr, introductionErr} {
		if !errors.Is(err, broken) {
			t.Errorf("case %d: %v, want the source's error", i, err)
		}
	}
	if !bytes.Equal(before, c.Marshal()) || line != (Line{}) {
		t.Error("chain or line moved on without randomness")
	}
}

// flip returns a copy of data with one bit changed.
func flip(data []byte, bit int) []byte {
	changed := bytes.Clone(data)
	changed[bit/8] ^= 1 << (bit % 8)
	return changed
}

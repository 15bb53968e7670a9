package envelope

import (
	"crypto/rand"
	"testing"
)

func BenchmarkSeal1KiB(b *testing.B) {
	w := newWorld(b, "bench")
	c, line, content := w.chain(b), Line{}, Content{Kind: 1, Body: make([]byte, 1024)}
	b.ReportAllocs()
	for b.Loop() {
		c.next = 1
		if _, _, err := c.Seal(rand.Reader, w.alice.device, &line, content, testMeta); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen1KiB(b *testing.B) {
	w := newWorld(b, "bench")
	c, in := w.pair(b)
	var line Line
	data := w.seal(b, c, &line, string(make([]byte, 1024))).Bytes()
	start := *in
	b.ReportAllocs()
	for b.Loop() {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			b.Fatal(err)
		}
		*in = start
		if _, err := in.Open(e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEd25519 is the part of Seal and of Open that is one operation of Ed25519.
func BenchmarkEd25519(b *testing.B) {
	w := newWorld(b, "bench")
	body := make([]byte, 1300)
	signature := w.alice.device.Sign("muster/test/1", w.org, body)
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			w.alice.device.Sign("muster/test/1", w.org, body)
		}
	})
	b.Run("verify", func(b *testing.B) {
		key := w.alice.key()
		for b.Loop() {
			if key.Verify("muster/test/1", w.org, body, signature) != nil {
				b.Fatal("does not verify")
			}
		}
	})
}

func BenchmarkSkip1024(b *testing.B) {
	w := newWorld(b, "bench")
	c, in := w.pair(b)
	for range MaxSkip {
		c.key, c.next = c.key.next(), c.next+1
	}
	e, err := Parse(w.seal(b, c, &Line{}, "far").Bytes(), MaxEnvelope)
	if err != nil {
		b.Fatal(err)
	}
	start := *in
	for b.Loop() {
		*in = start
		if _, err := in.Open(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAnnounce300(b *testing.B) {
	w := newWorld(b, "bench")
	c := w.chain(b)
	for b.Loop() {
		for range 300 {
			if _, err := c.Announce(rand.Reader, w.alice.device, w.bob.prekey, testMeta); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkOpenAnnounce(b *testing.B) {
	w := newWorld(b, "bench")
	e := w.announce(b, w.chain(b), w.bob)
	for b.Loop() {
		if _, err := w.openAnnounce(e, w.bob); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIntroduction(b *testing.B) {
	w := newWorld(b, "bench")
	e := w.introduce(b, w.introduction("hello"), w.bob)
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			w.introduce(b, w.introduction("hello"), w.bob)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.openIntroduction(e, w.bob); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMarshal(b *testing.B) {
	w := newWorld(b, "bench")
	c, in := w.pair(b)
	var line Line
	for range MaxRecent {
		if _, err := in.Open(w.seal(b, c, &line, "hello")); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("chain", func(b *testing.B) {
		for b.Loop() {
			c.Marshal()
		}
	})
	b.Run("inbound", func(b *testing.B) {
		for b.Loop() {
			in.Marshal()
		}
	})
}

// BenchmarkFirstTo300 is the first 1 KiB of a new chain to a group of 100 members with three devices each: 300
// announcements and one message. BenchmarkSeal1KiB is every message after it, whatever the number of devices.
func BenchmarkFirstTo300(b *testing.B) {
	w := newWorld(b, "bench")
	content := Content{Kind: 1, Body: make([]byte, 1024)}
	to := make([]Prekey, 300)
	for i := range to {
		to[i] = w.person(b).prekey
	}
	sealed := 0
	b.ReportAllocs()
	for b.Loop() {
		sealed = 0
		c, line := w.chain(b), Line{}
		for _, prekey := range to {
			e, err := c.Announce(rand.Reader, w.alice.device, prekey, c.metaAt())
			if err != nil {
				b.Fatal(err)
			}
			sealed += len(e.Header) + len(e.Sealed)
		}
		e, _, err := c.Seal(rand.Reader, w.alice.device, &line, content, testMeta)
		if err != nil {
			b.Fatal(err)
		}
		sealed += len(e.Header) + len(e.Sealed)
	}
	b.ReportMetric(float64(sealed), "sealed-bytes/op")
}

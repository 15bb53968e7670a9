package beacon

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"strconv"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
)

var update = flag.Bool("update", false, "write the test vectors anew")

var (
	org      = keys.OrgID(bytes.Repeat([]byte{7}, len(keys.OrgID{})))
	founding = []byte("the first entry of a roll")
	device   = keys.PublicKey(bytes.Repeat([]byte{9}, keys.PublicKeySize))
	noon     = time.Unix(1_790_000_000, 0)
	from     = noon.Add(-25 * time.Hour)
	until    = noon.Add(367 * 24 * time.Hour)
)

func key(t testing.TB, org keys.OrgID, founding []byte) Key {
	t.Helper()
	k, err := NewKey(org, founding)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t testing.TB, k Key, now time.Time) []byte {
	t.Helper()
	beacon, err := k.Seal(bytes.NewReader(bytes.Repeat([]byte{1}, 24)), device, now)
	if err != nil {
		t.Fatal(err)
	}
	return beacon
}

func TestVectors(t *testing.T) {
	cases := make(map[string]vector.Vector)
	add := func(name, expect, rule, comment string, data []byte) {
		cases["beacon_"+name] = vector.Vector{Expect: expect, Rule: "[" + rule + "]", Comment: comment, Data: data, Inputs: []string{
			"org: " + hex.EncodeToString(org[:]), "founding: " + hex.EncodeToString(founding), "from: " + strconv.FormatInt(from.Unix(), 10), "until: " + strconv.FormatInt(until.Unix(), 10),
			"nonce: " + hex.EncodeToString(bytes.Repeat([]byte{1}, 24)), "device: " + hex.EncodeToString(device[:])}}
	}
	k := key(t, org, founding)
	whole := seal(t, k, noon)
	add("ok", "ok", "NEAR-2", "a beacon of this moment", whole)
	add("short", "seal", "NEAR-2", "the last byte is missing", whole[:Size-1])
	add("long", "seal", "NEAR-2", "a byte more", append(bytes.Clone(whole), 0))
	changed := bytes.Clone(whole)
	changed[40] ^= 1
	add("changed", "seal", "NEAR-2", "a bit of what is sealed is another", changed)
	add("founding", "seal", "NEAR-1", "of an organization that began otherwise", seal(t, key(t, org, []byte("another")), noon))
	add("org", "seal", "NEAR-1", "of another organization", seal(t, key(t, keys.OrgID{1}, founding), noon))
	add("old", "time", "NEAR-3", "of before what is answered to", seal(t, k, from.Add(-time.Second)))
	add("early", "time", "NEAR-3", "of after what is answered to", seal(t, k, until.Add(time.Second)))

	vector.Run(t, "../../docs/spec/testdata/nearby", *update, cases, func(t *testing.T, v vector.Vector) {
		got, made, err := k.Open(v.Data, from, until)
		switch {
		case v.Expect == "ok" && (err != nil || got != device || !made.Equal(noon)):
			t.Errorf("got %v, %v", got, err)
		case v.Expect == "seal" && !errors.Is(err, ErrBeacon), v.Expect == "time" && !errors.Is(err, ErrTime):
			t.Errorf("got %v, want a refusal by %q", err, v.Expect)
		}
	})
}

// [NEAR-2]
func TestBeaconsAreNotAlike(t *testing.T) {
	k := key(t, org, founding)
	one, err := k.Seal(rand.Reader, device, noon)
	if err != nil {
		t.Fatal(err)
	}
	other, err := k.Seal(rand.Reader, device, noon)
	if err != nil {
		t.Fatal(err)
	}
	for i := range Size - 4 {
		if bytes.Contains(other, one[i:i+4]) {
			t.Fatalf("two beacons of one device share %x", one[i:i+4])
		}
	}
	if _, err := k.Seal(bytes.NewReader(nil), device, noon); err == nil {
		t.Error("a beacon without randomness")
	}
}

// [NEAR-3]
func TestTimesAtTheEdge(t *testing.T) {
	k := key(t, org, founding)
	for _, at := range []time.Time{from, noon, until} {
		if got, made, err := k.Open(seal(t, k, at), from, until); err != nil || got != device || !made.Equal(at) {
			t.Errorf("of %v: %v, %v, %v", at, got, made, err)
		}
	}
	for _, far := range []uint64{1<<40 + 1, 1 << 63} {
		nonce := make([]byte, 24)
		beacon := k.sealer.Seal(nonce, nonce, append(binary.BigEndian.AppendUint64(nil, far), device[:]...), []byte(keys.DomainNearby))
		if _, _, err := k.Open(beacon, from, time.UnixMilli(1<<63-1)); !errors.Is(err, ErrTime) {
			t.Errorf("of a time that is no time: %v", err)
		}
	}
}

func FuzzBeacon(f *testing.F) {
	k := key(f, org, founding)
	f.Add(seal(f, k, noon))
	f.Add(make([]byte, Size))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := k.Open(data, from, until)
		if err == nil && got != device {
			t.Errorf("%x is taken for %v", data, got)
		}
	})
}

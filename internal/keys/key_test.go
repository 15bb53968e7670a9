package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/mr-tron/base58"
)

// seeded returns the private key of a seed of equal bytes.
func seeded(b byte) PrivateKey {
	return FromSeed([SeedSize]byte(bytes.Repeat([]byte{b}, SeedSize)))
}

func TestSignatureBelongsToKeyDomainOrgAndBody(t *testing.T) {
	key, org, body := seeded(1), Hash[Org](DomainOrg, []byte("org")), []byte("body")
	signature := key.Sign(DomainEvent, org, body)
	if err := key.Public().Verify(DomainEvent, org, body, signature); err != nil {
		t.Fatal(err)
	}
	flipped := signature
	flipped[0] ^= 1
	for name, err := range map[string]error{
		"another key":       seeded(2).Public().Verify(DomainEvent, org, body, signature),
		"another domain":    key.Public().Verify(DomainGrant, org, body, signature),
		"another org":       key.Public().Verify(DomainEvent, OrgID{}, body, signature),
		"another body":      key.Public().Verify(DomainEvent, org, []byte("bodY"), signature),
		"another signature": key.Public().Verify(DomainEvent, org, body, flipped),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
}

// A message could otherwise be moved from the domain into the body or from the organization into it.
func TestSignedBytesAreUnambiguous(t *testing.T) {
	org := Hash[Org](DomainOrg)
	if bytes.Equal(signedBytes(DomainEvent, OrgID{}, org[:]), signedBytes(DomainEvent, org, nil)) {
		t.Error("an organization and a body lie in one place")
	}
	for _, domain := range domains(t) {
		if strings.Contains(string(domain), "\x00") {
			t.Errorf("domain %q holds a zero byte", domain)
		}
	}
}

// order of the group that the base point generates (RFC 8032).
var order, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// forge makes a signature for a key of small order out of nothing: it needs no private key. One guess in at most eight
// is right.
func forge(key PublicKey, domain Domain, org OrgID, body []byte) (Signature, bool) {
	for i := range 200 {
		secret := seeded(byte(i))
		seed := secret.Seed()
		digest := sha512.Sum512(seed[:])
		digest[0] &= 248
		digest[31] = digest[31]&63 | 64
		scalar := slices.Clone(digest[:32])
		slices.Reverse(scalar)
		reduced := new(big.Int).Mod(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
		slices.Reverse(reduced)
		public := secret.Public()
		forged := Signature(append(public[:], reduced...)) // R = s·B, and S = s
		if ed25519.Verify(key[:], signedBytes(domain, org, body), forged[:]) {
			return forged, true
		}
	}
	return Signature{}, false
}

func TestKeysOfSmallOrderVerifyNothing(t *testing.T) {
	for _, point := range smallOrderPoints {
		for _, sign := range []byte{0, 0x80} {
			key := point
			key[PublicKeySize-1] |= sign
			forged, ok := forge(key, DomainEvent, OrgID{}, []byte("body"))
			if !ok {
				if key.smallOrder() && sign == 0 {
					t.Errorf("%x: no forgery found, so the list names a key that may be good", key)
				}
				continue // not every encoding with the sign bit is a point
			}
			if err := key.Verify(DomainEvent, OrgID{}, []byte("body"), forged); !errors.Is(err, ErrSignature) {
				t.Errorf("%x accepted a forgery", key)
			}
		}
	}
	if seeded(1).Public().smallOrder() {
		t.Error("an honest key is refused")
	}
}

func TestPublicKeyText(t *testing.T) {
	key := seeded(1).Public()
	text := key.String()
	if len(text) != 52 || !strings.HasPrefix(text, "12D3Koo") {
		t.Errorf("text form %q", text)
	}
	if back, err := ParsePublicKey(text); err != nil || back != key {
		t.Errorf("%q read as %v, %v", text, back, err)
	}
	if !strings.HasSuffix(text, key.Short()) || len(key.Short()) != 8 {
		t.Errorf("short form %q of %q", key.Short(), text)
	}
	var again PublicKey
	if err := again.UnmarshalText([]byte(text)); err != nil || again != key {
		t.Errorf("UnmarshalText gave %v, %v", again, err)
	}
	other := base58.Encode(append([]byte{0x00, 0x24, 0x08, 0x02, 0x12, 0x20}, key[:]...)) // secp256k1
	for _, bad := range []string{
		"", text[:51], text + "1", "1" + text, " " + text[1:], strings.ToLower(text), other,
		strings.Repeat("1", 52), strings.Repeat("z", 52), strings.Repeat("z", 1<<20),
	} {
		if got, err := ParsePublicKey(bad); err == nil {
			t.Errorf("%.60q read as %v", bad, got)
		} else if len(err.Error()) > 200 {
			t.Errorf("an error of %d bytes for %d bytes of input", len(err.Error()), len(bad))
		}
	}
	if got := again.UnmarshalText([]byte("x")); got == nil || again != key {
		t.Error("UnmarshalText of nonsense changed the key")
	}
}

func TestPublicKeyOrderAndZero(t *testing.T) {
	a, b := PublicKey{1}, PublicKey{2}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 {
		t.Error("keys are not ordered by their bytes")
	}
	if !(PublicKey{}).IsZero() || a.IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestSeedAndKeyBelongTogether(t *testing.T) {
	key := GenerateFrom(bytes.NewReader(bytes.Repeat([]byte{7}, SeedSize)))
	if key.Public() != seeded(7).Public() || key.Seed() != seeded(7).Seed() {
		t.Error("the seed is not what random gave")
	}
	if one, other := Generate().Public(), Generate().Public(); one == other {
		t.Error("two keys are one")
	}
	if !(PrivateKey{}).IsZero() || key.IsZero() {
		t.Error("IsZero is wrong")
	}
	standard := key.Standard()
	standard[0] ^= 1
	if key.Seed() != seeded(7).Seed() {
		t.Error("Standard gave away the key's own memory")
	}
}

// holder is somebody's struct that holds secrets in fields that fmt may not ask.
type holder struct {
	key  PrivateKey
	more *PrivateKey
}

func TestSecretsDoNotPrint(t *testing.T) {
	key := seeded(0xab)
	seed := RecoverySeed(bytes.Repeat([]byte{0xab}, RecoverySeedSize))
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "key", key, "seed", seed, "words", &seed)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", key, "seed", seed)
	asJSON, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprint(key, seed, &key, &seed, holder{key, &key}, logged.String(), string(asJSON))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		printed += fmt.Sprintf(verb+verb, key, holder{key, &key})
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		printed += fmt.Sprintf(verb, seed)
	}
	public := key.Public()
	for _, secret := range []string{"abababab", "ABABABAB", "171 171", "0xab, 0xab", "171,171", "0xab,0xab",
		hex.EncodeToString(public[:8]), seed.Words()[0]} {
		if strings.Contains(printed, secret) {
			t.Errorf("%q is in what was printed: %.400s", secret, printed)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(seeded(1).Public().String())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := ParsePublicKey(text); err == nil && key.String() != text {
			t.Errorf("%q and %q are one key", text, key)
		}
	})
}

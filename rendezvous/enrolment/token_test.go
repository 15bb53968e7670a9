package enrolment

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/enrolproto"
)

// liar is a provider that puts into a token whatever a test wants.
type liar struct {
	t      *testing.T
	server *httptest.Server
	key    *rsa.PrivateKey
	token  string // what it gives for any code
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{t: t, key: key}
	mux := http.NewServeMux()
	answer := func(path string, what func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(what()) //nolint:errcheck // a test
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		at := l.server.URL
		return map[string]any{
			"issuer": at, "authorization_endpoint": at + "/auth", "token_endpoint": at + "/token", "jwks_uri": at + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		}
	})
	answer("/keys", func() any {
		return map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes()),
		}}}
	})
	answer("/token", func() any {
		return map[string]any{"access_token": "a", "token_type": "Bearer", "refresh_token": "r", "id_token": l.token}
	})
	l.server = httptest.NewTLSServer(mux)
	t.Cleanup(l.server.Close)
	return l
}

func text(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func part(t *testing.T, of map[string]any) string {
	t.Helper()
	data, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return text(data)
}

// sign makes a token of claims, by an algorithm.
func (l *liar) sign(alg string, key any, claims map[string]any) string {
	l.t.Helper()
	signed := part(l.t, map[string]any{"alg": alg, "kid": "1", "typ": "JWT"}) + "." + part(l.t, claims)
	switch key := key.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			l.t.Fatal(err)
		}
		return signed + "." + text(signature)
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(signed))
		return signed + "." + text(mac.Sum(nil))
	}
	return signed + "."
}

// A token counts for the one device that it was asked for, once, while it is young, from this provider and for this client
// alone; each fault is refused, and the same token without it is not. [ENR-12] [ENR-23] [ENR-24] [ENR-25]
func TestTokens(t *testing.T) {
	now := time.Now()
	l := newLiar(t)
	cfg := Config{Issuer: l.server.URL, Client: "muster", Secret: "secret", URL: "https://enrol.example.org", HTTP: l.server.Client(), Now: time.Now}
	s := &Service{cfg: cfg, provider: newProvider(cfg), spent: newSpent()}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	device, recovery := keys.Generate().Public(), keys.Generate().Public()
	nonce := enrolproto.Nonce(keys.OrgID{1}, device, recovery, [32]byte{2})
	good := func(change map[string]any) map[string]any {
		claims := map[string]any{
			"iss": l.server.URL, "aud": "muster", "sub": "1001", "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		}
		for name, value := range change {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	rs := func(change map[string]any) string { return l.sign("RS256", l.key, good(change)) }
	once := rs(map[string]any{"jti": "once"})
	other := func(d, r keys.PublicKey, challenge byte) string {
		return enrolproto.Nonce(keys.OrgID{1}, d, r, [32]byte{challenge})
	}
	for _, c := range []struct {
		name  string
		token string
		good  bool
	}{
		{"good", rs(nil), true},
		{"for several clients, given to this one", rs(map[string]any{"aud": []string{"muster", "other"}, "azp": "muster"}), true},
		{"used once", once, true},
		{"replayed", once, false},
		{"wrong issuer", rs(map[string]any{"iss": "https://login.example.org"}), false},
		{"no issuer", rs(map[string]any{"iss": nil}), false},
		{"wrong audience", rs(map[string]any{"aud": "other"}), false},
		{"for several clients, given to none", rs(map[string]any{"aud": []string{"muster", "other"}}), false},
		{"given to another client", rs(map[string]any{"azp": "other"}), false},
		{"without a nonce", rs(map[string]any{"nonce": nil}), false},
		{"wrong nonce", rs(map[string]any{"nonce": "guess"}), false},
		{"for another device", rs(map[string]any{"nonce": other(keys.Generate().Public(), recovery, 2)}), false},
		{"for another recovery key", rs(map[string]any{"nonce": other(device, keys.Generate().Public(), 2)}), false},
		{"for an earlier challenge", rs(map[string]any{"nonce": other(device, recovery, 3)}), false},
		{"expired", rs(map[string]any{"exp": now.Add(-time.Second).Unix()}), false},
		{"without an expiry", rs(map[string]any{"exp": nil}), false},
		{"not yet valid", rs(map[string]any{"nbf": now.Add(time.Hour).Unix()}), false},
		{"made in the future", rs(map[string]any{"iat": now.Add(maxSkew + time.Minute).Unix()}), false},
		{"made long ago", rs(map[string]any{"iat": now.Add(-maxAge - time.Minute).Unix()}), false},
		{"without a date", rs(map[string]any{"iat": nil}), false},
		{"about nobody", rs(map[string]any{"sub": ""}), false},
		{"signed by a stranger", l.sign("RS256", stranger, good(nil)), false},
		{"not signed", l.sign("none", nil, good(nil)), false},
		{"not signed, with a blank name", l.sign("", nil, good(nil)), false},
		{"by the client's secret", l.sign("HS256", []byte("secret"), good(nil)), false},
		{"by the public key as a secret", l.sign("HS256", l.key.N.Bytes(), good(nil)), false},
		{"no token", "", false},
		{"cut", rs(nil)[:100], false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.token = c.token
			found, err := s.provider.finish(t.Context(), "code", "verifier")
			if err == nil {
				err = s.redeem(found.token, nonce)
			}
			if (err == nil) != c.good {
				t.Errorf("%v", err)
			}
			if err != nil && !errors.Is(err, errToken) && !errors.Is(err, errSpent) {
				t.Errorf("refused with %v", err)
			}
		})
	}
}

// So many tokens cannot be used that one is forgotten while it is good. [ENR-25]
func TestSpentTokensAreBounded(t *testing.T) {
	spent, now := newSpent(), time.Now()
	use := func(i int, expires time.Time) error {
		token := idToken{expires: expires}
		token.id[0], token.id[1], token.id[2] = byte(i), byte(i>>8), 1
		return spent.use(token, now)
	}
	for i := range maxSpent {
		if err := use(i, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := use(maxSpent, now); !errors.Is(err, errSpent) {
		t.Errorf("one more: %v", err)
	}
	now = now.Add(maxAge + time.Second)
	if err := use(maxSpent, now); err != nil {
		t.Errorf("after the others have expired: %v", err)
	}
}

package rendezvous

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIdentityUnderASeal(t *testing.T) { // [STO-29]
	dir, seal, other := t.TempDir(), [32]byte{1}, [32]byte{2}
	key, err := openFolder(dir, identityFile, &seal, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := openFolder(dir, identityFile, &seal, rand.Reader); err != nil || again.Public() != key.Public() {
		t.Errorf("the second time: another key, %v", err)
	}
	path := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := key.Seed()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(string(text), sealedPrefix)))
	if err != nil || bytes.Contains(raw, seed[:]) {
		t.Errorf("the seed lies in the clear, %v", err)
	}
	changed := bytes.Clone(text)
	changed[len(changed)-6] ^= 1
	plain := base64.StdEncoding.EncodeToString(seed[:])
	for name, c := range map[string]struct {
		text []byte
		seal *[32]byte
		want error
	}{
		"without the seal":     {text, nil, ErrSealed},
		"under another":        {text, &other, ErrIdentity},
		"changed":              {changed, &seal, ErrIdentity},
		"in the clear":         {[]byte(plain + "\n"), &seal, ErrIdentity},
		"clear, called sealed": {[]byte(sealedPrefix + plain + "\n"), &seal, ErrIdentity},
		"empty":                {nil, &seal, ErrIdentity},
	} {
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := openFolder(dir, identityFile, c.seal, rand.Reader); !errors.Is(err, c.want) || !got.IsZero() {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, c.text) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
}

// A node under a seal keeps what it held, and its addresses on this machine are loopback's.
func TestNodeUnderASeal(t *testing.T) {
	s := newSite(t, func(cfg *Config) {
		cfg.Seal, cfg.OpenQueue = &[32]byte{9}, nil
		cfg.Listen = []string{"/ip4/0.0.0.0/tcp/0"}
	})
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "a post", anna.post(anna.sealed(1), ben), 0)
	if at := s.node.Local(); len(at) != 1 || !strings.HasPrefix(at[0], "/ip4/127.0.0.1/tcp/") {
		t.Errorf("on this machine it is at %q", at)
	}
	s.restart()
	s.follow(anna, ben)
	nextDeliver(t, ben.openDeliver())
}

package membership

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"muster.example/internal/keys"
)

// Under each key of the table, in one of its two signs, anybody can sign: the table lists no key in vain. [ROLL-8]
func TestWeakKeysAreForgeable(t *testing.T) {
	signature := append([]byte{1}, make([]byte, keys.SignatureSize-1)...)
	forgeable := func(key keys.PublicKey) bool {
		for i := range 256 {
			if ed25519.Verify(key[:], fmt.Appendf(nil, "message %d", i), signature) {
				return true
			}
		}
		return false
	}
	for key := range smallOrder {
		negative := key
		negative[31] |= 0x80
		if !forgeable(key) && !forgeable(negative) {
			t.Errorf("no signature found under %x", key)
		}
		if !weak(key) || !weak(negative) {
			t.Errorf("%x is not refused in both signs", key)
		}
	}
	if len(smallOrder) != 7 {
		t.Errorf("%d encodings, there are 7", len(smallOrder))
	}
	if honest := keys.FromSeed([keys.SeedSize]byte{1}).Public(); weak(honest) || forgeable(honest) {
		t.Error("an honest key is taken for a weak one")
	}
}

package bundle

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

const nonceSize = chacha20poly1305.NonceSizeX

// Key seals and opens the frames of one organization's bundles. Safe for concurrent use.
type Key struct {
	Org    keys.OrgID
	sealer cipher.AEAD
	nonces []byte
}

// NewKey derives the key of an organization from the first entry of its roll, as it is encoded: every member and its rendezvous
// node have it, and nobody else. [CAR-12]
func NewKey(org keys.OrgID, founding []byte) (Key, error) {
	k := Key{Org: org}
	secret, err := hkdf.Key(sha256.New, founding, nil, string(keys.DomainBundle)+string(org[:]), 2*chacha20poly1305.KeySize)
	if err != nil {
		return k, fmt.Errorf("deriving the key of bundles: %w", err)
	}
	k.nonces = secret[chacha20poly1305.KeySize:]
	k.sealer, err = chacha20poly1305.NewX(secret[:chacha20poly1305.KeySize])
	return k, err
}

// Tag names a frame where nothing can be opened: the beginning of its nonce.
type Tag [12]byte

// nonce is the nonce of an item in a bundle with a salt. The same item has the same one in each part of one bundle, so that an
// export that broke off can see what is written already, and another in each other bundle. [CAR-13]
func (k Key) nonce(salt [saltSize]byte, plain []byte) (nonce [nonceSize]byte) {
	mac := hmac.New(sha256.New, k.nonces)
	mac.Write(salt[:])
	mac.Write(plain)
	return [nonceSize]byte(mac.Sum(nil))
}

// associated is what every seal is bound to beside its nonce.
func (k Key) associated() []byte { return append([]byte(keys.DomainBundle), k.Org[:]...) }

package envelope

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

// The labels of the key schedule: each key is HKDF-Expand of its parent under one of them. [ENV-20]
const (
	labelAnchor  = string(keys.DomainChain) + "\x00anchor"
	labelNext    = string(keys.DomainChain) + "\x00chain"
	labelMessage = string(keys.DomainChain) + "\x00message"
	labelWitness = string(keys.DomainChain) + "\x00witness"
	labelSeal    = string(keys.DomainChain) + "\x00seal"
)

type (
	// chainKey is the key of one position, from which all later ones follow and no earlier one does.
	chainKey [keySize]byte
	// messageKey seals the message of one position, or the body of one introduction.
	messageKey [keySize]byte
	// witnessKey authenticates the sealed bytes of one position. It outlives the message key for a while, so that a
	// second message at the position can be judged though neither can be opened any more.
	witnessKey [keySize]byte
	// bodyTag is the witness's tag. It also commits the sealed bytes to one message key, which Poly1305 does not.
	bodyTag [bodyTagSize]byte
)

func (k chainKey) next() chainKey        { return expand(k[:], labelNext) }
func (k chainKey) message() messageKey   { return expand(k[:], labelMessage) }
func (k chainKey) anchor() [keySize]byte { return expand(k[:], labelAnchor) }
func (k messageKey) witness() witnessKey { return expand(k[:], labelWitness) }
func expand(key []byte, label string) [keySize]byte {
	raw, err := hkdf.Expand(sha256.New, key, label, keySize)
	return [keySize]byte(mustDerive(raw, err))
}

// mustDerive stops at an HKDF error, which only an impossible length can cause.
func mustDerive(raw []byte, err error) []byte {
	if err != nil {
		panic(fmt.Sprintf("envelope: HKDF: %v", err))
	}
	return raw
}

// seal returns tag ‖ ciphertext. The AEAD's key and nonce come from the message key and the header's fresh salt, so
// that a chain put back to an earlier state never uses a key and nonce again. [ENV-21] [ENV-22]
func (k messageKey) seal(salt [saltSize]byte, header, plain []byte) []byte {
	out := make([]byte, bodyTagSize, bodyTagSize+len(plain)+aeadOverhead)
	out = k.apply(salt, func(aead cipherAEAD, nonce []byte) []byte { return aead.Seal(out, nonce, plain, header) })
	tag := k.witness().tag(header, out[bodyTagSize:])
	copy(out, tag[:])
	return out
}

// open returns the plaintext, or ErrOpen.
func (k messageKey) open(salt [saltSize]byte, header, sealed []byte) ([]byte, error) {
	if !k.witness().verify(header, sealed) {
		return nil, ErrOpen
	}
	var err error
	plain := k.apply(salt, func(aead cipherAEAD, nonce []byte) []byte {
		var plain []byte
		plain, err = aead.Open(nil, nonce, sealed[bodyTagSize:], header)
		return plain
	})
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

type cipherAEAD interface {
	Seal(dst, nonce, plaintext, additionalData []byte) []byte
	Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error)
}

func (k messageKey) apply(salt [saltSize]byte, use func(aead cipherAEAD, nonce []byte) []byte) []byte {
	raw, err := hkdf.Key(sha256.New, k[:], salt[:], labelSeal, chacha20poly1305.KeySize+chacha20poly1305.NonceSize)
	secret := mustDerive(raw, err)
	defer clear(secret)
	aead, err := chacha20poly1305.New(secret[:chacha20poly1305.KeySize])
	if err != nil {
		panic(fmt.Sprintf("envelope: ChaCha20-Poly1305: %v", err))
	}
	return use(aead, secret[chacha20poly1305.KeySize:])
}

// tag is HMAC-SHA256 over the header with its length before it, and the ciphertext. [ENV-22]
func (k witnessKey) tag(header, ciphertext []byte) bodyTag {
	mac := hmac.New(sha256.New, k[:])
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(header)))
	mac.Write(length[:])
	mac.Write(header)
	mac.Write(ciphertext)
	var tag bodyTag
	mac.Sum(tag[:0])
	return tag
}

// verify reports whether sealed begins with the right tag.
func (k witnessKey) verify(header, sealed []byte) bool {
	if len(sealed) < bodyTagSize {
		return false
	}
	want := k.tag(header, sealed[bodyTagSize:])
	return hmac.Equal(want[:], sealed[:bodyTagSize])
}

// fill reads randomness.
func fill(random io.Reader, into []byte) error {
	if _, err := io.ReadFull(random, into); err != nil {
		return fmt.Errorf("envelope: no randomness: %w", err)
	}
	return nil
}

package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/mr-tron/base58"
)

// Sizes of Ed25519 keys and signatures in bytes (RFC 8032).
const (
	PublicKeySize = ed25519.PublicKeySize
	SeedSize      = ed25519.SeedSize
	SignatureSize = ed25519.SignatureSize
)

// ErrSignature means that a signature does not belong to the key, the domain, the organization and the bytes.
var ErrSignature = errors.New("keys: signature does not verify")

// PublicKey is an Ed25519 public key. It names a device (its libp2p identity), a rendezvous node, an invitation, or
// a recovery or root key.
type PublicKey [PublicKeySize]byte

// peerIDPrefix makes an Ed25519 key a libp2p peer id: identity multihash of 36 bytes, holding the protobuf
// {Type: Ed25519, Data: 32 bytes} (libp2p peer-ids spec). [KEY-1]
var peerIDPrefix = []byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}

// textSize is the length of every public key's and identifier's text form in characters.
const textSize = 52

// String returns the key as a libp2p peer id ("12D3Koo…", 52 characters): the one text form of a device. [KEY-1]
func (k PublicKey) String() string {
	return base58.Encode(append(bytes.Clone(peerIDPrefix), k[:]...))
}

// Short returns the last eight characters of the text form (the first ones are alike for all keys).
func (k PublicKey) Short() string {
	text := k.String()
	return text[len(text)-8:]
}

// IsZero reports whether the key is the zero value, which names nobody.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// Compare orders keys by their bytes.
func (k PublicKey) Compare(other PublicKey) int { return bytes.Compare(k[:], other[:]) }

// MarshalText implements encoding.TextMarshaler with String.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with ParsePublicKey.
func (k *PublicKey) UnmarshalText(text []byte) error {
	parsed, err := ParsePublicKey(string(text))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}

// ParsePublicKey reads a libp2p peer id of an Ed25519 key. It accepts exactly what String writes.
func ParsePublicKey(text string) (PublicKey, error) {
	var k PublicKey
	if len(text) != textSize { // before the decoder, whose time grows with the square of the length
		return k, fmt.Errorf("keys: %d characters are not the peer id of an Ed25519 key", len(text))
	}
	raw, err := base58.Decode(text)
	if err != nil || len(raw) != len(peerIDPrefix)+PublicKeySize || !bytes.HasPrefix(raw, peerIDPrefix) {
		return k, fmt.Errorf("keys: %q is not the peer id of an Ed25519 key", text)
	}
	copy(k[:], raw[len(peerIDPrefix):])
	return k, nil
}

// PrivateKey is an Ed25519 private key. It prints and logs as a placeholder; Seed and Standard are the ways to its
// bytes. They lie in a closure because package fmt prints an unexported field of somebody's struct, and what its
// pointers point to, without asking for its String method; it cannot look into a function.
type PrivateKey struct{ key func() ed25519.PrivateKey }

// Generate makes a private key from the operating system's randomness.
func Generate() PrivateKey { return GenerateFrom(rand.Reader) }

// GenerateFrom makes a private key from 32 bytes of random. Tests and simulations pass a seeded source; it panics
// if the source fails, as crypto/rand does.
func GenerateFrom(random io.Reader) PrivateKey {
	var seed [SeedSize]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		panic(fmt.Sprintf("keys: no randomness: %v", err))
	}
	return FromSeed(seed)
}

// FromSeed returns the private key of an RFC 8032 seed.
func FromSeed(seed [SeedSize]byte) PrivateKey {
	key := ed25519.NewKeyFromSeed(seed[:])
	return PrivateKey{key: func() ed25519.PrivateKey { return key }}
}

// Seed returns the 32 bytes that FromSeed takes. The caller keeps them secret.
func (k PrivateKey) Seed() [SeedSize]byte { return [SeedSize]byte(k.key().Seed()) }

// Public returns the public half.
func (k PrivateKey) Public() PublicKey { return PublicKey(k.key().Public().(ed25519.PublicKey)) }

// IsZero reports whether k holds no key.
func (k PrivateKey) IsZero() bool { return k.key == nil }

// String implements fmt.Stringer without showing the key.
func (k PrivateKey) String() string { return "[private key]" }

// GoString keeps %#v from showing the key.
func (k PrivateKey) GoString() string { return k.String() }

// LogValue implements slog.LogValuer without showing the key.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Signature is an Ed25519 signature.
type Signature [SignatureSize]byte

// Sign signs body for one domain and one organization; the zero organization stands for none. [KEY-5]
func (k PrivateKey) Sign(domain Domain, org OrgID, body []byte) Signature {
	return Signature(ed25519.Sign(k.key(), signedBytes(domain, org, body)))
}

// Verify returns nil if signature was made by Sign with k's private half over the same domain, organization and
// body, else ErrSignature. Keys of small order, for which anybody can make signatures, verify nothing. [KEY-5]
func (k PublicKey) Verify(domain Domain, org OrgID, body []byte, signature Signature) error {
	if k.smallOrder() || !ed25519.Verify(k[:], signedBytes(domain, org, body), signature[:]) {
		return ErrSignature
	}
	return nil
}

// signedBytes lays out what is signed: domain, zero byte, organization, body. No domain contains a zero byte and
// the organization has a fixed length, so the layout is unambiguous.
func signedBytes(domain Domain, org OrgID, body []byte) []byte {
	message := make([]byte, 0, len(domain)+1+IDSize+len(body))
	message = append(message, domain...)
	message = append(message, 0)
	message = append(message, org[:]...)
	return append(message, body...)
}

// Standard returns the key as the standard library's type, for signature schemes with a layout of their own: signed
// notes and the libp2p identity.
func (k PrivateKey) Standard() ed25519.PrivateKey { return bytes.Clone(k.key()) }

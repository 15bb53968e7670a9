package segment

import (
	"crypto/hpke"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

// The one suite of HPKE (RFC 9180), that of all seals of Muster. [ARC-43]
var (
	hpkeKEM  = hpke.MLKEM768X25519()
	hpkeKDF  = hpke.HKDFSHA256()
	hpkeAEAD = hpke.ChaCha20Poly1305()
)

// Sizes in bytes.
const (
	// KeySize is that of the archive's public key.
	KeySize           = 1216
	encapsulationSize = 1120
	overhead          = chacha20poly1305.Overhead
)

// ArchiveKey marks the identifier of a public key of the archive.
type ArchiveKey struct{}

// KeyID names a public key of the archive: what a segment says it is sealed to.
type KeyID = keys.ID[ArchiveKey]

// KeyIDOf returns the name of a public key. [ARC-43]
func KeyIDOf(public []byte) KeyID { return keys.Hash[ArchiveKey](keys.DomainArchiveItem, public) }

// itemKey is the key of the items of one segment.
type itemKey [chacha20poly1305.KeySize]byte

// newItemKey draws a key that the archive's private half finds again from the encapsulation. [ARC-43]
func newItemKey(public []byte, info []byte) (key itemKey, encapsulation []byte, err error) {
	to, err := hpkeKEM.NewPublicKey(public)
	if err != nil {
		return key, nil, fmt.Errorf("%w: the archive's public key: %v", ErrForm, err)
	}
	encapsulation, sender, err := hpke.NewSender(to, hpkeKDF, hpkeAEAD, info)
	if err != nil {
		return key, nil, fmt.Errorf("segment: sealing to the archive's key: %w", err)
	}
	raw, err := sender.Export("", len(key))
	if err != nil {
		return key, nil, fmt.Errorf("segment: sealing to the archive's key: %w", err)
	}
	return itemKey(raw), encapsulation, nil
}

// findItemKey undoes newItemKey. Another private key, or another info, gives another key, which opens nothing.
func findItemKey(private hpke.PrivateKey, encapsulation, info []byte) (key itemKey, err error) {
	recipient, err := hpke.NewRecipient(encapsulation, private, hpkeKDF, hpkeAEAD, info)
	if err != nil {
		return key, ErrOpen
	}
	raw, err := recipient.Export("", len(key))
	if err != nil {
		return key, ErrOpen
	}
	return itemKey(raw), nil
}

// seal appends the sealed item of a place in its segment. A key has one segment, so a place is a nonce.
func (k itemKey) seal(to []byte, place int, id keys.EnvelopeID, plain []byte) []byte {
	aead, nonce := k.cipher(place)
	return aead.Seal(to, nonce, plain, id[:])
}

func (k itemKey) open(place int, id keys.EnvelopeID, sealed []byte) ([]byte, error) {
	aead, nonce := k.cipher(place)
	plain, err := aead.Open(nil, nonce, sealed, id[:])
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func (k itemKey) cipher(place int) (aead interface {
	Seal(dst, nonce, plaintext, data []byte) []byte
	Open(dst, nonce, ciphertext, data []byte) ([]byte, error)
}, nonce []byte) {
	aead, err := chacha20poly1305.New(k[:])
	if err != nil {
		panic(fmt.Sprintf("segment: %v", err)) // the size is right
	}
	nonce = make([]byte, chacha20poly1305.NonceSize)
	binary.BigEndian.PutUint64(nonce[4:], uint64(place))
	return aead, nonce
}

// sealInfo binds an encapsulation to its segment: every part has a fixed length. [ARC-43]
func sealInfo(org keys.OrgID, service keys.PublicKey, number uint64, previous Hash) []byte {
	info := append([]byte(keys.DomainArchiveItem), 0)
	info = append(info, org[:]...)
	info = append(info, service[:]...)
	info = binary.BigEndian.AppendUint64(info, number)
	return append(info, previous[:]...)
}

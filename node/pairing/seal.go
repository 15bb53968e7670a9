package pairing

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
)

// channel seals what goes one way and opens what comes the other. [PAIR-8]
type channel struct {
	out, in   cipher.AEAD
	sent, got uint64
	words     [2]string
}

// agreement is what both sides have once each has confirmed.
type agreement struct {
	key      [cpace.KeySize]byte
	kem      []byte         // the secret of the KEM
	old, new [partSize]byte // the parts of both
}

// newChannel derives the keys of both directions, and the words that people compare. [PAIR-7] [PAIR-8]
func newChannel(a agreement, old bool) *channel {
	secret := slices.Concat(a.key[:], a.kem, a.old[:], a.new[:])
	derive := func(label string, size int) []byte {
		key, err := hkdf.Key(sha512.New, secret, nil, string(keys.DomainPairing)+"\x00"+label, size)
		if err != nil {
			panic(fmt.Sprintf("pairing: HKDF of %d bytes: %v", size, err))
		}
		return key
	}
	aead := func(label string) cipher.AEAD {
		sealer, err := chacha20poly1305.New(derive(label, chacha20poly1305.KeySize))
		if err != nil {
			panic(fmt.Sprintf("pairing: a key of its size refused: %v", err))
		}
		return sealer
	}
	c := &channel{out: aead("new to old"), in: aead("old to new")}
	if old {
		c.out, c.in = c.in, c.out
	}
	raw := derive("words", 4)
	for i := range c.words {
		c.words[i] = keys.Word(int(binary.BigEndian.Uint16(raw[2*i:])))
	}
	return c
}

func nonce(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, chacha20poly1305.NonceSize), number)
}

// seal returns the frame of the next message.
func (c *channel) seal(m message) []byte {
	sealed := c.out.Seal(nil, nonce(c.sent), m.padded(), nil)
	c.sent++
	return frame{Sealed: sealed}.encode()
}

// open reads the frame of the next message. One that was opened before, was left out or changed does not open.
func (c *channel) open(data []byte) (message, error) {
	f, err := decodeFrame(data)
	if err != nil {
		return message{}, err
	}
	if len(f.Sealed) == 0 {
		return message{}, frameError("something open where a sealed message is due")
	}
	plain, err := c.in.Open(nil, nonce(c.got), f.Sealed, nil)
	if err != nil {
		return message{}, ErrSealed
	}
	c.got++
	return decodeMessage(plain)
}

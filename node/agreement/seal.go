package agreement

import (
	"bytes"
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

// Channel seals what goes one way and opens what comes the other. [PAIR-8]
type Channel struct {
	out, in   cipher.AEAD
	sent, got uint64
	words     [2]string
	binding   [BindingSize]byte
}

// BindingSize is the size in bytes of what names a channel.
const BindingSize = 32

// Secrets are what both sides have once each has confirmed.
type Secrets struct {
	Key           [cpace.KeySize]byte
	KEM           []byte         // the secret of the KEM
	Host, Visitor [PartSize]byte // the parts of both
}

// NewChannel derives the keys of both directions, and the words that people may compare, on the side of the host or of the
// visitor. [PAIR-7] [PAIR-8]
func NewChannel(p Purpose, s Secrets, host bool) *Channel {
	secret := slices.Concat(s.Key[:], s.KEM, s.Host[:], s.Visitor[:])
	derive := func(label string, size int) []byte {
		key, err := hkdf.Key(sha512.New, secret, nil, string(p.Domain)+"\x00"+label, size)
		if err != nil {
			panic(fmt.Sprintf("agreement: HKDF of %d bytes: %v", size, err))
		}
		return key
	}
	aead := func(label string) cipher.AEAD {
		sealer, err := chacha20poly1305.New(derive(label, chacha20poly1305.KeySize))
		if err != nil {
			panic(fmt.Sprintf("agreement: a key of its size refused: %v", err))
		}
		return sealer
	}
	c := &Channel{out: aead(p.Visitor + " to " + p.Host), in: aead(p.Host + " to " + p.Visitor), binding: [BindingSize]byte(derive("binding", BindingSize))}
	if host {
		c.out, c.in = c.in, c.out
	}
	raw := derive("words", 4)
	for i := range c.words {
		c.words[i] = keys.Word(int(binary.BigEndian.Uint16(raw[2*i:])))
	}
	return c
}

// Words returns the two words that people may compare. [PAIR-7]
func (c *Channel) Words() [2]string { return c.words }

// Binding names the channel: both sides have the same, and nobody has it who stands between two others. What is signed over it
// cannot be shown in another conversation. [FACE-3]
func (c *Channel) Binding() [BindingSize]byte { return c.binding }

func nonce(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, chacha20poly1305.NonceSize), number)
}

// padding is what sealed messages are made a multiple of, in bytes, so that their sizes tell little.
const padding = 4 << 10

// Seal returns the frame of the next message, which is padded: the message, the byte 0x80, and zeros. [PAIR-8]
func (c *Channel) Seal(message []byte) []byte {
	plain := append(slices.Clone(message), 0x80)
	plain = append(plain, make([]byte, (padding-len(plain)%padding)%padding)...)
	sealed := c.out.Seal(nil, nonce(c.sent), plain, nil)
	c.sent++
	return Frame{Sealed: sealed}.Encode()
}

// Open reads the frame of the next message. One that was opened before, was left out or changed does not open.
func (c *Channel) Open(data []byte) (message []byte, err error) {
	f, err := DecodeFrame(data)
	if err != nil {
		return nil, err
	}
	if len(f.Sealed) == 0 {
		return nil, frameError("something open where a sealed message is due")
	}
	plain, err := c.in.Open(nil, nonce(c.got), f.Sealed, nil)
	if err != nil {
		return nil, ErrSealed
	}
	c.got++
	return Unpad(plain)
}

// Unpad takes the padding off a message. The error is ErrFrame.
func Unpad(plain []byte) ([]byte, error) {
	message, padded := bytes.CutSuffix(bytes.TrimRight(plain, "\x00"), []byte{0x80})
	if !padded {
		return nil, frameError("a message without its padding")
	}
	return message, nil
}

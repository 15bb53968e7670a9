package replicated

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

const sealOverhead = chacha20poly1305.Overhead

// bodyKey seals one body, once: its nonce is zero. [STO-84]
type bodyKey [chacha20poly1305.KeySize]byte

func newBodyKey() (key bodyKey, err error) {
	_, err = rand.Read(key[:])
	return key, err
}

func newToken() (uint64, error) {
	var b [8]byte
	_, err := rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:]), err
}

// boundTo is what a sealed body is bound to: what it is of which item.
func boundTo(id keys.EnvelopeID, kind uint8) []byte {
	return append(append([]byte(keys.DomainCluster), 0, kind), id[:]...)
}

// sealBody appends a sealed body.
func (key *bodyKey) seal(out []byte, id keys.EnvelopeID, kind uint8, body []byte) ([]byte, error) {
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, make([]byte, aead.NonceSize()), body, boundTo(id, kind)), nil
}

// open returns a sealed body, in memory of its own.
func (key *bodyKey) open(id keys.EnvelopeID, kind uint8, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, make([]byte, aead.NonceSize()), sealed, boundTo(id, kind))
}

// ring is the keys of one commit that are still needed, as they lie in the memory of the servers: pairs of an index and a
// key, ascending. [STO-84]
type ring map[uint32]bodyKey

const ringEntry = 4 + chacha20poly1305.KeySize

func (r ring) marshal(indexes []uint32) []byte {
	out := make([]byte, 0, len(indexes)*ringEntry)
	for _, i := range indexes {
		key := r[i]
		out = append(binary.BigEndian.AppendUint32(out, i), key[:]...)
	}
	return out
}

func parseRing(data []byte) (ring, error) {
	if len(data)%ringEntry != 0 || len(data)/ringEntry > maxItems {
		return nil, fmt.Errorf("%w: keys of %d bytes", wire.ErrDecode, len(data))
	}
	r := make(ring, len(data)/ringEntry)
	for last := -1; len(data) > 0; data = data[ringEntry:] {
		i := binary.BigEndian.Uint32(data)
		if int64(i) <= int64(last) {
			return nil, fmt.Errorf("%w: keys out of order", wire.ErrDecode)
		}
		last = int(i)
		r[i] = bodyKey(data[4:ringEntry])
	}
	return r, nil
}

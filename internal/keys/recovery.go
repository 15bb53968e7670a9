package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/tyler-smith/go-bip39"
)

// RecoverySeedSize is the entropy of the recovery words in bytes: 256 bits, 24 words.
const RecoverySeedSize = 32

// ErrWords means that words are not 24 words of the list with a right checksum: mistyped, missing or swapped.
var ErrWords = errors.New("keys: these are not 24 valid words: check each word and their order")

// RecoverySeed is what the recovery words, or an organization's root words, stand for. It is made once, shown once
// and never stored. [KEY-6]
type RecoverySeed [RecoverySeedSize]byte

// NewRecoverySeed reads a fresh seed from random.
func NewRecoverySeed(random io.Reader) (RecoverySeed, error) {
	var seed RecoverySeed
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return seed, fmt.Errorf("keys: no randomness for recovery words: %w", err)
	}
	return seed, nil
}

// Words returns the seed as 24 words of the English BIP 39 list, the last of which carries the checksum. [KEY-6]
func (s RecoverySeed) Words() []string {
	mnemonic, err := bip39.NewMnemonic(s[:])
	if err != nil {
		panic(fmt.Sprintf("keys: 32 bytes refused as BIP 39 entropy: %v", err))
	}
	return strings.Fields(mnemonic)
}

// ParseWords reads 24 words in any case and spacing; ErrWords if the checksum does not fit.
func ParseWords(text string) (RecoverySeed, error) {
	var seed RecoverySeed
	words := strings.Fields(strings.ToLower(text))
	if len(words) != 24 {
		return seed, ErrWords
	}
	raw, err := bip39.EntropyFromMnemonic(strings.Join(words, " "))
	if err != nil || len(raw) != RecoverySeedSize {
		return seed, ErrWords
	}
	copy(seed[:], raw)
	return seed, nil
}

// Key derives recovery key number index of the series: HKDF-SHA256 with the recovery domain and the index. The keys
// of a series cannot be linked without the words. [KEY-7]
func (s RecoverySeed) Key(index uint32) PrivateKey {
	info := string(DomainRecovery) + "\x00" + string(binary.BigEndian.AppendUint32(nil, index))
	raw, err := hkdf.Key(sha256.New, s[:], nil, info, SeedSize)
	if err != nil {
		panic(fmt.Sprintf("keys: HKDF of 32 bytes: %v", err))
	}
	return FromSeed([SeedSize]byte(raw))
}

// String implements fmt.Stringer without showing the seed.
func (s RecoverySeed) String() string { return "[recovery words]" }

// GoString keeps %#v from showing the seed.
func (s RecoverySeed) GoString() string { return s.String() }

// LogValue implements slog.LogValuer without showing the seed.
func (s RecoverySeed) LogValue() slog.Value { return slog.StringValue(s.String()) }

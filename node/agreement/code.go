package agreement

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"muster.example/internal/keys"
)

const (
	// Slots is how many numbers of slots there are: five digits.
	Slots = 100_000
	// codeWords is how many words are the secret of a code: 33 bits, of which somebody has Tries guesses.
	codeWords = 3
)

// Code is what a person reads out: the number of the slot, and words. It is a secret. [PAIR-1]
type Code struct {
	Slot  uint32
	Words [codeWords]string
}

// NewCode makes a code for a slot. It panics if random fails, as crypto/rand does.
func NewCode(random io.Reader, slot uint32) Code {
	c := Code{Slot: slot}
	for i := range c.Words {
		c.Words[i] = keys.Word(int(number(random)))
	}
	return c
}

// NewSlot draws the number of a slot.
func NewSlot(random io.Reader) uint32 {
	for {
		if n := number(random) & (1<<17 - 1); n < Slots {
			return n
		}
	}
}

func number(random io.Reader) uint32 {
	var raw [4]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		panic(fmt.Sprintf("agreement: no randomness: %v", err))
	}
	return binary.BigEndian.Uint32(raw[:])
}

// Text returns the code as a person reads it: "01234-apple-river-stone". [PAIR-1]
func (c Code) Text() string { return fmt.Sprintf("%05d-%s", c.Slot, strings.Join(c.Words[:], "-")) }

// ParseCode reads a code as people type it: in any case, with spaces or hyphens. Errors wrap ErrText; they name a word that
// is not in the list, and what may be meant, and are for the person alone.
func ParseCode(text string) (Code, error) {
	var c Code
	parts := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == '-' || r == ' ' || r == '\t' })
	if len(parts) != 1+codeWords || len(text) > 64 {
		return c, fmt.Errorf("%w: a code is a number of five digits and three words", ErrText)
	}
	if len(parts[0]) != 5 {
		return c, fmt.Errorf("%w: the number has five digits", ErrText)
	}
	for _, digit := range []byte(parts[0]) {
		if digit < '0' || digit > '9' {
			return c, fmt.Errorf("%w: the number has five digits", ErrText)
		}
		c.Slot = 10*c.Slot + uint32(digit-'0')
	}
	for i, word := range parts[1:] {
		if !keys.IsWord(word) {
			meant := ""
			if near := keys.NearWords(word); len(near) > 0 {
				meant = ": is it " + strings.Join(near, " or ") + "?"
			}
			return Code{}, fmt.Errorf("%w: %q is no word of a code%s", ErrText, word[:min(16, len(word))], meant)
		}
		c.Words[i] = word
	}
	return c, nil
}

// Secret returns what both sides put into the key agreement.
func (c Code) Secret() []byte { return []byte(strings.Join(c.Words[:], "-")) }

// String implements fmt.Stringer without showing the words.
func (c Code) String() string { return "[code]" }

// GoString keeps %#v from showing the words.
func (c Code) GoString() string { return c.String() }

// LogValue implements slog.LogValuer without showing the words.
func (c Code) LogValue() slog.Value { return slog.StringValue(c.String()) }

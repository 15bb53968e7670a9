package web

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// commonFile holds what very many people choose, one a line, in small letters and without what is put behind.
const commonFile = "common.txt"

// What a new passphrase must have. The page says more while it is typed; this is only what nobody should be without.
const (
	minCharacters = 10
	minCounting   = 8 // characters that do not merely go on with a repeat or a row
)

// tooWeak returns the key of why a new passphrase is not taken, empty if it is. strength.js judges alike.
func tooWeak(passphrase, common []byte) string {
	if utf8.RuneCount(passphrase) < minCharacters {
		return "strength.short"
	}
	lower := bytes.ToLower(passphrase)
	defer clear(lower)
	stem := bytes.TrimRightFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	for line := range bytes.SplitSeq(common, []byte("\n")) {
		if len(line) > 0 && (bytes.Equal(line, stem) || bytes.Equal(line, lower)) {
			return "strength.common"
		}
	}
	if counting(passphrase) < minCounting {
		return "strength.simple"
	}
	return ""
}

// counting returns how many characters of a text do not go on with a repeat (aaa) or a row (123, cba).
func counting(text []byte) (n int) {
	last, step := rune(-1), rune(0)
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		r, rest = unicode.ToLower(r), rest[size:]
		now := r - last
		if last < 0 || now < -1 || now > 1 || now != step && now != 0 {
			n++
		}
		last, step = r, now
	}
	return n
}

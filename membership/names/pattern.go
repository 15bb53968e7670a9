package names

import (
	"fmt"
	"unicode/utf8"
)

const (
	anyRun = '*' // stands for any run of characters, also for none
	anyOne = '?' // stands for any one character
)

// CheckPattern returns nil if pattern can be what an organization asks of names, else an *Error. A pattern is composed
// (NFC), has from 1 to MaxName characters, each one that some name may have or * or ?, and no two * in a row. Nothing
// else has a special meaning.
func CheckPattern(pattern string) error {
	if err := checkForm(pattern); err != nil {
		return err
	}
	previous, index := rune(0), 0
	for _, r := range pattern {
		if r == anyRun && previous == anyRun {
			return &Error{Rune: r, Index: index, Text: "it has two * in a row"}
		}
		if _, ok := lookup(r); !ok && !separator(r) && r != anyRun && r != anyOne {
			return &Error{Rune: r, Index: index, Text: fmt.Sprintf("%U is in no name", r)}
		}
		previous = r
		index++
	}
	return nil
}

// Match reports whether pattern is that of the whole name, character for character: case counts, and é is one character.
// It takes a time of at most the product of the two lengths, whatever the pattern, and no memory: after a * that has to
// take one more character, no earlier * is tried again.
func Match(pattern, name string) bool {
	p, n := 0, 0
	star, retry := -1, 0 // after the last *, and where in name it is to take one more
	for n < len(name) {
		want, wide := utf8.DecodeRuneInString(pattern[p:])
		have, long := utf8.DecodeRuneInString(name[n:])
		switch {
		case p < len(pattern) && want == anyRun:
			p += wide
			star, retry = p, n
		case p < len(pattern) && (want == anyOne || want == have):
			p += wide
			n += long
		case star >= 0:
			_, long = utf8.DecodeRuneInString(name[retry:])
			retry += long
			p, n = star, retry
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyRun {
		p++
	}
	return p == len(pattern)
}

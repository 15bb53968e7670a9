package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape shows every character that would do something else than show itself as an escape, but for those allowed.
func escape(text, allowed string) string {
	var b strings.Builder
	var base rune // the last character that is neither mark nor joiner; 0 if there is none
	marks, joined := 0, false
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			fmt.Fprintf(&b, `\x%02x`, text[i])
			base, marks, joined = '\\', 0, false
			continue
		}
		shown := !Deceptive(r) || strings.ContainsRune(allowed, r)
		switch {
		case isJoiner(r):
			shown = base > unicode.MaxASCII && !joined // no language has two, or one among ASCII
			joined = true
		case isMark(r):
			marks++
			shown = shown && base != 0 && marks <= maxMarks // the first would stand on what the program printed
		default:
			base, marks, joined = r, 0, false
		}
		if shown {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%x}`, r)
			if !isJoiner(r) && !isMark(r) {
				base = '}'
			}
		}
	}
	return b.String()
}

func isMark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// isJoiner reports whether a character is one of the two joiners, which Persian, Indic scripts and emoji need.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// Deceptive reports whether a character does something else than show itself: controls and escapes, bidirectional controls,
// tags and other format characters, characters that look like nothing. The two joiners are none: what is shown of
// them depends on where they stand.
func Deceptive(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\u2028', '\u2029', // separators of lines and paragraphs
		'\u3164', '\u115f', '\u1160', '\uffa0', '\u2800', // letters and a pattern without ink
		'\u034f', '\u17b4', '\u17b5', '\u180b', '\u180c', '\u180d', '\u180f': // marks without ink
		return true
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs)
}

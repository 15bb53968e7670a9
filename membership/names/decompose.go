package names

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// decompose returns norm.NFD.String(text), faster for names: what is in order is not put in order.
func decompose(text string) string {
	var room [3 * MaxBytes]byte
	out, last := room[:0], uint8(0)
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			out = append(out, text[i])
			last = 0
			i++
			continue
		}
		p := norm.NFD.PropertiesString(text[i:])
		r, size := utf8.DecodeRuneInString(text[i:])
		if size == 1 || p.LeadCCC() != 0 && p.LeadCCC() < last {
			return norm.NFD.String(text)
		}
		last = p.TrailCCC()
		switch parts := p.Decomposition(); {
		case r >= firstSyllable && r <= lastSyllable:
			out = appendJamo(out, r)
		case parts != nil:
			out = append(out, parts...)
		default:
			out = append(out, text[i:i+size]...)
		}
		i += size
	}
	return string(out)
}

// Hangul syllables are composed of up to three letters by the arithmetic of the Unicode Standard, section 3.12.
const (
	firstSyllable = 0xAC00
	lastSyllable  = 0xD7A3
	vowels        = 21
	tails         = 28 // with none
)

func appendJamo(out []byte, syllable rune) []byte {
	i := syllable - firstSyllable
	out = utf8.AppendRune(out, 0x1100+i/(vowels*tails))
	out = utf8.AppendRune(out, 0x1161+i/tails%vowels)
	if tail := i % tails; tail != 0 {
		out = utf8.AppendRune(out, 0x11A7+tail)
	}
	return out
}

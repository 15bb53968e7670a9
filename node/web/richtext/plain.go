package richtext

import (
	"strings"
	"unicode"
)

// Plain returns a text without what acts on the text around it: control characters other than line breaks and tabs are shown
// as a replacement character, and so are characters that turn the direction of text (Unicode Bidi_Control). What is written
// from right to left needs none of them: the page isolates each message.
func Plain(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r) && r != '\u200e' && r != '\u200f' && r != '\u061c',
			r >= 0xE0000 && r <= 0xE007F, r == '\u2028', r == '\u2029', unicode.Is(unicode.Noncharacter_Code_Point, r):
			return '\uFFFD'
		}
		return r
	}, text)
}

// Line returns a text on one line, as Plain has it.
func Line(text string) string { return strings.Join(strings.Fields(Plain(text)), " ") }

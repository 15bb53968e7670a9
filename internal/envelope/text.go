package envelope

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// NormalText returns text in NFC, the form in which an introduction carries it.
func NormalText(text string) string { return norm.NFC.String(text) }

// CheckText returns nil if text may be sent as an introduction: valid UTF-8, not blank, at most MaxTextRunes code
// points and MaxTextBytes bytes after NFC, and no control, bidirectional or other format character, line or paragraph
// separator, private-use character or noncharacter. Else an error that wraps ErrText and says which. [ENV-43]
func CheckText(text string) error {
	if len(text) > 4*MaxTextBytes { // NFC never shrinks text so far: spare the work
		return fmt.Errorf("%w: longer than %d characters", ErrText, MaxTextRunes)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: not valid UTF-8", ErrText)
	}
	text = NormalText(text)
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("%w: empty", ErrText)
	}
	if utf8.RuneCountInString(text) > MaxTextRunes || len(text) > MaxTextBytes {
		return fmt.Errorf("%w: longer than %d characters", ErrText, MaxTextRunes)
	}
	for _, r := range text {
		if isForbidden(r) {
			return fmt.Errorf("%w: character %U", ErrText, r)
		}
	}
	return nil
}

func isForbidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) ||
		unicode.Is(unicode.Noncharacter_Code_Point, r)
}

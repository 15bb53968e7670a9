package web

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A text in a thread is folded if it has more than foldOver; then foldTo of it is shown. What has more than foldPage is on the
// message's own page alone, so that no thread becomes a page of many megabytes.
const (
	foldOverLines, foldOverLetters = 40, 3000
	foldToLines, foldToLetters     = 12, 1000
	foldPage                       = 32 << 10 // bytes
)

// folded is how a text is shown: its beginning, and all of it in place or elsewhere. Of a text that is not folded it is the zero
// value.
type folded struct {
	Beginning string
	InPlace   bool
}

// fold decides how a text is shown.
func fold(text string) folded {
	if !exceeds(text, foldOverLines, foldOverLetters) {
		return folded{}
	}
	return folded{beginning(text), len(text) <= foldPage}
}

func exceeds(text string, lines, letters int) bool {
	return len(text) > letters && utf8.RuneCountInString(text) > letters || strings.Count(text, "\n") >= lines
}

// beginning cuts a text after some lines or letters, where a word ends if one does not long before.
func beginning(text string) string {
	lines, letters, space := 0, 0, 0
	for at, r := range text {
		if unicode.IsSpace(r) {
			space = at
		}
		if r == '\n' {
			lines++
		}
		if letters++; lines == foldToLines {
			return text[:at]
		}
		if letters > foldToLetters {
			if at-space > foldToLetters/4 {
				space = at
			}
			return text[:space] + " …"
		}
	}
	return text
}

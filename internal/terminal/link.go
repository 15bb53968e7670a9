package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// breakLinks puts brackets around what makes a link of text: "https[:]//example[.]org", "ann[@]example[.]org". Sentences,
// numbers and times stay as they are, and so do the words that spared wants whole.
func breakLinks(text string, spared func(word string) bool) string {
	var b strings.Builder
	for len(text) > 0 {
		end := strings.IndexFunc(text, unicode.IsSpace)
		switch {
		case end < 0:
			end = len(text)
		case end == 0:
			_, end = utf8.DecodeRuneInString(text)
		}
		word := text[:end]
		text = text[end:]
		if spared != nil && spared(word) {
			b.WriteString(word)
		} else {
			breakWord(&b, []rune(word))
		}
	}
	return b.String()
}

func breakWord(b *strings.Builder, word []rune) {
	at := func(i int) rune {
		if i < 0 || i >= len(word) {
			return ' '
		}
		return word[i]
	}
	for i, r := range word {
		if linking(r, at(i-1), at(i+1)) {
			b.WriteString("[" + string(r) + "]")
		} else {
			b.WriteRune(r)
		}
	}
}

// linking reports whether a character between two others can be what makes a link of them: the colon of a scheme, the dot
// of a host's name in any of its forms, the sign of an address.
func linking(r, before, after rune) bool {
	joined := !unicode.IsSpace(before) && !unicode.IsSpace(after)
	if before == '[' && after == ']' {
		return false // broken already
	}
	digits := unicode.IsDigit(before) && unicode.IsDigit(after)
	switch r {
	case ':', '\uff1a', '\ufe55', '\ufe13':
		return joined && !digits || after == '/'
	case '.', '\u3002', '\uff0e', '\uff61', '\ufe52', '\u2024':
		return joined && !digits && inHost(before) && inHost(after)
	case '@', '\uff20', '\ufe6b':
		return joined
	}
	return false
}

// inHost reports whether a character can stand in a host's name, as generously as any terminal may read one.
func inHost(r rune) bool {
	if r > unicode.MaxASCII {
		return !unicode.IsSpace(r)
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '%'
}

// isPath reports whether a word of an error is the path of a local file: rooted, and without what a link needs.
func isPath(word string) bool {
	if drive := strings.IndexByte(word, ':'); drive == 1 && strings.HasPrefix(word[2:], `\`) {
		word = "/" + word[2:]
	}
	rooted := strings.HasPrefix(word, "/") || strings.HasPrefix(word, "~/")
	return rooted && !linkLike(word)
}

// linkLike reports whether a word has more of a link than dots.
func linkLike(word string) bool {
	return strings.Contains(word, "//") || strings.ContainsAny(word, ":@\uff1a\ufe55\ufe13\uff20\ufe6b") ||
		strings.Contains(strings.ToLower(word), "www.")
}

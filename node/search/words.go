package search

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a word of a text as the index knows it, and which bytes of the text it stands for.
type word struct {
	text       string
	start, end int
	tail       bool // the last character of a text without spaces, alone: so that each of them begins a word
}

// unspaced are the scripts that are written without spaces between words, or whose words are mostly looked for by a part.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
	unicode.Tibetan, {R16: []unicode.Range16{{Lo: 0x30fc, Hi: 0x30fc, Stride: 1}}}, // the mark of a long vowel
}

// voicing are the marks of kana, which make other letters of them.
func voicing(r rune) bool { return r == 0x3099 || r == 0x309a }

// dropped reports whether a mark says no more than how a letter is spoken or stressed: accents, points, short vowels. Marks of
// Indic scripts are vowels, and stay.
func dropped(r rune) bool {
	return unicode.Is(unicode.Mn, r) && !voicing(r) && unicode.In(r, unicode.Inherited, unicode.Hebrew, unicode.Arabic, unicode.Cyrillic)
}

// cutter cuts a text into words.
type cutter struct {
	emit func(word) bool
	done bool

	word       []byte // letters so far
	start, end int

	before, last unit // of a run without spaces
}

// unit is a character of a script without spaces, with its marks.
type unit struct {
	text       string
	start, end int
}

// cut gives the words of a text to emit, until that returns false. Case, accents and compatibility forms make no difference.
// What is written without spaces becomes pairs of characters, each beginning where the one before has its second, and its
// last character alone; a symbol such as an emoji is a word.
func cut(text string, emit func(word) bool) {
	c := cutter{emit: emit}
	var it norm.Iter
	it.InitString(norm.NFKD, text)
	for !it.Done() && !c.done {
		start := it.Pos()
		segment := it.Next()
		c.segment(segment, start, it.Pos())
	}
	c.flush()
}

func (c *cutter) segment(decomposed []byte, start, end int) {
	if len(decomposed) == 1 && decomposed[0] < utf8.RuneSelf { // most text
		c.add(rune(decomposed[0]), start, end)
		return
	}
	kept := make([]byte, 0, len(decomposed))
	for rest := decomposed; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if rest = rest[size:]; !dropped(r) {
			kept = utf8.AppendRune(kept, r)
		}
	}
	for _, r := range string(norm.NFC.Bytes(kept)) {
		c.add(r, start, end)
	}
}

func (c *cutter) add(r rune, start, end int) {
	switch {
	case r < utf8.RuneSelf:
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			c.letter(r, start, end)
		} else {
			c.flush()
		}
	case silent(r):
	case unicode.IsMark(r):
		c.mark(r, end)
	case unicode.In(r, unspaced...):
		c.character(string(r), start, end)
	case unicode.IsLetter(r), unicode.IsNumber(r), unicode.Is(unicode.Co, r):
		c.letter(digit(unicode.ToLower(r)), start, end)
	case unicode.Is(unicode.So, r) && r != utf8.RuneError:
		c.flush()
		c.give(word{text: string(r), start: start, end: end})
	default:
		c.flush()
	}
}

// alike are letters that one person writes and another looks for by the other: what Unicode does not take for a letter with a mark
// though people do, variants of Arabic letters, and the forms that Hebrew and Greek letters have at the end of a word.
var alike = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ħ': "h", 'ŧ': "t", 'ı': "i", 'ς': "σ",
	'ى': "ي", 'ی': "ي", 'ک': "ك", 'ة': "ه", 'ٱ': "ا",
	'ך': "כ", 'ם': "מ", 'ן': "נ", 'ף': "פ", 'ץ': "צ",
}

// silent reports whether a character says no more than how those beside it are drawn or parted at the end of a line.
func silent(r rune) bool {
	switch r {
	case '\u00ad', '\u0640', '\u200c', '\u200d', '\u200e', '\u200f', '\u2060', '\ufeff':
		return true
	}
	return false
}

// digit returns a digit of any script as one of ASCII.
func digit(r rune) rune {
	if !unicode.Is(unicode.Nd, r) {
		return r
	}
	zero := r
	for unicode.Is(unicode.Nd, zero-1) && r-zero < 9 {
		zero--
	}
	return '0' + (r-zero)%10
}

func (c *cutter) letter(r rune, start, end int) {
	if c.last.text != "" {
		c.flush()
	}
	if len(c.word) == 0 {
		c.start = start
	}
	c.end = end
	if same, ok := alike[r]; ok && r >= utf8.RuneSelf {
		c.word = append(c.word, same...)
		return
	}
	c.word = utf8.AppendRune(c.word, r)
}

func (c *cutter) mark(r rune, end int) {
	switch {
	case c.last.text != "":
		c.last.text, c.last.end = c.last.text+string(r), end
	case len(c.word) > 0:
		c.word, c.end = utf8.AppendRune(c.word, r), end
	}
}

func (c *cutter) character(text string, start, end int) {
	if len(c.word) > 0 {
		c.flush()
	}
	if c.before.text != "" {
		c.pair()
	}
	c.before, c.last = c.last, unit{text, start, end}
}

func (c *cutter) pair() {
	c.give(word{text: c.before.text + c.last.text, start: c.before.start, end: c.last.end})
}

// flush ends the word or the run.
func (c *cutter) flush() {
	if len(c.word) > 0 {
		c.give(word{text: string(c.word), start: c.start, end: c.end})
		c.word = c.word[:0]
	}
	if c.last.text != "" {
		if c.before.text != "" {
			c.pair()
		}
		c.give(word{text: c.last.text, start: c.last.start, end: c.last.end, tail: true})
		c.before, c.last = unit{}, unit{}
	}
}

func (c *cutter) give(w word) {
	if c.done {
		return
	}
	if len(w.text) > MaxWord {
		cutAt := MaxWord
		for !utf8.RuneStart(w.text[cutAt]) {
			cutAt--
		}
		w.text = w.text[:cutAt]
	}
	c.done = !c.emit(w)
}

// indexed returns the words of a text as they go into the index, with a space between each two.
func indexed(text string) string {
	var all []byte
	count := 0
	cut(text, func(w word) bool {
		if count++; count > MaxIndexed {
			return false
		}
		if len(all) > 0 {
			all = append(all, ' ')
		}
		all = append(all, w.text...)
		return true
	})
	return string(all)
}

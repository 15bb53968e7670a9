package names

import (
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Check returns nil if name may be a name under the given version of the tables. It returns ErrTables if this build does
// not have them, else an *Error. Which of several faults it tells may change; whether there is one does not. [ROLL-30]
func Check(name string, tables uint64) error {
	if tables != Tables {
		return fmt.Errorf("%w: %d", ErrTables, tables)
	}
	if err := checkForm(name); err != nil {
		return err
	}
	c := checker{scripts: everyScript, digits: -1, previous: ' '}
	for _, r := range name {
		if text := c.next(r); text != "" {
			return &Error{Rune: r, Index: c.index, Text: text}
		}
		c.previous = r
		c.index++
	}
	if text := c.end(); text != "" {
		return &Error{Rune: c.previous, Index: c.index - 1, Text: text}
	}
	if !c.marked {
		return nil
	}
	return noDoubledMark(name)
}

// checkForm: valid UTF-8, composed, not empty, not long.
func checkForm(text string) error {
	if len(text) > MaxBytes {
		return whole("it has more than %d characters", MaxName)
	}
	if !utf8.ValidString(text) {
		return whole("it is not valid UTF-8")
	}
	if length := utf8.RuneCountInString(text); length == 0 || length > MaxName {
		return whole("it has %d characters, not from 1 to %d", length, MaxName)
	}
	if !norm.NFC.IsNormalString(text) {
		return whole("it is not in Unicode's composed form (NFC)")
	}
	return nil
}

// checker is what must be kept in mind of the characters before the next. Its methods return what is wrong.
type checker struct {
	index    int
	previous rune      // a space before the first
	marks    int       // how many have followed each other
	marked   bool      // whether there was any mark
	stacker  bool      // whether previous is one
	scripts  scriptSet // that all characters so far can be of
	digits   int       // the span of the digits so far, -1 before the first
	first    direction // of the first character
	left     bool      // whether a character so far is written from left to right
	right    bool      // whether a character so far makes the name one from right to left
}

func (c *checker) next(r rune) string {
	if separator(r) {
		return c.separator(r)
	}
	i, ok := lookup(r)
	if !ok {
		return refusal(r)
	}
	p := properties[spans[i].property]
	if text := c.place(r, p.kind); text != "" {
		return text
	}
	if p.kind == digit {
		if c.digits >= 0 && c.digits != i {
			return fmt.Sprintf("%U is a digit of another system than the digits before it", r)
		}
		c.digits = i
	}
	if text := c.script(r, scriptSets[p.scripts]); text != "" {
		return text
	}
	return c.direction(r, p.direction)
}

// separator: not at the start, none after what needs a letter, no second space.
func (c *checker) separator(r rune) string {
	switch {
	case c.index == 0:
		return fmt.Sprintf("it must start with a letter or digit, not %U", r)
	case c.stacker:
		return fmt.Sprintf("%U joins letters and has none after it", c.previous)
	case r == ' ' && c.previous == ' ':
		return "it has two spaces in a row"
	}
	c.marks = 0
	return ""
}

// place: a letter or digit first, a mark on one of them, not too many marks, a letter after what joins letters.
func (c *checker) place(r rune, k kind) string {
	stacker := c.stacker
	c.stacker = isStacker(r)
	if k != mark {
		c.marks = 0
		if stacker && k != letter {
			return fmt.Sprintf("%U joins letters and has none after it", c.previous)
		}
		return ""
	}
	c.marks++
	c.marked = true
	switch {
	case c.index == 0:
		return fmt.Sprintf("it must start with a letter or digit, not the mark %U", r)
	case separator(c.previous):
		return fmt.Sprintf("the mark %U stands on no letter", r)
	case c.marks > MaxMarks:
		return fmt.Sprintf("the mark %U is one of more than %d in a row", r, MaxMarks)
	case stacker:
		return fmt.Sprintf("%U joins letters and has none after it", c.previous)
	}
	return ""
}

// isStacker reports the marks that put the next letter below the last (Indic_Syllabic_Category=Invisible_Stacker) and
// the Tifinagh joiner: without a letter after them, many fonts show nothing.
func isStacker(r rune) bool {
	switch r {
	case 0x1039, 0x17D2, 0x1A60, 0x1BAB, 0x2D7F, 0xAAF6, 0x10A3F, 0x11133, 0x1193E, 0x11A47, 0x11A99, 0x11D45, 0x11D97,
		0x11F42:
		return true
	}
	return false
}

// script: all characters can be of one script.
func (c *checker) script(r rune, scripts scriptSet) string {
	both := c.scripts.and(scripts)
	if both.empty() {
		is, was := scripts.String(), c.scripts.String()
		if is == "" || was == "" {
			return fmt.Sprintf("%U is of another script than what is before it", r)
		}
		return fmt.Sprintf("%U is of the %s script and what is before it of the %s: a name has one script", r, is, was)
	}
	c.scripts = both
	return ""
}

// direction: a name with characters from right to left has none from left to right, and begins with one of its own. This
// is RFC 5893, section 2, conditions 1, 2 and 5.
func (c *checker) direction(r rune, d direction) string {
	if c.index == 0 {
		c.first = d
	}
	c.left = c.left || d == leftToRight
	c.right = c.right || d == rightToLeft || d == arabicNumber
	switch {
	case c.left && c.right:
		return fmt.Sprintf("%U is written in another direction than what is before it", r)
	case c.right && c.first != rightToLeft:
		return fmt.Sprintf("%U is written from right to left, so the name must start with a letter of that direction", r)
	}
	return ""
}

func (c *checker) end() string {
	switch {
	case c.previous == ' ':
		return "it ends with a space"
	case c.stacker:
		return fmt.Sprintf("%U joins letters and has none after it", c.previous)
	}
	return ""
}

// noDoubledMark: the second of two equal marks shows on top of the first, so that nobody sees it (UTS #39, 5.4).
func noDoubledMark(name string) error {
	previous := rune(-1)
	for _, r := range decompose(name) {
		if r == previous {
			if i, ok := lookup(r); ok && properties[spans[i].property].kind == mark {
				return &Error{Rune: r, Index: -1, Text: fmt.Sprintf("the mark %U stands twice on one letter", r)}
			}
		}
		previous = r
	}
	return nil
}

// refusal says why r is in no name. The text alone may follow the build's version of Unicode.
func refusal(r rune) string {
	if plain := norm.NFKC.String(string(r)); plain != string(r) && checkForm(plain) == nil && allInNames(plain) {
		return fmt.Sprintf("%U is a variant of %q, which a name may have in its place", r, plain)
	}
	switch {
	case r < ' ', r == 0x7F, r >= 0x80 && r <= 0xA0, r == 0xAD, r >= 0x200B && r <= 0x200F, r >= 0x2028 && r <= 0x202F,
		r >= 0x2060 && r <= 0x206F, r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF, r >= 0xE0000:
		return fmt.Sprintf("%U cannot be seen or steers how text is shown, and is in no name", r)
	}
	return fmt.Sprintf("%U is not one of the letters, marks and digits of Unicode %d that a name may have, nor one of . - _ ' "+
		"or a space", r, Tables)
}

func allInNames(text string) bool {
	for _, r := range text {
		if _, ok := lookup(r); !ok {
			return false
		}
	}
	return true
}

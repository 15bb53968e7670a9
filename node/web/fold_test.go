package web

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		lines   int  // of the beginning; 0: it is not folded
		inPlace bool // all of it is in the thread
	}{
		"empty":            {"", 0, false},
		"short":            {"Hello\nyou", 0, false},
		"as long as may":   {strings.Repeat("ä", foldOverLetters), 0, false},
		"as many lines":    {strings.Repeat("x\n", foldOverLines-1) + "x", 0, false},
		"a line more":      {strings.Repeat("x\n", foldOverLines) + "x", foldToLines, true},
		"words":            {strings.Repeat("word ", 1000), 1, true},
		"empty lines":      {strings.Repeat("\n", 5000), foldToLines, true},
		"200 KB, one word": {strings.Repeat("x", 200<<10), 1, false},
		"wide letters":     {strings.Repeat("👍", 60<<10), 1, false},
		"a long last word": {"a " + strings.Repeat("x", 200<<10), 1, false},
	} {
		f := fold(c.text)
		if f.Beginning == "" != (c.lines == 0) || f.InPlace != c.inPlace {
			t.Errorf("%s: the beginning has %d bytes, in place %t", name, len(f.Beginning), f.InPlace)
		}
		if c.lines > 0 && strings.Count(f.Beginning, "\n")+1 != c.lines {
			t.Errorf("%s: %d lines are shown, want %d", name, strings.Count(f.Beginning, "\n")+1, c.lines)
		}
		cut := strings.TrimSuffix(f.Beginning, " …")
		if !strings.HasPrefix(c.text, cut) || !utf8.ValidString(cut) || utf8.RuneCountInString(cut) > foldToLetters {
			t.Errorf("%s: the beginning is %.40q…, of %d letters", name, f.Beginning, utf8.RuneCountInString(cut))
		}
		if name == "words" && !strings.HasSuffix(cut, "word") || name == "a long last word" && len(cut) < foldToLetters/2 {
			t.Errorf("%s: cut behind %.40q", name, cut[max(0, len(cut)-40):])
		}
	}
}

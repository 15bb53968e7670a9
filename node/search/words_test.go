package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"case", "Hello HELLO", "hello hello"},
		{"accents", "Crème brûlée Ångström", "creme brulee angstrom"},
		{"decomposed", "Cre\u0301me", "creme"},
		{"sharp s", "Straße STRASSE ẞ", "strasse strasse ss"},
		{"sigma", "ΟΔΟΣ οδός", "οδοσ οδοσ"},
		{"cyrillic", "Ёлка", "елка"},
		{"ligature and wide", "ﬁne Ｗｉｄｅ", "fine wide"},
		{"punctuation", "a-b c.d@e.f don't", "a b c d e f don t"},
		{"digits", "room 12/34 x²", "room 12 34 x2"},
		{"arabic points", "مُحَمَّد", "محمد"},
		{"hebrew points", "שָׁלוֹם", "שלומ"},
		{"devanagari keeps its vowels", "हिन्दी में", "हिन्दी में"},
		{"han", "東京都", "東京 京都 都"},
		{"one character", "猫", "猫"},
		{"han beside latin", "東京tower", "東京 京 tower"},
		{"katakana of half width", "ｶﾞｲﾄﾞ", "ガイ イド ド"},
		{"long vowel", "データ", "デー ータ タ"},
		{"thai marks stay with their letters", "ที่นี่", "ที่นี่ นี่"},
		{"hangul", "한국어", "한국 국어 어"},
		{"emoji", "well 👍🏽done", "well 👍 done"},
		{"turkish", "İstanbul ISPARTA ılık", "istanbul isparta ilik"},
		{"letters with a stroke", "Łódź smørrebrød œuvre Æsir Đà", "lodz smorrebrod oeuvre aesir da"},
		{"vietnamese", "Tiếng Việt", "tieng viet"},
		{"variants of arabic letters", "أحمد إلى مدرسة كـــتاب ٱلكتاب", "احمد الي مدرسه كتاب الكتاب"},
		{"persian", "می\u200cخواهم کتاب", "ميخواهم كتاب"},
		{"digits of other scripts", "٢٠٢٦ ۲۰۲۶ २०२६", "2026 2026 2026"},
		{"hebrew letters at the end", "שלום מלך", "שלומ מלכ"},
		{"soft hyphens", "Donau\u00addampf", "donaudampf"},
		{"khmer", "ភាសា", "ភាសា សា"},
		{"emoji of several", "👩‍👩‍👧 🇩🇪", "👩 👩 👧 🇩 🇪"},
		{"nothing", " \u00a0…?!\x00\xff", ""},
	} {
		if got := indexed(c.text); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func TestLongWordsAreCutBetweenCharacters(t *testing.T) {
	got := indexed(strings.Repeat("ж", 1000))
	if len(got) > MaxWord || len(got) < MaxWord-utf8.UTFMax || !utf8.ValidString(got) {
		t.Errorf("%d bytes", len(got))
	}
	if n := len(strings.Fields(indexed(strings.Repeat("a ", MaxIndexed+7)))); n != MaxIndexed {
		t.Errorf("%d words indexed", n)
	}
}

// Each place is in the text, none is before the one before, and what is cut again is the same.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"Crème 東京都 ที่นี่ don't", "\xff\xf0\x9f", "e\u0301\u0301\u0301", strings.Repeat("\u0301", 99), "ﷺ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		cut(text, func(w word) bool {
			if w.start < last || w.end < w.start || w.end > len(text) || w.text == "" || len(w.text) > MaxWord || strings.ContainsAny(w.text, " \"\n\x00") {
				t.Fatalf("%q: %+v", text, w)
			}
			if !w.tail {
				last = w.start
			}
			return true
		})
	})
}

func TestSnippet(t *testing.T) {
	long := strings.Repeat("before ", 60) + "the NEEDLE is here" + strings.Repeat(" behind", 60)
	q := parse(t, "needle")
	parts := q.Snippet(long, 240)
	var all strings.Builder
	hits := []string(nil)
	for _, p := range parts {
		all.WriteString(p.Text)
		if p.Hit {
			hits = append(hits, p.Text)
		}
	}
	if n := utf8.RuneCountInString(all.String()); n > 240 || !strings.HasPrefix(all.String(), "…") || !strings.HasSuffix(all.String(), "…") {
		t.Errorf("%d characters: %q", n, all.String())
	}
	if diff := cmp.Diff([]string{"NEEDLE"}, hits); diff != "" {
		t.Error(diff)
	}
	if got := parse(t, "京都").Snippet("東京都", 240); !cmp.Equal(got, []Part{{"東", false}, {"京都", true}}) {
		t.Errorf("%+v", got)
	}
	if got := parse(t, `"crème bru`).Snippet("a crème brûlée", 240); !cmp.Equal(got, []Part{{"a ", false}, {"crème brûlée", true}}) {
		t.Errorf("%+v", got)
	}
	if got := parse(t, "nowhere").Snippet("short", 240); !cmp.Equal(got, []Part{{"short", false}}) {
		t.Errorf("%+v", got)
	}
}

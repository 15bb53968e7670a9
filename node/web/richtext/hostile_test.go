package richtext_test

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"muster.example/node/web/hostiletest"
	"muster.example/node/web/richtext"
)

// No hostile text becomes anything but markup that can only look, that is well nested, bounded, and no deeper than may be.
func TestHostileTexts(t *testing.T) {
	cases := hostiletest.Cases()
	if len(cases) < 200 {
		t.Fatalf("there are only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { harmless(t, c.Text) })
	}
}

// Marks that ask for too much work are shown as they were typed, and what is looked at is bounded in markup and depth.
func TestHostilePatterns(t *testing.T) {
	for _, size := range []int{1 << 10, 8 << 10, richtext.MaxMarked} {
		for _, c := range hostiletest.Patterns(size) {
			t.Run(c.Name, func(t *testing.T) { harmless(t, c.Text) })
		}
	}
	for _, name := range []string{
		"ticks of every length", "a deep quote and lazy lines", "a thousand quotes", "a deep list and lazy lines", "a wide table of short rows",
		"a long address by a short name", "brackets that open and close", "stairs of lists",
	} {
		for _, c := range hostiletest.Patterns(richtext.MaxMarked) {
			if c.Name == name && !strings.HasPrefix(string(richtext.Render(c.Text)), `<p class="typed">`) {
				t.Errorf("%s is not shown as it was typed", name)
			}
		}
	}
}

func harmless(t *testing.T, text string) {
	t.Helper()
	markup := string(richtext.Render(text))
	if len(markup) > richtext.MaxMarkup+6*len(text) {
		t.Fatalf("%d bytes became %d", len(text), len(markup))
	}
	checkMarkup(t, text, markup)
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(markup))
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		name, _ := tokens.TagName()
		switch tag := string(name); {
		case kind == html.StartTagToken && tag != "br" && tag != "hr":
			if open = append(open, tag); len(open) > 3*richtext.MaxDepth {
				t.Fatal("the markup is too deep")
			}
		case kind == html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tag {
				t.Fatalf("</%s> ends %v", tag, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("%v is not ended", open)
	}
	line := richtext.Summary(text)
	if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e }) {
		t.Errorf("the summary %q acts on what is around it", line)
	}
}

func TestSummary(t *testing.T) {
	for text, want := range map[string]string{
		"As **promised**, see [the *charts*](https://example.org/)": "As promised, see the charts",
		"# Title\n\n- one\n- [x] two\n\n> three":                    "Title one ☑ two three",
		"`code` and ~~gone~~ ![cat](https://example.org/c.png)":     "code and gone cat",
		"a <b>word</b>":             "a <b>word</b>",
		"<script>\nx\n</script>":    "<script> x </script>",
		"[a]: https://example.org/": "[a]: https://example.org/",
		"https://example.org/a_b_c": "https://example.org/a_b_c",
		"2 * 3 * 4 = 24":            "2 * 3 * 4 = 24",
		"snake_case_name":           "snake_case_name",
		"```\na < b\n```":           "a < b",
		"":                          "",
	} {
		if got := richtext.Summary(text); got != want {
			t.Errorf("%q is summed up as %q, want %q", text, got, want)
		}
	}
}

package search

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func parse(t *testing.T, text string) Query {
	t.Helper()
	q, err := Parse(text, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"hello wor":             `"hello" AND "wor"*`,
		"hello wor ":            `"hello" AND "wor"*`,
		`"hello world"`:         `"hello world"`,
		`"hello wor`:            `"hello wor"*`,
		`say "hello world" now`: `"say" AND "hello world" AND "now"*`,
		"foo-bar baz":           `"foo bar" AND "baz"*`,
		"from:bob hello":        `"hello"*`,
		"hel from:bob":          `"hel"*`,
		"http://x.org":          `"http x org"*`,
		"has:wings":             `"has wings"*`,
		`"from:bob"`:            `"from bob"`,
		`"from:bob`:             `"from bob"*`,
		"東京都":                   `"東京 京都"*`,
		"猫 犬":                   `"猫"* AND "犬"*`,
		`NEAR(a b) OR NOT -x*`:  `"near a" AND "b" AND "or" AND "not" AND "x"*`,
		`a" OR words:b`:         `"a" AND "or" AND "words b"*`,
		"?!":                    "",
		"subject:tide map":      `subject : "tide" AND "map"*`,
		`subject:"low tide"`:    `subject : "low tide"`,
		`subject:"low ti`:       `subject : "low ti"*`,
		"Subject:ti":            `subject : "ti"*`,
		"subject: map":          `"map"*`,
		"has:attachment map":    `"map"*`,
	} {
		if got := match(parse(t, text).Phrases); got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}
	if !parse(t, "?!").Asked || parse(t, "from:bob").Asked {
		t.Error("Asked is wrong")
	}
}

func TestParseNarrows(t *testing.T) {
	q := parse(t, `from:"Ada Lovelace" In:crew tag:todo has:file is:unread before:2026-12-31 after:2026-01 word`)
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC) }
	if q.From != "Ada Lovelace" || q.In != "crew" || q.Tag != "todo" || !q.Files || !q.Unread ||
		!q.Before.Equal(day(12, 31)) || !q.After.Equal(day(1, 1)) || match(q.Phrases) != `"word"*` {
		t.Errorf("%+v", q)
	}
	for _, text := range []string{"before:yesterday", "after:2026-13-01", strings.Repeat("x", MaxQuery+1)} {
		if _, err := Parse(text, time.UTC); !errors.Is(err, ErrQuery) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if q := parse(t, strings.Repeat("a ", 200)); len(q.Phrases) != MaxWords {
		t.Errorf("%d phrases", len(q.Phrases))
	}
}

// hostile are queries that would mean something to FTS5 or SQL.
var hostile = []string{
	`"`, `""`, `"""`, `'`, `';--`, `a' OR 1=1 --`, `{subject}:a`, `subject : a`, `^a`, `a*`, `*`, `a + b`, `NEAR("a" "b", 5)`, `(`, `)`,
	`a AND`, `NOT a`, `-a`, `words MATCH a`, `rank:b`, "a\x00b", "\xff\"", `\`, `%`, `?`, `?1`, `:from`, `@a`, `$a`, "from:", `from:"`, `from:"x`,
	`tag:"';DROP TABLE docs"`, `{`, `a : {b c} : d`, "\u202e\"x", strings.Repeat(`"`, MaxQuery), strings.Repeat("(", MaxQuery),
	strings.Repeat("a*", MaxQuery/2), strings.Repeat("a\" ", MaxQuery/3), strings.Repeat("猫", MaxQuery/3),
}

// Whatever is typed, FTS5 is given phrases in quotes with AND between them.
func FuzzParse(f *testing.F) {
	for _, seed := range hostile {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text, time.UTC)
		if err != nil {
			if !errors.Is(err, ErrQuery) || strings.Contains(err.Error(), "sql") {
				t.Fatal(err)
			}
			return
		}
		tokens := 0
		for _, p := range q.Phrases {
			tokens += len(p.words)
			for _, w := range p.words {
				if strings.ContainsAny(w, "\"' *():\x00") || !utf8.ValidString(w) {
					t.Fatalf("%q: the word %q", text, w)
				}
			}
		}
		if len(q.Phrases) > MaxWords || tokens > MaxTokens {
			t.Fatalf("%d phrases, %d words", len(q.Phrases), tokens)
		}
		var all strings.Builder
		for _, p := range q.Snippet(text, 240) {
			all.WriteString(p.Text)
		}
		if utf8.RuneCountInString(all.String()) > 240 {
			t.Fatalf("a snippet of %d characters", utf8.RuneCountInString(all.String()))
		}
	})
}

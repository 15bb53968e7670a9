package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// wordsFile is `words FILE FIELD WORDS`: it writes the list of words under a field of the JSON of FILE into the file WORDS.
func wordsFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: words file field words")
	}
	var answer map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &answer))
	list, _ := answer[args[1]].([]any)
	var words []string
	for _, word := range list {
		text, _ := word.(string)
		words = append(words, text)
	}
	if len(words) != 24 {
		ts.Fatalf("%d words in %s", len(words), args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Join(words, " ")+"\n"), 0o600))
}

// typoFile is `typo WORDS FILE`: it writes the words with the third one mistyped.
func typoFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: typo words file")
	}
	words := strings.Fields(ts.ReadFile(args[0]))
	words[2] += "qx"
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(words, "\n")), 0o600))
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"2026-05-01T12:00:00Z": time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		"2d":                   now.Add(-48 * time.Hour),
		"36h":                  now.Add(-36 * time.Hour),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"yesterday", "0s", "-2d", "2026-13-01"} {
		if _, err := parseSince(text, now); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

package enrolment

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// What others chose stays text on every page, and each language says the same things.
func TestPagesEscapeAndAreWhole(t *testing.T) {
	const hostile = `"><script>alert(1)</script>&'`
	for _, tag := range languages {
		if a, b := slices.Sorted(maps.Keys(words[tag])), slices.Sorted(maps.Keys(words["en"])); !slices.Equal(a, b) {
			t.Errorf("%s has other words than English: %v, %v", tag, a, b)
		}
		for _, name := range []string{"code", "again", "go", "words", "done", "back", "failed"} {
			page := string(screen{Lang: tag, Org: hostile, Title: hostile, Text: hostile, Page: hostile, Words: hostile, Name: hostile, W: words[tag]}.page(name))
			if strings.Contains(page, "<script") || strings.Contains(page, `"">`) || strings.Count(page, "<main>") != 1 {
				t.Errorf("%s in %s: %s", name, tag, page)
			}
		}
	}
}

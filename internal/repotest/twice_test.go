package repotest

import (
	"regexp"
	"strings"
	"testing"
)

var (
	fenced    = regexp.MustCompile("(?ms)^```.*?^```$")
	generated = regexp.MustCompile(`(?s)<!-- [a-z]+ -->.*?<!-- end of [a-z]+ -->`)
)

// beginning is by how many bytes lines of a document are told apart, and nearby within how many lines they have to be.
const (
	beginning = 48
	nearby    = 30
)

// Two versions of a line that stand one behind the other are what a merge leaves: one of them is out of date. Code, and what programs write,
// may repeat itself.
func TestDocumentsSayNothingTwice(t *testing.T) {
	blank := func(part string) string { return strings.Repeat("\n", strings.Count(part, "\n")) }
	each(t, func(f *file) bool { return strings.HasSuffix(f.path, ".md") && !published.MatchString(f.path) }, func(f *file) {
		text := fenced.ReplaceAllStringFunc(string(f.data), blank)
		text = generated.ReplaceAllStringFunc(text, blank)
		before := make(map[string]int)
		for i, line := range strings.Split(text, "\n") {
			begins := strings.TrimSpace(line)
			if len(begins) < beginning || strings.HasPrefix(line, "    ") || strings.Trim(begins, "|- ") == "" {
				continue
			}
			begins = begins[:beginning]
			if at, known := before[begins]; known && i-at < nearby {
				t.Errorf("%s: lines %d and %d begin alike: %q", f.path, at+1, i+1, begins)
			}
			before[begins] = i
		}
	})
}

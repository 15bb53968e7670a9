package names_test

import (
	"errors"
	"strings"
	"testing"

	"muster.example/membership/names"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"anna", "anna", true},
		{"anna", "Anna", false},
		{"anna", "annab", false},
		{"anna", "ann", false},
		{"*", "anna", true},
		{"a*", "anna", true},
		{"*a", "anna", true},
		{"a*a", "anna", true},
		{"a*a", "a", false},
		{"a*b", "anna", false},
		{"*n*", "anna", true},
		{"*nn?", "anna", true},
		{"?", "é", true},
		{"?", "ab", false},
		{"??", "山田", true},
		{"*.sales", "anna.sales", true},
		{"*.sales", ".sales", true},
		{"*.sales", "annaxsales", false},
		{"*.*", "anna.b.sales", true},
		{"*ab", "aab", true},
		{"*aab*", "aaab", true},
		{"*a?c*", "abbabc", true},
		{"Ж*", "Женя", true},
		{"*я", "Женя", true},
		{"[a]", "a", false},
		{`\*`, "*", false},
		{"", "", true},
		{"", "a", false},
		{"?", "", false},
	} {
		if got := names.Match(c.pattern, c.name); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.name, got)
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for _, pattern := range []string{"*", "?", "*.sales", "a*b*c*d*", "Ж*", "*'s ??", strings.Repeat("a", names.MaxName)} {
		if err := names.CheckPattern(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	for fault, pattern := range map[string]string{
		"empty":            "",
		"too long":         strings.Repeat("a", names.MaxName+1),
		"not UTF-8":        "a\xff",
		"decomposed":       "e\u0301*",
		"two stars":        "a**",
		"never in a name":  "anna@*",
		"compatibility":    "ﬃ*",
		"a line":           "a\n",
		"a class":          "[a-z]*",
		"assigned later":   "\U0002EBF0*",
		"not a character":  "a\uFFFF",
		"unseen character": "a\u200D*",
	} {
		if _, ok := errors.AsType[*names.Error](names.CheckPattern(pattern)); !ok {
			t.Errorf("%s: %+q is accepted", fault, pattern)
		}
	}
}

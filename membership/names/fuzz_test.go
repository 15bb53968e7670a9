package names_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"muster.example/membership/names"
)

var seeds = []string{
	"", "anna", "Anna B.", "paypaI", "O'Neill", "İsmail", "Strauß", "аlice", "דוד בן-גוריון", "علي ٣", "สมชาย น้ำใส", "ꮞꮙꮿ", "김철수",
	"ị\u0307", "e\u0301", "x\u0323\u0302\u0304\u0308\u030C", "a\u200Db", "ﬃ", "\xff", "ᾳ", "က္", strings.Repeat("Ⴀ", 64), strings.Repeat("\u0301", 40),
}

// What Check accepts is what it promises, and what it refuses it explains. [ROLL-30]
func FuzzCheck(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := names.Check(name, names.Tables)
		if err != nil {
			fault, ok := errors.AsType[*names.Error](err)
			if !ok || fault.Text == "" || !utf8.ValidString(fault.Text) || fault.Index >= len([]rune(name)) {
				t.Fatalf("%+q: %+v", name, err)
			}
			return
		}
		length := utf8.RuneCountInString(name)
		switch {
		case !utf8.ValidString(name), !norm.NFC.IsNormalString(name), length == 0, length > names.MaxName, len(name) > names.MaxBytes:
			t.Fatalf("%+q is accepted", name)
		case strings.Trim(name, " ") != name, strings.Contains(name, "  "):
			t.Fatalf("%+q is accepted with its spaces", name)
		}
		for _, r := range name {
			if !strings.ContainsRune(" .-_'", r) && !unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.Nd) {
				t.Fatalf("%+q is accepted with %U", name, r)
			}
		}
		if err := names.CheckPattern(name); err != nil {
			t.Fatalf("%+q is a name and no pattern: %v", name, err)
		}
		if !names.Match(name, name) {
			t.Fatalf("%+q does not match itself", name)
		}
	})
}

// The skeleton of a skeleton is itself, none is empty or out of proportion, and case never parts a name from itself.
// [ROLL-31]
func FuzzSkeletons(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed, uint64(0x5555555555555555))
	}
	f.Fuzz(func(t *testing.T, name string, capitals uint64) {
		skeletons := names.Skeletons(name, names.Tables)
		if names.Check(name, names.Tables) != nil {
			return
		}
		if len(skeletons) < 1 || len(skeletons) > 4 {
			t.Fatalf("%+q has the skeletons %+q", name, skeletons)
		}
		for _, s := range skeletons {
			if s == "" || len(s) > 16*len(name) {
				t.Fatalf("%+q has the skeleton %+q", name, s)
			}
			if again := names.Skeletons(s, names.Tables); again[0] != s {
				t.Fatalf("%+q has the skeleton %+q, which has %+q", name, s, again)
			}
		}
		i := -1
		other := strings.Map(func(r rune) rune {
			i++
			if capitals>>(i%64)&1 != 0 {
				return unicode.ToUpper(r)
			}
			return unicode.ToLower(r)
		}, name)
		if other = norm.NFC.String(other); !names.Alike(name, other, names.Tables) {
			t.Fatalf("%+q %+q and %+q %+q", name, skeletons, other, names.Skeletons(other, names.Tables))
		}
	})
}

// Match agrees with the plainest way to say what it does, which may take exponential time.
func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Add("*aab*", "aaab")
	f.Add("Ж*?", "Женя")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 24 || !utf8.ValidString(pattern) || !utf8.ValidString(name) {
			names.Match(pattern, name)
			return
		}
		if got, want := names.Match(pattern, name), plainMatch([]rune(pattern), []rune(name)); got != want {
			t.Fatalf("%q on %q: %v", pattern, name, got)
		}
	})
}

func plainMatch(pattern, name []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == '*':
		return plainMatch(pattern[1:], name) || len(name) > 0 && plainMatch(pattern, name[1:])
	case len(name) == 0:
		return false
	}
	return (pattern[0] == '?' || pattern[0] == name[0]) && plainMatch(pattern[1:], name[1:])
}

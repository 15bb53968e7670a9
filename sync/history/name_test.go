package history

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// [HIST-7]
func TestFileNames(t *testing.T) {
	for _, name := range []string{
		"a", ".profile", "two words.txt", "日本.pdf", "a..b", "co", "common.txt", "con1", "com", "com10", "nulls", "lpt",
		"what?.txt", strings.Repeat("x", MaxFileName), "-rf", "שלום.txt",
	} {
		if err := ValidateFileName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for why, names := range map[string][]string{
		"is no name":              {"", ".", "..", " ", "..."},
		"has a separator":         {"/", "/etc/passwd", "a/b", "a/", `a\b`, `\\host\share`, "c:", "a:stream"},
		"has a control character": {"a\x00b", "a\nb", "a\x7f", "a\u0085b", "a\u009b2J", "a\u2028b"},
		"is shown in another way": {"a\u202egpj.exe", "a\u2066b", "a\u200fb", "\u061ca"},
		"loses its end":           {"a.", "a ", "a. ."},
		"is a device":             {"CON", "con", "nul.txt", "NUL .txt", "Aux.c.gz", "com1", "LPT9.log", "com²", "conout$"},
		"is too long":             {strings.Repeat("x", MaxFileName+1)},
		"is no text":              {"a\xff", "\xc0\xaf"},
	} {
		for _, name := range names {
			if err := ValidateFileName(name); !errors.Is(err, ErrBody) {
				t.Errorf("%q %s and is accepted (%v)", name, why, err)
			}
		}
	}
}

// Whatever name is accepted, a file of that name lies in the folder that a person chose.
func TestFileNamesStayInTheirFolder(t *testing.T) {
	part := rapid.SampledFrom([]string{".", "..", "/", `\`, ":", "a", " ", "~", "\x00", "%", "con", "\u202e"})
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
		if ValidateFileName(name) != nil {
			return
		}
		joined := filepath.Join("folder", name)
		if filepath.Dir(joined) != "folder" || filepath.Base(joined) != name || !filepath.IsLocal(name) {
			t.Fatalf("%q is accepted and means %q", name, joined)
		}
	})
}

package envelope

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// [ENV-43]
func TestCheckText(t *testing.T) {
	for _, test := range []struct {
		name, text string
		ok         bool
	}{
		{"plain", "Hello, we met in Oslo.", true},
		{"other scripts", "Привет 你好 שלום नमस्ते", true},
		{"140 emoji", strings.Repeat("\U0001F600", 140), true},
		{"141 letters", strings.Repeat("x", 141), false},
		{"141 emoji", strings.Repeat("\U0001F600", 141), false},
		{"140 after NFC", strings.Repeat("e\u0301", 140), true},
		{"141 after NFC", strings.Repeat("e\u0301", 141), false},
		{"grows in NFC", strings.Repeat("\u0958", 100), false}, // excluded from composition: two code points each
		{"empty", "", false},
		{"blank", " \u00a0\u3000", false},
		{"line feed", "a\nb", false},
		{"tab", "a\tb", false},
		{"null", "a\x00b", false},
		{"delete", "a\x7fb", false},
		{"C1 control", "a\u0085b", false},
		{"right-to-left override", "a\u202eb", false},
		{"isolate", "a\u2066b", false},
		{"right-to-left mark", "a\u200fb", false},
		{"zero-width joiner", "a\u200db", false},
		{"soft hyphen", "a\u00adb", false},
		{"byte order mark", "\ufeffa", false},
		{"tag character", "a\U000E0041", false},
		{"line separator", "a\u2028b", false},
		{"paragraph separator", "a\u2029b", false},
		{"private use", "a\ue000b", false},
		{"noncharacter", "a\uffffb", false},
		{"not UTF-8", "a\xffb", false},
		{"surrogate", "a\xed\xa0\x80b", false},
		{"very long", strings.Repeat("x", 1<<20), false},
	} {
		err := CheckText(test.text)
		if (err == nil) != test.ok || err != nil && !errors.Is(err, ErrText) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// What the sender may send, every receiver takes. [ENV-43]
func TestCheckTextHoldsAfterNormalizing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 150, -1).Draw(t, "text")
		normal := NormalText(text)
		if (CheckText(text) == nil) != (CheckText(normal) == nil) || NormalText(normal) != normal {
			t.Fatalf("%q and %q are judged apart", text, normal)
		}
	})
}

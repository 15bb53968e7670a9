package names

import (
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func TestEachCharacterIsDecomposed(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		for _, text := range []string{string(r), "a\u0323" + string(r), string(r) + "\u0323\u0301"} {
			if got, want := decompose(text), norm.NFD.String(text); got != want {
				t.Fatalf("%+q: %+q, not %+q", text, got, want)
			}
		}
	}
}

func FuzzDecompose(f *testing.F) {
	for _, seed := range []string{"anna", "Nguyễn Thị Ánh", "김철수", "q\u0301\u0323", "\xff\u0301", "\u1100\u1161"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 30 {
			return // x/text parts longer stacks of marks than are in names
		}
		if got, want := decompose(text), norm.NFD.String(text); got != want {
			t.Fatalf("%+q: %+q, not %+q", text, got, want)
		}
	})
}

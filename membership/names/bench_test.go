package names_test

import (
	"strings"
	"testing"

	"muster.example/membership/names"
)

var samples = []struct{ kind, name string }{
	{"short", "Anna Müller"},
	{"ASCII64", strings.Repeat("AnnaMaria", 8)[:names.MaxName]},
	{"Vietnamese64", strings.Repeat("ệ", names.MaxName)},
	{"Cyrillic64", strings.Repeat("Ы", names.MaxName)},
	{"Hangul64", strings.Repeat("값", names.MaxName)},
	{"Han64", strings.Repeat("王", names.MaxName)},
	{"Armenian64", strings.Repeat("և", names.MaxName)},
}

func BenchmarkCheck(b *testing.B) {
	for _, s := range samples {
		b.Run(s.kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := names.Check(s.name, names.Tables); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSkeletons(b *testing.B) {
	for _, s := range samples {
		b.Run(s.kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				names.Skeletons(s.name, names.Tables)
			}
		})
	}
}

// A pattern at which matching by trial takes exponential time.
func BenchmarkMatch(b *testing.B) {
	pattern, name := strings.Repeat("a*", 31)+"b", strings.Repeat("a", names.MaxName)
	for b.Loop() {
		names.Match(pattern, name)
	}
}

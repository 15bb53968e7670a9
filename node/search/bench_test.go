package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// corpus are n messages of about 50 words of which most are common and some are rare, as in a language.
func corpus(n int) []Message {
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.1, 8, 40_000)
	all := make([]Message, n)
	for i := range all {
		var text strings.Builder
		for range 20 + random.IntN(60) {
			fmt.Fprintf(&text, "%s ", wordNumber(zipf.Uint64()))
		}
		all[i] = letter(i+1, text.String())
		all[i].Subject = wordNumber(zipf.Uint64())
	}
	return all
}

func wordNumber(n uint64) (word string) {
	for n += 20; n > 0; n /= 20 {
		word += string("bdfgklmnprstvzaeiouy"[n%20]) + string("aeiou"[n%5])
	}
	return word
}

// BenchmarkIndex indexes 100,000 messages, asks for them, and erases some: the figures of docs/benchmarks.md.
func BenchmarkIndex(b *testing.B) {
	const messages = 100_000
	all := corpus(messages) // takes minutes
	dir := b.TempDir()
	var x *Index
	b.Run("fill", func(b *testing.B) {
		for i := range b.N {
			path := fmt.Sprintf("%s/index-%d-%d", dir, b.N, i)
			x = openTest(b, path)
			for at := 0; at < messages; at += 64 {
				apply(b, x, Batch{Put: all[at:min(at+64, messages)]})
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(messages)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
		}
	})
	x = openTest(b, dir+"/queries")
	for at := 0; at < messages; at += MaxBatch {
		apply(b, x, Batch{Put: all[at:min(at+MaxBatch, messages)]})
	}
	for _, c := range []struct{ name, text string }{
		{"rare", `"` + wordNumber(30_000) + `"`}, {"common", `"` + wordNumber(1) + `"`}, {"two", wordNumber(1) + " " + wordNumber(300)},
		{"prefix1", "b"}, {"prefix2", wordNumber(500)[:2]}, {"prefix3", wordNumber(500)[:3]},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				find(b, x, c.text)
			}
		})
	}
	n := 0
	b.Run("erase", func(b *testing.B) {
		for b.Loop() {
			n++
			apply(b, x, Batch{Remove: []Removed{{orgA, idOf(n)}}})
		}
	})
}

package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
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
		all[i].Author, all[i].Conversation = keys.MemberID{byte(i % 20)}, keys.ConversationID{byte(i % 50)}
		if i%25 == 0 {
			all[i].Files = []string{wordNumber(zipf.Uint64()) + ".pdf"}
		}
		if i%5000 == 77 {
			all[i].Author, all[i].Text = keys.MemberID{77}, wordNumber(1)+" "+all[i].Text
		}
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
	all := corpus(messages)
	path := b.TempDir() + "/index"
	x := openTest(b, path)
	began := time.Now()
	for at := 0; at < messages; at += MaxBatch {
		apply(b, x, Batch{Put: all[at:min(at+MaxBatch, messages)]})
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d messages in %v, %.1f MiB", messages, time.Since(began).Round(10*time.Millisecond), float64(info.Size())/(1<<20))
	rare, common, middle := wordNumber(30_000), wordNumber(1), wordNumber(500)
	month := func(r *Request) { r.After, r.Before = 40_000_000, 44_000_000 } // of the middle: 4,000 messages
	for _, c := range []struct {
		name, text string
		change     func(*Request)
	}{
		{"rare", `"` + rare + `"`, nil}, {"common", `"` + common + `"`, nil}, {"two", common + " " + wordNumber(300), nil},
		{"phrase", `"` + wordNumber(2) + " " + common + `"`, nil},
		{"prefix1", "b", nil}, {"prefix2", middle[:2], nil}, {"prefix3", middle[:3], nil}, {"commonAndPrefix1", common + " b", nil},
		{"person", "", func(r *Request) { r.Authors = []keys.MemberID{{7}} }},
		{"personAndCommon", common, func(r *Request) { r.Authors = []keys.MemberID{{7}} }},
		{"seldomPersonAndCommon", common, func(r *Request) { r.Authors = []keys.MemberID{{77}} }},
		{"conversation", "", func(r *Request) { r.Conversations = []keys.ConversationID{{9}} }},
		{"month", "", month}, {"monthAndCommon", common, month},
		{"files", "", func(r *Request) { r.Files = true }},
		{"filesAndCommon", common, func(r *Request) { r.Files = true }},
	} {
		b.Run(c.name, func(b *testing.B) {
			hits := 0
			for b.Loop() {
				if c.change == nil {
					c.change = func(*Request) {}
				}
				hits = len(find(b, x, c.text, c.change))
			}
			if b.ReportMetric(float64(hits), "hits"); hits == 0 {
				b.Errorf("%s finds nothing", c.name)
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

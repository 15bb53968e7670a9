package search

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
)

// writer writes the messages of a corpus one after another: about 50 words each, of which few are common and most are rare, as in
// a language (Zipf's law, 200,000 words), from 300 people in 2,000 conversations, ten minutes apart.
type writer struct {
	random *rand.Rand
	words  *rand.Zipf
	n      int
}

func newWriter() *writer {
	random := rand.New(rand.NewPCG(3, 4))
	return &writer{random: random, words: rand.NewZipf(random, 1.1, 8, 200_000)}
}

const apart = 10 * 60 * 1000 // milliseconds

func (w *writer) next() Message {
	w.n++
	var text strings.Builder
	for range 20 + w.random.IntN(60) {
		text.WriteString(wordNumber(w.words.Uint64()))
		text.WriteByte(' ')
	}
	m := letter(w.n, text.String())
	m.Time = int64(w.n) * apart
	m.Subject = wordNumber(w.words.Uint64())
	m.Author = keys.MemberID{byte(w.random.IntN(25)), byte(w.random.IntN(12))}
	m.Conversation = keys.ConversationID{byte(w.random.IntN(200)), byte(w.random.IntN(10))}
	if w.random.IntN(25) == 0 {
		m.Files = []string{wordNumber(w.words.Uint64()) + ".pdf"}
	}
	return m
}

// questions are kinds of queries; draw makes one of a kind.
var questions = []struct {
	name string
	draw func(*rand.Rand) (string, func(*Request))
}{
	{"a rare word", func(r *rand.Rand) (string, func(*Request)) { return quoted(20_000 + r.IntN(150_000)), nil }},
	{"a usual word", func(r *rand.Rand) (string, func(*Request)) { return quoted(500 + r.IntN(5_000)), nil }},
	{"a common word", func(r *rand.Rand) (string, func(*Request)) { return quoted(r.IntN(100)), nil }},
	{"two words", func(r *rand.Rand) (string, func(*Request)) {
		return quoted(r.IntN(500)) + " " + quoted(r.IntN(5_000)), nil
	}},
	{"three words", func(r *rand.Rand) (string, func(*Request)) {
		return quoted(r.IntN(200)) + " " + quoted(r.IntN(200)) + " " + quoted(r.IntN(200)), nil
	}},
	{"a phrase of common words", func(r *rand.Rand) (string, func(*Request)) {
		return `"` + wordNumber(uint64(r.IntN(20))) + " " + wordNumber(uint64(r.IntN(20))) + `"`, nil
	}},
	{"the first letter of a word", func(r *rand.Rand) (string, func(*Request)) { return wordNumber(uint64(r.IntN(5_000)))[:1], nil }},
	{"two letters", func(r *rand.Rand) (string, func(*Request)) { return wordNumber(uint64(r.IntN(5_000)))[:2], nil }},
	{"three letters", func(r *rand.Rand) (string, func(*Request)) { return wordNumber(uint64(400 + r.IntN(5_000)))[:3], nil }},
	{"a word and a letter", func(r *rand.Rand) (string, func(*Request)) {
		return quoted(r.IntN(500)) + " " + wordNumber(uint64(r.IntN(5_000)))[:1], nil
	}},
	{"a person", func(r *rand.Rand) (string, func(*Request)) { return "", fromSomebody(r) }},
	{"a person and a usual word", func(r *rand.Rand) (string, func(*Request)) { return quoted(100 + r.IntN(2_000)), fromSomebody(r) }},
	{"a person and a common word", func(r *rand.Rand) (string, func(*Request)) { return quoted(r.IntN(50)), fromSomebody(r) }},
	{"a conversation and a common word", func(r *rand.Rand) (string, func(*Request)) {
		conversation := keys.ConversationID{byte(r.IntN(200)), byte(r.IntN(10))}
		return quoted(r.IntN(50)), func(q *Request) { q.Conversations = []keys.ConversationID{conversation} }
	}},
	{"a month and a common word", func(r *rand.Rand) (string, func(*Request)) {
		month := int64(r.IntN(200)) * 4000 * apart
		return quoted(r.IntN(50)), func(q *Request) { q.After, q.Before = month, month+4000*apart }
	}},
	{"files and a usual word", func(r *rand.Rand) (string, func(*Request)) {
		return quoted(50 + r.IntN(1_000)), func(q *Request) { q.Files = true }
	}},
	{"files and a common word", func(r *rand.Rand) (string, func(*Request)) {
		return quoted(r.IntN(50)), func(q *Request) { q.Files = true }
	}},
}

func quoted(word int) string { return `"` + wordNumber(uint64(word)) + `"` }

func fromSomebody(r *rand.Rand) func(*Request) {
	author := keys.MemberID{byte(r.IntN(25)), byte(r.IntN(12))}
	return func(q *Request) { q.Authors = []keys.MemberID{author} }
}

// BenchmarkMillion indexes a million messages, or as many as MUSTER_SEARCH_MESSAGES says, and asks 200 queries of each kind: the
// first page of 50 as the index gives it. MUSTER_SEARCH_INDEX names a file that is kept for the next time.
func BenchmarkMillion(b *testing.B) {
	messages := 1_000_000
	if text := os.Getenv("MUSTER_SEARCH_MESSAGES"); text != "" {
		var err error
		if messages, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	path := os.Getenv("MUSTER_SEARCH_INDEX")
	if path == "" {
		path = filepath.Join(b.TempDir(), "index")
	}
	x := openTest(b, path)
	write, batches := newWriter(), 0
	for range x.Stamp().Batch * MaxBatch {
		write.next()
	}
	began := time.Now()
	for int(x.Stamp().Batch)*MaxBatch < messages {
		batch := Batch{Put: make([]Message, 0, MaxBatch)}
		for range MaxBatch {
			batch.Put = append(batch.Put, write.next())
		}
		apply(b, x, batch)
		if batches++; batches%100 == 0 {
			b.Logf("%d messages in %v", batches*MaxBatch, time.Since(began).Round(time.Second))
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d messages indexed in %v, %.0f MiB", batches*MaxBatch, time.Since(began).Round(time.Second), float64(info.Size())/(1<<20))
	for _, q := range questions {
		b.Run(strings.ReplaceAll(q.name, " ", "_"), func(b *testing.B) { ask(b, x, q.draw) })
	}
}

// ask asks 200 queries and reports how long the middle one, the 198th and the last took.
func ask(b *testing.B, x *Index, draw func(*rand.Rand) (string, func(*Request))) {
	random := rand.New(rand.NewPCG(5, 6))
	took := make([]time.Duration, 200)
	found := 0
	for b.Loop() {
		for i := range took {
			text, change := draw(random)
			query, err := Parse(text, time.UTC)
			if err != nil {
				b.Fatal(err)
			}
			r := Request{Query: query, Orgs: []keys.OrgID{orgA}, Limit: 50}
			if change != nil {
				change(&r)
			}
			began := time.Now()
			page, err := x.Find(context.Background(), r)
			took[i] = time.Since(began)
			if err != nil {
				b.Fatal(fmt.Errorf("%s: %w", text, err))
			}
			found += len(page.Hits)
		}
	}
	slices.Sort(took)
	for name, at := range map[string]int{"p50-ms": 100, "p99-ms": 197, "most-ms": 199} {
		b.ReportMetric(float64(took[at].Microseconds())/1000, name)
	}
	b.ReportMetric(float64(found)/float64(len(took)*b.N), "hits")
}

package search

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
)

var (
	orgA, orgB = keys.OrgID{1}, keys.OrgID{2}
	testKey    = [32]byte{7}
)

func idOf(n int) (id keys.MessageID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	id[31] = 1
	return id
}

// letter is message number n in orgA.
func letter(n int, text string) Message {
	return Message{Org: orgA, ID: idOf(n), Conversation: keys.ConversationID{3}, Author: keys.MemberID{4}, Time: int64(n) * 1000, Text: text}
}

func openTest(t testing.TB, path string) *Index {
	t.Helper()
	x, err := Open(path, testKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func newIndex(t testing.TB, messages ...Message) *Index {
	t.Helper()
	x := openTest(t, filepath.Join(t.TempDir(), "index"))
	apply(t, x, Batch{Put: messages})
	return x
}

func apply(t testing.TB, x *Index, b Batch) {
	t.Helper()
	if err := x.Apply(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

// find returns the numbers of the messages that fit a query, in their order.
func find(t testing.TB, x *Index, text string, change ...func(*Request)) (all []int) {
	t.Helper()
	q, err := Parse(text, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	r := Request{Query: q, Orgs: []keys.OrgID{orgA, orgB}, Limit: 100}
	for _, c := range change {
		c(&r)
	}
	found, err := x.Find(context.Background(), r)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for _, hit := range found.Hits {
		all = append(all, int(binary.BigEndian.Uint64(hit.ID[:8])))
	}
	return all
}

func wants(t testing.TB, x *Index, text string, want ...int) {
	t.Helper()
	if diff := cmp.Diff(want, find(t, x, text)); diff != "" {
		t.Errorf("%q: %s", text, diff)
	}
}

func TestFind(t *testing.T) {
	m := []Message{
		letter(1, "the lighthouse keeper"), letter(2, "a light lunch"), letter(3, "東京都に行きました"), letter(4, "Crème brûlée"),
		letter(5, "nothing of it here"), letter(6, "keeper of bees"),
	}
	m[4].Subject, m[4].Files, m[4].Forwarded = "Light", []string{"map-of-harbour.pdf"}, []string{"an older letter about whales"}
	x := newIndex(t, m...)
	wants(t, x, "light", 5, 2, 1)
	wants(t, x, "light ", 5, 2, 1)
	wants(t, x, `"light"`, 5, 2)
	wants(t, x, "LIGHTHOUSE keep", 1)
	wants(t, x, `"keeper of"`, 6)
	wants(t, x, "of keeper", 6)
	wants(t, x, "京", 3)
	wants(t, x, "京都", 3)
	wants(t, x, "京東")
	wants(t, x, "した", 3)
	wants(t, x, "た", 3)
	wants(t, x, "creme BRULEE", 4)
	wants(t, x, "harbour.pdf", 5)
	wants(t, x, "whales", 5)
	wants(t, x, "?!")
}

func TestFindNarrows(t *testing.T) {
	m := []Message{letter(1, "word"), letter(2, "word"), letter(3, "word")}
	m[1].Author, m[1].Files = keys.MemberID{9}, []string{"a"}
	m[2].Org, m[2].Conversation = orgB, keys.ConversationID{8}
	x := newIndex(t, m...)
	for name, c := range map[string]struct {
		change func(*Request)
		want   []int
	}{
		"nothing":      {func(*Request) {}, []int{3, 2, 1}},
		"organization": {func(r *Request) { r.Orgs = []keys.OrgID{orgB} }, []int{3}},
		"author":       {func(r *Request) { r.Authors = []keys.MemberID{{9}, {10}} }, []int{2}},
		"conversation": {func(r *Request) { r.Conversations = []keys.ConversationID{{8}} }, []int{3}},
		"before":       {func(r *Request) { r.Before = 2000 }, []int{1}},
		"after":        {func(r *Request) { r.After = 2000 }, []int{3, 2}},
		"files":        {func(r *Request) { r.Files = true }, []int{2}},
		"among some":   {func(r *Request) { r.Among = map[keys.MessageID]bool{idOf(1): true, idOf(3): true, idOf(9): true} }, []int{3, 1}},
		"among none":   {func(r *Request) { r.Among = map[keys.MessageID]bool{} }, nil},
		"nobody":       {func(r *Request) { r.Authors = []keys.MemberID{{77}} }, nil},
	} {
		for _, text := range []string{"word", ""} {
			got := find(t, x, text, c.change)
			slices.SortFunc(got, func(a, b int) int { return b - a }) // a file's name counts in the rank
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, %q: %v, want %v", name, text, got, c.want)
			}
		}
	}
}

// Of one rank the newest comes first, in whatever order the index heard of them.
func TestNewestFirst(t *testing.T) {
	x := newIndex(t, letter(3, "one word"), letter(1, "a word"), letter(2, "the word"))
	wants(t, x, "word", 3, 2, 1)
	wants(t, x, "", 3, 2, 1)
}

// Pages of one walk hold each message once, though messages come meanwhile.
func TestFindPages(t *testing.T) {
	var m []Message
	for i := range 25 {
		m = append(m, letter(i+1, "word"))
	}
	x := newIndex(t, m...)
	var all []int
	r := Request{Query: parse(t, "word"), Orgs: []keys.OrgID{orgA}, Limit: 10}
	for more := true; more; {
		found, err := x.Find(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, hit := range found.Hits {
			all = append(all, int(binary.BigEndian.Uint64(hit.ID[:8])))
		}
		r.From, more = found.Mark(len(found.Hits)), found.More
		apply(t, x, Batch{Put: []Message{letter(100+len(all), "word")}})
	}
	if len(all) != 25 || all[0] != 25 || all[24] != 1 {
		t.Errorf("%v", all)
	}
}

func TestPutAgainReplaces(t *testing.T) {
	x := newIndex(t, letter(1, "first"), letter(2, "other"))
	apply(t, x, Batch{Put: []Message{letter(1, "second")}})
	apply(t, x, Batch{Put: []Message{letter(1, "second")}})
	wants(t, x, "first")
	wants(t, x, "second", 1)
	apply(t, x, Batch{Remove: []Removed{{orgA, idOf(1)}, {orgB, idOf(2)}, {orgA, idOf(9)}}})
	wants(t, x, "second")
	wants(t, x, "other", 2)
}

func TestHostileQueries(t *testing.T) {
	x := newIndex(t, letter(1, "a b c subject words rank"))
	for _, text := range hostile {
		q, err := Parse(text, time.UTC)
		if err != nil {
			continue
		}
		if _, err := x.Find(t.Context(), Request{Query: q, Orgs: []keys.OrgID{orgA}, Limit: 10}); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	wants(t, x, "rank", 1)
}

// What the index finds is what somebody finds who reads all messages, whatever was edited and removed.
func TestFindsWhatAReaderFinds(t *testing.T) {
	alphabet := []string{"sea", "seal", "sealing", "Öl", "oil", "東京", "京都", "東", "ไทย", "no-one", "don't", "1", "12", "é"}
	path := filepath.Join(t.TempDir(), "index")
	rapid.Check(t, func(rt *rapid.T) {
		x := openTest(t, path)
		if err := x.Reset(); err != nil {
			rt.Fatal(err)
		}
		text := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 6), func(w []string) string { return strings.Join(w, " ") })
		texts := make(map[int]string)
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			n := rapid.IntRange(1, 5).Draw(rt, "message")
			b := Batch{Remove: []Removed{{orgA, idOf(n)}}}
			delete(texts, n)
			if rapid.Bool().Draw(rt, "put") {
				texts[n] = text.Draw(rt, "text")
				b = Batch{Put: []Message{letter(n, texts[n])}}
			}
			apply(t, x, b)
		}
		asked := rapid.SliceOfN(rapid.SampledFrom(alphabet), 1, 2).Draw(rt, "asked")
		var want []int
		for n, text := range texts {
			if reads(text, asked) {
				want = append(want, n)
			}
		}
		got := find(t, x, strings.Join(asked, " "))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("%q in %v: %v, want %v", asked, texts, got, want)
		}
		x.Close()
	})
}

// reads reports whether somebody who reads a text finds all words in it, of the last one the beginning.
func reads(text string, asked []string) bool {
	plain := strings.NewReplacer("ö", "o", "é", "e", "-", " ", "'", " ")
	text = " " + plain.Replace(strings.ToLower(text)) + " "
	for i, word := range asked {
		word = plain.Replace(strings.ToLower(word))
		switch {
		case word[0] >= 0x80: // without spaces
		case i == len(asked)-1:
			word = " " + word
		default:
			word = " " + word + " "
		}
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// Neither the file nor its journal holds a word; decrypted it does, which shows that the test looks in the right place.
func TestFileHoldsNoPlaintext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	x := openTest(t, path)
	for i := range 50 {
		apply(t, x, Batch{Put: []Message{letter(i, fmt.Sprintf("xylophone%d secretword", i))}})
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, plain := range []string{"xylophone", "secretword", "SQLite format", "CREATE", string(testKey[:8])} {
			if bytes.Contains(data, []byte(plain)) {
				t.Errorf("%s holds %q", file, plain)
			}
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file has mode %v: %v", info.Mode(), err)
	}
	if !bytes.Contains(opened(t, x), []byte("xylophone")) {
		t.Error("the opened file does not hold what was indexed")
	}
}

// opened returns the pages of the file as the index reads them.
func opened(t *testing.T, x *Index) []byte {
	t.Helper()
	x.turn <- struct{}{}
	defer x.leave()
	var all []byte
	pages, err := x.number(`PRAGMA page_count`)
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	backup, err := x.conn.BackupInit("main", plain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Step(-1); err != nil {
		t.Fatal(err)
	}
	if err := backup.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err = os.ReadFile(plain); err != nil || int64(len(all)) != pages*4096 {
		t.Fatalf("%d bytes of %d pages: %v", len(all), pages, err)
	}
	return all
}

// Of what is removed or replaced, nothing is left in the file, not even in freed pages.
func TestErasedLeavesNoByte(t *testing.T) {
	x := newIndex(t)
	for i := range 40 { // in several segments of FTS5's index
		text := fmt.Sprintf("common word%d", i)
		switch i {
		case 7:
			text = "common removedtoken " + strings.Repeat("longtail ", 4000) + "東京"
		case 8:
			text = "common editedtoken"
		}
		apply(t, x, Batch{Put: []Message{letter(i, text)}})
	}
	erased := []string{"removedtoken", "longtail", "editedtoken", "東京"}
	before := opened(t, x)
	for _, token := range erased {
		if !bytes.Contains(before, []byte(token)) {
			t.Errorf("%s was not there", token)
		}
	}
	apply(t, x, Batch{Remove: []Removed{{orgA, idOf(7)}}, Put: []Message{letter(8, "common newtoken")}})
	after := opened(t, x)
	for _, token := range erased {
		if bytes.Contains(after, []byte(token)) {
			t.Errorf("%s is still there", token)
		}
	}
	if !bytes.Contains(after, []byte("newtoken")) || len(find(t, x, "common")) != 39 {
		t.Error("more than that is gone")
	}
}

func TestMadeAnew(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string) [32]byte{
		"under another key":  func(*testing.T, string) [32]byte { return [32]byte{8} },
		"missing":            func(t *testing.T, path string) [32]byte { return must(t, os.Remove(path)) },
		"empty":              func(t *testing.T, path string) [32]byte { return must(t, os.WriteFile(path, nil, 0o600)) },
		"something else":     func(t *testing.T, path string) [32]byte { return must(t, os.WriteFile(path, []byte("hello"), 0o600)) },
		"cut off":            func(t *testing.T, path string) [32]byte { return must(t, os.Truncate(path, 8192)) },
		"damaged at its end": func(t *testing.T, path string) [32]byte { return flip(t, path, -1) },
		"damaged in front":   func(t *testing.T, path string) [32]byte { return flip(t, path, 50) },
		"of another version": func(t *testing.T, path string) [32]byte {
			x := openTest(t, path)
			if err := x.exec(`UPDATE meta SET value = 'another'`); err != nil {
				t.Fatal(err)
			}
			x.Close()
			return testKey
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index")
			x := openTest(t, path)
			apply(t, x, Batch{Put: []Message{letter(1, "word")}, Places: map[keys.OrgID][]byte{orgA: {1}}})
			stamp := x.Stamp()
			x.Close()
			again, err := Open(path, harm(t, path))
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if again.Stamp().ID == stamp.ID { // found out later, when what is damaged is read
				_, err := again.Find(t.Context(), Request{Query: parse(t, "word"), Orgs: []keys.OrgID{orgA}, Limit: 1})
				_, other := again.Place(t.Context(), orgA)
				third := again.Apply(t.Context(), Batch{Remove: []Removed{{orgA, idOf(1)}}})
				if err := errors.Join(err, other, third); !errors.Is(err, ErrDamaged) {
					t.Fatalf("a damaged file was used: %v", err)
				}
				if err := again.Reset(); err != nil {
					t.Fatal(err)
				}
			}
			if place, err := again.Place(t.Context(), orgA); err != nil || place != nil || again.Stamp().ID == stamp.ID {
				t.Errorf("%v, %v", place, err)
			}
			wants(t, again, "word")
			apply(t, again, Batch{Put: []Message{letter(1, "word")}})
			wants(t, again, "word", 1)
		})
	}
}

func must(t *testing.T, err error) [32]byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return testKey
}

// flip changes one byte of every page, or of one at a place.
func flip(t *testing.T, path string, at int) [32]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at >= 0 {
		data[at] ^= 1
	} else {
		for at := 4096 + 100; at < len(data); at += 4096 {
			data[at] ^= 1
		}
	}
	return must(t, os.WriteFile(path, data, 0o600))
}

func TestOpensAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	x := openTest(t, path)
	apply(t, x, Batch{Put: []Message{letter(1, "word")}, Places: map[keys.OrgID][]byte{orgA: {1, 2}}})
	stamp := x.Stamp()
	x.Close()
	x = openTest(t, path)
	place, err := x.Place(t.Context(), orgA)
	if err != nil || !bytes.Equal(place, []byte{1, 2}) || x.Stamp() != stamp || stamp.Batch != 1 {
		t.Errorf("%v %v, %+v instead of %+v", place, err, x.Stamp(), stamp)
	}
	wants(t, x, "word", 1)
}

// A batch that fails changes nothing.
func TestBatchIsWhole(t *testing.T) {
	x := newIndex(t, letter(1, "word"))
	stop, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Apply(stop, Batch{Put: []Message{letter(2, "word")}}); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := x.change(func() error {
		m := letter(3, "word")
		return errors.Join(x.put(&m), boom)
	})
	if !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if got := find(t, x, "word"); slices.Contains(got, 3) || !slices.Contains(got, 1) {
		t.Errorf("%v", got)
	}
	if err := x.Apply(t.Context(), Batch{Put: make([]Message, MaxBatch+1)}); err == nil {
		t.Error("a batch beyond the limit")
	}
}

func TestErrorsSayNothing(t *testing.T) {
	x := newIndex(t)
	err := failure(x.conn.Exec("SELECT secretword"))
	if err == nil || strings.Contains(err.Error(), "secretword") {
		t.Errorf("%v", err)
	}
	if got := failure(sqlite3.FULL); !errors.Is(got, ErrFull) {
		t.Errorf("%v", got)
	}
}

// What fits more messages than are ranked is walked to its end, the newest first, each message once, though messages come
// meanwhile.
func TestFindPagesBeyondTheRanked(t *testing.T) {
	const messages = MaxRanked + 700
	var m []Message
	for i := range messages {
		m = append(m, letter(i+1, "word"))
	}
	for _, text := range []string{"word", ""} {
		x := newIndex(t)
		for at := 0; at < messages; at += MaxBatch {
			apply(t, x, Batch{Put: m[at:min(at+MaxBatch, messages)]})
		}
		r := Request{Query: parse(t, text), Orgs: []keys.OrgID{orgA}, Limit: 1500}
		next := messages
		for more := true; more; {
			found, err := x.Find(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			used := min(len(found.Hits), 1400) // as by somebody who takes less than was found
			for _, hit := range found.Hits[:used] {
				if n := int(binary.BigEndian.Uint64(hit.ID[:8])); n != next {
					t.Fatalf("%q: %d comes where %d is next", text, n, next)
				}
				next--
			}
			r.From, more = found.Mark(used), found.More || used < len(found.Hits)
			apply(t, x, Batch{Put: []Message{letter(messages+next+10, "word")}})
		}
		if next != 0 {
			t.Errorf("%q: %d messages were not found", text, next)
		}
	}
}

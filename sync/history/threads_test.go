package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
)

// listing is all that an index shows, for comparing.
type listing struct {
	Threads       []listed
	Conversations []ConversationCount
	Unread        int
	Mentions      int
	Edited        []keys.MessageID
	Tags          []TagCount
	Read          []keys.MessageID
}

// listed is a thread with all that is asked of it.
type listed struct {
	ID           keys.MessageID
	Conversation Conversation
	Newest       Position
	Messages     []Position
	Hidden       int
	Count        int
	Unread       int
	Sent, Files  bool
	Mentioned    bool
	Edited       []keys.MessageID
	Titles       []keys.MessageID
	Tags         []string
}

func sorted(ids []keys.MessageID) []keys.MessageID {
	slices.SortFunc(ids, keys.MessageID.Compare)
	return ids
}

func listThread(th Thread) listed {
	l := listed{
		ID: th.ID(), Conversation: th.Conversation(), Count: th.Messages(), Unread: th.Unread(), Sent: th.Sent(), Files: th.Files(),
		Titles: slices.Collect(th.Titles()), Tags: th.Tags(),
	}
	l.Newest, _ = th.Newest()
	l.Mentioned, l.Edited = th.Mentioned()
	for at, hidden := range th.Back(nil) {
		l.Messages = append(l.Messages, at)
		if hidden {
			l.Hidden++
		}
	}
	return l
}

func list(t *Threads) (l listing) {
	threads, _ := t.List(ThreadFilter{}, nil, 1000)
	for _, th := range threads {
		l.Threads = append(l.Threads, listThread(th))
	}
	l.Conversations, l.Tags = t.Conversations(), t.Tags()
	l.Unread, l.Mentions, l.Edited = t.Unread()
	sorted(l.Edited)
	for id := range t.refs {
		if t.Read(id) {
			l.Read = append(l.Read, id)
		}
	}
	sorted(l.Read)
	return l
}

// index folds records, with member 3 blocked, and takes away what is over at 1.
func index(records []Record) *Threads {
	t := NewThreads(member(1))
	for _, r := range records {
		t.Apply(r)
	}
	t.See(map[keys.MemberID]bool{member(3): true})
	t.Expire(1)
	return t
}

// drawnForThreads draws records of few messages, threads, places and tags, so that they meet in every way.
func drawnForThreads() *rapid.Generator[Record] {
	few := rapid.ByteRange(1, 3)
	return rapid.Custom(func(t *rapid.T) Record {
		r := Record{
			Device: device(few.Draw(t, "device")), Sequence: rapid.Uint64Range(1, 2).Draw(t, "sequence"),
			Clock: Clock{Wall: rapid.Int64Range(0, 2).Draw(t, "wall"), Counter: rapid.Uint32Range(0, 1).Draw(t, "counter")},
			Kind: rapid.SampledFrom([]RecordKind{RecordMessage, RecordMessage, RecordMessage, RecordRead, RecordUnread,
				RecordTag, RecordAct}).Draw(t, "kind"),
		}
		message := MessageID(device(few.Draw(t, "author")), nonce(few.Draw(t, "nonce")))
		switch r.Kind {
		case RecordMessage:
			r.Message = drawnMessage(t)
		case RecordRead:
			r.Read = &Read{Message: message}
		case RecordUnread:
			r.Unread = &Read{Message: message}
		case RecordTag:
			r.Tag = &Tag{Message: message, Tag: rapid.SampledFrom([]string{"a", "A", "ß"}).Draw(t, "tag"), Off: rapid.Bool().Draw(t, "off")}
		case RecordAct:
			a := acted(1, 1, Edit{Message: message, Text: "x"}).Act
			r.Act = &a
		}
		return r
	})
}

func drawnMessage(t *rapid.T) *Message {
	few := rapid.ByteRange(1, 3)
	author := few.Draw(t, "author")
	m := &Message{Author: device(author), Member: member(author), Text: Text{Nonce: nonce(few.Draw(t, "nonce"))}}
	m.Conversation[0] = rapid.ByteRange(0, 1).Draw(t, "conversation")
	switch group := keys.GroupID(member(7)); rapid.IntRange(0, 2).Draw(t, "place") {
	case 0:
		m.Text.Group = &group
	case 1:
		m.Text.To = []keys.MemberID{member(1 + author%3)}
	default:
		m.Text.To = []keys.MemberID{member(1 + author%3), member(1 + (author+1)%3)}
	}
	if rapid.Bool().Draw(t, "in a thread") {
		root := MessageID(device(few.Draw(t, "root's author")), nonce(few.Draw(t, "root's nonce")))
		m.Text.Thread = &root
	}
	m.Text.Subject = rapid.SampledFrom([]string{"", "s"}).Draw(t, "subject")
	m.Text.Lifetime = rapid.SampledFrom([]uint64{0, 0, 1}).Draw(t, "lifetime")
	m.Text.Time = rapid.SampledFrom([]int64{0, 2000}).Draw(t, "time")
	if m.Text.Mentions = nil; rapid.Bool().Draw(t, "mentions") {
		m.Text.Mentions = []keys.MemberID{member(1)}
	}
	switch rapid.IntRange(0, 4).Draw(t, "form") {
	case 0:
		m.Signed = []byte{1}
	case 1:
		*m = m.Erase(ErasedDeleted)
	case 2:
		*m = m.Erase(ErasedExpired)
	}
	return m
}

// [HIST-21]
func TestThreadsAreTheSameInAnyOrderAndAnyNumberOfTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(drawnForThreads(), 1, 14).Draw(t, "records")
		again := slices.Concat(records, rapid.SliceOfN(rapid.SampledFrom(records), 0, 6).Draw(t, "again"))
		again = rapid.Permutation(again).Draw(t, "order")
		want := list(index(records))
		if diff := cmp.Diff(want, list(index(again)), cmp.AllowUnexported(Clock{})); diff != "" {
			t.Fatal("in another order:", diff)
		}
		step := index(nil)
		for _, r := range again {
			step.Apply(r)
		}
		step.Expire(1)
		if diff := cmp.Diff(want, list(step), cmp.AllowUnexported(Clock{})); diff != "" {
			t.Fatal("kept in step:", diff)
		}
		checkSums(t, step)
	})
}

// checkSums holds the numbers of an index against each other.
func checkSums(t *rapid.T, index *Threads) {
	all := list(index)
	unread, messages := 0, 0
	for i, th := range all.Threads {
		unread, messages = unread+th.Unread, messages+th.Count
		if th.Count != len(th.Messages)-th.Hidden || th.Count == 0 || i > 0 && th.Newest.Compare(all.Threads[i-1].Newest) >= 0 {
			t.Fatalf("thread %d of %+v", i, all.Threads)
		}
		for _, at := range th.Messages {
			if of, ok := index.Thread(at.Message); !ok || of.ID() != th.ID {
				t.Fatalf("message %s is in another thread than it is listed in", at.Message.Short())
			}
		}
		if of, ok := index.Thread(th.ID); !ok || of.ID() != th.ID {
			t.Fatal("a thread's id stands for another thread")
		}
	}
	for _, c := range all.Conversations {
		unread, messages = unread-c.Unread, messages-c.Messages
	}
	if unread != 0 || messages != 0 {
		t.Fatalf("threads and conversations differ by %d messages, %d not read", messages, unread)
	}
}

// said returns the record of the nth message, of a member to others, that came at a time, after a change.
func said(n, author byte, at int64, change func(m *Message)) Record {
	group := keys.GroupID(member(7))
	m := &Message{Author: device(author), Member: member(author), Conversation: keys.ConversationID(member(7)),
		Text: Text{Nonce: nonce(n), Group: &group, Text: "x"}, Signed: []byte{1}}
	if change != nil {
		change(m)
	}
	return Record{Device: device(1), Sequence: uint64(n), Clock: Clock{Wall: at}, Kind: RecordMessage, Message: m}
}

func answers(r Record) func(m *Message) {
	id := r.Message.ID()
	return func(m *Message) { m.Text.Reply, m.Text.Thread = &id, &id }
}

func marked(r Record, at int64, read bool) Record {
	mark := &Read{Message: r.Message.ID()}
	if read {
		return Record{Device: device(1), Sequence: 90, Clock: Clock{Wall: at}, Kind: RecordRead, Read: mark}
	}
	return Record{Device: device(1), Sequence: 91, Clock: Clock{Wall: at}, Kind: RecordUnread, Unread: mark}
}

func taggedAs(r Record, at int64, tag string, off bool) Record {
	return Record{Device: device(1), Sequence: uint64(at), Clock: Clock{Wall: at}, Kind: RecordTag,
		Tag: &Tag{Message: r.Message.ID(), Tag: tag, Off: off}}
}

// counted sums up an index in one line: of each thread its messages and how many are not read, then both numbers of all.
func counted(t *Threads) string {
	text := ""
	threads, _ := t.List(ThreadFilter{}, nil, 100)
	for _, th := range threads {
		text += fmt.Sprintf("%d/%d ", th.Messages(), th.Unread())
	}
	unread, mentions, edited := t.Unread()
	return text + fmt.Sprintf("= %d, %d mention, %d edited", unread, mentions, len(edited))
}

// [HIST-20] [HIST-21] [API-24]
func TestWhatThreadsCount(t *testing.T) {
	first := said(1, 2, 1, nil)
	second := said(2, 2, 2, answers(first))
	other := said(3, 2, 3, func(m *Message) { m.Text.Mentions = []keys.MemberID{member(1)} })
	edit := Record{Device: device(1), Sequence: 80, Clock: Clock{Wall: 9}, Kind: RecordAct}
	act := acted(2, 2, Edit{Message: other.Message.ID(), Text: "y"}).Act
	edit.Act = &act
	erased := func(r Record, why Erased) Record {
		m := r.Message.Erase(why)
		r.Message = &m
		return r
	}
	for name, c := range map[string]struct {
		records []Record
		want    string
	}{
		"nothing":                         {nil, "= 0, 0 mention, 0 edited"},
		"a thread of two, and a newer":    {[]Record{other, second, first}, "1/1 2/2 = 3, 1 mention, 0 edited"},
		"an answer whose first is lost":   {[]Record{second}, "1/1 = 1, 0 mention, 0 edited"},
		"a mark":                          {[]Record{first, marked(first, 2, true)}, "1/0 = 0, 0 mention, 0 edited"},
		"a mark before its message":       {[]Record{marked(first, 2, true), first}, "1/0 = 0, 0 mention, 0 edited"},
		"a mark that was ended":           {[]Record{first, marked(first, 3, false), marked(first, 2, true)}, "1/1 = 1, 0 mention, 0 edited"},
		"a mark after an end":             {[]Record{first, marked(first, 3, true), marked(first, 2, false)}, "1/0 = 0, 0 mention, 0 edited"},
		"an own message":                  {[]Record{said(4, 1, 4, nil)}, "1/0 = 0, 0 mention, 0 edited"},
		"one that was taken back":         {[]Record{first, erased(first, ErasedDeleted)}, "1/1 = 1, 0 mention, 0 edited"},
		"one that expired":                {[]Record{first, second, erased(second, ErasedExpired)}, "1/1 = 1, 0 mention, 0 edited"},
		"a thread of which all expired":   {[]Record{first, erased(first, ErasedExpired)}, "= 0, 0 mention, 0 edited"},
		"one that lived until then":       {[]Record{first, said(5, 2, 0, func(m *Message) { m.Text.Lifetime, m.Text.Time = 1, -999 })}, "1/1 = 1, 0 mention, 0 edited"},
		"one that lives on":               {[]Record{said(5, 2, 0, func(m *Message) { m.Text.Lifetime = 1 })}, "1/1 = 1, 0 mention, 0 edited"},
		"one that was edited":             {[]Record{other, edit}, "1/1 = 1, 0 mention, 1 edited"},
		"one that was edited and read":    {[]Record{edit, other, marked(other, 9, true)}, "1/0 = 0, 0 mention, 0 edited"},
		"a blocked member's":              {[]Record{first, said(6, 3, 9, answers(first))}, "1/1 = 1, 0 mention, 0 edited"},
		"a blocked member's alone":        {[]Record{said(6, 3, 9, nil)}, "= 0, 0 mention, 0 edited"},
		"a blocked member's to one alone": {[]Record{said(6, 3, 9, func(m *Message) { m.Text.Group, m.Text.To = nil, members(1) })}, "1/0 = 0, 0 mention, 0 edited"},
		"two records of one message":      {[]Record{first, said(1, 2, 5, nil)}, "1/1 = 1, 0 mention, 0 edited"},
	} {
		if got := counted(index(c.records)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestThreadGoesOnElsewhere answers a thread in another conversation: that is a thread of its own with an id of its own.
func TestThreadGoesOnElsewhere(t *testing.T) {
	first := said(1, 2, 1, nil)
	aside := said(2, 2, 2, func(m *Message) {
		answers(first)(m)
		m.Text.Group, m.Text.To, m.Conversation = nil, members(1), keys.ConversationID(member(8))
	})
	x := index([]Record{first, aside})
	threads, more := x.List(ThreadFilter{}, nil, 9)
	if len(threads) != 2 || more || threads[0].ID() != aside.Message.ID() || threads[1].ID() != first.Message.ID() {
		t.Fatalf("%d threads, more %t", len(threads), more)
	}
	if threads, _ := index([]Record{aside}).List(ThreadFilter{}, nil, 9); len(threads) != 1 || threads[0].ID() != first.Message.ID() {
		t.Error("without the first message there is no doubt")
	}
}

// [HIST-20]
func TestTags(t *testing.T) {
	first, second := said(1, 2, 1, nil), said(2, 2, 2, nil)
	hidden := said(3, 3, 3, nil)
	for name, c := range map[string]struct {
		records []Record
		want    []TagCount
	}{
		"two messages":             {[]Record{taggedAs(first, 5, "Todo", false), taggedAs(second, 6, "Todo", false)}, []TagCount{{"Todo", 2}}},
		"another case":             {[]Record{taggedAs(first, 6, "todo", false), taggedAs(second, 5, "ToDO", false)}, []TagCount{{"todo", 2}}},
		"taken off":                {[]Record{taggedAs(first, 6, "ToDO", true), taggedAs(first, 5, "todo", false)}, nil},
		"put on again":             {[]Record{taggedAs(first, 6, "todo", true), taggedAs(first, 7, "todo", false)}, []TagCount{{"todo", 1}}},
		"two tags":                 {[]Record{taggedAs(first, 6, "b", false), taggedAs(first, 7, "A", false)}, []TagCount{{"A", 1}, {"b", 1}}},
		"a message that is hidden": {[]Record{taggedAs(hidden, 6, "b", false)}, nil},
		"no message":               {[]Record{taggedAs(said(9, 2, 1, nil), 6, "b", false)}, nil},
	} {
		x := index(append(c.records, first, second, hidden))
		if diff := cmp.Diff(c.want, x.Tags()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, count := range c.want {
			threads, _ := x.List(ThreadFilter{Tag: count.Tag}, nil, 9)
			if tagged := x.Tagged(strings.ToUpper(count.Tag)); len(tagged) != count.Messages {
				t.Errorf("%s: %d messages bear %s", name, len(tagged), count.Tag)
			}
			if len(threads) != count.Messages || !slices.Contains(threads[0].Tags(), count.Tag) {
				t.Errorf("%s: %d threads bear %s", name, len(threads), count.Tag)
			}
		}
	}
	x := index([]Record{first, taggedAs(first, 5, "Todo", false)})
	if id := first.Message.ID(); !x.HasTag(id, "tODO") || x.HasTag(id, "tod") || x.HasTag(second.Message.ID(), "todo") {
		t.Error("HasTag")
	}
}

// TestThreadPages turns pages over threads and back over messages: each comes once.
func TestThreadPages(t *testing.T) {
	var records []Record
	for n := byte(1); n <= 25; n++ {
		change := func(*Message) {}
		if n > 20 {
			change = answers(records[0])
		}
		records = append(records, said(n, 2, int64(n/2), change)) // two at each moment
	}
	x := index(records)
	var got []keys.MessageID
	var after *Position
	for more := true; more; {
		var page []Thread
		page, more = x.List(ThreadFilter{}, after, 7)
		for _, th := range page {
			newest, _ := th.Newest()
			got, after = append(got, th.ID()), &newest
		}
	}
	if len(got) != 20 || got[0] != records[0].Message.ID() || len(slices.Compact(sorted(slices.Clone(got)))) != 20 {
		t.Errorf("%d threads", len(got))
	}
	th, _ := x.Thread(records[22].Message.ID())
	var before *Position
	var back []keys.MessageID
	for range 7 {
		for at := range th.Back(before) {
			back, before = append(back, at.Message), &at
			break
		}
	}
	if len(back) != 6 || back[5] != records[0].Message.ID() || len(slices.Compact(sorted(slices.Clone(back)))) != 6 {
		t.Errorf("%d messages", len(back))
	}
}

func TestFilters(t *testing.T) {
	read, own := said(1, 2, 1, nil), said(2, 1, 2, nil)
	elsewhere := said(3, 2, 3, func(m *Message) { m.Conversation = keys.ConversationID(member(8)) })
	report := said(4, 2, 4, func(m *Message) { m.Report, m.Conversation = true, keys.ConversationID(member(9)) })
	x := index([]Record{read, marked(read, 5, true), own, elsewhere, report, marked(report, 6, true)})
	for name, c := range map[string]struct {
		filter ThreadFilter
		want   Record
	}{
		"unread":       {ThreadFilter{Unread: true}, elsewhere},
		"sent":         {ThreadFilter{Sent: true}, own},
		"reports":      {ThreadFilter{Reports: true}, report},
		"conversation": {ThreadFilter{Conversation: keys.ConversationID(member(8))}, elsewhere},
	} {
		if threads, _ := x.List(c.filter, nil, 9); len(threads) != 1 || threads[0].ID() != c.want.Message.ID() {
			t.Errorf("%s: %d threads", name, len(threads))
		}
	}
	if threads, _ := x.List(ThreadFilter{Tag: "none"}, nil, 9); len(threads) != 0 {
		t.Errorf("%d threads bear a tag that there is not", len(threads))
	}
}

// A conversation is found by the beginning of its id, with its newest message, hidden or not.
func TestConversationsNamed(t *testing.T) {
	first, second, hidden := said(1, 2, 1, nil), said(2, 2, 2, nil), said(3, 3, 3, nil)
	x := index([]Record{first, second, hidden})
	for _, r := range []Record{second, hidden} {
		id := r.Message.Conversation
		if found := x.ConversationsNamed(id.String()[:10]); len(found) != 1 || found[0] != id {
			t.Errorf("%v are named %s", found, id.Short())
		}
		newest := r
		for _, other := range []Record{first, second, hidden} {
			if other.Message.Conversation == id && other.Compare(newest) > 0 {
				newest = other
			}
		}
		if at, ok := x.NewestIn(id); !ok || at.Message != newest.Message.ID() {
			t.Errorf("the newest in %s is %s", id.Short(), at.Message.Short())
		}
	}
	if found := x.ConversationsNamed("nothing"); len(found) > 0 {
		t.Errorf("%v are named nothing", found)
	}
	if _, ok := x.NewestIn(keys.ConversationID{9}); ok {
		t.Error("there is a newest message in no conversation")
	}
}

package reader_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/reader"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

func between(w *world) envelope.Place { return envelope.Among(w.anna.ID, w.ben.ID) }

// Everything that was said is read, with the names of the roll, whatever kind it is. [ARC-60] [ARC-61]
func TestEverythingIsRead(t *testing.T) {
	w := newWorld(t)
	chain, announced := w.chain(w.anna, between(w))
	text := w.text("Lunch", "At noon?")
	message, _ := w.seal(chain, w.anna, history.KindText, text)
	id := history.MessageID(w.anna.Device().Public(), text.Nonce)
	edit, _ := w.seal(chain, w.anna, history.KindEdit, history.Edit{Message: id, Text: "At one?", Time: 5})
	deletion, _ := w.seal(chain, w.anna, history.KindDelete, history.Delete{Messages: []keys.MessageID{id}, Time: 6})
	answers, announcedAnswers := w.chain(w.ben, between(w))
	reaction, _ := w.seal(answers, w.ben, history.KindReaction, history.Reaction{Message: id, Emoji: "+1", Time: 7})
	seen, _ := w.seal(answers, w.ben, history.KindSeen, history.Seen{Messages: []keys.MessageID{id}, Time: 8})
	board, announcedBoard := w.chain(w.anna, envelope.InGroup(w.group))
	toGroup := w.text("", "Quorum")
	toGroup.To, toGroup.Group = nil, &w.group
	minutes, _ := w.seal(board, w.anna, history.KindText, toGroup)
	introduction, err := envelope.SealIntroduction(rand.Reader, w.ben.Device(), envelope.Introduction{
		Org: w.org.ID, From: w.ben.ID, To: w.anna.ID, Text: "Hello Anna", Grant: []byte{1}}, []envelope.Prekey{w.archive.Prekey()}, w.meta(envelope.Leave{}))
	if err != nil {
		t.Fatal(err)
	}
	w.put(items(announced, message, edit, announcedAnswers)...)
	w.put(items(deletion, reaction, seen, announcedBoard, minutes, introduction)...)

	entries, notices, summary := w.read(w.options())
	if len(notices) != 0 || summary.Messages != 6 || summary.Others != 4 {
		t.Errorf("%v, %+v", notices, summary)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %s %s about %d", e.Item, e.Kind, e.Line(), len(e.About)))
	}
	want := []string{
		"2 message Anna to Ben [Lunch]: At noon? about 0", "3 edit Anna to Ben: At one? about 1", "5 deletion Anna to Ben: about 1",
		"6 reaction Ben to Anna: +1 about 1", "7 read Ben to Anna: about 1", "9 message Anna to Board: Quorum about 0", "10 introduction Ben to Anna: Hello Anna about 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if e := entries[0]; e.ID != id || e.From.ID != w.anna.ID.String() || e.Device != w.anna.Device().Public() || e.Envelope != message.ID() || e.Arrived.Minute() != 1 {
		t.Errorf("%+v", e)
	}
	options := w.options()
	options.State = nil
	if entries, notices, _ := w.read(options); len(notices) != 0 || entries[0].From.Name != "" || entries[0].To[0].ID == "" {
		t.Errorf("without a roll: %v, %+v", notices, entries[0])
	}
}

// A message whose chain is announced behind it, or of which an earlier position is announced later, is read all the same. [ARC-60]
func TestAnnouncementsThatComeLate(t *testing.T) {
	w := newWorld(t)
	chain, early := w.chain(w.anna, between(w))
	first, _ := w.seal(chain, w.anna, history.KindText, w.text("", "one"))
	late, err := chain.Announce(rand.Reader, w.anna.Device(), w.archive.Prekey(), w.meta(envelope.Leave{}))
	if err != nil {
		t.Fatal(err)
	}
	second, _ := w.seal(chain, w.anna, history.KindText, w.text("", "two"))
	w.put(items(second)...)
	w.put(items(late, first)...)
	w.put(items(early)...)
	entries, notices, _ := w.read(w.options())
	if len(entries) != 2 || len(notices) != 0 {
		t.Errorf("%d entries, %v", len(entries), notices)
	}
}

// What is not as it should be is reported, one thing a case. [ARC-62] [ARC-63]
func TestWhatIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		play func(w *world)
		kind reader.NoticeKind
		what string
	}{
		"a sender who never announced the chain": {func(w *world) {
			chain, _ := w.chain(w.anna, between(w))
			e, _ := w.seal(chain, w.anna, history.KindText, w.text("", "secret"))
			w.put(items(e)...)
		}, reader.NoticeUnopened, "never announced"},
		"a sender who sealed garbage to the archive": {func(w *world) {
			chain, announced := w.chain(w.anna, between(w))
			announced.Sealed[len(announced.Sealed)-1] ^= 1
			e, err := envelope.Parse(announced.Bytes(), rvproto.MaxEnvelope)
			if err != nil {
				w.t.Fatal(err)
			}
			_ = chain
			w.put(items(e)...)
		}, reader.NoticeUnopened, "announcement"},
		"a sender who told the receiver something else": {func(w *world) {
			chain, announced := w.chain(w.anna, between(w))
			e, _ := w.seal(chain, w.anna, history.KindText, w.text("", "harmless"))
			w.put(items(announced, e, w.attest(w.ben, e.ID(), keys.ContentID{1}))...)
		}, reader.NoticeDiffers, "opened content"},
		"a receiver for whom opened what does not for the archive": {func(w *world) {
			chain, _ := w.chain(w.anna, between(w))
			e, content := w.seal(chain, w.anna, history.KindText, w.text("", "secret"))
			w.put(items(e, w.attest(w.ben, e.ID(), content))...)
		}, reader.NoticeDiffers, "does not open for the archive"},
		"a receiver who has what the archive never got": {func(w *world) {
			w.put(items(w.attest(w.ben, keys.EnvelopeID{5}, keys.ContentID{6}))...)
		}, reader.NoticeAbsent, "never got"},
		"a number that an author left out": {func(w *world) {
			chain, announced := w.chain(w.anna, between(w))
			first, _ := w.seal(chain, w.anna, history.KindText, w.text("", "one"))
			w.seal(chain, w.anna, history.KindText, w.text("", "two, which never comes"))
			third, _ := w.seal(chain, w.anna, history.KindText, w.text("", "three"))
			w.put(items(announced, first, third)...)
		}, reader.NoticeNumbers, "numbers 2 "},
		"an author who names another message before it": {func(w *world) {
			chain, announced := w.chain(w.anna, between(w))
			line := new(envelope.Line)
			first, _ := w.sealAs(chain, w.anna, line, history.KindText, w.text("", "one"))
			line.Previous[0] ^= 1
			second, _ := w.sealAs(chain, w.anna, line, history.KindText, w.text("", "two"))
			w.put(items(announced, first, second)...)
		}, reader.NoticeLine, "another message before it"},
		"a node's gap": {func(w *world) {
			w.gap(w.org.Node)
		}, reader.NoticeGap, "passed on 3 envelopes with 500 bytes"},
		"a gap of who is no node": {func(w *world) {
			w.gap(keys.FromSeed([32]byte{77}))
		}, reader.NoticeGap, "does not know as a rendezvous node"},
		"a gap that is none": {func(w *world) {
			w.put(segment.Named{ID: keys.EnvelopeID{1}, Item: segment.Item{Kind: uint8(rvproto.KindGap), Body: []byte("no")}})
		}, reader.NoticeGap, "is none"},
		"a device that the roll does not know": {func(w *world) {
			stranger := *w.anna
			stranger.Devices = []keys.PrivateKey{keys.FromSeed([32]byte{78})}
			chain, announced := w.chain(&stranger, between(w))
			e, _ := w.seal(chain, &stranger, history.KindText, w.text("", "it is me"))
			w.put(items(announced, e)...)
		}, reader.NoticeStranger, "does not know the device"},
		"a body of a kind that is not known": {func(w *world) {
			chain, announced := w.chain(w.anna, between(w))
			e, _ := w.seal(chain, w.anna, history.Kind(99), w.text("", "new"))
			w.put(items(announced, e)...)
		}, reader.NoticeUnreadable, ""},
		"bytes that are no envelope": {func(w *world) {
			w.put(segment.Named{ID: keys.EnvelopeID{1}, Item: segment.Item{Kind: uint8(rvproto.KindEnvelope), Body: []byte("no")}})
		}, reader.NoticeUnopened, "no envelope"},
		"a segment that is gone": {func(w *world) {
			for range 3 {
				_, announced := w.chain(w.anna, between(w))
				w.put(items(announced)...)
			}
			if err := os.Remove(filepath.Join(w.place.String(), audit.Name(w.service.Public(), 2))); err != nil {
				w.t.Fatal(err)
			}
		}, reader.NoticeStore, "missing segment 2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.play(w)
			_, notices, _ := w.read(w.options())
			found := false
			for _, n := range notices {
				found = found || n.Kind == c.kind && strings.Contains(n.What, c.what)
				if n.String() == "" {
					t.Error("a notice without words")
				}
			}
			if !found {
				t.Errorf("%v, want %s: …%s…", notices, c.kind, c.what)
			}
		})
	}
}

func (w *world) gap(node keys.PrivateKey) {
	w.t.Helper()
	data, err := rvproto.SignGap(rvproto.Gap{Org: w.org.ID, Archive: w.service.Public(), From: 1000, To: 2000, Envelopes: 3, Bytes: 500}, node)
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(segment.Named{ID: rvproto.GapID(data), Item: segment.Item{Kind: uint8(rvproto.KindGap), Body: data}})
}

// Honest things look suspicious and are not: what is sealed anew under its number, requests without one, attestations of what the
// archive opened alike, a line that begins in the middle. [ARC-62] [ARC-63]
func TestWhatIsNotReported(t *testing.T) {
	w := newWorld(t)
	chain, announced := w.chain(w.anna, between(w))
	line := &envelope.Line{Sequence: 7, Previous: keys.ContentID{7}}
	first, content := w.sealAs(chain, w.anna, line, history.KindText, w.text("", "eight"))
	again := &envelope.Line{Sequence: 7, Previous: keys.ContentID{9}}
	anew, _ := w.sealAs(chain, w.anna, again, history.KindText|history.Anew, w.text("", "eight"))
	aside := &envelope.Line{Sequence: 40, Previous: keys.ContentID{9}}
	lack, _ := w.sealAs(chain, w.anna, aside, history.KindLack, history.Lack{Numbers: []history.Span{{First: 1, Last: 2}}})
	second, _ := w.sealAs(chain, w.anna, line, history.KindText, w.text("", "nine"))
	w.put(items(announced, first, anew, lack, second, w.attest(w.ben, first.ID(), content))...)
	if entries, notices, _ := w.read(w.options()); len(notices) != 0 || len(entries) != 4 || !entries[1].Again {
		t.Errorf("%v, %d entries", notices, len(entries))
	}
}

// With another key nothing opens; with two of which one fits, what it fits. [ARC-60]
func TestKeys(t *testing.T) {
	w := newWorld(t)
	chain, announced := w.chain(w.anna, between(w))
	e, _ := w.seal(chain, w.anna, history.KindText, w.text("", "one"))
	w.put(items(announced, e)...)
	other, err := envelope.GenerateArchiveKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	options := w.options()
	options.Keys = []envelope.ArchivePrivate{other}
	if _, err := reader.Read(t.Context(), w.place, options, func(*reader.Entry) error { t.Error("it opened"); return nil }); !errors.Is(err, reader.ErrKeys) {
		t.Errorf("another key: %v", err)
	}
	options.Keys = []envelope.ArchivePrivate{other, w.private}
	if entries, _, _ := w.read(options); len(entries) != 1 {
		t.Errorf("%d entries", len(entries))
	}
}

func TestQueries(t *testing.T) {
	w := newWorld(t)
	chain, announced := w.chain(w.anna, between(w))
	file, _ := w.file("Invoice.pdf", []byte("x"))
	one, _ := w.seal(chain, w.anna, history.KindText, w.text("Lunch", "At noon?"))
	two, _ := w.seal(chain, w.anna, history.KindText, w.text("", "See there", file))
	answers, announcedAnswers := w.chain(w.ben, between(w))
	three, _ := w.seal(answers, w.ben, history.KindText, w.text("", "NOON is fine"))
	w.put(items(announced, one, two, announcedAnswers, three)...) // at 8:01, 8:02 and 8:04
	entries, _, _ := w.read(w.options())
	at := func(minute int) time.Time { return time.Date(2026, 11, 30, 8, minute, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		query reader.Query
		want  string
	}{
		"all": {reader.Query{}, "2 3 5"}, "from a name": {reader.Query{From: "anna"}, "2 3"}, "from an id": {reader.Query{From: w.ben.ID.String()}, "5"},
		"from a device": {reader.Query{From: w.ben.Device().Public().String()}, "5"}, "from nobody": {reader.Query{From: "ann"}, ""},
		"to": {reader.Query{To: "Ben"}, "2 3"}, "after": {reader.Query{After: at(2)}, "3 5"}, "before": {reader.Query{Before: at(2)}, "2"},
		"text": {reader.Query{Text: "noon"}, "2 5"}, "in a subject": {reader.Query{Text: "LUNCH"}, "2"}, "name of a file": {reader.Query{Text: "invoice"}, "3"},
		"kind": {reader.Query{Kinds: []reader.Kind{reader.KindEdit}}, ""}, "two": {reader.Query{From: "Ben", Text: "noon"}, "5"},
	} {
		var got []string
		for _, e := range entries {
			if c.query.Wants(&e) {
				got = append(got, fmt.Sprint(e.Item))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

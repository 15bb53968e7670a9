package reader_test

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/folder"
	"muster.example/rendezvous/archive/reader"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// world is an organization whose member Anna is designated, and a store into which the test puts what the service would.
type world struct {
	t         testing.TB
	org       *membershiptest.Org
	anna, ben *membershiptest.Member
	group     keys.GroupID
	service   keys.PrivateKey
	private   envelope.ArchivePrivate
	archive   envelope.ArchiveKey
	place     *folder.Folder
	head      segment.SignedHead
	arrived   time.Time
	lines     map[string]*envelope.Line
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, org: membershiptest.New(t, 1), service: keys.FromSeed([32]byte{9}), arrived: time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC), lines: make(map[string]*envelope.Line)}
	w.anna, w.ben = w.org.Join("Anna"), w.org.Join("Ben")
	w.group = w.org.Group(w.anna.Device(), "Board", group.Open)
	var err error
	if w.private, err = envelope.GenerateArchiveKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if w.archive, err = envelope.NewArchiveKey(w.org.ID, w.service.Public(), w.private.Public()); err != nil {
		t.Fatal(err)
	}
	if w.place, err = folder.OpenToWrite(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.place.Close() })
	w.head.Head = segment.Begin(w.org.ID, w.service.Public())
	return w
}

// put stores deliveries as one segment: each arrives a minute after the other.
func (w *world) put(items ...segment.Named) {
	w.t.Helper()
	for i := range items {
		items[i].Arrived = w.arrived.UnixMilli()
		w.arrived = w.arrived.Add(time.Minute)
	}
	data, head, err := segment.Write(w.service, segment.Writing{After: w.head.Head, Number: w.head.Number + 1, Made: w.arrived.UnixMilli(), Key: w.private.Public(), Items: items})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.place.Create(w.t.Context(), audit.Name(w.service.Public(), head.Number), data); err != nil {
		w.t.Fatal(err)
	}
	w.head = head
}

func item(e envelope.Envelope) segment.Named {
	return segment.Named{ID: e.ID(), Item: segment.Item{Kind: uint8(rvproto.KindEnvelope), Body: e.Bytes()}}
}

func items(all ...envelope.Envelope) (list []segment.Named) {
	for _, e := range all {
		list = append(list, item(e))
	}
	return list
}

func (w *world) meta(leave envelope.Leave) envelope.Meta {
	return envelope.Meta{RollSize: w.org.Roll.Size(), Expires: w.arrived.Add(24 * time.Hour).Unix(), Leave: leave}
}

// chain begins a chain of a member at a place, and announces it to the archive.
func (w *world) chain(from *membershiptest.Member, place envelope.Place) (*envelope.Chain, envelope.Envelope) {
	w.t.Helper()
	chain, err := envelope.NewChain(rand.Reader, w.org.ID, place, from.Device().Public(), w.arrived, w.org.Roll.Size())
	if err != nil {
		w.t.Fatal(err)
	}
	announcement, err := chain.Announce(rand.Reader, from.Device(), w.archive.Prekey(), w.meta(envelope.LeaveOf(place, w.org.ID, false)))
	if err != nil {
		w.t.Fatal(err)
	}
	return chain, announcement
}

// seal seals a body on a chain, as the next of its author's line there.
func (w *world) seal(chain *envelope.Chain, from *membershiptest.Member, kind history.Kind, body any) (envelope.Envelope, keys.ContentID) {
	w.t.Helper()
	name := from.Name + chain.Conversation().String()
	if w.lines[name] == nil {
		w.lines[name] = new(envelope.Line)
	}
	return w.sealAs(chain, from, w.lines[name], kind, body)
}

func (w *world) sealAs(chain *envelope.Chain, from *membershiptest.Member, line *envelope.Line, kind history.Kind, body any) (envelope.Envelope, keys.ContentID) {
	w.t.Helper()
	e, quote, err := chain.Seal(rand.Reader, from.Device(), line, envelope.Content{Kind: uint8(kind), Body: wire.Encode(body)}, w.meta(envelope.LeaveOf(chain.Place(), w.org.ID, false)))
	if err != nil {
		w.t.Fatal(err)
	}
	return e, quote.ID()
}

func (w *world) text(subject, text string, files ...history.File) history.Text {
	t := history.Text{Subject: subject, Text: text, To: []keys.MemberID{w.ben.ID}, Time: w.arrived.UnixMilli(), Files: files}
	if _, err := rand.Read(t.Nonce[:]); err != nil {
		w.t.Fatal(err)
	}
	return t
}

// file is a file of a message, and its pieces.
func (w *world) file(name string, data []byte) (history.File, []history.Chunk) {
	f := history.File{Name: name, Size: uint64(len(data)), Hash: sha256.Sum256(data)}
	if _, err := rand.Read(f.Nonce[:]); err != nil {
		w.t.Fatal(err)
	}
	var chunks []history.Chunk
	for i := uint64(0); i < f.Chunks(); i++ {
		chunks = append(chunks, history.Chunk{File: f.Nonce, Index: i, Data: data[i*history.ChunkSize : min(uint64(len(data)), (i+1)*history.ChunkSize)]})
	}
	return f, chunks
}

// attest is a receiver's word of what it opened.
func (w *world) attest(by *membershiptest.Member, id keys.EnvelopeID, content keys.ContentID) envelope.Envelope {
	w.t.Helper()
	e, err := envelope.SealAttestation(rand.Reader, by.Device(), w.archive, []envelope.Attested{{Envelope: id, Content: content}}, w.meta(envelope.Leave{}))
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) options() reader.Options {
	return reader.Options{Keys: []envelope.ArchivePrivate{w.private}, State: w.org.Roll.State(), Verify: true}
}

// read reads everything.
func (w *world) read(options reader.Options) (entries []reader.Entry, notices []reader.Notice, summary reader.Summary) {
	w.t.Helper()
	options.Report = func(n reader.Notice) { notices = append(notices, n) }
	summary, err := reader.Read(w.t.Context(), w.place, options, func(e *reader.Entry) error {
		entries = append(entries, *e)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return entries, notices, summary
}

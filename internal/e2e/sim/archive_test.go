package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// archivist is an archive's service with the private key that its operator does not have: it keeps what comes, acknowledges it,
// and a test opens it.
type archivist struct {
	world   *world
	key     keys.PrivateKey
	private envelope.ArchivePrivate
	org     keys.OrgID
	host    host.Host
	running *running

	mu   sync.Mutex // guards the following
	kept []envelope.Envelope
	gaps []rvproto.Gap
}

// archivist makes a service that is not running.
func (w *world) archivist(place int) *archivist {
	w.t.Helper()
	private, err := envelope.GenerateArchiveKey(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	w.net.Up(testnet.Address(place))
	a := &archivist{world: w, key: keys.Generate(), private: private}
	if a.host, err = p2p.NewHost(w.net.Config(place, a.key)); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// named has an admin name the archive.
func (a *archivist) named(by *person, mode api.ArchiveMode, accounts ...*person) {
	a.world.t.Helper()
	org, err := keys.ParseID[keys.Org](by.status().Org)
	if err != nil {
		a.world.t.Fatal(err)
	}
	a.org = org
	request := api.ArchiveRequest{Set: &api.ArchiveSetting{
		Service: a.key.Public().String(), Key: envelope.FormatArchivePublic(a.private.Public()), Mode: mode, Bytes: 1 << 20, Age: 3600, Label: "Records",
	}}
	for _, account := range accounts {
		request.Designate = append(request.Designate, account.id)
	}
	if _, err := by.node.SetArchive(context.Background(), request); err != nil {
		a.world.t.Fatalf("%s names the archive: %v", by.name, err)
	}
}

func (a *archivist) start() { a.running = run("archivist", a.serve) }

// end ends the service for good.
func (a *archivist) end() {
	if a.running != nil {
		_ = a.running.end()
	}
	_ = a.host.Close()
}

// serve listens until it is ended, and calls again when the node goes.
func (a *archivist) serve(ctx context.Context) error {
	for ctx.Err() == nil {
		client := &rvclient.Client{Host: a.host, Node: a.world.node.node.Key(), Addresses: a.world.node.node.Addresses(), Org: a.org}
		if stream, err := client.OpenDeliver(ctx); err == nil {
			a.listen(ctx, stream)
			stream.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
	return nil
}

func (a *archivist) listen(ctx context.Context, stream *rvclient.DeliverStream) {
	defer context.AfterFunc(ctx, stream.Close)()
	for {
		in, err := stream.Next()
		if err != nil {
			return
		}
		if in.Deliver == nil {
			continue
		}
		ack, err := a.take(*in.Deliver)
		if err == nil {
			err = stream.Ack(ack)
		}
		if err != nil {
			return
		}
	}
}

// take keeps one delivery and returns what acknowledges it.
func (a *archivist) take(d rvproto.DeliverFrame) (ack rvproto.AckFrame, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d.Kind == rvproto.KindGap {
		gap, err := rvproto.OpenGap(d.Body, a.org)
		a.gaps = append(a.gaps, gap)
		ack.IDs = append(ack.IDs, rvproto.GapID(d.Body))
		return ack, err
	}
	e, err := envelope.Parse(d.Body, envelope.MaxEnvelope)
	if err != nil {
		return ack, err
	}
	a.kept = append(a.kept, e)
	signed, err := envelope.SignReceipt(envelope.Receipt{Org: a.org, Sender: e.ParsedHeader().Sender, Opened: []keys.EnvelopeID{e.ID()}}, a.key)
	ack.Receipts = append(ack.Receipts, signed)
	return ack, err
}

// reading is what the archive's key opens.
type reading struct {
	texts    []string // of messages and introductions, sorted, each once
	kinds    map[history.Kind]int
	unopened []string
	// attested are the contents that receivers attest of envelopes, and got those of the archive's own.
	attested, got map[keys.EnvelopeID]keys.ContentID
}

// read opens everything that the archive has.
func (a *archivist) read() reading {
	a.world.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	opener, err := a.private.For(a.org, a.key.Public())
	if err != nil {
		a.world.t.Fatal(err)
	}
	r := reading{kinds: make(map[history.Kind]int), attested: make(map[keys.EnvelopeID]keys.ContentID), got: make(map[keys.EnvelopeID]keys.ContentID)}
	chains := make(map[keys.ChainID]*envelope.Inbound)
	for _, e := range a.kept {
		if e.ParsedHeader().Kind != envelope.KindAnnounce {
			continue
		}
		in, err := opener.Announce(e)
		if err != nil {
			r.unopened = append(r.unopened, err.Error())
		} else if before := chains[in.Chain()]; before == nil || in.Start() < before.Start() {
			chains[in.Chain()] = in
		}
	}
	seen := make(map[keys.EnvelopeID]bool)
	for _, e := range a.kept {
		if seen[e.ID()] {
			continue
		}
		seen[e.ID()] = true
		if err := r.open(opener, chains, e); err != nil {
			r.unopened = append(r.unopened, fmt.Sprintf("%v: %v", e.ParsedHeader().Kind, err))
		}
	}
	slices.Sort(r.texts)
	r.texts = slices.Compact(r.texts)
	return r
}

func (r *reading) open(opener envelope.ArchiveOpener, chains map[keys.ChainID]*envelope.Inbound, e envelope.Envelope) error {
	switch header := e.ParsedHeader(); header.Kind {
	case envelope.KindMessage:
		in := chains[header.Chain]
		if in == nil {
			return fmt.Errorf("its chain was not announced")
		}
		opened, err := in.Open(e)
		if err != nil {
			return err
		}
		kind := history.Kind(opened.Content.Kind) &^ history.Anew
		r.kinds[kind]++
		r.got[e.ID()] = opened.ID
		if kind == history.KindText {
			text, err := history.DecodeText(opened.Content.Body)
			if err != nil {
				return err
			}
			r.texts = append(r.texts, text.Text)
		}
	case envelope.KindIntroduction:
		in, id, err := opener.Introduction(e)
		if err != nil {
			return err
		}
		r.texts, r.got[e.ID()] = append(r.texts, in.Text), id
	case envelope.KindReport:
		report, id, err := opener.Report(e)
		if err != nil {
			return err
		}
		r.texts, r.got[e.ID()] = append(r.texts, report.Text), id
	case envelope.KindAttestation:
		attestation, err := opener.Attestation(e)
		if err != nil {
			return err
		}
		for _, seen := range attestation.Seen {
			r.attested[seen.Envelope] = seen.Content
		}
	}
	return nil
}

// holds reports whether the archive has just these texts.
func (a *archivist) holds(texts ...string) func() bool {
	slices.Sort(texts)
	return func() bool { return slices.Equal(a.read().texts, texts) }
}

// judge: all that the archive has opens, and what receivers attest is what it has.
func (a *archivist) judge() reading {
	a.world.t.Helper()
	r := a.read()
	if len(r.unopened) > 0 {
		a.world.t.Errorf("not opened: %q", r.unopened)
	}
	for id, content := range r.attested {
		if got, ok := r.got[id]; !ok || got != content {
			a.world.t.Errorf("envelope %s: the archive has it: %v, as its receiver: %v", id.Short(), ok, got == content)
		}
	}
	return r
}

// TestSimArchive: what a designated account writes and is written comes to the archive and opens with its key, whatever the
// conversation, and nothing else does; before it was designated, and after it was released, nothing. The archive is away
// meanwhile, and nobody waits for it.
func TestSimArchive(t *testing.T) {
	simulate(t, 71, func(w *world) {
		t := w.t
		alice, bob, carol := w.trio()
		archive := w.archivist(20)
		defer archive.end()
		alice.send("before", bob)
		w.await(time.Minute, "it came", func() bool { return len(bob.inbox()) == 1 })

		archive.named(alice, api.ArchiveOpen, bob)
		wantNotice(t, alice, true, bob)
		wantNotice(t, alice, false, carol)
		toBob := alice.send("to bob", bob)
		w.await(time.Minute, "bob has it though the archive is away", func() bool { return slices.Contains(bob.inbox(), "to bob") })
		w.await(time.Minute, "alice knows", func() bool { return slices.Equal(alice.states(toBob), []api.State{api.StateDelivered}) })
		bob.send("from bob", alice)
		alice.send("among others", carol)
		carol.send("to two", alice, bob)
		w.await(time.Minute, "all came", func() bool { return len(alice.inbox()) == 2 && len(carol.inbox()) == 1 && len(bob.inbox()) == 3 })
		archive.start()
		w.await(time.Minute, "the archive has them", archive.holds("to bob", "from bob", "to two"))

		// acts, and what follows a restart of everything
		if _, err := alice.node.React(t.Context(), api.ReactRequest{ID: toBob, Emoji: "👍"}); err != nil {
			t.Fatal(err)
		}
		if _, err := alice.node.Edit(t.Context(), api.EditRequest{ID: toBob, Text: "to bob, edited"}); err != nil {
			t.Fatal(err)
		}
		w.await(time.Minute, "acts are archived", func() bool {
			kinds := archive.read().kinds
			return kinds[history.KindReaction] > 0 && kinds[history.KindEdit] > 0
		})
		w.node.stop()
		alice.send("over a restart", bob)
		w.node.start()
		w.await(5*time.Minute, "it is archived", archive.holds("to bob", "from bob", "to two", "over a restart"))

		// an introduction to a designated account, and between others
		dora := w.person("dora")
		dora.join(alice.invite(api.InviteRequest{}))
		dora.acquaint(bob)
		dora.acquaint(carol)
		all := []string{"to bob", "from bob", "to two", "over a restart", "it is me, dora"}
		w.await(time.Minute, "the introduction is archived", archive.holds(all...))

		// a group: with bob, then without
		group, err := alice.node.ChangeGroup(t.Context(), api.GroupRequest{Do: api.GroupCreate, Name: "Choir", Admission: "open"})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []*person{bob, carol} {
			w.await(time.Minute, p.name+" sees the group", func() bool {
				_, err := p.node.ChangeGroup(t.Context(), api.GroupRequest{Do: api.GroupJoin, Group: group.Group.Group})
				return err == nil
			})
		}
		w.await(time.Minute, "alice sees all there", func() bool { return groupArchived(alice, group.Group.Group) })
		toGroup(t, alice, group.Group.Group, "to the choir")
		all = append(all, "to the choir")
		w.await(time.Minute, "the group is archived", archive.holds(all...))
		w.await(time.Minute, "carol has it", func() bool { return slices.Contains(carol.inbox(), "to the choir") })

		// the end: what is written after the release is not archived
		if _, err := alice.node.SetArchive(t.Context(), api.ArchiveRequest{Release: []string{bob.id}}); err != nil {
			t.Fatal(err)
		}
		w.await(time.Minute, "bob knows", func() bool { a, err := bob.node.Archive(t.Context(), api.AdminQuery{}); return err == nil && !a.Own })
		bob.send("after", alice)
		toGroup(t, alice, group.Group.Group, "to the choir after")
		w.await(time.Minute, "they came", func() bool {
			return slices.Contains(alice.inbox(), "after") && slices.Contains(bob.inbox(), "to the choir after")
		})
		time.Sleep(20 * time.Minute) // as long as anything is offered again
		if r := archive.judge(); !archive.holds(all...)() || len(r.attested) < 5 {
			t.Errorf("the archive has %q, and %d attestations", r.texts, len(r.attested))
		}
		for _, p := range w.all {
			if alarms := p.status().Alarms; len(alarms) > 0 {
				t.Errorf("%s: alarms %q", p.name, alarms)
			}
			if outbox := p.status().Outbox; outbox != 0 {
				t.Errorf("%s: %d wait", p.name, outbox)
			}
		}
	})
}

// TestSimArchiveInTheMiddle: a message that its author wrote before the designation was heard of is not taken by the node, is sealed anew
// for the archive, and comes.
func TestSimArchiveInTheMiddle(t *testing.T) {
	simulate(t, 72, func(w *world) {
		alice, bob, carol := w.trio()
		archive := w.archivist(20)
		defer archive.end()
		carol.send("a chain begins", bob)
		w.await(time.Minute, "it came", func() bool { return len(bob.inbox()) == 1 })
		carol.crash()
		archive.named(alice, api.ArchiveClosed, bob)
		archive.start()
		carol.start()
		carol.send("written before the roll came", bob)
		w.await(5*time.Minute, "bob has it", func() bool { return slices.Contains(bob.inbox(), "written before the roll came") })
		w.await(5*time.Minute, "the archive has it", archive.holds("written before the roll came"))
		archive.judge()
	})
}

// TestSimArchiveClosed: where the archive fails closed and is away for too long, messages of designated accounts wait, their senders see
// why, and all come once it is back; the others' go on.
func TestSimArchiveClosed(t *testing.T) {
	simulate(t, 73, func(w *world) {
		t := w.t
		alice, bob, carol := w.trio()
		archive := w.archivist(20)
		defer archive.end()
		archive.named(alice, api.ArchiveClosed, bob)
		alice.send("first", bob)
		w.await(time.Minute, "it came", func() bool { return len(bob.inbox()) == 1 })
		time.Sleep(61 * time.Minute) // beyond the time in which the archive may take nothing
		id := alice.send("second", bob)
		alice.send("among others", carol)
		w.await(5*time.Minute, "others' go on", func() bool { return len(carol.inbox()) == 1 })
		w.await(5*time.Minute, "alice sees why", func() bool {
			m, err := alice.node.Read(t.Context(), api.ReadRequest{ID: id})
			return err == nil && len(m.States) == 1 && m.States[0].State == api.StateHeld && m.States[0].Lack == api.LackArchive
		})
		if len(bob.inbox()) != 1 {
			t.Error("it came though the archive has no copy")
		}
		archive.start()
		w.await(30*time.Minute, "it comes", func() bool { return slices.Contains(bob.inbox(), "second") })
		w.await(time.Minute, "the archive has both", archive.holds("first", "second"))
		archive.judge()
	})
}

func wantNotice(t *testing.T, p *person, want bool, to *person) {
	t.Helper()
	notice, err := p.node.ArchiveNotice(t.Context(), api.SendRequest{To: []string{to.id}})
	if err != nil || notice.Archived != want || notice.First != want {
		t.Errorf("%s to %s: %+v, %v", p.name, to.name, notice, err)
	}
}

// groupArchived reports whether somebody sees all three in a group, which is archived.
func groupArchived(p *person, id string) bool {
	groups, err := p.node.Groups(context.Background(), api.GroupsQuery{})
	return err == nil && slices.ContainsFunc(groups, func(g api.Group) bool { return g.Group == id && g.Archived && len(g.Members) == 3 })
}

func toGroup(t *testing.T, p *person, group, text string) {
	t.Helper()
	if _, err := p.node.Send(t.Context(), api.SendRequest{To: []string{group}, Text: text}); err != nil {
		t.Fatalf("%s sends %q: %v", p.name, text, err)
	}
}

// TestSimArchiveOfEveryKind: files in pieces, what is forwarded, reports, the desk, and what a device that was added since writes come to
// the archive too, and open.
func TestSimArchiveOfEveryKind(t *testing.T) {
	simulate(t, 74, func(w *world) {
		t := w.t
		alice, phone, bob := w.account()
		archive := w.archivist(20)
		defer archive.end()
		archive.named(alice, api.ArchiveOpen, alice)
		archive.start()
		chart := bytes.Repeat([]byte("chart "), 60_000) // several pieces
		upload, err := alice.node.Upload(t.Context(), "chart.txt", bytes.NewReader(chart))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := alice.node.Send(t.Context(), api.SendRequest{To: []string{bob.id}, Text: "a file", Attachments: []string{upload.ID}}); err != nil {
			t.Fatal(err)
		}
		w.await(time.Minute, "bob has it", func() bool { return slices.Contains(bob.inbox(), "a file") })
		bob.send("from bob", alice)
		w.await(time.Minute, "alice has it", func() bool { return len(alice.inbox()) == 1 })
		page, err := alice.node.Inbox(t.Context(), api.InboxQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := alice.node.Send(t.Context(), api.SendRequest{To: []string{bob.id}, Text: "see this", Forward: []string{page.Messages[0].ID}}); err != nil {
			t.Fatal(err)
		}
		all := []string{"a file", "from bob", "see this"}
		w.await(5*time.Minute, "all is archived", func() bool { return archive.holds(all...)() && archive.read().kinds[history.KindChunk] >= 3 })

		// a report to an archived admin
		reported, err := bob.node.Inbox(t.Context(), api.InboxQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bob.node.ReportMessages(t.Context(), api.ReportRequest{IDs: []string{reported.Messages[0].ID}, Text: "spam", Admins: true}); err != nil {
			t.Fatal(err)
		}
		all = append(all, "spam")
		w.await(5*time.Minute, "the report is archived", archive.holds(all...))

		// a device that was added since
		made := alice.addDevice()
		phone.pair(made.Link, "")
		words := alice.awaitPairing(api.PairingCompare).Words
		if _, err := alice.node.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: words}); err != nil {
			t.Fatal(err)
		}
		phone.awaitPairing(api.PairingDone)
		phone.id = alice.id
		w.await(10*time.Minute, "the phone knows bob", func() bool { return phone.contact(bob) == api.ContactAcquainted })
		phone.send("from the phone", bob)
		all = append(all, "from the phone")
		w.await(5*time.Minute, "it came", func() bool { return slices.Contains(bob.inbox(), "from the phone") })
		bob.send("to both", alice)
		all = append(all, "to both")
		w.await(5*time.Minute, "all is archived", archive.holds(all...))
		if r := archive.judge(); len(r.attested) == 0 {
			t.Error("nobody attests anything")
		}
	})
}

// TestSimArchiveOfTheDesk: where one of those who answer guests is archived, the guests' conversations are.
func TestSimArchiveOfTheDesk(t *testing.T) {
	simulate(t, 75, func(w *world) {
		t := w.t
		alice, bob, guest := w.person("alice"), w.person("bob"), w.person("guest")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{Role: "desk"}))
		guest.join(alice.invite(api.InviteRequest{Role: "guest"}))
		archive := w.archivist(20)
		defer archive.end()
		archive.named(alice, api.ArchiveClosed, bob)
		archive.start()
		w.await(5*time.Minute, "the guest's roll says so", func() bool {
			a, err := guest.node.Archive(t.Context(), api.AdminQuery{})
			return err == nil && a.Named
		})
		if _, err := guest.node.Send(t.Context(), api.SendRequest{To: []string{"desk"}, Text: "is anybody there?"}); err != nil {
			t.Fatal(err)
		}
		w.await(5*time.Minute, "bob hears it", func() bool { return slices.Contains(bob.inbox(), "is anybody there?") })
		page, err := bob.node.Inbox(t.Context(), api.InboxQuery{})
		if err != nil || len(page.Messages) == 0 || !page.Messages[0].Archived {
			t.Fatalf("%+v, %v", page.Messages, err)
		}
		if _, err := bob.node.Send(t.Context(), api.SendRequest{Reply: page.Messages[0].ID, Text: "we are"}); err != nil {
			t.Fatal(err)
		}
		w.await(5*time.Minute, "the guest hears it", func() bool { return slices.Contains(guest.inbox(), "we are") })
		w.await(5*time.Minute, "both are archived", archive.holds("is anybody there?", "we are"))
		archive.judge()
	})
}

package rendezvous

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// archiveOf sets an archive of d's organization, an admin's, that may have so many bytes waiting, and designates accounts. It
// returns the service, which is nobody's device.
func (d *device) archiveOf(name string, mode membership.ArchiveMode, bytes uint64, accounts ...*device) *device {
	d.t.Helper()
	service := d.site.device(d.Org.Short() + name)
	service.Org = d.Org
	private, err := envelope.GenerateArchiveKey(rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	event := &membership.Archive{Set: &membership.ArchiveSetting{
		Service: service.key.Public(), Key: private.Public(), Mode: mode, Bytes: bytes, Age: 3600,
	}}
	for _, account := range accounts {
		event.Designate = append(event.Designate, account.member)
	}
	slices.SortFunc(event.Designate, keys.MemberID.Compare)
	wantStatus(d.t, "setting the archive", d.submit(membership.Event{Archive: event}, nil), wire.StatusOK)
	return service
}

// two is a message between two, of a size that fits.
func (d *device) two() []byte { return d.made(envelope.KindMessage, envelope.Leave{}, 1) }

// copies returns the envelopes that wait for an archive, and empties its queue.
func (s *site) copies(service *device) int {
	s.t.Helper()
	n := len(s.queue.held(service.key.Public(), queue.Envelope))
	if err := s.queue.Drop(s.ctx(), service.key.Public()); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// health asks a node that may have been started anew.
func (d *device) health(s *site) (*rvproto.Health, error) {
	d.Client.Addresses = s.node.Addresses()
	return d.Health(s.ctx())
}

// acquainted lets members write to each other.
func acquainted(devices ...*device) {
	for _, from := range devices {
		for _, to := range devices {
			if from.member != to.member {
				wantStatus(from.t, "a grant", from.grant(to, 1, true), wire.StatusOK)
			}
		}
	}
}

// The service of an archive may listen, and is a stranger to everything else. [RV-150]
func TestArchiveServiceMayOnlyListen(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	former := service
	service = anna.archiveOf("archive 2", membership.ArchiveOpen, 1<<20)
	for name, d := range map[string]*device{"in force": service, "before": former} {
		_ = d.openDeliver()
		ctx := s.ctx()
		_, err := d.OpenPost(ctx)
		wantStatus(t, name+" posts", err, wire.StatusNotMember)
		_, err = d.Fetch(ctx, 0)
		wantStatus(t, name+" fetches the roll", err, wire.StatusNotMember)
		_, err = d.GetPrekeys(ctx, []keys.PublicKey{ben.key.Public()})
		wantStatus(t, name+" fetches prekeys", err, wire.StatusNotMember)
		wantStatus(t, name+" publishes a prekey", d.PutPrekey(ctx, []byte{1}), wire.StatusNotMember)
		wantStatus(t, name+" hands in an event", d.Submit(ctx, membership.SignEvent(membership.Event{
			Org: d.Org, Counter: 1, At: 1, Archive: &membership.Archive{Release: []keys.MemberID{ben.member}},
		}, d.key, nil)), wire.StatusNotMember)
		wantStatus(t, name+" puts a grant", d.PutGrant(ctx, []byte{1}), wire.StatusNotMember)
		_, err = d.Share(ctx)
		wantStatus(t, name+" asks for presence", err, wire.StatusNotMember)
		_, err = d.Health(ctx)
		wantStatus(t, name+" asks for health", err, wire.StatusNotMember)
	}
	stranger := s.device("nobody's archive")
	stranger.Org = anna.Org
	_, err := stranger.OpenDeliver(s.ctx())
	wantStatus(t, "a stranger listens", err, wire.StatusNotMember)
}

// What touches a designated account goes nowhere unless the archive is among its recipients; what touches none goes without,
// and no copy of it is taken. [RV-151] [RV-152]
func TestArchiveMustBeNamed(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl, dora := anna.join("Ben"), anna.join("Carl"), anna.join("Dora")
	phone := ben.add("phone")
	desk, guest := anna.joinAs(membership.RoleDesk, "Desk"), anna.joinAs(membership.RoleGuest, "guest")
	acquainted(ben, carl, dora)
	wantAnswer(t, "before there is an archive", ben.post(ben.two(), carl), wire.StatusOK)
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	refused := no(service, wire.StatusRefused)
	about := func(d *device, to *device) []byte { return d.made(envelope.KindIntroduction, envelope.Leave{}, 1) }
	report := func(d *device) []byte {
		return d.made(envelope.KindReport, envelope.Leave{Kind: envelope.LeaveReport}, 1)
	}
	atDesk := envelope.Leave{Kind: envelope.LeaveDesk, ID: guest.member}

	for _, c := range []struct {
		what    string
		from    *device
		post    []byte
		to      []*device
		want    wire.Status
		refused []rvproto.Refusal
		copies  int
	}{
		{"by a designated account", ben, ben.two(), []*device{carl}, wire.StatusArchive, nil, 0},
		{"by it, with the archive", ben, ben.two(), []*device{carl, service}, wire.StatusOK, nil, 1},
		{"to it", carl, carl.two(), []*device{ben, phone}, wire.StatusArchive, nil, 0},
		{"to it, with the archive", carl, carl.two(), []*device{service, ben, phone}, wire.StatusOK, nil, 1},
		{"to its own other device", ben, ben.two(), []*device{phone}, wire.StatusArchive, nil, 0},
		{"to that, with the archive", ben, ben.two(), []*device{phone, service}, wire.StatusOK, nil, 1},
		{"among others", carl, carl.two(), []*device{dora}, wire.StatusOK, nil, 0},
		{"among others, with the archive", carl, carl.two(), []*device{dora, service}, wire.StatusOK, []rvproto.Refusal{refused}, 0},
		{"an introduction to it", anna, about(anna, ben), []*device{ben}, wire.StatusArchive, nil, 0},
		{"an introduction to it, with the archive", anna, about(anna, ben), []*device{ben, service}, wire.StatusOK, nil, 1},
		{"an introduction among others", anna, about(anna, carl), []*device{carl}, wire.StatusOK, nil, 0},
		{"a report by it", ben, report(ben), []*device{anna}, wire.StatusArchive, nil, 0},
		{"a report by it, with the archive", ben, report(ben), []*device{anna, service}, wire.StatusOK, nil, 1},
		{"at the desk", guest, guest.made(envelope.KindMessage, atDesk, 1), []*device{desk}, wire.StatusOK, nil, 0},
		{"an announcement to it", carl, carl.made(envelope.KindAnnounce, envelope.Leave{}, 1), []*device{ben}, wire.StatusOK, nil, 0},
		{"an announcement to the archive", carl, carl.made(envelope.KindAnnounce, envelope.Leave{}, 1), []*device{service}, wire.StatusOK, nil, 1},
		{"an attestation", carl, carl.made(envelope.KindAttestation, envelope.Leave{}, 1), []*device{service}, wire.StatusOK, nil, 1},
		{"an attestation to a member", carl, carl.made(envelope.KindAttestation, envelope.Leave{}, 1), []*device{ben}, wire.StatusRefused, nil, 0},
		{"an attestation to both", carl, carl.made(envelope.KindAttestation, envelope.Leave{}, 1), []*device{service, ben}, wire.StatusRefused, nil, 0},
		{"offered again to the archive alone", carl, carl.two(), []*device{service}, wire.StatusOK, nil, 1},
		{"to who gave no leave, with the archive", ben, ben.two(), []*device{anna, service}, wire.StatusOK,
			[]rvproto.Refusal{no(anna, wire.StatusNoLeave), refused}, 0},
	} {
		wantAnswer(t, c.what, c.from.post(c.post, c.to...), c.want, c.refused...)
		if got := s.copies(service); got != c.copies {
			t.Errorf("%s: %d copies, want %d", c.what, got, c.copies)
		}
	}

	wantStatus(t, "designating", anna.submit(membership.Event{Archive: &membership.Archive{
		Designate: []keys.MemberID{guest.member}, Release: []keys.MemberID{ben.member},
	}}, nil), wire.StatusOK)
	wantAnswer(t, "released", ben.post(ben.two(), carl), wire.StatusOK)
	wantAnswer(t, "a designated guest", desk.post(desk.made(envelope.KindMessage, atDesk, 1), guest), wire.StatusArchive)
	wantAnswer(t, "with the archive", desk.post(desk.made(envelope.KindMessage, atDesk, 1), guest, service), wire.StatusOK)
	if got := s.copies(service); got != 1 {
		t.Errorf("%d copies at the desk", got)
	}
	wantAnswer(t, "the archive before", ben.post(ben.two(), carl, anna.archiveOf("archive 2", membership.ArchiveOpen, 1<<20), service),
		wire.StatusOK, no(s.device(anna.Org.Short()+"archive 2"), wire.StatusRefused), no(service, wire.StatusNotFound))
}

// What goes to a whole group goes to the archive too, if a member of it is designated and the sender's roll says so. [RV-152]
func TestArchiveOfGroups(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	id := anna.newGroup("Choir", group.Everybody)
	ben.enterGroup(id)
	early := anna.written(id)
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben, carl)
	wantAnswer(t, "written before", anna.post(early), wire.StatusArchive)
	wantAnswer(t, "to all", anna.post(anna.written(id)), wire.StatusOK)
	if got := s.copies(service); got != 1 {
		t.Errorf("%d copies", got)
	}
	s.wantHeld("to all", map[*device]int{ben: 1})
	wantAnswer(t, "to one by name", anna.post(anna.written(id), ben), wire.StatusArchive)
	wantAnswer(t, "to one by name, with the archive", anna.post(anna.written(id), ben, service), wire.StatusOK)
	wantAnswer(t, "offered again to the archive", anna.post(anna.written(id), service), wire.StatusOK)
	if got := s.copies(service); got != 2 {
		t.Errorf("%d copies", got)
	}
	s.wantHeld("by name", map[*device]int{ben: 1})
	wantStatus(t, "releasing", anna.submit(membership.Event{Archive: &membership.Archive{Release: []keys.MemberID{ben.member}}}, nil), wire.StatusOK)
	wantAnswer(t, "released", anna.post(anna.written(id)), wire.StatusOK)
	if got := s.copies(service); got != 0 {
		t.Errorf("%d copies after the release", got)
	}
}

// The archive gets the very envelope, keeps it in its own time, and its receipt goes to the sender. [RV-50] [RV-153]
func TestArchiveIsDeliveredTo(t *testing.T) {
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	ben := anna.join("Ben")
	acquainted(anna, ben)
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	body := ben.two()
	wantAnswer(t, "a post", ben.post(body, anna, service), wire.StatusOK)
	clock.move(400 * day)
	if err := s.node.returnExpired(s.ctx()); err != nil {
		t.Fatal(err)
	}
	if held := s.queue.held(anna.key.Public(), queue.Envelope); len(held) != 0 {
		t.Error("the member's envelope outlives its time")
	}
	stream := service.openDeliver()
	got := nextDeliver(t, stream)
	if got.Kind != rvproto.KindEnvelope || string(got.Body) != string(body) {
		t.Fatalf("kind %d, %d bytes", got.Kind, len(got.Body))
	}
	e, err := envelope.Parse(got.Body, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{service.receipt(ben, e.ID())}}); err != nil {
		t.Fatal(err)
	}
	sender := ben.openDeliver()
	for {
		back := nextDeliver(t, sender)
		if back.Kind == rvproto.KindReturn {
			continue
		}
		receipt, err := envelope.OpenReceipt(back.Body, ben.Org)
		if err != nil || receipt.Device != service.key.Public() || len(receipt.Opened) != 1 || receipt.Opened[0] != e.ID() {
			t.Errorf("%+v, %v", receipt, err)
		}
		break
	}
	if left := s.copies(service); left != 0 {
		t.Errorf("%d wait still", left)
	}
}

// What the archive gives up by its id is gone, and nobody is told that it did not arrive. [RV-153]
func TestArchiveGivesUpById(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	wantAnswer(t, "a post", ben.post(ben.made(envelope.KindAttestation, envelope.Leave{}, 1), service), wire.StatusOK)
	stream := service.openDeliver()
	e, err := envelope.Parse(nextDeliver(t, stream).Body, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{}, 1)
	s.queue.mu.Lock()
	s.queue.acked = func(keys.PublicKey) { done <- struct{}{} }
	s.queue.mu.Unlock()
	if err := stream.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{e.ID()}}); err != nil {
		t.Fatal(err)
	}
	<-done
	if got := s.copies(service); got != 0 {
		t.Errorf("%d wait", got)
	}
	if got := s.queue.held(silenceOf(service.key.Public()), queue.Silence); len(got) != 0 {
		t.Error("it is to be returned")
	}
}

// An archive that is behind, and fails closed, keeps what touches designated accounts with its senders, and nothing else.
// [RV-154]
func TestArchiveFailsClosed(t *testing.T) {
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	acquainted(anna, ben, carl)
	service := anna.archiveOf("archive", membership.ArchiveClosed, 1<<20, ben)
	later := func(d *device) []byte { return sealedBy(t, d.key, d.Org, d.member, time.Now().Add(3*time.Hour), 10) }
	large := ben.sealed(700_000)
	wantAnswer(t, "with room", ben.post(large, carl, service), wire.StatusOK)
	wantAnswer(t, "without", ben.post(ben.sealed(700_000), carl, service), wire.StatusArchiveFull)
	wantAnswer(t, "a small one", ben.post(ben.two(), carl, service), wire.StatusOK)
	s.wantHeld("closed", map[*device]int{carl: 2})
	wantAnswer(t, "among others", anna.post(anna.two(), carl), wire.StatusOK)
	wantAnswer(t, "an announcement", ben.post(ben.made(envelope.KindAnnounce, envelope.Leave{}, 1), service), wire.StatusOK)

	clock.move(time.Hour + time.Second) // it takes nothing
	wantAnswer(t, "after an hour", carl.post(later(carl), ben, service), wire.StatusArchiveFull)
	if a := s.node.Status().Orgs[0].Archive; a == nil || !a.Behind || !a.Closed || a.Connected || a.Waiting != 2 || a.Since.IsZero() {
		t.Errorf("status %+v", a)
	}
	stream := service.openDeliver()
	done := make(chan struct{}, 8)
	s.queue.mu.Lock()
	s.queue.acked = func(device keys.PublicKey) {
		if device == service.key.Public() {
			done <- struct{}{}
		}
	}
	s.queue.mu.Unlock()
	for range 2 { // what follows the first removal is done before the second
		e, err := envelope.Parse(nextDeliver(t, stream).Body, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{service.receipt(ben, e.ID())}}); err != nil {
			t.Fatal(err)
		}
		<-done
	}
	wantAnswer(t, "once it took something", carl.post(later(carl), ben, service), wire.StatusOK)
}

// An archive that is behind, and fails open, loses copies: the sender is told, the count is kept over a restart, and the archive
// gets a signed word of it once there is room. [RV-154] [RV-155]
func TestArchiveFailsOpen(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	acquainted(ben, carl)
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	first, second := ben.sealed(900_000), ben.sealed(900_000)
	wantAnswer(t, "with room", ben.post(first, carl, service), wire.StatusOK)
	wantAnswer(t, "without", ben.post(second, carl, service), wire.StatusOK, no(service, wire.StatusFull))
	s.wantHeld("open", map[*device]int{carl: 2})
	wantAnswer(t, "offered again too early", ben.post(second, service), wire.StatusOK, no(service, wire.StatusFull))
	s.restart()
	for _, d := range []*device{service, ben} {
		d.Client.Addresses = s.node.Addresses()
	}
	if got := s.node.directory.org(anna.Org).archive.snapshot(); got.Missed != 1 || got.Envelopes != 1 || got.Since == 0 {
		t.Errorf("after a restart %+v", got)
	}
	stream := service.openDeliver()
	notice, copied := nextDeliver(t, stream), nextDeliver(t, stream) // what is small comes first [RV-204]
	e, err := envelope.Parse(copied.Body, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if health, err := anna.health(s); err != nil || health.Archive == nil || !health.Archive.Connected || health.Archive.Missed != 1 ||
		health.Archive.Waiting != 2 || health.Archive.Bytes < uint64(len(first)) {
		t.Errorf("health %+v, %v", health.Archive, err)
	}
	if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{service.receipt(ben, e.ID())}}); err != nil {
		t.Fatal(err)
	}
	gap, err := rvproto.OpenGap(notice.Body, anna.Org)
	if err != nil || notice.Kind != rvproto.KindGap || gap.Envelopes != 1 || gap.Bytes != uint64(len(second)) ||
		gap.Node != s.node.Key() || gap.Archive != service.key.Public() {
		t.Fatalf("kind %d: %+v, %v", notice.Kind, gap, err)
	}
	if err := stream.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{rvproto.GapID(notice.Body)}}); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "offered again", ben.post(second, service), wire.StatusOK)
	if again := nextDeliver(t, stream); again.Kind != rvproto.KindEnvelope || string(again.Body) != string(second) {
		t.Errorf("kind %d, %d bytes", again.Kind, len(again.Body))
	}
	if got := s.node.directory.org(anna.Org).archive.snapshot(); got.Missed != 1 || got.Envelopes != 0 {
		t.Errorf("once it was told %+v", got)
	}
}

// What waits for the archive takes nobody's room but its own: a member whose copies wait may go on writing. What it is told of
// others' chains, and attestations, take their sender's. [RV-153]
func TestArchiveCostsMembersNothing(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	acquainted(ben, carl)
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	wantAnswer(t, "a post", ben.post(ben.sealed(100_000), carl, service), wire.StatusOK)
	_ = s.queue.Drop(s.ctx(), carl.key.Public())
	_, _, his := s.queue.Usage(anna.Org, ben.member)
	_, _, its := s.queue.Usage(anna.Org, archivePayer(service.key.Public()))
	if his.Entries != 0 || its.Entries != 1 || its.Bytes < 100_000 {
		t.Errorf("the member %+v, the archive %+v", his, its)
	}
	wantAnswer(t, "an announcement", ben.post(ben.made(envelope.KindAnnounce, envelope.Leave{}, 1), service), wire.StatusOK)
	if _, _, his = s.queue.Usage(anna.Org, ben.member); his.Entries != 1 {
		t.Errorf("with an announcement %+v", his)
	}
	for kind, want := range map[envelope.Kind]keys.MemberID{
		envelope.KindMessage: archivePayer(service.key.Public()), envelope.KindAnnounce: ben.member, envelope.KindAttestation: ben.member,
	} {
		item := queue.Item{Org: anna.Org, Kind: queue.Envelope, Body: ben.made(kind, envelope.Leave{}, 1), Recipients: keysOf([]*device{service})}
		if got := s.node.payer(&item); got != want {
			t.Errorf("kind %d, found at the start: paid by %s", kind, got.Short())
		}
	}
}

package rendezvous

import (
	"bytes"
	"context"
	"testing"

	"muster.example/internal/bundle"
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// carried signs an envelope of a device's, to be carried to others.
func (d *device) carried(by *device, body []byte, to ...*device) []byte {
	d.t.Helper()
	e, err := envelope.Parse(body, rvproto.MaxEnvelope)
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := envelope.Carry(e, body, d.Org, keysOf(to), by.key)
	if err != nil {
		d.t.Fatal(err)
	}
	return c.Bytes()
}

func (d *device) carry(carried, receipts [][]byte) rvproto.CarryAnswer {
	d.t.Helper()
	answer, err := d.Client.Carry(d.site.ctx(), rvproto.CarryRequest{Carried: carried, Receipts: receipts})
	if err != nil {
		d.t.Fatal(err)
	}
	return answer
}

// TestCarriedPost has a member hand over what another sealed: it is judged as that one's, comes once whatever the copies, and the
// receipt that a third hands over ends it. [RV-190] [RV-191] [RV-194]
func TestCarriedPost(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, cy := anna.join("Ben"), anna.join("Cy")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	body := anna.sealed(10)
	data := anna.carried(anna, body, ben)
	for range 2 {
		if got := cy.carry([][]byte{data}, nil); got.Carried[0] != wire.StatusOK {
			t.Fatalf("%v", got.Carried)
		}
	}
	stream := ben.openDeliver()
	if got := nextDeliver(t, stream); !bytes.Equal(got.Body, body) {
		t.Fatal("another envelope was delivered")
	}
	stream.Close()
	e, err := envelope.Parse(body, rvproto.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	receipt := ben.receipt(anna, e.ID())
	if got := cy.carry(nil, [][]byte{receipt}); got.Receipts[0] != wire.StatusOK {
		t.Fatalf("%v", got.Receipts)
	}
	if stats := s.node.queue.Stats()[anna.Org]; stats.Entries != 0 {
		t.Errorf("%d entries wait after the receipt", stats.Entries)
	}
	back := anna.openDeliver()
	defer back.Close()
	if got := nextDeliver(t, back); got.Kind != rvproto.KindReceipt || !bytes.Equal(got.Body, receipt) {
		t.Errorf("anna got %+v", got)
	}
}

// TestCarriedPostsThatAreRefused: without the sender's word, of who is barred, without leave; and a receipt that its device did not
// sign. [RV-191] [RV-193]
func TestCarriedPostsThatAreRefused(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, cy := anna.join("Ben"), anna.join("Cy")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	body := anna.sealed(10)
	tampered := anna.receipt(ben, keys.EnvelopeID{1})
	tampered[len(tampered)-1] ^= 1
	for name, test := range map[string]struct {
		carried []byte
		want    wire.Status
	}{
		"signed by the carrier": {anna.carried(cy, body, ben), wire.StatusRefused},
		"not an envelope":       {[]byte{1}, wire.StatusMalformed},
	} {
		if got := cy.carry([][]byte{test.carried}, nil); got.Carried[0] != test.want {
			t.Errorf("%s: %v", name, got.Carried)
		}
	}
	if got := cy.carry([][]byte{cy.carried(cy, cy.sealed(10), ben)}, nil); got.Carried[0] != wire.StatusOK {
		t.Errorf("without leave: %v, which tells who lets whom write", got.Carried)
	}
	if stats := s.node.queue.Stats()[anna.Org]; stats.Entries != 0 {
		t.Errorf("%d entries wait", stats.Entries)
	}
	if got := cy.carry(nil, [][]byte{tampered}); got.Receipts[0] != wire.StatusMalformed {
		t.Errorf("a receipt that nobody signed: %v", got.Receipts)
	}
	old := ben.carried(ben, ben.sealed(10), anna)
	if err := anna.submit(membership.Event{Bar: &membership.Bar{Device: ben.key.Public()}}, nil); err != nil {
		t.Fatal(err)
	}
	if got := cy.carry([][]byte{old}, nil); got.Carried[0] != wire.StatusRefused {
		t.Errorf("of a barred device: %v", got.Carried)
	}
}

// What others carry of a designated account comes to the archive too, and goes nowhere without. [CAR-8] [RV-151]
func TestCarriedForTheArchive(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, cy := anna.join("Ben"), anna.join("Cy")
	acquainted(anna, ben)
	service := anna.archiveOf("archive", membership.ArchiveOpen, 1<<20, ben)
	for _, c := range []struct {
		what   string
		to     []*device
		want   wire.Status
		copies int
	}{
		{"without the archive", []*device{anna}, wire.StatusArchive, 0},
		{"with the archive", []*device{anna, service}, wire.StatusOK, 1},
		{"the archive's copy alone", []*device{service}, wire.StatusOK, 1},
	} {
		if got := cy.carry([][]byte{ben.carried(ben, ben.two(), c.to...)}, nil); got.Carried[0] != c.want {
			t.Errorf("%s: %v, want %v", c.what, got.Carried[0], c.want)
		}
		if copies := s.copies(service); copies != c.copies {
			t.Errorf("%s: %d copies, want %d", c.what, copies, c.copies)
		}
	}
}

// A bundle that a node makes of what waits for a designated account is for the archive too: no other node would take it else. [RV-151] [RV-196]
func TestNodeBundleForTheArchive(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	acquainted(anna, ben)
	service := anna.archiveOf("archive", membership.ArchiveClosed, 1<<20, ben)
	wantAnswer(t, "a post", ben.post(ben.two(), anna, service), wire.StatusOK)
	_ = s.copies(service)
	b, err := s.node.newBundle(bundleFor{})
	if err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	if err := b.write(s.ctx(), &made); err != nil {
		t.Fatal(err)
	}
	taken, err := s.node.importBundle(s.ctx(), &made)
	if err != nil || taken.Queued != 1 || taken.Refused != 0 {
		t.Errorf("%+v, %v", taken, err)
	}
	if got := s.copies(service); got != 1 {
		t.Errorf("%d copies for the archive", got)
	}
}

// What another node of the organization hands on in its own word is taken, and no stranger's. [CAR-2] [RV-191]
func TestCarriedByAnotherNode(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, cy := anna.join("Ben"), anna.join("Cy")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	further, stranger := s.device("further"), s.device("stranger")
	carried := anna.carried(further, anna.sealed(10), ben)
	if got := cy.carry([][]byte{carried}, nil); got.Carried[0] != wire.StatusRefused {
		t.Errorf("before it is a node: %v", got.Carried)
	}
	wantStatus(t, "adding a node", anna.submit(membership.Event{Nodes: &membership.Nodes{
		Further: []membership.NodeAddress{{Key: further.key.Public(), Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}}},
	}}, nil), wire.StatusOK)
	if got := cy.carry([][]byte{carried}, nil); got.Carried[0] != wire.StatusOK {
		t.Errorf("by a further node: %v", got.Carried)
	}
	if got := cy.carry([][]byte{anna.carried(stranger, anna.sealed(10), ben)}, nil); got.Carried[0] != wire.StatusRefused {
		t.Errorf("by a stranger: %v", got.Carried)
	}
}

// TestNodeBundles writes what waits into a bundle, which another node's queue could not lose more of, and takes one in. [RV-195] [RV-196]
func TestNodeBundles(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	first, second := anna.sealed(10), anna.sealed(20)
	if got := anna.post(first, ben); got.Status != wire.StatusOK {
		t.Fatal(got)
	}
	b, err := s.node.newBundle(bundleFor{org: "Acme", members: []string{"Ben"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.write(context.Background(), &out); err != nil || b.given.Envelopes != 1 {
		t.Fatalf("%+v, %v", b.given, err)
	}
	found := 0
	in := bundle.NewReader(bytes.NewReader(out.Bytes()), b.key)
	for item, err := in.Next(); err == nil; item, err = in.Next() {
		if item.Kind != bundle.KindCarried {
			continue
		}
		c, err := envelope.ParseCarried(item.Body, rvproto.MaxEnvelope)
		if err != nil || !bytes.Equal(c.EnvelopeBytes(), first) || c.Verify(anna.Org, s.node.key.Public()) != nil || c.Verify(anna.Org) == nil {
			t.Errorf("what the node hands on: %v", err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("%d envelopes in the bundle", found)
	}
	if _, err := s.node.newBundle(bundleFor{members: []string{"Nobody"}}); err == nil {
		t.Error("a bundle for nobody")
	}
	var brought bytes.Buffer
	w := bundle.NewWriter(&brought, b.key, [16]byte{1}, 0)
	about, err := bundle.About{Part: 1}.Sign(anna.Org, anna.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range []bundle.Item{about, {Kind: bundle.KindCarried, Body: anna.carried(anna, second, ben)}, {Kind: 99},
		{Kind: bundle.KindReceipt, Body: []byte{1}}} {
		if err := w.Put(item); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Put(bundle.End{Items: w.Items()}.Item()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		taken, err := s.node.importBundle(context.Background(), bytes.NewReader(brought.Bytes()))
		if err != nil || taken.Queued != 1 || taken.Malformed != 1 || taken.Unknown != 1 || taken.OrgName != "Acme" || taken.Damage != 0 {
			t.Fatalf("%+v, %v", taken, err)
		}
	}
	if stats := s.node.queue.Stats()[anna.Org]; stats.Entries != 2 {
		t.Errorf("%d entries wait, want 2", stats.Entries)
	}
}

// TestSlowCarriersHoldNobodyUp: who hands over slowly keeps memory of their own share, and no turn of others. [RV-192]
func TestSlowCarriersHoldNobodyUp(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, cy, dan := anna.join("Ben"), anna.join("Cy"), anna.join("Dan")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	held := func() int64 {
		s.node.bulk.mu.Lock()
		defer s.node.bulk.mu.Unlock()
		return s.node.bulk.of[cy.member]
	}
	for range carriesAtOnce {
		stream, err := cy.Host.NewStream(s.ctx(), p2p.PeerID(cy.Node), rvproto.Carry)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Reset() //nolint:errcheck // that ends it
		if _, err := stream.Write(wire.AppendFrame(nil, make([]byte, 1024))[:100]); err != nil {
			t.Fatal(err)
		}
	}
	const all = carriesAtOnce * rvproto.MaxCarryRequest
	if !await(func() bool { return held() == all }) {
		t.Fatalf("%d bytes are held for requests that come, not %d", held(), all)
	}
	if got := dan.carry([][]byte{anna.carried(anna, anna.sealed(10), ben)}, nil); got.Status != wire.StatusOK || got.Carried[0] != wire.StatusOK {
		t.Errorf("another's: %v", got)
	}
	if held() != all {
		t.Error("it had to wait until the slow ones were given up")
	}
}

package rendezvous

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// furtherSite is a node at a place of its own.
func furtherSite(t *testing.T, net *testnet.Net, place int) *site {
	t.Helper()
	s := simSite(t, net, func(c *Config) {
		c.Listen, c.QUIC = []string{testnet.Address(place)}, net.QUICOptions(testnet.Address(place))
	})
	devices := 0
	s.host = func(name string) p2p.Config {
		devices++
		return net.Config(place+10*devices, net.Key(name))
	}
	return s
}

// settleTime is enough for nodes to tell each other what there is.
const settleTime = 3 * time.Second

// setNodes puts the set of further nodes on the roll.
func (d *device) setNodes(sites ...*site) {
	d.t.Helper()
	var further []membership.NodeAddress
	for _, s := range sites {
		further = append(further, membership.NodeAddress{Key: s.node.Key(), Addresses: s.node.Addresses()})
	}
	slices.SortFunc(further, func(a, b membership.NodeAddress) int { return a.Key.Compare(b.Key) })
	if err := d.submit(membership.Event{Nodes: &membership.Nodes{Further: further}}, nil); err != nil {
		d.t.Fatalf("nodes: %v", err)
	}
}

// serveAt makes a node of the set serve.
func (d *device) serveAt(s *site) {
	d.t.Helper()
	roll := d.keepRoll()
	token := s.claimToken()
	there := d.at(s)
	for range 2 { // the same again is no error
		if err := there.Serve(s.ctx(), token, d.Org, roll.entries, roll.note); err != nil {
			d.t.Fatalf("serve: %v", err)
		}
	}
}

// threeSites is an organization on three nodes, of which the first orders the roll.
func threeSites(t *testing.T, net *testnet.Net) (anna *device, sites [3]*site) {
	t.Helper()
	sites = [3]*site{simSite(t, net), furtherSite(t, net, 60), furtherSite(t, net, 61)}
	anna = sites[0].found("Acme")
	anna.setNodes(sites[1], sites[2])
	anna.serveAt(sites[1])
	anna.serveAt(sites[2])
	return anna, sites
}

func (s *site) held(d *device) int {
	s.t.Helper()
	page, err := s.node.queue.Next(s.ctx(), d.key.Public(), 0, 100, 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	count := 0
	for _, delivery := range page {
		if delivery.Kind == queue.Envelope {
			count++
		}
	}
	return count
}

// A further node follows the roll, knows what devices told another node, and orders nothing. [RV-160] [RV-161] [RV-162] [RV-163] [RV-164]
func TestSimFurtherNodeServes(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		ben := anna.join("Ben")
		if err := ben.grant(anna, 1, true); err != nil { // before there is another node
			t.Fatal(err)
		}
		second := furtherSite(t, net, 60)
		anna.setNodes(second)
		wantStatus(t, "a stranger's token", anna.at(second).Serve(s.ctx(), [32]byte{1}, anna.Org, anna.keepRoll().entries, anna.keepRoll().note), wire.StatusNotFound)
		anna.serveAt(second)
		carl := anna.join("Carl")
		if err := carl.grant(anna, 1, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		there := anna.at(second)
		if got, want := there.size(), anna.size(); got != want {
			t.Fatalf("the further node has %d entries of %d", got, want)
		}
		body := there.sealed(1)
		wantAnswer(t, "at the further node", there.post(body, ben, carl), wire.StatusOK)
		if got := nextDeliver(t, ben.at(second).openDeliver()); !bytes.Equal(got.Body, body) {
			t.Error("another body")
		}
		for doing, err := range map[string]error{
			"an event":  there.Submit(s.ctx(), membership.SignEvent(membership.Event{Org: anna.Org, Counter: anna.counter + 1, At: 1, Cancel: &membership.Cancel{}}, anna.key, nil)),
			"a listing": second1(there.Applications(s.ctx())),
		} {
			event, err := membership.ReadEvent(moved(err))
			if err != nil || event.Rendezvous == nil || event.Rendezvous.Node != s.node.Key() {
				t.Errorf("%s: %v, want the name of the sequencer", doing, err)
			}
		}
		wantStatus(t, "bar", carl.submit(membership.Event{Bar: &membership.Bar{Device: carl.key.Public()}}, nil), wire.StatusOK)
		time.Sleep(settleTime)
		if second.node.directory.active(carl.key.Public()) != nil {
			t.Error("a device that is barred is let in by the further node")
		}
		second.restart()
		time.Sleep(time.Minute)
		anna.join("Dora")
		time.Sleep(settleTime)
		if got, want := anna.at(second).size(), anna.size(); got != want {
			t.Errorf("after a restart the further node has %d entries of %d", got, want)
		}
	})
}

func second1[A any](_ A, err error) error { return err }

// What a device is done with goes from all nodes, also while it talks to one of them alone, and before a copy has come.
// [RV-165] [RV-166]
func TestSimAcksTravel(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		ben := anna.join("Ben")
		if err := ben.grant(anna, 1, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		body := anna.sealed(1)
		for _, s := range sites[:2] {
			wantAnswer(t, "post", anna.at(s).post(body, ben), wire.StatusOK)
		}
		stream := ben.openDeliver()
		id := idOf(t, nextDeliver(t, stream).Body)
		forged, err := rvproto.SignAck(rvproto.SignedAck{Org: anna.Org, IDs: []keys.EnvelopeID{id}}, anna.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := anna.openDeliver().Signed(forged); err != nil { // by another device
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		if got := sites[1].held(ben); got != 1 {
			t.Errorf("%d envelopes wait where one does: another device has acknowledged it", got)
		}
		signed, err := rvproto.SignAck(rvproto.SignedAck{Org: anna.Org, IDs: []keys.EnvelopeID{id}}, ben.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(stream.Ack(rvproto.AckFrame{Receipts: [][]byte{ben.receipt(anna, id)}}), stream.Signed(signed)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		wantAnswer(t, "a copy that comes late", anna.at(sites[2]).post(body, ben), wire.StatusOK)
		for i, s := range sites {
			if got := s.held(ben); got != 0 {
				t.Errorf("node %d: %d envelopes wait", i, got)
			}
		}
	})
}

// When the sequencer is gone others serve on, one of them takes the duty over, and the old one comes back and follows. An
// event that only it had is not on the roll. [RV-163] [RV-167]
func TestSimDutyMovesWithinTheSet(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		ben := anna.join("Ben")
		if err := ben.grant(anna, 1, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		net.Down(testnet.Address(60)) // the rest of the roll does not reach them
		net.Down(testnet.Address(61))
		anna.join("Lost")
		sites[0].end()
		net.Up(testnet.Address(60))
		net.Up(testnet.Address(61))
		time.Sleep(time.Minute)

		there := anna.at(sites[1])
		wantAnswer(t, "without the sequencer", there.post(there.sealed(1), ben), wire.StatusOK)
		nextDeliver(t, ben.at(sites[1]).openDeliver())
		roll := there.rollOf(sites[0])
		move := there.moveTo(sites[1], roll)
		wantStatus(t, "the move at another node", anna.at(sites[2]).Submit(there.site.ctx(), move), wire.StatusMoved)
		if err := there.Submit(there.site.ctx(), move); err != nil {
			t.Fatalf("the move: %v", err)
		}
		there.counter = roll.State().NextCounter(anna.key.Public())
		time.Sleep(2 * time.Minute)
		there.join("Dora")
		sites[0].start()
		_ = anna.host.Network().ClosePeer(p2p.PeerID(sites[0].node.Key()))
		time.Sleep(2 * time.Minute)
		for i, s := range sites {
			d := anna.at(s)
			if got, want := d.size(), there.size(); got != want {
				t.Errorf("node %d has %d entries of %d", i, got, want)
			}
			if orders := s.node.directory.org(anna.Org).roll.orders(); orders != (i == 1) {
				t.Errorf("node %d orders the roll: %v", i, orders)
			}
		}
		back := anna.at(sites[0])
		wantAnswer(t, "at the one that came back", back.post(back.sealed(1), ben), wire.StatusOK)
		sites[0].restart()
		time.Sleep(settleTime)
		there.join("Emil")
		time.Sleep(time.Minute)
		if got, want := anna.at(sites[0]).size(), there.size(); got != want {
			t.Errorf("after a restart the one that came back has %d entries of %d", got, want)
		}
	})
}

// A node that is taken away delivers what it has, and takes nothing more. [RV-168]
func TestSimFurtherNodeIsTakenAway(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		ben := anna.join("Ben")
		if err := ben.grant(anna, 1, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		there := anna.at(sites[1])
		body := there.sealed(1)
		wantAnswer(t, "before", there.post(body, ben), wire.StatusOK)
		anna.setNodes(sites[2])
		time.Sleep(settleTime)
		if _, err := there.OpenPost(there.site.ctx()); !errors.Is(err, wire.StatusMoved) {
			t.Errorf("a post stream of a node that was taken away: %v", err)
		}
		stream, err := ben.at(sites[1]).OpenDeliver(there.site.ctx())
		if err != nil {
			t.Fatal(err)
		}
		got := nextDeliver(t, stream)
		if stream.Moved() == nil || !bytes.Equal(got.Body, body) {
			t.Error("another body, or no word of the end")
		}
		if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{ben.receipt(anna, idOf(t, got.Body))}}); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("when all is delivered: %v", err)
		}
		anna.setNodes(sites[1], sites[2])
		anna.serveAt(sites[1])
		time.Sleep(settleTime)
		wantAnswer(t, "once it is back", anna.at(sites[1]).post(body, ben), wire.StatusOK)
	})
}

// A node that was not up learns from a device what the sequencer has signed, when the sequencer is gone. [RV-163]
func TestSimFurtherNodeIsShownTheRoll(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		time.Sleep(settleTime)
		sites[1].end()
		carl := anna.join("Carl")
		wantStatus(t, "bar", carl.submit(membership.Event{Bar: &membership.Bar{Device: carl.key.Public()}}, nil), wire.StatusOK)
		whole := anna.keepRoll()
		sites[0].end()
		sites[2].end()
		sites[1].start()
		there := anna.at(sites[1])
		from := there.size()
		if from >= whole.Size() {
			t.Fatal("it has the entries already")
		}
		none := func(uint64) ([][32]byte, error) { return nil, nil }
		wantStatus(t, "less than the checkpoint covers",
			there.Show(there.site.ctx(), whole.note, from, whole.entries[from:whole.Size()-1], none), wire.StatusStale)
		if err := there.Show(there.site.ctx(), whole.note, from, whole.entries[from:], none); err != nil {
			t.Fatal(err)
		}
		if there.size() != whole.Size() || sites[1].node.directory.place(carl.key.Public()).standing != membership.StandingBarred {
			t.Error("what a device showed does not count")
		}
	})
}

// A further node that was killed between what it stores of the roll starts again, and follows. [RV-163] [RV-168]
func TestSimFurtherNodeKilledWhileItStores(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		time.Sleep(settleTime)
		record := func(table []byte) (found []byte) {
			found, err := value(sites[1].node.store, kv.Key(table, anna.Org[:]))
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		put := func(table, data []byte) {
			err := sites[1].node.store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(table, anna.Org[:]), data) })
			if err != nil {
				t.Fatal(err)
			}
		}
		head, org := record(tableHead), record(tableOrg)
		anna.join("Carl")
		time.Sleep(settleTime)
		put(tableHead, head) // the entries, and not their checkpoint
		opens := func(what string) {
			if _, err := openOrg(sites[1].node.store, sites[1].node.key, anna.Org, time.Now()); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		opens("entries without a checkpoint")
		if t.Failed() {
			return
		}
		sites[1].restart()
		time.Sleep(time.Minute)
		if got, want := anna.at(sites[1]).size(), anna.size(); got != want {
			t.Fatalf("it has %d entries of %d", got, want)
		}
		anna.setNodes(sites[2])
		time.Sleep(settleTime)
		put(tableOrg, org) // the entries, and not that it serves no more
		opens("taken away")
		if t.Failed() {
			return
		}
		sites[1].restart()
		if got := sites[1].node.directory.org(anna.Org).moved().status; got != wire.StatusMoved {
			t.Errorf("a node that was taken away answers %v", got)
		}
	})
}

// Each node keeps a copy for the archive of what it is posted, also when the devices have it from another. [RV-152] [RV-166]
func TestSimArchiveAtEachNode(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		ben := anna.join("Ben")
		acquainted(anna, ben)
		service := anna.archiveOf("archive", membership.ArchiveClosed, 1<<20, ben)
		time.Sleep(settleTime)
		there := anna.at(sites[1])
		body := there.sealed(1)
		wantAnswer(t, "without the archive", there.post(body, ben), wire.StatusArchive)
		signed, err := rvproto.SignAck(rvproto.SignedAck{Org: anna.Org, IDs: []keys.EnvelopeID{idOf(t, body)}}, ben.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := ben.openDeliver().Signed(signed); err != nil { // a bundle brought it
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		wantAnswer(t, "with the archive", there.post(body, ben, service), wire.StatusOK)
		if got := sites[1].held(service); got != 1 {
			t.Errorf("%d copies wait for the archive", got)
		}
		_ = service.at(sites[1]).openDeliver()
	})
}

// What is carried to a node waits for nobody who is done with it: by the word of another node, or by a receipt that came first.
// [RV-166] [RV-194]
func TestSimCarriedToWhoIsDone(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		ben, cy := anna.join("Ben"), anna.join("Cy")
		acquainted(anna, ben)
		time.Sleep(settleTime)
		there, carrier := anna.at(sites[1]), cy.at(sites[1])
		body, other := there.sealed(1), there.sealed(1)
		signed, err := rvproto.SignAck(rvproto.SignedAck{Org: anna.Org, IDs: []keys.EnvelopeID{idOf(t, body)}}, ben.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := ben.openDeliver().Signed(signed); err != nil {
			t.Fatal(err)
		}
		time.Sleep(settleTime)
		answer := carrier.carry([][]byte{anna.carried(anna, body, ben)}, [][]byte{ben.receipt(anna, idOf(t, other))})
		wantStatus(t, "the envelope", answer.Carried[0], wire.StatusOK)
		wantStatus(t, "the receipt", answer.Receipts[0], wire.StatusOK)
		if got := sites[1].held(ben); got != 0 {
			t.Errorf("%d envelopes wait for who has them by another node", got)
		}
		wantAnswer(t, "after the receipt", there.post(other, ben), wire.StatusOK)
		if got := sites[1].held(ben); got != 0 {
			t.Errorf("%d envelopes wait for who gave a receipt", got)
		}
	})
}

// Nobody but the other nodes is told anything on the nodes' protocol. [RV-160]
func TestSimNodesToldNobodyElse(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, _ := threeSites(t, net)
		frames := anna.raw(rvproto.Node)
		if _, err := frames.Write(wire.AppendFrame(nil, wire.Encode(rvproto.NodeAsk{Org: anna.Org}))); err != nil {
			t.Fatal(err)
		}
		frame, err := wire.NewFrameReader(frames, 1<<10, rvproto.MaxNodeAnswer).Read()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := rvproto.Parse[rvproto.NodeAnswer](frame)
		if err != nil || answer.Status != wire.StatusNotMember || len(answer.Entries) > 0 {
			t.Errorf("%+v, %v", answer, err)
		}
	})
}

// rollOf returns all that a further node shows of the roll that another orders, verified.
func (d *device) rollOf(sequencer *site) *copyRoll {
	d.t.Helper()
	page, err := d.Fetch(d.site.ctx(), 0)
	if err != nil {
		d.t.Fatal(err)
	}
	signer := *d
	signer.Client = &rvclient.Client{Node: sequencer.node.Key()}
	c := &copyRoll{Roll: membership.NewRoll(d.Org)}
	c.take(&signer, page)
	return c
}

// idOf returns the id of an envelope.
func idOf(t *testing.T, body []byte) keys.EnvelopeID {
	t.Helper()
	e, err := envelope.Parse(body, rvproto.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	return e.ID()
}

// While the sequencer is gone a further node obeys a bar that the rules allow, and no other event. [RV-164]
func TestSimFurtherNodeObeysABarAheadOfTheRoll(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		anna, sites := threeSites(t, net)
		ben, carl := anna.join("Ben"), anna.join("Carl")
		time.Sleep(settleTime)
		sites[0].end()
		there := anna.at(sites[1])
		bar := func(by, of *device) []byte {
			return membership.SignEvent(membership.Event{
				Org: anna.Org, Counter: by.counter + 1, At: there.size(), Bar: &membership.Bar{Device: of.key.Public()},
			}, by.key, nil)
		}
		stream := carl.at(sites[1]).openDeliver()
		wantStatus(t, "a bar by another member", there.Present(there.site.ctx(), bar(ben, carl)), wire.StatusMoved)
		time.Sleep(settleTime)
		if sites[1].node.directory.active(carl.key.Public()) == nil {
			t.Fatal("a bar that the rules refuse is obeyed")
		}
		wantStatus(t, "an admin's bar", there.Present(there.site.ctx(), bar(anna, carl)), wire.StatusMoved)
		time.Sleep(settleTime)
		for err := error(nil); err == nil; {
			_, err = stream.Next()
		}
		_, err := carl.at(sites[1]).OpenDeliver(there.site.ctx())
		wantStatus(t, "who is barred", err, wire.StatusBarred)
	})
}

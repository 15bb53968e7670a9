package sim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"muster.example/internal/bundle"
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// stick is what a person writes to a file to be carried: the one part of a bundle.
func (p *person) stick() []byte {
	t := p.world.t
	t.Helper()
	var out bytes.Buffer
	said, err := p.node.ExportBundle(t.Context(), api.BundleRequest{}, func(uint64) (io.Writer, error) { return &out, nil })
	if err != nil {
		t.Fatalf("%s writes a bundle: %v", p.name, err)
	}
	file := out.Bytes()
	if _, err := p.node.BundleKept(t.Context(), api.BundleKeptRequest{Bundle: said.Bundle}); err != nil || said.Unsealed > 0 || said.Parts != 1 {
		t.Fatalf("%s wrote a bundle: %+v, %v", p.name, said, err)
	}
	return file
}

// plugIn has a person's device take in what is on a stick.
func (p *person) plugIn(file []byte) api.BundleImport {
	p.world.t.Helper()
	got, err := p.node.ImportBundle(context.Background(), api.BundleImportRequest{}, bytes.NewReader(file))
	if err != nil {
		p.world.t.Fatalf("%s takes in a bundle: %v", p.name, err)
	}
	return got
}

// bundleKey returns the key of the bundles of an organization, which every member has and everybody who was one.
func (l *loot) bundleKey(t *testing.T) bundle.Key {
	t.Helper()
	key, err := bundle.NewKey(l.org, l.entries[0])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// itemsOf returns what is in a bundle.
func itemsOf(t *testing.T, key bundle.Key, file []byte) (all []bundle.Item) {
	t.Helper()
	for in := bundle.NewReader(bytes.NewReader(file), key); ; {
		item, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		item.Body = bytes.Clone(item.Body)
		all = append(all, item)
	}
}

// sealed makes a bundle of items, as everybody can who has the key.
func sealed(t *testing.T, key bundle.Key, items ...bundle.Item) []byte {
	t.Helper()
	var out bytes.Buffer
	to := bundle.NewWriter(&out, key, [16]byte{1}, 0)
	for _, item := range items {
		if err := to.Put(item); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// carriedIn returns the envelopes in a bundle.
func carriedIn(t *testing.T, items []bundle.Item) (all []envelope.Carried) {
	t.Helper()
	for _, item := range items {
		if item.Kind != bundle.KindCarried {
			continue
		}
		c, err := envelope.ParseCarried(item.Body, envelope.MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// TestSimAbusedBundles has a member who keeps no rule alter, repeat, turn round and invent what is on the sticks of two others, while no
// node runs. Nothing of it is shown, believed or doubled, and what is whole comes all the same. [CAR-2] [CAR-5] [CAR-14] [CAR-22]
func TestSimAbusedBundles(t *testing.T) {
	simulate(t, 91, func(w *world) {
		t := w.t
		alice, bob, mallory := w.trio()
		alice.follow(mallory)
		alice.send("with the node", bob)
		bob.send("with the node too", alice)
		w.await(time.Minute, "they have come", func() bool { return len(bob.inbox()) == 1 && len(alice.inbox()) == 1 })
		w.await(time.Minute, "and the receipts", func() bool { return alice.status().Outbox == 0 && bob.status().Outbox == 0 })
		forger := mallory.identity()
		mallory.stop()
		loot := mallory.rob()
		key := loot.bundleKey(t)
		mallory.start()
		w.node.stop()
		w.await(10*time.Minute, "the node is gone", func() bool { return !alice.connected() && !bob.connected() && !mallory.connected() })
		bell := &bell{rings: make(map[*person]map[string]int)}
		bell.listen(bob)

		id := alice.send("by stick", bob)
		file := alice.stick()
		items := itemsOf(t, key, file)
		size, alarms := bob.status().Roll.Size, len(bob.status().Alarms)
		for i, item := range items {
			for _, at := range []int{0, len(item.Body) / 2, len(item.Body) - 1} {
				altered := bundle.Item{Kind: item.Kind, Body: bytes.Clone(item.Body)}
				altered.Body[at] ^= 1
				if got := bob.plugIn(sealed(t, key, altered)); got.Opened+got.Carried+got.Receipts+got.Passed+got.Bars+got.Entries > 0 {
					t.Errorf("item %d of kind %d with another byte at %d: %+v", i, item.Kind, at, got)
				}
			}
		}
		for _, c := range carriedIn(t, items) {
			c.Signature[len(c.Signature)-1] ^= 1
			if got := bob.plugIn(sealed(t, key, bundle.Item{Kind: bundle.KindCarried, Body: c.Bytes()})); got.Refused != 1 || got.Opened+got.Carried > 0 {
				t.Errorf("with another signature: %+v", got)
			}
		}
		for _, kind := range []bundle.Kind{0, bundle.KindRoll, bundle.KindBar, bundle.KindPrekey, bundle.KindReceipt, bundle.KindCarried, 200} {
			bob.plugIn(sealed(t, key, bundle.Item{Kind: kind}, bundle.Item{Kind: kind, Body: bytes.Repeat([]byte{0x9f}, 300)}))
		}
		if status := bob.status(); status.Roll.Size != size || status.Roll.Distrusted || len(status.Alarms) != alarms || len(bob.inbox()) != 1 {
			t.Errorf("after altered bundles bob has %+v, and in his inbox %q", status, bob.inbox())
		}

		// Receipts that are not bob's, at who wrote it and at who carries it.
		envelopes := carriedIn(t, items)
		var ids []keys.EnvelopeID
		for _, c := range envelopes {
			ids = append(ids, c.Label.ID)
		}
		slices.SortFunc(ids, func(a, b keys.EnvelopeID) int { return bytes.Compare(a[:], b[:]) })
		invented := []bundle.Item{{Kind: bundle.KindReceipt, Body: signReceipt(t, envelope.Receipt{
			Org: loot.org, Sender: alice.device(), Device: mallory.device(), Opened: ids}, forger)}}
		mine := signReceipt(t, envelope.Receipt{Org: loot.org, Sender: alice.device(), Device: bob.device(), Opened: ids}, bob.identity())
		mine[len(mine)-1] ^= 1
		invented = append(invented, bundle.Item{Kind: bundle.KindReceipt, Body: mine})
		if got := mallory.plugIn(file); got.Carried != len(envelopes) {
			t.Fatalf("mallory carries %+v", got)
		}
		mallory.plugIn(sealed(t, key, invented...))
		if left := carriedIn(t, itemsOf(t, key, mallory.stick())); len(left) != len(envelopes) {
			t.Errorf("after receipts of others %d envelopes of %d are carried", len(left), len(envelopes))
		}
		alice.plugIn(sealed(t, key, invented...))
		if states := alice.states(id); len(states) != 1 || states[0] != api.StateCarried {
			t.Errorf("after receipts of others the message is %q", states)
		}

		// The same again and again, in other orders.
		backward := slices.Clone(items)
		slices.Reverse(backward)
		for i, one := range [][]byte{sealed(t, key, backward...), file, file, sealed(t, key, append(slices.Clone(items), items...)...)} {
			bob.plugIn(one)
			if got := bob.inbox(); !slices.Equal(got, []string{"by stick", "with the node"}) {
				t.Fatalf("after bundle %d bob has %q", i, got)
			}
		}
		back := bob.stick()
		for range 3 {
			alice.plugIn(back)
		}
		if states := alice.states(id); len(states) != 1 || states[0] != api.StateDelivered {
			t.Errorf("after bob's receipts the message is %q", states)
		}

		w.node.start()
		w.await(10*time.Minute, "they are back", func() bool { return alice.connected() && bob.connected() && mallory.connected() })
		time.Sleep(20 * time.Minute)
		if got := bob.inbox(); len(got) != 2 || bell.count(bob, "by stick") != 1 || len(mallory.inbox()) != 0 {
			t.Errorf("with the node bob has %q, told of it %d times, and mallory %q", got, bell.count(bob, "by stick"), mallory.inbox())
		}
		for _, p := range w.all {
			if status := p.status(); status.Outbox != 0 || status.Missing != 0 || len(status.Alarms) != 0 {
				t.Errorf("%s: %d to send, %d missing, alarms %q", p.name, status.Outbox, status.Missing, status.Alarms)
			}
		}
	})
}

func signReceipt(t *testing.T, r envelope.Receipt, signer keys.PrivateKey) []byte {
	t.Helper()
	signed, err := envelope.SignReceipt(r, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestSimBarredByStick is the copy of a barred device's folder in the hands of somebody who reads and makes bundles, and alters what
// others carry: it gets nothing by them that it does not get else, and nothing of it is taken. [CAR-2] [CAR-20] [RV-191] [RV-194]
func TestSimBarredByStick(t *testing.T) {
	simulate(t, 92, func(w *world) {
		t := w.t
		s := w.steal()
		key := s.loot.bundleKey(t)
		for _, e := range s.tap.taken {
			s.loot.learn(e.envelope)
		}
		w.node.stop()
		w.await(10*time.Minute, "the node is gone", func() bool { return !s.ben.connected() && !s.desk.connected() })
		id := s.ben.send("after the bar", s.desk)
		file := s.ben.stick()
		items := itemsOf(t, key, file)
		envelopes := carriedIn(t, items)
		if len(envelopes) == 0 {
			t.Fatal("nothing is on the stick: this proves nothing")
		}
		s.cannotRead("ben's stick", envelopes)
		for _, item := range items {
			if item.Kind != bundle.KindPrekey {
				continue
			}
			if p, err := bundle.OpenPrekey(item.Body); err != nil || p.Device == s.loot.device {
				t.Errorf("the stick has a prekey of the barred device: %v", err)
			}
		}

		// He puts his own name on the labels of what others carry: they take it off, and the node too.
		var named []bundle.Item
		for _, c := range envelopes {
			named = append(named, bundle.Item{Kind: bundle.KindCarried, Body: c.For(append(slices.Clone(c.Label.Wanted), s.loot.device)).Bytes()})
		}
		s.tablet.plugIn(sealed(t, key, named...))
		s.cannotRead("the tablet's stick", carriedIn(t, itemsOf(t, key, s.tablet.stick())))

		// What he seals and signs, and receipts in his name.
		var forged []bundle.Item
		for _, shut := range s.sealAll() {
			c, err := envelope.Carry(shut, shut.Bytes(), s.loot.org, []keys.PublicKey{s.ben.device(), s.desk.device(), s.tablet.device()}, s.loot.identity)
			if err != nil {
				t.Fatal(err)
			}
			forged = append(forged, bundle.Item{Kind: bundle.KindCarried, Body: c.Bytes()})
		}
		forged = append(forged, bundle.Item{Kind: bundle.KindReceipt, Body: signReceipt(t, envelope.Receipt{
			Org: s.loot.org, Sender: s.ben.device(), Device: s.loot.device, Opened: []keys.EnvelopeID{envelopes[0].Label.ID}}, s.loot.identity)})
		for _, victim := range []*person{s.ben, s.desk, s.tablet} {
			got := victim.plugIn(sealed(t, key, forged...))
			if got.Opened+got.Carried+got.Passed > 0 {
				t.Errorf("%s takes what the thief made: %+v", victim.name, got)
			}
			for _, c := range carriedIn(t, itemsOf(t, key, victim.stick())) {
				if c.Envelope.ParsedHeader().Sender == s.loot.device {
					t.Errorf("%s carries what the thief sealed", victim.name)
				}
			}
			if slices.Contains(victim.inbox(), "forged") {
				t.Errorf("%s shows what the thief sealed", victim.name)
			}
		}
		if states := s.ben.states(id); slices.Contains(states, api.StateDelivered) {
			t.Errorf("by the thief's receipt the message is %q", states)
		}

		w.node.start()
		w.await(10*time.Minute, "they are back", func() bool { return s.ben.connected() && s.desk.connected() && s.tablet.connected() })
		s.carryAtTheNode(named, forged)
		w.await(10*time.Minute, "it came", func() bool { return slices.Contains(s.desk.inbox(), "after the bar") && w.node.queued() == 0 })
		s.tap.mu.Lock()
		defer s.tap.mu.Unlock()
		for _, e := range s.tap.taken {
			if e.at > s.barred && (slices.Contains(e.recipients, s.loot.device) || e.envelope.ParsedHeader().Sender == s.loot.device) {
				t.Errorf("the node queues something of or for the barred device")
			}
		}
	})
}

// cannotRead checks that none of some envelopes is for the thief's device, and that none opens with anything that he has.
func (s *stolen) cannotRead(where string, envelopes []envelope.Carried) {
	s.t.Helper()
	for _, c := range envelopes {
		if slices.Contains(c.Label.Wanted, s.loot.device) {
			s.t.Errorf("%s has something for the barred device", where)
		}
		if s.loot.learn(c.Envelope) {
			s.t.Errorf("a chain on %s is announced to the barred device", where)
		}
		if c.Envelope.ParsedHeader().Kind == envelope.KindMessage {
			if _, ok := s.loot.open(s.t, c.Envelope); ok {
				s.t.Errorf("the barred device opens something on %s", where)
			}
		}
	}
}

// carryAtTheNode hands the node what he made, and labels with his name: by himself, and by a member who is on his side.
func (s *stolen) carryAtTheNode(named, forged []bundle.Item) {
	t := s.t
	t.Helper()
	request := rvproto.CarryRequest{Carried: [][]byte{}, Receipts: [][]byte{}}
	for _, item := range slices.Concat(named, forged) {
		if item.Kind == bundle.KindReceipt {
			request.Receipts = append(request.Receipts, item.Body)
		} else {
			request.Carried = append(request.Carried, item.Body)
		}
	}
	local := s.host()
	defer local.Close()
	thief := &rvclient.Client{Host: local, Node: s.node.key().Public(), Addresses: []string{serverAddress}, Org: s.loot.org}
	_, err := thief.Carry(t.Context(), request)
	s.barredOnly("what he carries", err)
	member := &rvclient.Client{Host: s.ben.host, Node: s.node.key().Public(), Addresses: []string{serverAddress}, Org: s.loot.org}
	answer, err := member.Carry(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for i, status := range answer.Carried[len(named):] {
		if status == 0 {
			t.Errorf("the node takes envelope %d of the thief: %v", i, status)
		}
	}
	for _, status := range answer.Receipts {
		if status == 0 {
			t.Errorf("the node takes a receipt of the thief: %v", status)
		}
	}
}

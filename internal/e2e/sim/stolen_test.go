package sim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/exchange"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// stolen is an account of three devices of which one's folder was copied, and opened, before the device was barred; and a member
// who is another.
type stolen struct {
	*world
	tap                 *tap
	desk, phone, tablet *person
	ben                 *person
	thief               *person // the copy
	loot                *loot
	barred              int64 // when, unix milliseconds
}

func (w *world) steal() *stolen {
	t := w.t
	t.Helper()
	w.offerAgain = time.Hour // what happens seldom is all that there is to see
	w.node.stop()
	s := &stolen{world: w, tap: w.node.tap()}
	w.node.start()
	accounts := w.crowd(2, 1, func(int, *person) {})
	for range 2 {
		w.another(accounts[0]).stop()
	}
	w.assemble(func(*person) {})
	s.desk, s.phone, s.tablet, s.ben = accounts[0].devices[0], accounts[0].devices[1], accounts[0].devices[2], accounts[1].devices[0]
	s.ben.send("before", s.desk)
	s.phone.send("from the phone", s.ben)
	s.desk.send("from the desk", s.ben)
	w.await(10*time.Minute, "all have it", func() bool {
		return len(s.ben.inbox()) == 2 && len(s.phone.inbox()) == 1 && len(s.desk.inbox()) == 1 && w.node.queued() == 0
	})
	w.alike(10*time.Minute, s.desk, s.phone, s.tablet)
	s.thief = s.phone.copy("thief")
	w.await(10*time.Minute, "everybody is there", func() bool { return s.phone.connected() })
	time.Sleep(time.Minute)
	if plan, err := s.desk.node.Bar(t.Context(), api.BarRequest{Devices: []string{s.phone.ownDevice()}, Words: accounts[0].words}); err != nil || !plan.Done {
		t.Fatalf("the bar: %+v, %v", plan, err)
	}
	w.await(time.Hour, "everybody knows of the bar", func() bool {
		size := s.desk.status().Roll.Size
		return s.phone.status().Excluded != nil && s.ben.status().Roll.Size == size && s.tablet.status().Roll.Size == size
	})
	s.barred = time.Now().UnixMilli()
	s.phone.stop()
	s.loot = s.thief.rob()
	return s
}

// host gives the thief a network of his own, with the device's key.
func (s *stolen) host() host.Host {
	cfg := s.net.Config(s.thief.place, s.loot.identity)
	cfg.Relayed = true
	s.net.Up(s.thief.address())
	return s.net.Host(s.t, cfg)
}

// TestSimStolenDeviceAfterItsBar is the copy of a device's folder after the device was barred, in the hands of a program that keeps no
// rule: at the rendezvous node, at the account's other devices, at another member, by envelopes that a node which is on his
// side passes on, and with all that ever was on the wire, it gets and does nothing.
func TestSimStolenDeviceAfterItsBar(t *testing.T) {
	simulate(t, 81, func(w *world) {
		s := w.steal()
		before := s.desk.seen()
		local := s.host()
		client := &rvclient.Client{Host: local, Node: w.node.key().Public(), Addresses: []string{serverAddress}, Org: s.loot.org}
		if err := client.Connect(w.t.Context()); err != nil {
			w.t.Fatalf("the thief has no connection: the rest proves nothing: %v", err)
		}
		s.atTheNode(client)
		s.withEvents(client)
		s.throughTheRelay(local)
		for _, victim := range []*person{s.desk, s.tablet, s.ben} {
			s.atTheirDevice(local, victim)
		}
		s.byTheQueue()
		if err := local.Close(); err != nil {
			w.t.Error(err)
		}
		s.thief.start()
		s.asItIs()
		s.thief.stop()
		s.reading()
		w.alike(time.Hour, s.desk, s.tablet)
		if seen := s.desk.seen(); strings.Contains(seen, "forged") || !strings.HasPrefix(seen, before[:strings.Index(before, "\n")]) && !strings.Contains(seen, "before") {
			w.t.Errorf("the desk shows\n%s", seen)
		}
	})
}

// barredOnly checks that a node's answer is that the device is barred.
func (s *stolen) barredOnly(what string, err error) {
	s.t.Helper()
	if !errors.Is(err, wire.StatusBarred) {
		s.t.Errorf("%s: %v, want %v", what, err, wire.StatusBarred)
	}
}

// atTheNode tries what a member's device may do.
func (s *stolen) atTheNode(client *rvclient.Client) {
	ctx := s.t.Context()
	stream, err := client.OpenDeliver(ctx)
	s.barredOnly("the deliver stream", err)
	if err == nil {
		stream.Close()
	}
	post, err := client.OpenPost(ctx)
	s.barredOnly("the post stream", err)
	if err == nil {
		post.Close()
	}
	_, err = client.Fetch(ctx, 0)
	s.barredOnly("the roll", err)
	_, err = client.GetPrekeys(ctx, []keys.PublicKey{s.ben.identity().Public()})
	s.barredOnly("prekeys", err)
	_, signed, err := envelope.NewPrekey(rand.Reader, s.loot.identity, s.loot.org, time.Now().Add(24*time.Hour))
	if err != nil {
		s.t.Fatal(err)
	}
	s.barredOnly("a prekey of his", client.PutPrekey(ctx, signed))
	grant := membership.Grant{Org: s.loot.org, From: s.member(s.desk), To: s.member(s.ben), Number: 1 << 40, Open: true}
	s.barredOnly("a grant", client.PutGrant(ctx, membership.SignGrant(grant, s.loot.identity)))
	_, err = client.Share(ctx)
	s.barredOnly("presence", err)
	_, err = client.OpenSlot(ctx)
	s.barredOnly("a slot to add a device by", err)
}

func (s *stolen) member(p *person) keys.MemberID {
	id, err := keys.ParseID[keys.Member](p.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// withEvents tries to change the roll.
func (s *stolen) withEvents(client *rvclient.Client) {
	size := s.desk.status().Roll.Size
	for name, event := range map[string]membership.Event{
		"a bar of the desk":       {Bar: &membership.Bar{Device: s.desk.identity().Public(), After: 1}},
		"a bar of the tablet":     {Bar: &membership.Bar{Device: s.tablet.identity().Public(), After: 1}},
		"a freeze":                {Freeze: &membership.Freeze{}},
		"another device":          {Device: &membership.Device{Add: keys.Generate().Public()}},
		"a promotion":             {Role: &membership.RoleChange{Member: s.member(s.ben), Role: membership.RoleAdmin}},
		"the removal of a member": {Remove: &membership.Remove{Member: s.member(s.ben)}},
		"an invitation":           {Invite: &membership.Invite{Key: keys.Generate().Public(), Role: membership.RoleMember, Uses: 1, Expires: time.Now().Add(time.Hour).Unix()}},
		"a group":                 {Group: &membership.NewGroup{Name: "forged", Admission: group.Open, Writers: group.Everybody, Listed: true}},
		"a bar of himself":        {Bar: &membership.Bar{Device: s.loot.device}},
	} {
		for counter := uint64(1); counter < 4; counter++ {
			event.Org, event.At, event.Counter, event.Signer = s.loot.org, size, counter, s.loot.device
			err := client.Submit(s.t.Context(), membership.SignEvent(event, s.loot.identity, nil))
			s.barredOnly(name, err)
		}
	}
	if now := s.desk.status().Roll.Size; now != size {
		s.t.Errorf("the roll has %d entries, and had %d", now, size)
	}
}

// throughTheRelay tries to have the node pass him on to other devices of the account.
func (s *stolen) throughTheRelay(local host.Host) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	relay := s.node.key().Public()
	if _, err := p2p.WaitAt(ctx, local, relay); err == nil {
		s.t.Error("the relay gives the thief a place")
	}
	for _, victim := range []*person{s.desk, s.tablet, s.ben} {
		if err := p2p.Call(ctx, local, relay, victim.identity().Public()); !errors.Is(err, p2p.ErrNotThere) {
			s.t.Errorf("the relay passes the thief on to %s: %v", victim.name, err)
		}
	}
}

// atTheirDevice calls a device directly, as somebody on its LAN, which in this simulation anybody can (see neighbours).
func (s *stolen) atTheirDevice(local host.Host, victim *person) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	id := p2p.PeerID(victim.identity().Public())
	address, err := ma.NewMultiaddr(victim.address())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := local.Connect(ctx, peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{address}}); err != nil {
		s.t.Logf("%s does not let the thief connect: %v", victim.name, err)
		return
	}
	defer local.Network().ClosePeer(id)
	forged := s.forged()
	stream, err := local.NewStream(ctx, id, protocol.ID("/muster/sync/1"))
	if err == nil {
		var done exchange.Progress
		if done, err = exchange.Begin(ctx, stream, forged, exchange.Options{Thorough: true}); err == nil || done.Given+done.Taken > 0 {
			s.t.Errorf("%s syncs with the thief: %+v, %v", victim.name, done, err)
		}
		_ = stream.Reset()
	}
	if len(forged.taken) > 0 {
		s.t.Errorf("%s gives the thief %d records", victim.name, len(forged.taken))
	}
	s.t.Logf("%s: %v", victim.name, err)
}

// forgery is a history of the thief's making.
type forgery struct {
	records map[reconcile.Item][]byte
	taken   [][]byte
}

// forged returns records in the thief's name and in that of the desk, some of them far ahead.
func (s *stolen) forged() *forgery {
	f := &forgery{records: make(map[reconcile.Item][]byte)}
	known := s.loot.records[slices.IndexFunc(s.loot.records, func(r history.Record) bool { return r.Message != nil })].Message.ID()
	for i, device := range []keys.PublicKey{s.loot.device, s.desk.identity().Public(), s.tablet.identity().Public()} {
		for j, at := range []time.Time{time.Now(), time.Now().AddDate(5, 0, 0)} {
			r := history.Record{Device: device, Sequence: uint64(1000 + i*10 + j), Clock: history.Clock{Wall: at.UnixMilli()},
				Kind: history.RecordTag, Tag: &history.Tag{Message: known, Tag: "forged"}}
			r = r.Sign(s.loot.org, s.loot.identity)
			f.records[reconcile.Item{Time: uint64(r.Clock.Wall), ID: r.ID()}] = wire.Encode(r)
		}
	}
	return f
}

func (f *forgery) Digest() (d reconcile.Digest, err error) {
	for item := range f.records {
		d.Add(item.ID)
	}
	return d, nil
}

func (f *forgery) Items(uint64) (items []reconcile.Item, err error) {
	for item := range f.records {
		items = append(items, item)
	}
	return items, nil
}

func (f *forgery) Records(missing reconcile.Missing, visit func(reconcile.Item, []byte) (bool, error)) error {
	for item, data := range f.records {
		if more, err := visit(item, data); err != nil || !more {
			return err
		}
	}
	return nil
}

func (f *forgery) Record(item reconcile.Item) ([]byte, error) { return f.records[item], nil }

func (f *forgery) Take(_ context.Context, records [][]byte) ([]reconcile.Item, error) {
	f.taken = append(f.taken, records...)
	return nil, errors.New("the thief has what he came for")
}

func (f *forgery) Lacking([]byte, int) ([]exchange.File, error)                       { return nil, nil }
func (f *forgery) TakePieces(context.Context, exchange.File, []exchange.Piece) error  { return nil }
func (f *forgery) Pieces(exchange.FileName, []byte, func(exchange.Piece) error) error { return nil }

// sealAll seals a text on each chain that the others have of the device, as of now, and dated back before the bar.
func (s *stolen) sealAll() (all []envelope.Envelope) {
	w := s.world
	size := s.desk.status().Roll.Size
	for conversation, out := range s.loot.outgoing {
		if len(out.Chain) == 0 {
			continue
		}
		for _, at := range []uint64{size, 1} {
			chain, err := envelope.UnmarshalChain(out.Chain)
			if err != nil {
				w.t.Fatal(err)
			}
			text := history.Text{To: []keys.MemberID{s.member(s.ben)}, Text: "forged", Time: time.Now().UnixMilli()}
			rand.Read(text.Nonce[:])
			line := envelope.Line{Sequence: out.Sequence, Previous: out.Previous}
			shut, _, err := chain.Seal(rand.Reader, s.loot.identity, &line, envelope.Content{Kind: uint8(history.KindText), Body: wire.Encode(text)},
				envelope.Meta{RollSize: at, Expires: time.Now().Add(24 * time.Hour).Unix(), Leave: envelope.LeaveOf(out.Place, s.loot.org, true)})
			if err != nil {
				w.t.Fatalf("sealing in %s: %v", conversation.Short(), err)
			}
			all = append(all, shut)
		}
	}
	if len(all) == 0 {
		w.t.Fatal("the thief has no chain: this proves nothing")
	}
	return all
}

// byTheQueue has a rendezvous node that is on the thief's side pass on what he seals on the chain that the others have of the device:
// a message to the member, and one to the account's own devices.
func (s *stolen) byTheQueue() {
	w := s.world
	for _, shut := range s.sealAll() {
		item := queue.Item{ID: shut.ID(), Org: s.loot.org, Kind: queue.Envelope, Body: shut.Bytes(), Expires: time.Now().Add(24 * time.Hour),
			Recipients: []keys.PublicKey{s.ben.identity().Public(), s.desk.identity().Public(), s.tablet.identity().Public()}}
		if errs := s.tap.queue.Put(w.t.Context(), []queue.Item{item}); errors.Join(errs...) != nil {
			w.t.Fatal(errs)
		}
	}
	for _, victim := range []*person{s.ben, s.desk, s.tablet} {
		victim.crash()
		victim.start()
	}
	w.await(10*time.Minute, "they have looked at what was queued", func() bool { return w.node.queued() == 0 })
	for _, victim := range []*person{s.ben, s.desk, s.tablet} {
		if strings.Contains(victim.seen(), "forged") {
			w.t.Errorf("%s shows what the thief sealed", victim.name)
		}
	}
}

// asItIs runs the copy as a node like any other, against which the person's own acts are refused.
func (s *stolen) asItIs() {
	w := s.world
	w.await(time.Hour, "the copy learns that it is barred", func() bool { return s.thief.status().Excluded != nil })
	ctx := w.t.Context()
	if err := s.thief.sendError(s.ben); code(err) != api.CodeRefused {
		w.t.Errorf("the copy sends: %v", err)
	}
	if _, err := s.thief.node.Invite(ctx, api.InviteRequest{}); code(err) != api.CodeRefused {
		w.t.Errorf("the copy invites: %v", err)
	}
	if plan, err := s.thief.node.Bar(ctx, api.BarRequest{Devices: []string{s.tablet.ownDevice()}}); err == nil || plan.Done {
		w.t.Errorf("the copy bars another device: %+v", plan)
	}
	if _, err := s.thief.node.Block(ctx, api.ContactRequest{Member: s.ben.id}); err == nil {
		w.t.Log("the copy notes a block for itself")
	}
	time.Sleep(7 * time.Hour) // it calls, from time to time
	if s.desk.contact(s.ben) == api.ContactBlocked {
		w.t.Error("the copy's block reaches the desk")
	}
	if got := s.thief.inbox(); slices.Contains(got, "after the bar") {
		w.t.Errorf("the copy reads %q", got)
	}
}

// reading opens, with the copy's keys, whatever was on the wire and in the queue: nothing that was sealed by who knew of the bar.
func (s *stolen) reading() {
	w := s.world
	s.ben.send("after the bar", s.desk)
	s.desk.send("after the bar, from the desk", s.ben)
	if _, err := s.desk.node.Tag(w.t.Context(), api.TagRequest{Tag: "secret", IDs: []string{s.desk.anyMessage(newChoices(1))}}); err != nil {
		w.t.Fatal(err)
	}
	w.await(10*time.Minute, "they have come", func() bool {
		return slices.Contains(s.desk.inbox(), "after the bar") && slices.Contains(s.tablet.inbox(), "after the bar") && slices.Contains(s.ben.inbox(), "after the bar, from the desk")
	})
	l := s.thief.rob()
	s.tap.mu.Lock()
	defer s.tap.mu.Unlock()
	opened := map[bool]int{}
	for _, e := range s.tap.taken {
		if learned := l.learn(e.envelope); learned && e.at > s.barred {
			w.t.Error("a chain is announced to the copy after the bar")
		}
		if slices.Contains(e.recipients, l.device) && e.at > s.barred {
			w.t.Error("something is queued for the copy after the bar")
		}
	}
	for _, e := range s.tap.taken {
		if e.envelope.ParsedHeader().Kind != envelope.KindMessage {
			continue
		}
		if content, ok := l.open(w.t, e.envelope); ok {
			opened[e.at > s.barred]++
			if e.at > s.barred {
				w.t.Errorf("the copy's keys open what was sealed after the bar: kind %d", content.Content.Kind)
			}
		}
	}
	if opened[false] == 0 {
		w.t.Error("the copy's keys open nothing from before the bar either: this proves nothing")
	}
	for _, r := range l.records {
		if r.Tag != nil && r.Tag.Tag == "secret" {
			w.t.Error("the copy has a tag that was made after the bar")
		}
	}
	w.t.Log(fmt.Sprint(opened[false], " opened from before"))
}

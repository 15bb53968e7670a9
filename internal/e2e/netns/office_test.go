//go:build netns && linux

package netns

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// An office is 200 devices of 8 members, who share one address.
const (
	clerks       = 8
	seatsEach    = 25
	officeAtOnce = 16 // of them that connect side by side
	officeTime   = 2 * time.Minute
)

// seat is a device of an office, with both of its streams while it is there.
type seat struct {
	*rvclient.Client
	key    keys.PrivateKey
	member keys.MemberID
	posts  *rvclient.PostStream
	came   chan keys.EnvelopeID
}

// playOffice joins by the invitation that it is told, connects when it is told to, and writes when it is told to.
func playOffice(t *testing.T) {
	p := play(t)
	ctx, cancel := context.WithTimeout(p.ctx, officeTime)
	defer cancel()
	invitation, err := membership.ParseInvitation(<-p.lines)
	if err != nil {
		t.Fatal(err)
	}
	var office []*seat
	for number := range clerks {
		office = append(office, hire(ctx, t, invitation, number)...)
	}
	p.says("joined")
	for line := range p.lines {
		switch line {
		case "connect":
			all(t, office, func(_ int, d *seat) error { return d.connect(ctx) })
			p.says("connected")
		case "write":
			all(t, office, func(i int, d *seat) error { return d.write(ctx, office[(i+seatsEach)%len(office)]) })
			p.says("written")
		}
		if t.Failed() {
			return
		}
	}
	p.says("done")
	for _, d := range office {
		_ = d.Host.Close()
	}
}

// all does something for every device of an office, officeAtOnce side by side.
func all(t *testing.T, office []*seat, work func(i int, d *seat) error) {
	t.Helper()
	var wait sync.WaitGroup
	door := make(chan struct{}, officeAtOnce)
	for i, d := range office {
		wait.Go(func() {
			door <- struct{}{}
			defer func() { <-door }()
			if err := work(i, d); err != nil {
				t.Errorf("device %d: %v", i, err)
			}
		})
	}
	wait.Wait()
}

// hire makes one member with seatsEach devices.
func hire(ctx context.Context, t *testing.T, invitation membership.Invitation, number int) (seats []*seat) {
	t.Helper()
	for range seatsEach {
		key := keys.Generate()
		host, err := p2p.NewHost(p2p.Config{Identity: key})
		if err != nil {
			t.Fatal(err)
		}
		at := invitation.Nodes[0]
		seats = append(seats, &seat{key: key, came: make(chan keys.EnvelopeID, 16),
			Client: &rvclient.Client{Host: host, Node: at.Key, Addresses: at.Addresses, Org: invitation.Org}})
	}
	first, by := seats[0], invitation.Key()
	page, err := first.View(ctx, by, 0)
	if err != nil {
		t.Fatalf("member %d: %v", number, err)
	}
	join := membership.SignEvent(membership.Event{Org: first.Org, Counter: 1, At: uint64(len(page.Entries)), Join: &membership.Join{
		Invitation: by.Public(), Name: fmt.Sprint("Clerk ", number), Recovery: keys.Generate().Public(),
	}}, first.key, &by)
	if err := first.SubmitJoin(ctx, by, join); err != nil {
		t.Fatalf("member %d: %v", number, err)
	}
	for i, d := range seats {
		if d.member = membership.MemberOf(first.Org, join); i == 0 {
			continue
		}
		page, err := first.Fetch(ctx, 0)
		if err == nil {
			err = first.Submit(ctx, membership.SignEvent(membership.Event{Org: first.Org, Counter: uint64(i + 1), At: uint64(len(page.Entries)),
				Device: &membership.Device{Add: d.key.Public()}}, first.key, &d.key))
		}
		if err != nil {
			t.Fatalf("device %d of member %d: %v", i, number, err)
		}
	}
	if err := first.Host.Network().ClosePeer(p2p.PeerID(first.Node)); err != nil {
		t.Fatal(err)
	}
	return seats
}

// connect opens both streams. A device that is not let in comes again, as devices do.
func (d *seat) connect(ctx context.Context) error {
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for {
		err := d.open(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-again.C:
		}
	}
}

func (d *seat) open(ctx context.Context) error {
	dial, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := d.Connect(dial); err != nil {
		return err
	}
	deliveries, err := d.OpenDeliver(ctx)
	if err != nil {
		return err
	}
	if d.posts, err = d.OpenPost(ctx); err != nil {
		deliveries.Close()
		return err
	}
	go d.hear(ctx, deliveries)
	return nil
}

// hear acknowledges what comes until the stream ends.
func (d *seat) hear(ctx context.Context, deliveries *rvclient.DeliverStream) {
	defer deliveries.Close()
	for {
		in, err := deliveries.Next()
		if err != nil {
			return
		}
		if in.Deliver == nil || in.Deliver.Kind != rvproto.KindEnvelope {
			continue
		}
		e, err := envelope.View(in.Deliver.Body, rvproto.MaxEnvelope)
		if err != nil || deliveries.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{e.ID()}}) != nil {
			return
		}
		select {
		case d.came <- e.ID():
		case <-ctx.Done():
			return
		}
	}
}

// write posts an envelope for a device of another member, and waits until it is there.
func (d *seat) write(ctx context.Context, to *seat) error {
	chain, err := envelope.NewChain(rand.Reader, d.Org, envelope.Among(d.member, to.member), d.key.Public(), time.Now(), 1)
	if err != nil {
		return err
	}
	sealed, _, err := chain.Seal(rand.Reader, d.key, &envelope.Line{}, envelope.Content{Kind: 1, Body: make([]byte, 1<<10)},
		envelope.Meta{RollSize: 1, Expires: time.Now().Add(time.Hour).Unix()})
	if err != nil {
		return err
	}
	if err := d.posts.Send([]rvproto.PostFrame{{Recipients: []keys.PublicKey{to.key.Public()}, Envelope: sealed.Bytes()}}); err != nil {
		return err
	}
	answer, err := d.posts.Answer()
	if err != nil {
		return err
	}
	if answer.Status != wire.StatusOK || len(answer.Refused) > 0 {
		return fmt.Errorf("the post is refused: %w, %+v", answer.Status, answer.Refused)
	}
	select {
	case id := <-to.came:
		if id != sealed.ID() {
			return errors.New("another envelope came")
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the delivery: %w", ctx.Err())
	}
}

// TestAnOfficeAmongFloods has an office behind one address connect, and write, while a hostile address floods the node with calls and
// half handshakes over TCP, and many addresses do over QUIC. All are served, and what it holds stays
// within bounds. [RV-2] [RV-132] [RV-133]
func TestAnOfficeAmongFloods(t *testing.T) {
	switch host() {
	case homeA:
		playOffice(t)
		return
	case homeB:
		floodWithCalls(t)
		return
	case far:
		floodWithInitials(t)
		return
	}
	n := homes(t, cone, cone)
	n.addFar()
	node := n.measured(public, publicAddress)
	ada, ben := n.person(homeA, "Ada"), n.person(homeA, "Ben")
	ada.found(node.Rendezvous, true)
	ben.types("join", ada.invites(1), "--as", "Ben").exits(0)
	office := n.plays(homeA)
	office.tells(ada.invites(clerks))
	office.expects("joined")

	calls, initials := n.plays(homeB), n.plays(far)
	floods := []*player{calls, initials}
	for _, flood := range floods {
		flood.expects("begun")
	}
	stop := node.watch()
	office.tells("connect")
	office.expects("connected")
	writeToEachOther(ada, ben)
	office.tells("write")
	office.expects("written")
	most := stop()
	for _, flood := range floods {
		if flood.ends() != "true" {
			t.Errorf("%v was no flood", flood.command.Args)
		}
	}
	if office.ends() != "done" {
		t.Error("the office did not end in order")
	}
	t.Logf("the node held at most %+v", most)
	if most.memory > officeMemory || most.goroutines > officeGoroutines || most.files > officeFiles {
		t.Errorf("the node held %+v: more than %d bytes, %d goroutines or %d files", most, officeMemory, officeGoroutines, officeFiles)
	}
}

// What a node may hold at most with 200 devices there and floods at its door.
const (
	officeMemory     = 96 << 20
	officeGoroutines = 4_000
	officeFiles      = 400
)

// invites returns a new invitation link for so many.
func (p person) invites(uses int) string {
	p.t.Helper()
	var invited struct {
		Invitation string `json:"invitation"`
	}
	p.types("invite", "--uses", fmt.Sprint(uses)).ends(&invited)
	return invited.Invitation
}

package rendezvous

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// bar puts a bar of a device of d's account on the roll: what it did from a position on is void.
func (d *device) bar(device *device, after uint64) {
	d.t.Helper()
	bar := &membership.Bar{Device: device.key.Public(), After: after}
	if err := d.submit(membership.Event{Bar: bar}, nil); err != nil {
		d.t.Fatalf("bar: %v", err)
	}
}

// wantShutOut checks that no members' protocol serves a device, and with which status it says so.
func wantShutOut(t *testing.T, d *device, want wire.Status) {
	t.Helper()
	for what, ask := range map[string]func() error{
		"post":    func() error { _, err := d.OpenPost(d.site.ctx()); return err },
		"deliver": func() error { _, err := d.OpenDeliver(d.site.ctx()); return err },
		"roll":    func() error { _, err := d.Fetch(d.site.ctx(), 0); return err },
		"prekey":  func() error { _, err := d.GetPrekeys(d.site.ctx(), []keys.PublicKey{d.key.Public()}); return err },
		"grant":   func() error { return d.PutGrant(d.site.ctx(), []byte{1}) },
	} {
		wantStatus(t, what, answered(ask), want)
	}
}

// answered asks until there is an answer: the node ends a stranger's stream before it reads a byte, and what it said is lost if the
// end comes before the question has left.
func answered(ask func() error) (err error) {
	for range 10 {
		err = ask()
		if _, ok := errors.AsType[wire.Status](err); ok || err == nil {
			return err
		}
	}
	return err
}

// wantLetIn checks that a device is served.
func wantLetIn(t *testing.T, d *device) {
	t.Helper()
	for _, open := range []func() error{
		func() error { stream, err := d.OpenPost(d.site.ctx()); closeIf(err, stream); return err },
		func() error { stream, err := d.OpenDeliver(d.site.ctx()); closeIf(err, stream); return err },
		func() error { _, err := d.Fetch(d.site.ctx(), 0); return err },
	} {
		if err := open(); err != nil {
			t.Errorf("not served: %v", err)
		}
	}
}

func closeIf(err error, stream interface{ Close() }) {
	if err == nil {
		stream.Close()
	}
}

func (d *device) prekey() []byte {
	d.t.Helper()
	_, signed, err := envelope.NewPrekey(rand.Reader, d.key, d.Org, time.Now().Add(time.Hour))
	if err != nil {
		d.t.Fatal(err)
	}
	return signed
}

// waitCutOff waits until the node has no connection to the device. The test's timeout bounds it.
func (s *site) waitCutOff(d *device) {
	s.t.Helper()
	gone := make(chan struct{}, 1)
	d.host.Network().Notify(&network.NotifyBundle{DisconnectedF: func(network.Network, network.Conn) {
		select {
		case gone <- struct{}{}:
		default:
		}
	}})
	for len(d.host.Network().ConnsToPeer(p2p.PeerID(s.node.Key()))) > 0 {
		select {
		case <-gone:
		case <-s.ctx().Done():
			s.t.Fatal("still connected")
		}
	}
}

func TestBarTakesEffectAtOnce(t *testing.T) { // [RV-2] [RV-14] [RV-44]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	tablet := ben.add("tablet")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "prekey", tablet.PutPrekey(s.ctx(), tablet.prekey()), wire.StatusOK)
	wantAnswer(t, "before", anna.post(anna.sealed(1), ben, tablet), wire.StatusOK)
	post, deliver := tablet.openPost(), tablet.openDeliver()
	nextDeliver(t, deliver)

	ben.bar(tablet, ben.size())
	waitHeld(t, func() int { return len(s.queue.held(tablet.key.Public(), queue.Envelope)) }, 0)
	if held := s.queue.held(ben.key.Public(), queue.Envelope); len(held) != 1 {
		t.Errorf("%d held for the other device", len(held))
	}
	for {
		if _, err := deliver.Next(); err != nil {
			break
		}
	}
	<-post.failed
	s.waitCutOff(tablet)
	prekeys, err := ben.GetPrekeys(s.ctx(), keysOf([]*device{tablet}))
	if err != nil || len(prekeys[0]) != 0 {
		t.Errorf("prekey %x %v", prekeys, err)
	}
	for range 2 {
		wantShutOut(t, tablet, wire.StatusBarred)
		wantLetIn(t, ben)
		wantAnswer(t, "after", anna.post(anna.sealed(1), ben, tablet), wire.StatusOK,
			rvproto.Refusal{Device: tablet.key.Public(), Status: wire.StatusBarred})
		wantAnswer(t, "from a sibling", ben.post(ben.sealed(1), tablet), wire.StatusOK,
			rvproto.Refusal{Device: tablet.key.Public(), Status: wire.StatusBarred})
		s.restart()
		s.follow(anna, ben, tablet)
	}
}

func TestBarOfOneself(t *testing.T) { // [RV-14]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	ben.add("tablet")
	ben.bar(ben, 0)
	wantShutOut(t, ben, wire.StatusBarred)
}

func TestSuspensionKeepsTheQueue(t *testing.T) { // [RV-14]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "before", anna.post(anna.sealed(1), ben), wire.StatusOK)
	wantStatus(t, "prekey", ben.PutPrekey(s.ctx(), ben.prekey()), wire.StatusOK)
	deliver := ben.openDeliver()
	nextDeliver(t, deliver)
	if err := anna.submit(membership.Event{Suspend: &membership.Suspend{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := deliver.Next(); err == nil {
		t.Error("a delivery to a suspended member")
	}
	s.waitCutOff(ben)
	wantShutOut(t, ben, wire.StatusSuspended)
	wantAnswer(t, "meanwhile", anna.post(anna.sealed(1), ben), wire.StatusOK,
		rvproto.Refusal{Device: ben.key.Public(), Status: wire.StatusSuspended})
	if err := anna.submit(membership.Event{Reinstate: &membership.Reinstate{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	nextDeliver(t, ben.openDeliver())
	wantAnswer(t, "after", anna.post(anna.sealed(1), ben), wire.StatusOK)

	if err := anna.submit(membership.Event{Remove: &membership.Remove{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	s.waitCutOff(ben)
	wantShutOut(t, ben, wire.StatusNotMember)
	waitHeld(t, func() int { return len(s.queue.held(ben.key.Public(), queue.Envelope)) }, 0)
}

// A thief with Ben's second device bars the third; Ben's first device bars the second from before. [RV-14]
func TestVoidBarLetsTheDeviceIn(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	second := ben.add("second")
	third := second.add("third")
	stolen := ben.size()
	second.bar(third, stolen)
	s.waitCutOff(third)
	wantShutOut(t, third, wire.StatusBarred)
	ben.bar(second, stolen)
	s.waitCutOff(second)
	wantShutOut(t, second, wire.StatusBarred)
	wantLetIn(t, third)
	wantAnswer(t, "to the device that is back", ben.post(ben.sealed(1), third), wire.StatusOK)
}

func TestGrantsOfBarredDevices(t *testing.T) { // [RV-32]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	second := ben.add("second")
	if err := ben.grant(anna, 3, true); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "before the theft", second.grant(carl, 1, true), wire.StatusOK)
	stolen := ben.size()
	dora := anna.join("Dora") // the roll goes on
	wantStatus(t, "by the thief, to a friend", second.grant(dora, 1, true), wire.StatusOK)
	wantStatus(t, "by the thief, an end", second.grant(anna, 9, false), wire.StatusOK)
	wantAnswer(t, "to the thief's friend", dora.post(dora.sealed(1), ben), wire.StatusOK)
	wantAnswer(t, "of Anna, in silence", anna.post(anna.sealed(1), ben), wire.StatusOK)
	if held := s.queue.held(ben.key.Public(), queue.Envelope); len(held) != 1 {
		t.Errorf("%d held", len(held))
	}
	ben.bar(second, stolen)
	for range 2 {
		grants := s.node.directory.org(ben.Org).grants
		for who, want := range map[*device]leave{anna: {number: 3, open: true}, carl: {number: 1, open: true}, dora: {}} {
			got := grants.of(ben.member, who.member)
			if got.opened = false; got != want {
				t.Errorf("the leave is %+v, want %+v", got, want)
			}
		}
		s.restart()
		s.follow(anna, ben, carl, dora)
	}
	wantAnswer(t, "to the thief's friend after the bar", dora.post(dora.sealed(1), ben), wire.StatusOK,
		rvproto.Refusal{Device: ben.key.Public(), Status: wire.StatusNoLeave})
	wantStatus(t, "the thief's grant by another hand", ben.PutGrant(s.ctx(), membership.SignGrant(membership.Grant{
		Org: ben.Org, From: ben.member, To: dora.member, Number: 2, Open: true}, second.key)), wire.StatusRefused)
	wantStatus(t, "anew, with a number of before", ben.grant(dora, 1, true), wire.StatusOK)
	wantAnswer(t, "with a new grant", dora.post(dora.sealed(1), ben), wire.StatusOK)
}

func TestContactMatrix(t *testing.T) { // [RV-44]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	desk, guest := anna.joinAs(membership.RoleDesk, "Desk"), anna.joinAs(membership.RoleGuest, "guest")
	refused := func(d *device, status wire.Status) rvproto.Refusal {
		return rvproto.Refusal{Device: d.key.Public(), Status: status}
	}
	wantAnswer(t, "a guest to a desk", guest.post(guest.sealed(1), desk), wire.StatusOK)
	wantAnswer(t, "a desk to a guest", desk.post(desk.sealed(1), guest), wire.StatusOK)
	wantAnswer(t, "a guest to a member", guest.post(guest.sealed(1), ben), wire.StatusOK, refused(ben, wire.StatusRefused))
	wantAnswer(t, "a guest introduces itself to a member", guest.post(introduction(guest, time.Hour), ben), wire.StatusOK,
		refused(ben, wire.StatusRefused))
	wantAnswer(t, "a member to a guest", ben.post(ben.sealed(1), guest), wire.StatusOK, refused(guest, wire.StatusRefused))
	stream := ben.openPost() // policies hold for what is open
	wantAnswer(t, "a member to a member", stream.post(t, ben.sealed(1), carl), wire.StatusOK, refused(carl, wire.StatusNoLeave))

	setWay := func(way membership.Contact) {
		t.Helper()
		policy := membership.DefaultPolicy()
		policy.Contact.Set(membership.RoleMember, membership.RoleMember, way)
		policy.IntroductionsPerDay = 1
		if err := anna.submit(membership.Event{Policy: &membership.PolicyChange{Policy: policy}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	setWay(membership.ContactFree)
	wantAnswer(t, "freely", stream.post(t, ben.sealed(1), carl), wire.StatusOK)
	for range 3 {
		wantAnswer(t, "an introduction that needs no allowance", stream.post(t, introduction(ben, time.Hour), carl), wire.StatusOK)
	}
	setWay(membership.ContactRefused)
	wantAnswer(t, "refused", stream.post(t, ben.sealed(1), carl), wire.StatusOK, refused(carl, wire.StatusRefused))
	wantAnswer(t, "introduction refused", stream.post(t, introduction(ben, time.Hour), carl), wire.StatusOK, refused(carl, wire.StatusRefused))
	if err := carl.grant(ben, 1, true); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "refused, whatever was granted", stream.post(t, ben.sealed(1), carl), wire.StatusOK, refused(carl, wire.StatusRefused))
	if err := carl.grant(ben, 2, false); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "refused, ended or not", stream.post(t, ben.sealed(1), carl), wire.StatusOK, refused(carl, wire.StatusRefused))
	if err := carl.grant(ben, 3, true); err != nil {
		t.Fatal(err)
	}
	setWay(membership.ContactIntroduction)
	wantAnswer(t, "by the grant again", stream.post(t, ben.sealed(1), carl), wire.StatusOK)
	setWay(membership.ContactFree)
	if err := carl.grant(ben, 4, false); err != nil {
		t.Fatal(err)
	}
	before := len(s.queue.held(carl.key.Public(), queue.Envelope))
	wantAnswer(t, "ended, in silence", stream.post(t, ben.sealed(1), carl), wire.StatusOK)
	if after := len(s.queue.held(carl.key.Public(), queue.Envelope)); after != before {
		t.Error("ended leave reaches Carl")
	}
}

// What is on its way when a device is barred is not carried out. [RV-14]
func TestRequestOfADeviceBarredMeanwhile(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	o := s.node.directory.org(ben.Org)
	s.node.directory.enter(ben.key.Public(), o, membership.StandingBarred)
	if no := s.node.still(ben.key.Public())(); no.status != wire.StatusBarred {
		t.Errorf("status %v", no.status)
	}
	deliver, err := ben.OpenDeliver(context.Background())
	wantStatus(t, "deliver", err, wire.StatusBarred)
	closeIf(err, deliver)
}

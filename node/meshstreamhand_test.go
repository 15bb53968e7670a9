package node

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// pair returns two acquainted devices.
func (n *neighbourhood) pair() (a, b *organization, ann, ben *membershiptest.Member) {
	n.t.Helper()
	ann, ben = n.org.Members[0], n.org.Members[1]
	a, b = n.device(ann), n.device(ben)
	a.acquainted(n.t, n.org, ann, ben)
	b.acquainted(n.t, n.org, ben, ann)
	return a, b, ann, ben
}

// sendFile sends a file of so many bytes and returns the message and what is in it.
func (o *organization) sendFile(t *testing.T, size int, to *membershiptest.Member) (id string, data []byte) {
	t.Helper()
	data = bytes.Repeat([]byte("north of the pier, "), size/19+1)[:size]
	upload, err := o.node.Upload(t.Context(), "chart.txt", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	sent, err := o.node.Send(t.Context(), api.SendRequest{To: []string{to.ID.String()}, Text: "the chart", Attachments: []string{upload.ID}})
	if err != nil {
		t.Fatal(err)
	}
	return sent.ID, data
}

// hasFile reports whether the file of a message is here, whole.
func (o *organization) hasFile(t *testing.T, id string, want []byte) bool {
	t.Helper()
	_, file, err := o.node.Attachment(t.Context(), id, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	got, err := io.ReadAll(file)
	return err == nil && bytes.Equal(got, want)
}

// TestSimCutInTheMiddleOfAFile breaks the connection again and again while a file goes over it. [MSH-16]
func TestSimCutInTheMiddleOfAFile(t *testing.T) {
	testnet.Run(t, 62, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		a, b, _, ben := n.pair()
		n.call(a, b)
		n.await(time.Minute, "they are in step", func() bool { return a.mesh.served()[b.device] && b.mesh.served()[a.device] })
		id, data := a.sendFile(t, 3<<20, ben)
		cuts := 0
		for before := -1; !b.hasFile(t, id, data) && cuts < 100; cuts++ {
			n.await(time.Minute, "something moved", func() bool {
				now := b.arrived(t, a, id)
				defer func() { before = max(before, now) }()
				return now > before || b.hasFile(t, id, data)
			})
			n.cut(a, b)
			time.Sleep(3 * time.Second)
			n.call(a, b)
		}
		n.await(time.Minute, "the file is whole", func() bool { return b.hasFile(t, id, data) })
		n.await(time.Minute, "its sender knows", func() bool { return a.states(t, id)[0].State == api.StateDelivered && a.outbox(t) == 0 })
		if cuts < 2 {
			t.Errorf("the connection broke %d times while it went", cuts)
		}
		if got := b.texts(t); !slices.Equal(got, []string{"the chart"}) {
			t.Errorf("came %q", got)
		}
	})
}

// arrived returns how many pieces of a message's first file are here.
func (o *organization) arrived(t *testing.T, from *organization, id string) (count int) {
	t.Helper()
	message, err := keys.ParseID[keys.Message](id)
	if err != nil {
		t.Fatal(err)
	}
	view(t, o.node.store, func(tx *store.Tx) error {
		count = 0
		record, err := tx.Message(o.org, message)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		file := record.Message.Text.Files[0]
		for i := range file.Chunks() {
			if _, err := tx.Chunk(store.FileID{Author: from.device, Nonce: file.Nonce}, i); err == nil {
				count++
			}
		}
		return nil
	})
	return count
}

// A link that goes dead without a word is one for the rendezvous node after ten seconds, and what waits goes over it when it is back. [MSH-6]
// [MSH-16]
func TestSimDeadLink(t *testing.T) {
	testnet.Run(t, 75, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		a, b, _, ben := n.pair()
		n.call(a, b)
		a.say(t, "first", ben)
		n.await(time.Minute, "it came", func() bool { return len(b.texts(t)) == 1 && a.outbox(t) == 0 })
		net.Partition([]string{testnet.Address(1)}, []string{testnet.Address(2)})
		a.say(t, "on a dead link", ben)
		time.Sleep(9 * time.Second)
		if !a.mesh.served()[b.device] {
			t.Error("it was given up too early")
		}
		time.Sleep(3 * time.Second)
		if a.mesh.served()[b.device] {
			t.Error("it is served over a dead link")
		}
		net.Heal()
		n.await(2*time.Minute, "it came", func() bool { return len(b.texts(t)) == 2 && a.outbox(t) == 0 })
	})
}

// Two devices that call each other at once keep one stream, and the same. [MSH-5]
func TestSimBothCall(t *testing.T) {
	testnet.Run(t, 63, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		a, b, ann, ben := n.pair()
		n.call(a, b)
		n.call(b, a)
		n.await(time.Minute, "they are in step", func() bool { return a.mesh.served()[b.device] && b.mesh.served()[a.device] })
		time.Sleep(time.Minute)
		first, second := a.mesh.peer(b.device), b.mesh.peer(a.device)
		if first == nil || second == nil || first.opened == second.opened {
			t.Fatal("they keep different streams")
		}
		a.say(t, "there", ben)
		b.say(t, "and back", ann)
		n.await(time.Minute, "both came", func() bool { return len(a.texts(t)) == 1 && len(b.texts(t)) == 1 })
		if a.mesh.peer(b.device) != first || b.mesh.peer(a.device) != second {
			t.Error("the stream did not last")
		}
	})
}

// A bar that is heard while a file is under way ends the stream at once, and nothing more gets through. [MSH-17]
func TestSimBarEndsTheStream(t *testing.T) {
	testnet.Run(t, 64, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "carol")
		a, b, _, ben := n.pair()
		carol := n.org.Members[2]
		c := n.device(carol)
		n.call(a, b)
		n.call(a, c)
		n.call(c, b)
		n.await(time.Minute, "they are in step", func() bool {
			return a.mesh.served()[b.device] && a.mesh.served()[c.device] && c.mesh.served()[b.device]
		})
		id, data := a.sendFile(t, 3<<20, ben)
		n.await(time.Minute, "some of it came", func() bool { return len(b.texts(t)) == 1 && a.outbox(t) > 0 })
		if err := a.hearBar(n.org.BarEvent(ben.Recovery, b.device, n.org.Roll.Size())); err != nil {
			t.Fatal(err)
		}
		before := b.arrived(t, a, id)
		if a.mesh.served()[b.device] {
			t.Error("it is served still")
		}
		n.await(time.Minute, "the third has heard of it on the stream", func() bool { return c.mesh.peer(b.device) == nil })
		time.Sleep(time.Minute)
		if after := b.arrived(t, a, id); after > before+3 { // a batch may have been taken in just then
			t.Errorf("%d envelopes came after the bar", after-before)
		}
		if b.hasFile(t, id, data) {
			t.Error("the whole file came")
		}
		if a.mesh.peer(b.device) != nil {
			t.Error("a stream stands")
		}
	})
}

// Whoever is blocked has no stream, and who is let in again gets one. [MSH-22]
func TestSimBlockedGetNoStream(t *testing.T) {
	testnet.Run(t, 65, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		a, b, ann, ben := n.pair()
		n.call(a, b)
		n.await(time.Minute, "they are in step", func() bool { return a.mesh.served()[b.device] })
		if _, err := a.node.Block(t.Context(), api.ContactRequest{Member: ben.ID.String()}); err != nil {
			t.Fatal(err)
		}
		n.await(time.Second, "the stream has ended", func() bool { return a.mesh.peer(b.device) == nil })
		b.say(t, "hello?", ann)
		time.Sleep(5 * time.Minute)
		if len(a.texts(t)) > 0 || b.mesh.served()[a.device] {
			t.Error("one who is blocked gets through")
		}
	})
}

// A device learns on the stream what it lacks of the roll, but for what its member does not read. [MSH-9]
func TestSimNeighboursHandTheRollOver(t *testing.T) {
	testnet.Run(t, 66, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		ann, ben := n.org.Members[0], n.org.Members[1]
		b := n.device(ben)
		n.org.JoinBy(n.org.Invite(n.org.Founder, membership.RoleMember, 1), "carol")
		a := n.device(ann)
		want := n.org.Roll.Size()
		if b.roll.Size() >= want {
			t.Fatal("it lacks nothing")
		}
		n.call(b, a)
		n.await(time.Minute, "it has all", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.roll.Size() == want })
	})
}

// Who has met only a neighbour of another one's can write to that one, with a prekey that the neighbour knows. [MSH-11]
func TestSimPrekeyFromANeighbour(t *testing.T) {
	testnet.Run(t, 67, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "carol")
		a, b, ann, _ := n.pair()
		carol := n.org.Members[2]
		c := n.device(carol)
		a.acquainted(t, n.org, ann, carol)
		c.acquainted(t, n.org, carol, ann)
		n.call(b, c)
		n.await(time.Minute, "a neighbour knows the prekey", func() bool {
			known, err := b.knownPrekeys([]keys.PublicKey{c.device})
			return err == nil && len(known) == 1
		})
		id := a.say(t, "by whoever passes", carol)
		time.Sleep(time.Minute)
		if a.outbox(t) > 0 {
			t.Fatal("it was sealed without a prekey")
		}
		n.call(a, b)
		n.await(time.Minute, "it is sealed", func() bool { return a.outbox(t) > 0 })
		n.call(a, c)
		n.await(time.Minute, "it came", func() bool { return len(c.texts(t)) == 1 && a.states(t, id)[0].Via == api.ViaDirect })
	})
}

// Without a rendezvous node neighbours see who is there, by what the other one shares. [MSH-20]
func TestSimNeighboursSeeWhoIsThere(t *testing.T) {
	testnet.Run(t, 68, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		a, b, ann, _ := n.pair()
		b.setShare(&rvproto.Share{Number: 1, With: rvproto.ShareContacts, Grain: rvproto.GrainDay})
		n.call(a, b)
		state := func(o *organization, of keys.MemberID) api.PresenceState {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.presenceLocked(of).State
		}
		ben := n.org.Members[1].ID
		n.await(time.Minute, "one who shares is there", func() bool { return state(a, ben) == api.PresenceOnline })
		if got := state(b, ann.ID); got != api.PresenceUnknown {
			t.Errorf("one who shares nothing is %q", got)
		}
		b.node.usage.away.Store(true)
		n.await(time.Minute, "they are away", func() bool { return state(a, ben) == api.PresenceAway })
		b.setShare(&rvproto.Share{Number: 2, With: rvproto.ShareContacts, Grain: rvproto.GrainDay, Hidden: true})
		n.await(time.Minute, "they hide", func() bool { return state(a, ben) == api.PresenceUnknown })
		b.setShare(&rvproto.Share{Number: 3, With: rvproto.ShareEverybody, Grain: rvproto.GrainDay})
		n.await(time.Minute, "they show again", func() bool { return state(a, ben) == api.PresenceAway })
		again, err := b.node.openOrganization(store.Organization{Org: b.org, Member: b.member, Identity: n.org.Members[1].Device().Seed(), Node: b.at})
		if err != nil || again.presence.sharing() == nil || again.presence.sharing().Number != 3 {
			t.Errorf("what is shared was not remembered: %v", err)
		}
		n.cut(a, b)
		n.await(2*time.Minute, "they have gone", func() bool { return state(a, ben) == api.PresenceUnknown })
	})
}

// What is for a group goes directly to those in reach while there is no rendezvous node. [MSH-19]
func TestSimGroupInReach(t *testing.T) {
	testnet.Run(t, 69, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "carol")
		crew := n.org.Group(n.org.Founder.Device(), "Crew", group.Open)
		for _, m := range n.org.Members[1:] {
			n.org.EnterGroup(m.Device(), crew)
		}
		a, b, _, _ := n.pair()
		n.call(a, b)
		n.await(time.Minute, "they are in step", func() bool { return a.mesh.served()[b.device] })
		if _, err := a.node.Send(t.Context(), api.SendRequest{To: []string{crew.String()}, Text: "to all hands"}); err != nil {
			t.Fatal(err)
		}
		n.await(time.Minute, "it came", func() bool { return slices.Equal(b.texts(t), []string{"to all hands"}) })
	})
}

// Of an envelope a rendezvous node is offered what is for those who are not served, and an archive's copy always. [MSH-16] [MSH-18]
func TestForNode(t *testing.T) {
	d := func(b byte) keys.PublicKey { return keys.PublicKey{b} }
	served := map[keys.PublicKey]bool{d(1): true}
	message := func(pending ...keys.PublicKey) store.Waiting {
		return store.Waiting{Kind: uint8(envelope.KindMessage), Pending: pending}
	}
	for name, test := range map[string]struct {
		w    store.Waiting
		want []keys.PublicKey
	}{
		"nobody":          {message(), nil},
		"served":          {message(d(1)), nil},
		"another":         {message(d(2)), []keys.PublicKey{d(2)}},
		"both":            {message(d(1), d(2)), []keys.PublicKey{d(2)}},
		"the archive too": {store.Waiting{Kind: uint8(envelope.KindMessage), Pending: []keys.PublicKey{d(1), d(9)}, Archive: d(9)}, []keys.PublicKey{d(9)}},
		"a group": {store.Waiting{Kind: uint8(envelope.KindMessage), Pending: []keys.PublicKey{d(1)}, Spread: true, Place: envelope.InGroup(keys.GroupID{1})},
			[]keys.PublicKey{d(1)}},
		"an introduction": {store.Waiting{Kind: uint8(envelope.KindIntroduction), Pending: []keys.PublicKey{d(1)}}, []keys.PublicKey{d(1)}},
		"a large one":     {store.Waiting{Kind: uint8(envelope.KindMessage), Size: mesh.MaxEnvelope, Pending: []keys.PublicKey{d(1)}}, []keys.PublicKey{d(1)}},
	} {
		got, some := forNode(test.w, served, nil)
		if some != (len(test.want) > 0) || some && !slices.Equal(got.Pending, test.want) {
			t.Errorf("%s: %v, %v", name, got.Pending, some)
		}
	}
	w := store.Waiting{Kind: uint8(envelope.KindMessage), Accepted: true, Offered: time.Now().UnixMilli(), Pending: []keys.PublicKey{d(1), d(2)}, Full: []keys.PublicKey{d(1)}}
	if got, some := forNode(w, served, nil); !some || len(got.Full) > 0 {
		t.Errorf("what is served directly is offered: %v", got.Full)
	}
	if isWithNode(w, d(1), time.Now()) || !isWithNode(w, d(2), time.Now()) || isWithNode(w, d(2), time.Now().Add(atNode)) {
		t.Error("what a node has is not told from what it has not")
	}
}

// Two messages within a minute, or a file, are a reason to look for a path, once a minute; one message is none.
func TestWishes(t *testing.T) {
	o := newDevice(t, newRoll(t, "ben"), newRoll(t).Founder)
	now, device := time.Now(), []keys.PublicKey{{1}}
	count := func(file bool, after time.Duration) int {
		now = now.Add(after)
		return len(o.mesh.countWish(device, file, now))
	}
	for i, step := range []struct {
		file  bool
		after time.Duration
		want  int
	}{{false, 0, 0}, {false, 59 * time.Second, 1}, {false, 0, 0}, {true, 0, 0}, {false, wishTime, 0}, {true, 0, 1}, {true, 0, 0}, {true, wishTime, 1}} {
		if got := count(step.file, step.after); got != step.want {
			t.Errorf("step %d: %d wanted, not %d", i, got, step.want)
		}
	}
	for i := range 3 * mostWished {
		o.mesh.countWish([]keys.PublicKey{{2, byte(i), byte(i >> 8)}}, false, now)
	}
	if len(o.mesh.wishes) > mostWished {
		t.Errorf("%d devices are counted", len(o.mesh.wishes))
	}
}

// What is said among three goes straight only to devices whose member's leave is known here; a lead without a node goes all the same. [MSH-24]
func TestTalkLeaves(t *testing.T) {
	testnet.Run(t, 81, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "cyd")
		ann, ben, cyd := n.org.Members[0], n.org.Members[1], n.org.Members[2]
		b := n.device(ben)
		b.acquainted(t, n.org, ben, ann)
		toAnn, toCyd := ann.Device().Public(), cyd.Device().Public()
		text := store.Waiting{Kind: uint8(envelope.KindMessage), Message: &keys.MessageID{1}, Place: b.with(ann.ID, cyd.ID), Pending: []keys.PublicKey{toAnn, toCyd}}
		lead := text
		lead.Kind, lead.Message = uint8(envelope.KindAnnounce), nil
		leave := b.newTalkLeaves()
		for name, got := range map[string]bool{
			"who lets him write":          leave.lets(text, toAnn, true),
			"who does not":                !leave.lets(text, toCyd, true) && !leave.lets(text, toCyd, false),
			"a lead with a node":          !leave.lets(lead, toCyd, true),
			"a lead without a node":       leave.lets(lead, toCyd, false),
			"a place of two is not asked": leave.lets(store.Waiting{Kind: text.Kind, Place: b.with(cyd.ID)}, toCyd, true),
		} {
			if !got {
				t.Errorf("%s: judged otherwise", name)
			}
		}
		served := map[keys.PublicKey]bool{toAnn: true, toCyd: true}
		if got, some := forNode(text, served, b.newTalkLeaves()); !some || !slices.Equal(got.Pending, []keys.PublicKey{toCyd}) {
			t.Errorf("a node is offered it for %v, want who gave no leave", got.Pending)
		}
	})
}

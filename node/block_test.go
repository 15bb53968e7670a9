package node

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

// hands gives a device one envelope and returns what it tells: how many it opened, failed, and dropped in silence.
func (o *organization) hands(t *testing.T, data []byte) (opened, failed, silent int) {
	t.Helper()
	ack, err := o.receive(context.Background(), nil, []rvproto.DeliverFrame{{Kind: rvproto.KindEnvelope, Body: data}})
	if err != nil {
		t.Fatal(err)
	}
	for _, signed := range ack.Receipts {
		receipt, err := envelope.OpenReceipt(signed, o.org)
		if err != nil {
			t.Fatal(err)
		}
		opened, failed = opened+len(receipt.Opened), failed+len(receipt.Failed)
	}
	return opened, failed, len(ack.IDs)
}

func (o *organization) inboxTexts(t *testing.T, query api.InboxQuery) (texts []string) {
	t.Helper()
	page, err := o.node.Inbox(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Messages {
		texts = append(texts, m.Text)
	}
	return texts
}

// grantDue returns the grant that the rendezvous node is to be told for a member.
func (o *organization) grantDue(t *testing.T, member keys.MemberID) membership.Grant {
	t.Helper()
	var grant membership.Grant
	view(t, o.node.store, func(tx *store.Tx) error {
		due, err := tx.Grants(o.org)
		if err != nil {
			return err
		}
		grant, err = membership.OpenGrant(due[member], o.roll.State(), o.roll.Size())
		return err
	})
	return grant
}

// TestBlockedHearNothing hands a device, past its rendezvous node, all that a blocked member with a valid device can send:
// the device must neither keep it, nor answer in any way that it would not answer while it is away.
func TestBlockedHearNothing(t *testing.T) {
	p := newPair(t)
	before, announced := p.chain(t)
	p.to.deliver(t, announced, p.text(t, before, "before"))
	if already, err := p.to.block(p.from.ID); already || err != nil {
		t.Fatal(already, err)
	}
	if grant := p.to.grantDue(t, p.from.ID); grant.Open || grant.Number < 2 || grant.To != p.from.ID {
		t.Errorf("the rendezvous node is told %+v", grant)
	}
	after, newly := p.chain(t)
	lost, _ := p.chain(t)
	garbled := p.text(t, after, "garbled")
	garbled[len(garbled)-1] ^= 1
	for name, data := range map[string][]byte{
		"a message on a chain from before":  p.text(t, before, "on the old chain"),
		"an announcement":                   newly,
		"a message on a chain not there":    p.text(t, after, "on a new chain"),
		"a message never announced":         p.text(t, lost, "lost"),
		"a garbled one":                     garbled,
		"an introduction":                   p.introduction(t, 7),
		"a grant":                           p.seal(t, before, history.KindLeave, wire.Encode(history.Leave{Grant: p.org.Grant(p.from, p.org.Founder, 9, true)})),
		"our own grant from before, played": p.seal(t, before, history.KindLeave, wire.Encode(history.Leave{Grant: p.org.Grant(p.org.Founder, p.from, 1, true)})),
	} {
		if opened, failed, silent := p.to.hands(t, data); opened != 0 || failed != 0 || silent != 1 {
			t.Errorf("%s: %d opened, %d failed, %d dropped in silence", name, opened, failed, silent)
		}
	}
	if got := p.to.inboxTexts(t, api.InboxQuery{}); len(got) != 1 || got[0] != "before" {
		t.Errorf("inbox %q", got)
	}
	if contact := p.to.standing(t, p); contact.State != history.ContactBlocked || numberOf(contact.Got) != 1 {
		t.Errorf("a blocked member changed how they stand: %+v", contact)
	}
	if jobs := p.to.jobs(t); len(jobs) != 0 {
		t.Errorf("%d jobs: somebody is told of a block", len(jobs))
	}
	if alarms := p.to.alarms(t); len(alarms) != 0 {
		t.Errorf("alarms %q", alarms)
	}
	_, err := p.to.draft(api.SendRequest{Text: "x"}, target{members: []keys.MemberID{p.from.ID}}, nil)
	if api.AsError(err).Code != api.CodeRefused {
		t.Errorf("writing to a blocked member: %v", err)
	}
}

// TestBlockHidesInGroups blocks a member who writes in a conversation of several: their messages are kept, and shown on
// demand alone.
func TestBlockHidesInGroups(t *testing.T) {
	p := newPair(t)
	third := p.org.Founder.ID
	third[0] ^= 1
	message := history.Message{
		Author: p.from.Device().Public(), Member: p.from.ID, Text: history.Text{To: []keys.MemberID{p.to.member, third}, Text: "to both"},
	}
	update(t, p.to.node.store, func(tx *store.Tx) error {
		_, err := tx.AppendRecord(p.to.org, p.to.self, time.Now().UnixMilli(), history.Record{Kind: history.RecordMessage, Message: &message})
		return err
	})
	shown := func(query api.InboxQuery, want int, hidden bool) {
		t.Helper()
		page, err := p.to.node.Inbox(t.Context(), query)
		if err != nil || len(page.Messages) != want || want > 0 && page.Messages[0].Hidden != hidden {
			t.Errorf("%+v: %+v, %v", query, page.Messages, err)
		}
	}
	shown(api.InboxQuery{}, 1, false)
	if _, err := p.to.block(p.from.ID); err != nil {
		t.Fatal(err)
	}
	shown(api.InboxQuery{}, 0, false)
	shown(api.InboxQuery{Hidden: true}, 1, true)
	p.to.mu.Lock()
	effects := newEffects()
	effects.records = []history.Record{{Kind: history.RecordMessage, Message: &message}}
	if told := effects.events(p.to); len(told) != 0 {
		t.Errorf("watchers are told %+v", told)
	}
	p.to.mu.Unlock()
	if _, err := p.to.unblock(p.from.ID); err != nil {
		t.Fatal(err)
	}
	shown(api.InboxQuery{}, 1, false)
}

// TestReplayedGrantAfterBlock plays grants from before a block, as though another own device had given them: none opens
// what a block shut.
func TestReplayedGrantAfterBlock(t *testing.T) {
	p := newPair(t)
	if _, err := p.to.block(p.from.ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		grant []byte
	}{
		{"the one from before", p.org.Grant(p.org.Founder, p.from, 1, true)},
		{"one of a lower number than the block's", p.org.Grant(p.org.Founder, p.from, numberOf(p.to.standing(t, p).Given)-1, true)},
		{"one of the same number", p.org.Grant(p.org.Founder, p.from, numberOf(p.to.standing(t, p).Given), true)},
		{"one signed by the blocked themselves", forgedGrant(p)},
	} {
		effects := newEffects()
		err := p.to.node.store.Update(func(tx *store.Tx) error {
			err := p.to.takeLeave(tx, c.grant, p.to.member, &effects)
			if errors.Is(err, errUnopened) {
				return nil
			}
			return err
		})
		if err != nil || len(effects.records) != 0 {
			t.Errorf("%s: %v, %d records", c.name, err, len(effects.records))
		}
		p.to.mu.Lock()
		if p.to.mayWriteLocked(p.from.ID) {
			t.Errorf("%s lets them write", c.name)
		}
		p.to.mu.Unlock()
	}
}

// forgedGrant is leave of the receiver's, for the sender, signed by the sender.
func forgedGrant(p pair) []byte {
	return membership.SignGrant(membership.Grant{
		Org: p.org.ID, From: p.to.member, To: p.from.ID, Number: 1 << 40, Open: true,
	}, p.from.Device())
}

// TestForgedGrants introduces itself with grants that are not leave of the author's for the receiver.
func TestForgedGrants(t *testing.T) {
	o, all := strangers(t, "mallory", "ann")
	mallory, ann := all[0], all[1]
	for name, grant := range map[string][]byte{
		"signed by the author for the receiver": forgedGrant(mallory),
		"of another member":                     mallory.org.Grant(ann.from, mallory.org.Founder, 1, true),
		"for another member":                    mallory.org.Grant(mallory.from, ann.from, 1, true),
		"closed":                                mallory.org.Grant(mallory.from, mallory.org.Founder, 1, false),
		"none":                                  nil,
	} {
		sealed := mallory.introduce(t, "hello", grant)
		if opened, failed, _ := o.hands(t, sealed); opened != 0 || failed != 1 {
			t.Errorf("%s: %d opened, %d failed", name, opened, failed)
		}
	}
	if contact := o.standing(t, mallory); contact.State != 0 {
		t.Errorf("left %+v", contact)
	}
}

// introduce seals an introduction with a text and a grant.
func (p pair) introduce(t *testing.T, text string, grant []byte) []byte {
	t.Helper()
	sealed, err := envelope.SealIntroduction(rand.Reader, p.from.Device(), envelope.Introduction{
		Org: p.org.ID, From: p.from.ID, To: p.to.member, Text: text, Grant: grant, Head: signedHead(t, p.org).Marshal(),
	}, []envelope.Prekey{p.key}, p.meta)
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

// TestUnblock lets a member write again. Who could write before hears nothing of it; who only asked is told.
func TestUnblock(t *testing.T) {
	p := newPair(t)
	if already, err := p.to.unblock(p.from.ID); !already || err != nil {
		t.Fatal(already, err)
	}
	c, announced := p.chain(t)
	p.to.deliver(t, announced)
	during := p.text(t, c, "while blocked")
	if _, err := p.to.block(p.from.ID); err != nil {
		t.Fatal(err)
	}
	p.to.hands(t, during)
	if _, err := p.to.unblock(p.from.ID); err != nil {
		t.Fatal(err)
	}
	if grant := p.to.grantDue(t, p.from.ID); !grant.Open || grant.Number <= 2 {
		t.Errorf("the rendezvous node is told %+v", grant)
	}
	if jobs := p.to.jobs(t); len(jobs) != 0 {
		t.Errorf("%d jobs: who was blocked is told", len(jobs))
	}
	if opened, failed, _ := p.to.hands(t, during); opened != 1 || failed != 0 { // offered again, as to a device that was away
		t.Errorf("%d opened, %d failed of what was sent again", opened, failed)
	}

	o, all := strangers(t, "asker")
	o.deliver(t, all[0].introduction(t, 1))
	if _, err := o.block(all[0].from.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := o.accept(all[0].from.ID); api.AsError(err).Code != api.CodeRefused {
		t.Errorf("accepting a blocked member: %v", err)
	}
	if _, err := o.unblock(all[0].from.ID); err != nil {
		t.Fatal(err)
	}
	if jobs := o.jobs(t); len(jobs) != 1 || len(jobs[0].Place.Members) != 2 {
		t.Errorf("jobs %+v: who asked is not told that they may write", jobs)
	}
	if contact, _ := o.contact(all[0].from.ID); contact.State != api.ContactAcquainted {
		t.Errorf("state %s", contact.State)
	}
}

// TestBlockBeforeIntroductionLeaves blocks a member to whom an introduction is still to be sealed: it must not tell them.
func TestBlockBeforeIntroductionLeaves(t *testing.T) {
	o, all := strangers(t, "ann")
	if _, err := o.introduce(all[0].from.ID, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.block(all[0].from.ID); err != nil {
		t.Fatal(err)
	}
	if held := o.jobs(t); len(held) != 0 {
		t.Errorf("%d jobs", len(held))
	}
}

// TestDecline puts an introduction away: asking again at once changes nothing, after a while it is shown again.
func TestDecline(t *testing.T) {
	o, all := strangers(t, "ann")
	ann := all[0]
	if _, err := o.decline(ann.from.ID); api.AsError(err).Code != api.CodeNotFound {
		t.Errorf("declining nothing: %v", err)
	}
	o.deliver(t, ann.introduce(t, "one", ann.org.Grant(ann.from, ann.org.Founder, 1, true)))
	if _, err := o.decline(ann.from.ID); err != nil {
		t.Fatal(err)
	}
	if already, err := o.decline(ann.from.ID); !already || err != nil {
		t.Error(already, err)
	}
	if got := o.inboxTexts(t, api.InboxQuery{}); len(got) != 0 {
		t.Errorf("inbox %q", got)
	}
	again := func(number uint64, text string) (opened int) {
		ann.meta.Expires = time.Now().Add(time.Hour).Unix()
		opened, _, _ = o.hands(t, ann.introduce(t, text, ann.org.Grant(ann.from, ann.org.Founder, number, true)))
		return opened
	}
	if opened := again(2, "two"); opened != 1 { // the answer is that of one which waits
		t.Error("who was declined can tell")
	}
	if got := o.standing(t, ann); got.State != history.ContactDeclined || got.Text != "one" {
		t.Errorf("%+v", got)
	}
	o.age(t, ann, askAgain)
	again(1, "one again")
	if got := o.inboxTexts(t, api.InboxQuery{}); len(got) != 0 {
		t.Errorf("an old introduction was played again: %q", got)
	}
	again(3, "three")
	if got := o.inboxTexts(t, api.InboxQuery{}); len(got) != 1 || got[0] != "three" {
		t.Errorf("inbox %q", got)
	}
	if _, err := o.decline(ann.from.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := o.accept(ann.from.ID); err != nil {
		t.Fatal(err)
	}
	if contact, _ := o.contact(ann.from.ID); contact.State != api.ContactAcquainted {
		t.Errorf("state %s", contact.State)
	}
}

// age makes a contact's last change so much older.
func (o *organization) age(t *testing.T, p pair, by time.Duration) {
	t.Helper()
	contact := o.standing(t, p)
	contact.Time -= by.Milliseconds()
	o.known(t, contact)
}

// TestAskAgain introduces itself again: after a while, not before.
func TestAskAgain(t *testing.T) {
	o, all := strangers(t, "ann")
	ask := func(want bool, number uint64) {
		t.Helper()
		already, err := o.introduce(all[0].from.ID, "hello")
		if err != nil || already != want || numberOf(o.standing(t, all[0]).Given) != number {
			t.Errorf("already %v, %v, number %d", already, err, numberOf(o.standing(t, all[0]).Given))
		}
	}
	ask(false, 1)
	o.age(t, all[0], askAgain-time.Minute)
	ask(true, 1)
	o.age(t, all[0], time.Minute)
	ask(false, 2)
}

// TestOldIntroduction delivers an introduction long after its end: a node that kept it has no business with it.
func TestOldIntroduction(t *testing.T) {
	o, all := strangers(t, "mallory")
	p := all[0]
	p.meta.Expires = time.Now().Add(-lateFor - time.Minute).Unix()
	if opened, failed, _ := o.hands(t, p.introduction(t, 1)); opened != 0 || failed != 1 {
		t.Errorf("%d opened, %d failed", opened, failed)
	}
	p.meta.Expires = time.Now().Add(-time.Minute).Unix()
	if opened, _, _ := o.hands(t, p.introduction(t, 1)); opened != 1 {
		t.Error("one that is a little late was refused")
	}
}

// TestManyIntroductions fills a device with introductions of fresh members: it takes so many and no more.
func TestManyIntroductions(t *testing.T) {
	o, all := strangers(t, "mallory", "ann")
	var asking []history.Contact
	for i := range maxAsking {
		asking = append(asking, history.Contact{Member: keys.MemberID{1, byte(i), byte(i >> 8)}, State: history.ContactAsking, Text: "hello"})
	}
	o.known(t, asking...)
	if opened, failed, _ := o.hands(t, all[0].introduction(t, 1)); opened != 0 || failed != 1 {
		t.Errorf("%d opened, %d failed", opened, failed)
	}
	o.known(t, history.Contact{Member: keys.MemberID{1}, State: history.ContactDeclined, Text: "hello"})
	if opened, _, _ := o.hands(t, all[1].introduction(t, 1)); opened != 1 {
		t.Error("there is room for one, and it was refused")
	}
}

// siblings returns two devices of one member, and a stranger.
func siblings(t *testing.T) (one, other *organization, stranger pair) {
	t.Helper()
	org := newRoll(t, "ann")
	second := org.AddDevice(org.Founder)
	ann := org.Members[1]
	one = newDevice(t, org, org.Founder)
	self := *org.Founder
	self.Devices = []keys.PrivateKey{second}
	other = newDevice(t, org, &self)
	return one, other, pair{org, ann, one, one.ownPrekey(t),
		envelope.Meta{RollSize: org.Roll.Size(), Expires: time.Now().Add(time.Hour).Unix()}, make(map[keys.ConversationID]*envelope.Line)}
}

// passes seals what one own device tells another and delivers it.
func (o *organization) passes(t *testing.T, to *organization, others ...envelope.Prekey) {
	t.Helper()
	prekeys := map[keys.PublicKey]envelope.Prekey{to.device: to.ownPrekey(t)}
	for _, p := range others {
		prekeys[p.Device] = p
	}
	o.sealAll(t, prekeys)
	view(t, o.node.store, func(tx *store.Tx) error {
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			data, err := tx.Envelope(o.org, w)
			if err == nil && len(intersection(w.Pending, []keys.PublicKey{to.device})) > 0 {
				to.deliver(t, data)
			}
			return true, err
		})
	})
}

// TestOwnDevicesHearOfBlock blocks at one device: the other blocks too, and unblocks with it.
func TestOwnDevicesHearOfBlock(t *testing.T) {
	one, other, ann := siblings(t)
	one.acquainted(t, ann.org, ann.org.Founder, ann.from)
	other.acquainted(t, ann.org, ann.org.Founder, ann.from)
	states := func(want history.ContactState) {
		t.Helper()
		for i, o := range []*organization{one, other} {
			if got := o.standing(t, ann).State; got != want {
				t.Errorf("device %d: state %d, want %d", i, got, want)
			}
		}
	}
	if _, err := one.block(ann.from.ID); err != nil {
		t.Fatal(err)
	}
	for _, job := range one.jobs(t) {
		if !job.Place.Equal(envelope.Among(one.member)) {
			t.Fatalf("a block is told to %v", job.Place)
		}
	}
	one.passes(t, other)
	states(history.ContactBlocked)
	if _, err := other.unblock(ann.from.ID); err != nil {
		t.Fatal(err)
	}
	other.passes(t, one)
	states(history.ContactAccepted)
}

// TestBlockWithoutOthersGrants blocks at the first device a member whom a later one let in, which the first has not heard of:
// the block's number must be the higher.
func TestBlockWithoutOthersGrants(t *testing.T) {
	one, other, ann := siblings(t)
	other.deliver(t, ann.introduceTo(t, other))
	if _, err := other.accept(ann.from.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := one.block(ann.from.ID); err != nil {
		t.Fatal(err)
	}
	if block, leave := one.grantDue(t, ann.from.ID), other.grantDue(t, ann.from.ID); block.Open || !leave.Open || block.Number <= leave.Number {
		t.Errorf("blocked with number %d what was let in with %d", block.Number, leave.Number)
	}
}

// introduceTo seals an introduction to another device.
func (p pair) introduceTo(t *testing.T, to *organization) []byte {
	t.Helper()
	p.to, p.key = to, to.ownPrekey(t)
	return p.introduction(t, 1)
}

// TestOwnDevicesHearOfIntroduction introduces itself at one device: the other knows, and can be answered.
func TestOwnDevicesHearOfIntroduction(t *testing.T) {
	one, other, ann := siblings(t)
	if _, err := one.introduce(ann.from.ID, "it is me"); err != nil {
		t.Fatal(err)
	}
	sealed, err := envelope.SealIntroduction(rand.Reader, one.self, envelope.Introduction{
		Org: one.org, From: one.member, To: ann.from.ID, Text: "it is me", Grant: one.standing(t, ann).Given, Head: signedHead(t, ann.org).Marshal(),
	}, []envelope.Prekey{prekey(t, ann.org, ann.from.Device()), other.ownPrekey(t)}, ann.meta)
	if err != nil {
		t.Fatal(err)
	}
	if opened, _ := other.deliver(t, sealed.Bytes()); opened != 1 {
		t.Fatal("the author's other device did not open it")
	}
	contact := other.standing(t, ann)
	if contact.State != history.ContactAsked || contact.Text != "it is me" {
		t.Errorf("the other device has %+v", contact)
	}
	if got := other.inboxTexts(t, api.InboxQuery{}); len(got) != 0 {
		t.Errorf("an own introduction in the inbox: %q", got)
	}
	effects := newEffects()
	update(t, other.node.store, func(tx *store.Tx) error {
		return other.takeLeave(tx, ann.org.Grant(ann.from, ann.org.Founder, 1, true), ann.from.ID, &effects)
	})
	other.mu.Lock()
	other.applyLocked(effects)
	other.mu.Unlock()
	if contact, _ := other.contact(ann.from.ID); contact.State != api.ContactAcquainted {
		t.Errorf("after the answer: %s", contact.State)
	}
}

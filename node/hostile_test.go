package node

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
	"muster.example/sync/history"
)

func (o *organization) alarms(t *testing.T) (texts []string) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) error {
		all, err := tx.Alarms(o.org)
		for _, a := range all {
			texts = append(texts, a.Kind+": "+a.Text)
		}
		return err
	})
	return texts
}

// introduction seals an introduction of a member with the grant of a number.
func (p pair) introduction(t *testing.T, number uint64) []byte {
	t.Helper()
	sealed, err := envelope.SealIntroduction(rand.Reader, p.from.Device(), envelope.Introduction{
		Org: p.org.ID, From: p.from.ID, To: p.to.member, Text: "it is me", Head: signedHead(t, p.org).Marshal(),
		Grant: p.org.Grant(p.from, p.org.Founder, number, true),
	}, []envelope.Prekey{p.key}, p.meta)
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

// strangers returns a device and members who are no contacts of it.
func strangers(t *testing.T, names ...string) (o *organization, all []pair) {
	org := newRoll(t, names...)
	o = newDevice(t, org, org.Founder)
	key := o.ownPrekey(t)
	for _, m := range org.Members[1:] {
		all = append(all, pair{org, m, o, key, envelope.Meta{RollSize: org.Roll.Size(), Expires: time.Now().Add(time.Hour).Unix()},
			make(map[keys.ConversationID]*envelope.Line)})
	}
	return o, all
}

// TestIntroductionsOfOneStranger sends many introductions, which a rendezvous node that lies lets through.
func TestIntroductionsOfOneStranger(t *testing.T) {
	o, all := strangers(t, "mallory")
	events := o.node.hub.watch(t.Context(), "")
	for number := range uint64(20) {
		if opened, _ := o.deliver(t, all[0].introduction(t, number+1)); opened != 1 {
			t.Fatal("an introduction was not opened")
		}
	}
	if got := len(events); got != 1 {
		t.Errorf("%d notifications of one stranger", got)
	}
	var next history.Record
	update(t, o.node.store, func(tx *store.Tx) (err error) {
		next, err = tx.AppendRecord(o.org, o.self, 1, history.Record{Kind: history.RecordRead, Read: &history.Read{}})
		return err
	})
	if next.Sequence != 2 {
		t.Errorf("%d records of one stranger", next.Sequence-1)
	}
}

// TestInboxBehindIntroductions fills a page with introductions to the last place: the messages must come on the next.
func TestInboxBehindIntroductions(t *testing.T) {
	o, all := strangers(t, "ann", "ben", "cid")
	for _, p := range all[:2] {
		o.deliver(t, p.introduction(t, 1))
	}
	o.acquainted(t, all[2].org, all[2].org.Founder, all[2].from)
	c, announced := all[2].chain(t)
	o.deliver(t, announced, all[2].text(t, c, "hello"), all[2].text(t, c, "again"))
	var got []string
	for cursor := ""; len(got) < 10; {
		page, err := o.node.Inbox(t.Context(), api.InboxQuery{Cursor: cursor, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			got = append(got, m.Text)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if strings.Join(got, ", ") != "it is me, it is me, hello, again" {
		t.Errorf("listed: %q", got)
	}
}

// TestNoLeaveNoMessage hands a device, past its rendezvous node, a message of a member who has no leave.
func TestNoLeaveNoMessage(t *testing.T) {
	o, all := strangers(t, "mallory")
	c, announced := all[0].chain(t)
	text := all[0].text(t, c, "buy")
	if opened, failed := o.deliver(t, announced, text); opened != 1 || failed != 0 { // who brings it without a node is told nothing [MSH-24]
		t.Errorf("%d opened, %d failed", opened, failed)
	}
	e, err := envelope.Parse(text, envelope.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := o.saveUnits(rvproto.AckFrame{}, []unit{{envelope: e}}) // a node passed it on that should not have
	if err != nil || len(ack.Receipts) != 1 {
		t.Fatalf("%d receipts, %v", len(ack.Receipts), err)
	}
	if r, err := envelope.OpenReceipt(ack.Receipts[0], o.org); err != nil || len(r.Failed) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	page, err := o.node.Inbox(t.Context(), api.InboxQuery{})
	if err != nil || len(page.Messages) != 0 {
		t.Errorf("inbox %v, %v", page.Messages, err)
	}
}

// TestSequence tells gaps and two stories apart from what came late.
func TestSequence(t *testing.T) {
	p := newPair(t)
	c, announced := p.chain(t)
	one, two, three := p.text(t, c, "1"), p.text(t, c, "2"), p.text(t, c, "3")
	missing := func(want uint64, after string) {
		t.Helper()
		view(t, p.to.node.store, func(tx *store.Tx) error {
			if got, since, err := tx.Missing(p.org.ID); err != nil || got != want || (since > 0) != (want > 0) {
				t.Errorf("after %s: %d missing, %v; want %d", after, got, err, want)
			}
			return nil
		})
	}
	p.to.deliver(t, announced, one)
	missing(0, "the first")
	p.to.deliver(t, three)
	missing(1, "the third")
	p.to.deliver(t, two)
	missing(0, "the second")
	if got := p.to.alarms(t); len(got) != 0 {
		t.Errorf("alarms %q of an honest sender", got)
	}
	p.lines[c.Conversation()].Previous = keys.ContentID{1}
	p.to.deliver(t, p.text(t, c, "4"))
	if got := p.to.alarms(t); len(got) != 1 || !strings.HasPrefix(got[0], "sequence") {
		t.Errorf("alarms %q of a sender who told others another message", got)
	}
}

// TestTakeLeave checks whose grants count.
func TestTakeLeave(t *testing.T) {
	o, bob, carol, org := newTrio(t)
	me := org.Founder
	for _, c := range []struct {
		name   string
		grant  []byte
		number uint64 // of what is held then
		open   bool
	}{
		{"the same again", org.Grant(bob, me, 1, false), 1, true},
		{"another's", org.Grant(carol, me, 9, false), 1, true},
		{"to another", org.Grant(bob, carol, 9, false), 1, true},
		{"a higher one", org.Grant(bob, me, 5, false), 5, false},
		{"a lower one", org.Grant(bob, me, 4, true), 5, false},
		{"open again", org.Grant(bob, me, 6, true), 6, true},
	} {
		effects := newEffects()
		err := o.node.store.Update(func(tx *store.Tx) error {
			if err := o.takeLeave(tx, c.grant, bob.ID, &effects); err != nil {
				return err
			}
			return nil
		})
		o.mu.Lock()
		o.applyLocked(effects)
		contact, _ := o.view.Contact(bob.ID)
		got, err2 := membership.OpenGrant(contact.Got, o.roll.State(), o.roll.Size())
		_, may := o.leaveLocked(bob.ID)
		o.mu.Unlock()
		if err2 != nil || got.Number != c.number || got.Open != c.open || may != c.open {
			t.Errorf("%s: number %d, open %v, may write %v; %v", c.name, got.Number, got.Open, may, err)
		}
	}
}

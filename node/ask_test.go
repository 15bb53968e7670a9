package node

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership/group"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// gap returns the one gap of a device.
func (o *organization) gap(t *testing.T) api.Gap {
	t.Helper()
	losses, err := o.node.Losses(t.Context(), api.LossesQuery{})
	if err != nil || len(losses.Gaps) != 1 {
		t.Fatalf("%d gaps, %v", len(losses.Gaps), err)
	}
	return losses.Gaps[0]
}

// asks has a device ask for what it lacks, in simulated time, and the author answer.
func (p *parties) asks(t *testing.T, who, author *organization) (answer []post) {
	t.Helper()
	if err := who.askMissing(time.Now()); err != nil {
		t.Fatal(err)
	}
	asked := p.seal(t, who)
	for _, one := range asked {
		if one.to != author {
			t.Fatalf("device %s is asked as well", one.to.device.Short())
		}
	}
	carry(t, asked...)
	return p.seal(t, author)
}

// Of what did not come the author's device is asked, and gives it again: a message, a part of a file, an edit. [HIST-28]
func TestAuthorGivesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bo")
		desk, bo := p.all[0], p.all[1]
		p.sends(t, bo, api.SendRequest{Text: "one"}, desk)
		carry(t, p.seal(t, bo)...)
		id := p.sends(t, bo, api.SendRequest{Text: "too"}, desk)
		p.seal(t, bo) // lost, and yet taken off the outbox, as by a receipt of a folder that was put back since
		if _, err := bo.node.Edit(t.Context(), api.EditRequest{ID: id.String(), Text: "two"}); err != nil {
			t.Fatal(err)
		}
		p.seal(t, bo) // lost
		p.sends(t, bo, api.SendRequest{Text: "four"}, desk)
		carry(t, p.seal(t, bo)...)
		if g := desk.gap(t); g.Missing != 2 || g.State != "offered" {
			t.Fatalf("%+v", g)
		}
		if len(p.asks(t, desk, bo)) > 0 {
			t.Error("the author is asked before anybody else had the time to give it")
		}
		time.Sleep(askAfter)
		answer := p.asks(t, desk, bo)
		if g := desk.gap(t); g.State != "asked" {
			t.Errorf("%+v", g)
		}
		carry(t, answer...)
		if m := desk.sees(t, id); m.Text != "two" || len(m.Versions) != 1 {
			t.Errorf("it says %+v", m)
		}
		if losses, err := desk.node.Losses(t.Context(), api.LossesQuery{}); err != nil || len(losses.Gaps) != 0 {
			t.Errorf("%+v, %v", losses.Gaps, err)
		}
		if alarms := desk.alarms(t); len(alarms) != 0 {
			t.Errorf("alarms %q", alarms)
		}
		carry(t, answer...) // twice changes nothing
		if len(p.asks(t, desk, bo)) > 0 {
			t.Error("something is asked for though nothing is missing")
		}
	})
}

// Who asked before writing anything in a conversation has not used up a number of it.
func TestAskingTakesNoNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bo", "carol")
		desk, bo, carol := p.all[0], p.all[1], p.all[2]
		p.sends(t, bo, api.SendRequest{Text: "one"}, desk, carol)
		carry(t, p.seal(t, bo)...)
		lost := p.sends(t, bo, api.SendRequest{Text: "two"}, desk, carol)
		carry(t, only(p.seal(t, bo), carol)...)
		p.sends(t, bo, api.SendRequest{Text: "three"}, desk, carol)
		carry(t, p.seal(t, bo)...)
		time.Sleep(askAfter)
		carry(t, p.asks(t, desk, bo)...)
		if !desk.has(lost) {
			t.Error("it did not come")
		}
		p.sends(t, desk, api.SendRequest{Text: "an answer"}, bo, carol)
		carry(t, p.seal(t, desk)...)
		for _, o := range []*organization{bo, carol} {
			view(t, o.node.store, func(tx *store.Tx) error {
				if missing, _, err := tx.Missing(o.org); err != nil || missing > 0 {
					t.Errorf("%d are missing, %v", missing, err)
				}
				return nil
			})
			if alarms := o.alarms(t); len(alarms) != 0 {
				t.Errorf("alarms %q", alarms)
			}
		}
	})
}

// What its author has no more is said to be gone, and if it comes another way all the same the gap closes. [HIST-28]
func TestAuthorHasNothingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bo")
		desk, bo := p.all[0], p.all[1]
		p.sends(t, bo, api.SendRequest{Text: "one"}, desk)
		carry(t, p.seal(t, bo)...)
		p.sends(t, bo, api.SendRequest{Text: "two", Expires: 3600}, desk)
		lost := p.seal(t, bo)
		p.sends(t, bo, api.SendRequest{Text: "three"}, desk)
		carry(t, p.seal(t, bo)...)
		time.Sleep(2 * time.Hour)
		if _, err := bo.expireMessages(time.Now()); err != nil {
			t.Fatal(err)
		}
		carry(t, p.asks(t, desk, bo)...)
		if g := desk.gap(t); g.State != "gone" || g.Gone != 1 {
			t.Fatalf("%+v", g)
		}
		time.Sleep(24 * time.Hour)
		if len(p.asks(t, desk, bo)) > 0 {
			t.Error("what is gone is asked for again")
		}
		carry(t, lost...)
		if losses, err := desk.node.Losses(t.Context(), api.LossesQuery{}); err != nil || len(losses.Gaps) != 0 {
			t.Errorf("%+v, %v", losses.Gaps, err)
		}
	})
}

// An envelope that still waits for a receipt is offered at once, and not sealed a second time.
func TestWhatWaitsIsOfferedWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bo")
		desk, bo := p.all[0], p.all[1]
		p.sends(t, bo, api.SendRequest{Text: "one"}, desk)
		carry(t, p.seal(t, bo)...)
		p.sends(t, bo, api.SendRequest{Text: "two"}, desk)
		bo.sealAll(t, p.prekeys)
		var waits store.Waiting
		for _, w := range bo.waiting(t, envelope.KindMessage) {
			w.Accepted, w.Offered, waits = true, time.Now().UnixMilli(), w
			update(t, bo.node.store, func(tx *store.Tx) error { return tx.PutWaiting(bo.org, w) })
		}
		say(t, p, desk, bo, history.KindLack, history.Lack{Numbers: []history.Span{{First: 2, Last: 2}}})
		if jobs := bo.jobs(t); len(jobs) != 0 {
			t.Errorf("%d jobs", len(jobs))
		}
		batch, err := bo.toPost(0, time.Now(), turn{which: first}, func(store.Waiting) bool { return true })
		if err != nil || len(batch) != 1 || batch[0].ID != waits.ID {
			t.Errorf("%d envelopes are offered, %v", len(batch), err)
		}
	})
}

// say seals a body of a device for one other at the place where the two are alone, and delivers it.
func say(t *testing.T, p *parties, from, to *organization, kind history.Kind, body any) {
	t.Helper()
	sayAt(t, p, from, to, envelope.Among(from.member, to.member), kind, body)
}

func sayAt(t *testing.T, p *parties, from, to *organization, place envelope.Place, kind history.Kind, body any) {
	t.Helper()
	update(t, from.node.store, func(tx *store.Tx) error {
		return from.addJob(tx, store.Job{Place: place, Last: 1, Only: []keys.PublicKey{to.device}, Expires: time.Now().Add(time.Hour).Unix(),
			Kind: uint8(kind), Body: wire.Encode(body)})
	})
	carry(t, p.seal(t, from)...)
}

// Who was not there when something was written gets nothing of it, however they ask; nor does who asks for what never was.
// [HIST-28] [ENV-25]
func TestOnlyRecipientsAreGivenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newRoll(t, "bob", "carol")
		crew := org.Group(org.Founder.Device(), "Crew", group.Open)
		org.EnterGroup(org.Members[1].Device(), crew)
		p := newPartiesOf(t, org, 1)
		ada, bob, carol := p.all[0], p.all[1], p.all[2]
		place := envelope.InGroup(crew)
		_, one := p.writes(t, ada, place, "for bob alone")
		carry(t, one...)
		org.EnterGroup(org.Members[2].Device(), crew)
		p.grow(t)
		later, two := p.writes(t, ada, place, "for both")
		carry(t, two...)

		ask := func(from *organization, first, last uint64) []post {
			sayAt(t, p, from, ada, place, history.KindLack, history.Lack{Numbers: []history.Span{{First: first, Last: last}}})
			return p.seal(t, ada)
		}
		if got := ask(carol, 1, 1); len(got) != 0 {
			t.Errorf("who came later gets %d envelopes", len(got))
		}
		if got := ask(carol, 3, 1000); len(got) != 0 {
			t.Errorf("for numbers that never were there are %d envelopes", len(got))
		}
		got := ask(carol, 1, 2)
		for _, one := range got {
			if one.to != carol {
				t.Error("another device gets it as well")
			}
		}
		carry(t, got...)
		if !carol.has(later) || len(got) != 2 { // an announcement, and one message
			t.Errorf("%d envelopes", len(got))
		}
		if got := ask(bob, 1, 1); len(got) == 0 {
			t.Error("who was there gets nothing")
		}
		// What is asked in one conversation is about that one alone.
		p.sends(t, ada, api.SendRequest{Text: "between two"}, bob)
		carry(t, p.seal(t, ada)...)
		say(t, p, carol, ada, history.KindLack, history.Lack{Numbers: []history.Span{{First: 1, Last: 1}}})
		if got := p.seal(t, ada); len(got) != 0 {
			t.Errorf("of another's conversation there are %d envelopes", len(got))
		}
	})
}

// A device that asks without end is given a bounded number, and costs the others nothing of theirs. [HIST-28]
func TestAskingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 1, "bo", "carol")
		desk, bo, carol := p.all[0], p.all[1], p.all[2]
		for _, to := range []*organization{bo, carol} {
			for range 3 {
				p.sends(t, desk, api.SendRequest{Text: "again and again"}, to)
			}
		}
		carry(t, p.seal(t, desk)...)
		ask := func(from *organization) (messages int) {
			say(t, p, from, desk, history.KindLack, history.Lack{Numbers: []history.Span{{First: 1, Last: 3}}})
			for _, one := range p.seal(t, desk) {
				if one.kind == envelope.KindMessage {
					messages++
				}
			}
			return messages
		}
		total := 0
		for range 40 {
			total += ask(bo)
		}
		if total == 0 || total > 3*givenAnHour/askCost {
			t.Errorf("%d envelopes for 40 requests", total)
		}
		if ask(carol) != 3 {
			t.Error("another is given nothing")
		}
		time.Sleep(time.Hour)
		if ask(bo) != 3 {
			t.Error("an hour later nothing is given")
		}
		var g generosity
		now := time.Now()
		for i := range 1000 {
			g.allow(keys.PublicKey{byte(i), byte(i >> 8)}, math.MaxUint64, now)
		}
		if g.total > givenToAll+askCost || len(g.given) > 1000 {
			t.Errorf("%d are given to all", g.total)
		}
		for name, body := range map[string]history.Lack{
			"none": {Numbers: []history.Span{}}, "too many": {Numbers: []history.Span{{First: 1, Last: history.MaxNumbers + 1}}},
		} {
			update(t, bo.node.store, func(tx *store.Tx) error {
				return bo.addJob(tx, store.Job{Place: envelope.Among(bo.member, desk.member), Last: 1, Only: []keys.PublicKey{desk.device},
					Expires: time.Now().Add(time.Hour).Unix(), Kind: uint8(history.KindLack), Body: wire.Encode(body)})
			})
			for _, one := range p.seal(t, bo) {
				if _, failed := one.to.deliver(t, one.data); failed != 1 {
					t.Errorf("%s was taken", name)
				}
			}
		}
	})
}

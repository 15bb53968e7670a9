package node

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// posted saves a message of a device for one other, has it sealed, and accepted by the rendezvous node.
func (p *parties) posted(t *testing.T, from *organization, text string, to ...*organization) (keys.MessageID, []store.Waiting) {
	t.Helper()
	id := p.sends(t, from, api.SendRequest{Text: text}, to...)
	from.sealAll(t, p.prekeys)
	full := make(chan struct{}, 1)
	var sent []store.Waiting
	for _, w := range append(from.waiting(t, envelope.KindAnnounce), from.waiting(t, envelope.KindMessage)...) {
		from.answered(t, w, rvproto.AnswerFrame{ID: w.ID}, full)
		if w.Message != nil && *w.Message == id {
			sent = append(sent, w)
		}
	}
	return id, sent
}

// answered takes the node's answer to an envelope.
func (o *organization) answered(t *testing.T, w store.Waiting, answer rvproto.AnswerFrame, full chan struct{}) {
	t.Helper()
	if err := o.recordAnswers([]answered{{waiting: offer{Waiting: w}, answer: answer}}, full); err != nil {
		t.Fatal(err)
	}
}

// returns hands a device a return by a node, in whose name it is signed.
func (p *parties) returns(t *testing.T, to *organization, node keys.PrivateKey, reason rvproto.Reason, device keys.PublicKey, ids ...keys.EnvelopeID) {
	t.Helper()
	signed, err := rvproto.SignReturn(rvproto.Return{
		Org: to.org, Sender: to.device, Time: uint64(time.Now().Unix()), Lots: []rvproto.Lot{{Device: device, Reason: reason, IDs: ids}},
	}, node)
	if err != nil {
		t.Fatal(err)
	}
	frame := rvproto.DeliverFrame{Kind: rvproto.KindReturn, Body: signed}
	ack, err := to.receive(t.Context(), nil, []rvproto.DeliverFrame{frame})
	if err != nil || len(ack.IDs) != 1 || ack.IDs[0] != rvproto.ReturnID(signed) {
		t.Fatalf("a return is answered with %v, %v", ack, err)
	}
}

// stateAt returns how a message stands with a device.
func (o *organization) stateAt(t *testing.T, id keys.MessageID, device keys.PublicKey) (d store.Delivery) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) (err error) { d, err = tx.Delivery(o.org, id, device); return err })
	return d
}

func (o *organization) wantState(t *testing.T, doing string, id keys.MessageID, device keys.PublicKey, state store.State, reason store.Reason) {
	t.Helper()
	if d := o.stateAt(t, id, device); d.State != state || d.Reason != reason {
		t.Errorf("%s: %v for %q, want %v for %q", doing, d.State, d.Reason, state, reason)
	}
}

// waits reports whether envelopes wait for a device.
func (o *organization) waits(t *testing.T, device keys.PublicKey) (count int) {
	t.Helper()
	for _, w := range o.waiting(t, envelope.KindMessage) {
		for _, d := range w.Pending {
			if d == device {
				count++
			}
		}
	}
	return count
}

// away lets time pass by a device's clock, with a fresh checkpoint at its end as a session begins with one.
func (p *parties) away(o *organization, passed time.Duration) {
	clock := o.node.config.Clock
	o.node.config.Clock = func() time.Time { return clock().Add(passed) }
	o.checkpoint.Time = o.node.config.Clock()
	o.reckoning.Answered(o.checkpoint.Time.UnixMilli())
}

// A return for time ends what waits for the device that it names, when the time is over here too, and says why. [RV-54]
func TestReturnInTime(t *testing.T) {
	p := newParties(t, 2, "Bo")
	ada, bo, tablet := p.all[0], p.all[2], p.all[3]
	id, sent := p.posted(t, ada, "hello", bo)
	ada.wantState(t, "accepted", id, bo.device, store.StateQueued, 0)
	p.away(ada, 31*24*time.Hour)
	p.returns(t, ada, p.org.Node, rvproto.ReasonTime, bo.device, sent[0].ID, keys.EnvelopeID{9})
	ada.wantState(t, "returned", id, bo.device, store.StateReturned, store.ReasonTime)
	ada.wantState(t, "the other device", id, tablet.device, store.StateQueued, 0)
	if ada.waits(t, bo.device) != 0 || ada.waits(t, tablet.device) != 1 {
		t.Errorf("%d and %d wait", ada.waits(t, bo.device), ada.waits(t, tablet.device))
	}
	if notices := ada.notices(t); len(notices) != 0 {
		t.Errorf("told of %q while another device may get it", notices[0].Text)
	}
	p.returns(t, ada, p.org.Node, rvproto.ReasonTime, tablet.device, sent[0].ID)
	p.returns(t, ada, p.org.Node, rvproto.ReasonTime, tablet.device, sent[0].ID) // again, as after a crash
	notices := ada.notices(t)
	if len(notices) != 1 || notices[0].Returned == nil || notices[0].Returned.ID != id.String() || notices[0].Returned.Count != 1 {
		t.Fatalf("told %+v", notices)
	}
	if want := "came in time; muster send --again " + id.Short(); !strings.Contains(notices[0].Text, want) {
		t.Errorf("told %q", notices[0].Text)
	}
}

// What a lying node returns goes on waiting, and is offered again in its turn; no stranger's return counts. [RV-54]
func TestReturnsThatEndNothing(t *testing.T) {
	p := newParties(t, 2, "Bo")
	ada, bo := p.all[0], p.all[2]
	id, sent := p.posted(t, ada, "hello", bo)
	liar := keys.FromSeed(sha256.Sum256([]byte("another node")))
	p.away(ada, 28*24*time.Hour)
	for _, reason := range []rvproto.Reason{rvproto.ReasonTime, rvproto.ReasonParked, rvproto.ReasonBarred, rvproto.ReasonRemoved} {
		p.returns(t, ada, p.org.Node, reason, bo.device, sent[0].ID)
	}
	ada.wantState(t, "before its time", id, bo.device, store.StateQueued, 0)
	if alarms := ada.alarms(t); len(alarms) != 1 || !strings.HasPrefix(alarms[0], "returns: ") {
		t.Errorf("alarms %+v", alarms)
	}
	batch, err := ada.toPost(0, ada.now(), turn{which: first}, func(store.Waiting) bool { return true })
	if err != nil || len(batch) == 0 {
		t.Errorf("%d are offered again, %v", len(batch), err)
	}
	p.away(ada, 3*24*time.Hour)
	p.returns(t, ada, liar, rvproto.ReasonTime, bo.device, sent[0].ID)
	p.returns(t, ada, p.org.Node, rvproto.ReasonTime, ada.device, sent[0].ID)
	if ada.waits(t, bo.device) != 1 {
		t.Error("a return by somebody else, or of another device, counts")
	}
	for name, body := range map[string][]byte{"garbage": {1, 2}, "nothing": nil} {
		if _, err := ada.receive(t.Context(), nil, []rvproto.DeliverFrame{{Kind: rvproto.KindReturn, Body: body}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ada.expire(); err != nil {
		t.Fatal(err)
	}
	ada.wantState(t, "by the own clock", id, bo.device, store.StateReturned, store.ReasonTime)
}

// That a device is parked is believed of one that has been silent to this one for as long, whether it is returned or refused.
func TestParkedDevices(t *testing.T) {
	p := newParties(t, 2, "Bo")
	ada, bo, tablet := p.all[0], p.all[2], p.all[3]
	p.away(ada, 50*24*time.Hour)
	carry(t, p.sealFrom(t, bo, "I am here", ada)...)
	p.away(ada, 10*24*time.Hour)
	id, sent := p.posted(t, ada, "hello", bo)
	for _, d := range []*organization{bo, tablet} {
		p.returns(t, ada, p.org.Node, rvproto.ReasonParked, d.device, sent[0].ID)
	}
	ada.wantState(t, "a device that wrote", id, bo.device, store.StateQueued, 0)
	ada.wantState(t, "a device that is silent", id, tablet.device, store.StateReturned, store.ReasonParked)
	if notices := ada.notices(t); len(notices) != 0 {
		t.Errorf("told of %q while another device may get it", notices[0].Text)
	}

	next := p.sends(t, ada, api.SendRequest{Text: "once more"}, bo)
	ada.sealAll(t, p.prekeys)
	w := letters(ada.waiting(t, envelope.KindMessage))
	full := make(chan struct{}, 1)
	ada.answered(t, w[len(w)-1], rvproto.AnswerFrame{ID: w[len(w)-1].ID, Refused: []rvproto.Refusal{
		{Device: bo.device, Status: wire.StatusParked}, {Device: tablet.device, Status: wire.StatusParked},
	}}, full)
	ada.wantState(t, "refused for a device that is silent", next, tablet.device, store.StateReturned, store.ReasonParked)
	ada.wantState(t, "refused for one that wrote", next, bo.device, store.StateHeld, 0)
	if ada.waits(t, bo.device) != 2 {
		t.Errorf("%d wait", ada.waits(t, bo.device))
	}
}

// sealFrom has a device seal a message for another.
func (p *parties) sealFrom(t *testing.T, from *organization, text string, to *organization) (posts []post) {
	t.Helper()
	p.sends(t, from, api.SendRequest{Text: text}, to)
	for _, one := range p.seal(t, from) {
		if one.to == to {
			posts = append(posts, one)
		}
	}
	return posts
}

func (o *organization) notices(t *testing.T) (all []api.Notice) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	view(t, o.node.store, func(tx *store.Tx) (err error) { all, err = o.recentNotices(tx, time.Now()); return err })
	return all
}

// Many returns are one notice for each member, until the person is told.
func TestManyReturnsOneNotice(t *testing.T) {
	p := newParties(t, 2, "Bo")
	ada, bo := p.all[0], p.all[2]
	for range 3 {
		p.posted(t, ada, "hello", bo)
	}
	p.away(ada, 31*24*time.Hour)
	if err := ada.expire(); err != nil {
		t.Fatal(err)
	}
	if notices := ada.notices(t); len(notices) != 1 || notices[0].Returned.Count != 3 {
		t.Fatalf("told %+v", notices)
	}
	var page api.InboxPage
	if err := ada.tell(&page); err != nil || len(page.Notices) != 1 || !strings.HasPrefix(page.Notices[0].Text, "3 messages were not delivered") {
		t.Fatalf("%+v, %v", page.Notices, err)
	}
	p.posted(t, ada, "hello", bo)
	p.away(ada, 31*24*time.Hour)
	if err := ada.expire(); err != nil {
		t.Fatal(err)
	}
	if notices := ada.notices(t); len(notices) == 0 || notices[len(notices)-1].Returned.Count != 1 {
		t.Errorf("told %+v", notices)
	}
}

// A message is sent again under its id to those who did not get it and to nobody else, its files with it, and shown once.
// [API-57]
func TestSendAgain(t *testing.T) {
	p := newParties(t, 2, "Bo")
	ada, bo, tablet := p.all[0], p.all[2], p.all[3]
	first := p.sends(t, ada, api.SendRequest{Text: "before"}, bo)
	p.exchange(t, ada)
	job := ada.saved(t, "with a file", []string{strings.Repeat("x", 300<<10)}, p.org.Members[1])
	id := *job.Message
	for _, one := range p.seal(t, ada) { // the tablet gets it, the other device does not
		if one.to == tablet || one.to == p.all[1] {
			carry(t, one)
		}
	}
	update(t, ada.node.store, func(tx *store.Tx) error {
		for _, device := range []keys.PublicKey{bo.device, tablet.device} {
			d, err := tx.Delivery(ada.org, id, device)
			if err != nil {
				return err
			}
			state, reason := store.StateReturned, store.ReasonParked
			if device == tablet.device {
				state, reason = store.StateDelivered, 0
			}
			if _, err := ada.setState(tx, id, d, state, reason); err != nil {
				return err
			}
		}
		return nil
	})
	after := p.sends(t, ada, api.SendRequest{Text: "after"}, bo)
	p.exchange(t, ada)
	if gaps := bo.node.losses(t).Gaps; len(gaps) != 1 || gaps[0].Missing != 4 {
		t.Fatalf("gaps before: %+v", gaps)
	}

	result, err := ada.node.SendAgain(t.Context(), api.AgainRequest{ID: id.String()})
	if err != nil || result.ID != id.String() {
		t.Fatal(err)
	}
	ada.wantState(t, "on its way", id, bo.device, store.StateHeld, 0)
	ada.wantState(t, "who has it", id, tablet.device, store.StateDelivered, 0)
	posts := p.seal(t, ada)
	for _, one := range posts {
		if one.to != bo {
			t.Errorf("an envelope of kind %d for %s", one.kind, one.to.device.Short())
		}
	}
	carry(t, posts...)
	if m := bo.sees(t, id); m.Text != "with a file" || len(m.Attachments) != 1 {
		t.Errorf("it shows %+v", m)
	}
	if gaps := bo.node.losses(t).Gaps; len(gaps) != 0 {
		t.Errorf("gaps after: %+v", gaps)
	}
	if alarms := bo.alarms(t); len(alarms) != 0 {
		t.Errorf("alarms %+v", alarms)
	}
	if !bo.has(first) || !bo.has(after) {
		t.Error("the others are gone")
	}
	if again, err := ada.node.SendAgain(t.Context(), api.AgainRequest{ID: id.String()}); err != nil || len(written(ada.jobs(t))) != 0 {
		t.Errorf("once more, of what is on its way: %+v, %v", again, err)
	}
}

// What was taken back, is another's, or is for somebody who lets one write no more is not sent again.
func TestSendAgainRefuses(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	theirs := p.sends(t, bo, api.SendRequest{Text: "hello"}, ada)
	p.exchange(t, bo)
	deleted := p.sends(t, ada, api.SendRequest{Text: "hello"}, bo)
	if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: api.List[string]{deleted.String()}}); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"another's": theirs.String(), "taken back": deleted.String(), "unknown": keys.MessageID{1}.String()} {
		_, err := ada.node.SendAgain(t.Context(), api.AgainRequest{ID: id})
		want := api.CodeRefused
		if name == "unknown" {
			want = api.CodeNotFound
		}
		if known, ok := errors.AsType[*api.Error](err); !ok || known.Code != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A device that comes back after it was parked says so once, counts what its siblings give it of that time, and believes no
// other day than one of now. [RV-57]
func TestParkedAndBack(t *testing.T) {
	p := newParties(t, 2, "Bo")
	bo, tablet := p.all[2], p.all[3]
	today := time.Now().Truncate(24 * time.Hour)
	frame := rvproto.ParkedFrame{From: uint64(today.AddDate(0, 0, -70).Unix()), Until: uint64(today.Unix())}
	for _, wrong := range []rvproto.ParkedFrame{{From: 0, Until: 86400}, {From: frame.From, Until: frame.Until + 10*86400}} {
		if err := tablet.heardParked(wrong); err != nil || len(tablet.notices(t)) != 0 {
			t.Errorf("told of another day: %v", err)
		}
	}
	early := p.sends(t, bo, api.SendRequest{Text: "before the node said so"}, p.all[0])
	p.seal(t, bo) // none of it comes
	tablet.takes(t, messageAmong(t, bo.gives(t), early))
	for range 2 {
		if err := tablet.heardParked(frame); err != nil {
			t.Fatal(err)
		}
	}
	if notices := tablet.notices(t); len(notices) != 1 || !strings.Contains(notices[0].Text, "your other devices are asked") {
		t.Fatalf("told %+v", notices)
	}
	id := p.sends(t, bo, api.SendRequest{Text: "while it was away"}, p.all[0])
	p.seal(t, bo) // none of it comes
	for range 2 {
		tablet.takes(t, messageAmong(t, bo.gives(t), id))
	}
	status, err := tablet.status(time.Now())
	if err != nil || status.Parked == nil || status.Parked.Came != 2 || status.Parked.CaughtUp || !status.Parked.Until.Equal(today) {
		t.Errorf("%+v, %v", status.Parked, err)
	}
	if status, err := tablet.status(time.Now().AddDate(0, 0, 32)); err != nil || status.Parked != nil {
		t.Errorf("a month later: %+v, %v", status.Parked, err)
	}
}

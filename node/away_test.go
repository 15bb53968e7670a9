package node

import (
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// TestAwayNotice answers once a day and person, and neither groups nor what programs write.
func TestAwayNotice(t *testing.T) {
	o, bob, carol, _ := newTrio(t)
	if _, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: settingAway, Value: " Back on Monday. "}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	answers := func(name string, want int, at time.Time, m history.Message) {
		t.Helper()
		before := len(o.jobs(t))
		effects := newEffects()
		o.mu.Lock()
		update(t, o.node.store, func(tx *store.Tx) error { return o.answerAway(tx, m, at, &effects) })
		o.mu.Unlock()
		jobs := o.jobs(t)
		if got := len(jobs) - before; got != want {
			t.Fatalf("%s: %d answers, want %d", name, got, want)
		}
		if want == 0 {
			return
		}
		job := jobs[len(jobs)-1]
		view(t, o.node.store, func(tx *store.Tx) error {
			r, err := tx.Message(o.org, *job.Message)
			if err == nil && (r.Message.Text.Text != "Back on Monday." || !r.Message.Text.Auto || !job.Place.Equal(envelope.Among(o.member, m.Member))) {
				t.Errorf("%s: answers %+v at %+v", name, r.Message.Text, job.Place)
			}
			return err
		})
	}
	from := func(member keys.MemberID, change func(*history.Text)) history.Message {
		m := history.Message{Member: member, Text: history.Text{To: []keys.MemberID{o.member}, Text: "hello"}}
		if change != nil {
			change(&m.Text)
		}
		return m
	}
	answers("an automatic message", 0, now, from(bob.ID, func(x *history.Text) { x.Auto = true }))
	answers("a conversation of several", 0, now, from(bob.ID, func(x *history.Text) { x.To = append(x.To, carol.ID) }))
	answers("a group", 0, now, from(bob.ID, func(x *history.Text) { x.To, x.Group = nil, &keys.GroupID{1} }))
	answers("a desk", 0, now, from(bob.ID, func(x *history.Text) { x.To, x.Guest = nil, &bob.ID }))
	answers("an own message", 0, now, from(o.member, nil))
	answers("a stranger", 0, now, from(keys.MemberID{1}, nil))
	answers("a contact", 1, now, from(bob.ID, nil))
	answers("the contact again", 0, now, from(bob.ID, nil))
	answers("another contact", 1, now, from(carol.ID, nil))
	answers("the contact on the next day", 1, now.Add(24*time.Hour), from(bob.ID, nil))
	if _, err := o.block(carol.ID); err != nil {
		t.Fatal(err)
	}
	answers("a blocked contact", 0, now.Add(48*time.Hour), from(carol.ID, nil))
	if _, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: settingAway}); err != nil {
		t.Fatal(err)
	}
	answers("who writes when the person is back", 0, now.Add(72*time.Hour), from(bob.ID, nil))
	if _, err := o.node.SetSetting(t.Context(), api.SettingRequest{Name: settingAway, Value: "\x1b[2J"}); api.AsError(err).Code != api.CodeUsage {
		t.Errorf("a notice of control characters: %v", err)
	}
}

package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

func code(err error) api.Code {
	var known *api.Error
	if e, ok := err.(*api.Error); ok {
		known = e
	}
	if known == nil {
		return ""
	}
	return known.Code
}

// view of a message that all devices must share.
func shared(m api.Message) api.Message {
	return api.Message{
		ID: m.ID, Subject: m.Subject, Text: m.Text, Edited: m.Edited, Versions: m.Versions, Deleted: m.Deleted,
		Reactions: m.Reactions, Mentions: m.Mentions,
	}
}

// TestActsFoldToOneViewOnEveryDevice has two members with two devices each act on a message, and delivers what they send in
// order to one device, and to another backwards, before the message itself, and twice. [HIST-15]
func TestActsFoldToOneViewOnEveryDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParties(t, 2, "bob")
		ada, adasOther, bob, bobsOther := p.all[0], p.all[1], p.all[2], p.all[3]
		id := p.sends(t, ada, api.SendRequest{Subject: "Harvest", Text: "Monday", Mentions: []string{"bob"}}, bob)
		var late []post // for bob's other device
		deliver := func(from *organization) {
			for _, one := range p.seal(t, from) {
				if one.to == bobsOther && one.kind == envelope.KindMessage {
					late = append(late, one)
					continue
				}
				carry(t, one)
			}
		}
		deliver(ada)
		act := func(from *organization, do func(*Node) (api.Message, error)) {
			t.Helper()
			time.Sleep(time.Second)
			if _, err := do(from.node); err != nil {
				t.Fatal(err)
			}
			deliver(from)
		}
		act(ada, func(n *Node) (api.Message, error) {
			return n.Edit(t.Context(), api.EditRequest{ID: id.String(), Text: "Tuesday"})
		})
		act(adasOther, func(n *Node) (api.Message, error) {
			return n.Edit(t.Context(), api.EditRequest{ID: id.String(), Text: "Wednesday"})
		})
		for _, emoji := range []string{"👍", "♥"} {
			act(bob, func(n *Node) (api.Message, error) {
				return n.React(t.Context(), api.ReactRequest{ID: id.String(), Emoji: emoji})
			})
		}
		act(bob, func(n *Node) (api.Message, error) {
			return n.React(t.Context(), api.ReactRequest{ID: id.String(), Emoji: "♥", Off: true})
		})
		if bobsOther.has(id) {
			t.Fatal("the message was not held back")
		}
		slices.Reverse(late)
		carry(t, late...)
		carry(t, late...)

		want := shared(ada.sees(t, id))
		if want.Text != "Wednesday" || want.Subject != "Harvest" || len(want.Versions) != 2 || len(want.Reactions) != 1 {
			t.Errorf("ada sees %+v", want)
		}
		for _, o := range p.all[1:] {
			if diff := cmp.Diff(want, shared(o.sees(t, id))); diff != "" {
				t.Errorf("%s sees it otherwise: %s", o.ownName(), diff)
			}
		}
	})
}

// TestDeletionErases takes a message back that one device has, one gets after the deletion, and one was not sent yet: no
// device keeps the text. [HIST-16]
func TestDeletionErases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "the key is under the mat"
		p := newParties(t, 1, "bob", "carol")
		ada, bob, carol := p.all[0], p.all[1], p.all[2]
		id := p.sends(t, ada, api.SendRequest{Text: secret}, bob, carol)
		var late []post
		for _, one := range p.seal(t, ada) {
			if one.to == carol && one.kind == envelope.KindMessage {
				late = append(late, one)
				continue
			}
			carry(t, one)
		}
		events := bob.node.hub.watch(t.Context(), "")
		unsent := p.sends(t, ada, api.SendRequest{Text: secret}, bob)
		if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String(), unsent.String()}}); err != nil {
			t.Fatal(err)
		}
		for _, one := range p.seal(t, ada) {
			carry(t, one)
		}
		if event := <-events; event.Kind != api.EventChange || !event.Message.Deleted {
			t.Errorf("bob's watcher is told %+v", event)
		}
		carry(t, late...)
		for _, o := range p.all {
			if m := o.sees(t, id); !m.Deleted || m.Text != "" {
				t.Errorf("%s sees %+v", o.ownName(), m)
			}
			view(t, o.node.store, func(tx *store.Tx) error {
				return tx.Records(o.org, func(data []byte) error {
					if strings.Contains(string(data), secret) {
						t.Errorf("%s keeps what was taken back", o.ownName())
					}
					return nil
				})
			})
		}
		if bob.has(unsent) {
			t.Error("what was taken back before it was sent was sent")
		}
		if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}}); err != nil {
			t.Errorf("taking back twice: %v", err)
		}
		if _, err := bob.node.React(t.Context(), api.ReactRequest{ID: id.String(), Emoji: "👍"}); code(err) != api.CodeRefused {
			t.Errorf("reacting to what is gone: %v", err)
		}
	})
}

// TestOthersCannotChangeAMessage has a member send edits and deletions of what another wrote, in their conversation and in
// another, and back-dated ones of their own.
func TestOthersCannotChangeAMessage(t *testing.T) {
	p := newPair(t)
	d, err := p.to.draft(api.SendRequest{Text: "Monday"}, target{members: []keys.MemberID{p.from.ID}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.to.save(d, nil); err != nil {
		t.Fatal(err)
	}
	id := d.message.ID()
	c, announced := p.chain(t)
	own := history.Text{To: []keys.MemberID{p.to.member}, Text: "mine", Time: time.Now().Add(-30 * 24 * time.Hour).UnixMilli()}
	mine := history.MessageID(p.from.Device().Public(), own.Nonce)
	now := time.Now().UnixMilli()
	batch := [][]byte{
		announced,
		p.seal(t, c, history.KindEdit, wire.Encode(history.Edit{Message: id, Text: "Friday", Time: now})),
		p.seal(t, c, history.KindDelete, wire.Encode(history.Delete{Messages: []keys.MessageID{id}, Time: now})),
		p.seal(t, c, history.KindText, wire.Encode(own)),
		p.seal(t, c, history.KindEdit, wire.Encode(history.Edit{Message: mine, Text: "too late", Time: now})),
		p.seal(t, c, history.KindDelete, wire.Encode(history.Delete{Messages: []keys.MessageID{mine}, Time: now})),
	}
	if opened, _ := p.to.deliver(t, batch...); opened != len(batch) {
		t.Fatalf("%d of %d opened", opened, len(batch))
	}
	if m := p.to.sees(t, id); m.Text != "Monday" || m.Deleted || len(m.Versions) > 0 {
		t.Errorf("another's act changed it: %+v", m)
	}
	if m := p.to.sees(t, mine); m.Text != "mine" || m.Deleted {
		t.Errorf("an act that came too late changed it: %+v", m)
	}
	back := history.Edit{Message: mine, Text: "dated back", Time: own.Time + 1}
	p.to.deliver(t, p.seal(t, c, history.KindEdit, wire.Encode(back)))
	if m := p.to.sees(t, mine); m.Text != "dated back" || len(m.Versions) != 1 || m.Versions[0].Text != "mine" {
		t.Errorf("of a back-dated edit the first text is not among the versions: %+v", m)
	}
	if opened, failed := p.to.deliver(t, p.seal(t, c, history.KindReaction, []byte("garbage"))); opened != 0 || failed != 1 {
		t.Error("garbage was taken for a reaction")
	}
}

// [HIST-15]
func TestChangesEndAtThePolicysTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := membership.DefaultPolicy() // with times short enough to sleep through: the store's tickers run meanwhile
		policy.EditTime, policy.DeleteTime = 2, 5
		p := newPartiesWith(t, policy, 1, "bob")
		ada, bob := p.all[0], p.all[1]
		id := p.sends(t, ada, api.SendRequest{Text: "Monday"}, bob)
		p.exchange(t, ada)
		if _, err := bob.node.Edit(t.Context(), api.EditRequest{ID: id.String(), Text: "mine"}); code(err) != api.CodeRefused {
			t.Errorf("editing another's message: %v", err)
		}
		if _, err := bob.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}}); code(err) != api.CodeRefused {
			t.Errorf("deleting another's message: %v", err)
		}
		time.Sleep(3 * time.Second)
		if _, err := ada.node.Edit(t.Context(), api.EditRequest{ID: id.String(), Text: "Friday"}); code(err) != api.CodeRefused {
			t.Errorf("editing too late: %v", err)
		}
		time.Sleep(3 * time.Second)
		if _, err := ada.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{id.String()}}); code(err) != api.CodeRefused {
			t.Errorf("deleting too late: %v", err)
		}
	})
}

// TestReceiptsNeedBothSides reads messages with every choice of the two.
func TestReceiptsNeedBothSides(t *testing.T) {
	for name, c := range map[string]struct {
		author, reader string
		want           int
	}{
		"both":            {on, on, 1},
		"only the author": {on, off, 0},
		"only the reader": {off, on, 0},
		"neither":         {off, off, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newParties(t, 1, "bob")
				ada, bob := p.all[0], p.all[1]
				ada.chosen(t, settingReceipts, c.author)
				bob.chosen(t, settingReceipts, c.reader)
				id := p.sends(t, ada, api.SendRequest{Text: "Monday"}, bob)
				p.exchange(t, ada)
				for range 2 { // the second time tells nothing new
					if _, err := bob.node.Read(t.Context(), api.ReadRequest{ID: id.String()}); err != nil {
						t.Fatal(err)
					}
				}
				if got := len(bob.jobs(t)); got != c.want {
					t.Errorf("%d receipts leave", got)
				}
				p.exchange(t, bob)
				if got := len(ada.sees(t, id).Seen); got != c.want {
					t.Errorf("ada sees %d receipts", got)
				}
			})
		})
	}
}

func TestSettingsAreCheckedAndKept(t *testing.T) {
	o := newDevice(t, newRoll(t), newRoll(t).Founder)
	for _, bad := range []api.SettingRequest{{Name: "nonsense", Value: on}, {Name: settingReceipts, Value: "maybe"}, {Name: settingExpires, Value: "5s"}} {
		if _, err := o.node.SetSetting(t.Context(), bad); err == nil {
			t.Errorf("%s can be %q", bad.Name, bad.Value)
		}
	}
	o.chosen(t, settingReceipts, on)
	o.chosen(t, settingReceipts, on)
	var records int
	view(t, o.node.store, func(tx *store.Tx) error {
		again, err := tx.Fold(o.org, o.member, o.countsLocked)
		if value, ok := again.Setting(settingReceipts); !ok || value != on {
			t.Errorf("after a start it is %q", value)
		}
		return errors.Join(err, tx.Records(o.org, func([]byte) error { records++; return nil }))
	})
	if records != 1 {
		t.Errorf("%d records of one choice", records)
	}
}

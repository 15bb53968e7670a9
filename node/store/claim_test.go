package store

import (
	"fmt"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// A record that says of a message that it was deleted counts while an act that is here says so too; the message as its author signed
// it has the last word, whichever came first. [HIST-30]
func TestADeletionIsProved(t *testing.T) {
	author, stolen := keys.PublicKey{100}, keys.FromSeed([32]byte{99})
	genuine := letterOf(author, 1, nil)
	id := genuine.Message.ID()
	noted := &sibling{Store: open(t), identity: identity}
	update(t, noted.Store, func(tx *Tx) (err error) {
		genuine, err = tx.AppendRecord(orgA, identity, 5000, genuine)
		return err
	})
	deletion := func(time int64) history.Record {
		act := actOn(author, history.KindDelete, history.Delete{Messages: []keys.MessageID{id}, Time: time})
		return history.Record{Device: stolen.Public(), Sequence: 7, Clock: history.Clock{Wall: 9000}, Kind: history.RecordAct, Act: &act}.Sign(orgA, stolen)
	}
	claim := func(why history.Erased, change func(*history.Message)) history.Record {
		m := genuine.Message.Erase(why)
		change(&m)
		return history.Record{Device: stolen.Public(), Sequence: 8, Clock: history.Clock{Wall: 1}, Kind: history.RecordMessage, Message: &m}.Sign(orgA, stolen)
	}
	asItWas := func(*history.Message) {}
	limits := history.Limits{Edit: 60, Delete: 60}
	for name, c := range map[string]struct {
		records []history.Record
		deleted bool
	}{
		"nothing deletes it":              {[]history.Record{claim(history.ErasedDeleted, asItWas)}, false},
		"it has expired, says the record": {[]history.Record{claim(history.ErasedExpired, func(m *history.Message) { m.Text.Lifetime = 1 })}, false},
		"its author deleted it":           {[]history.Record{claim(history.ErasedDeleted, asItWas), deletion(2000)}, true},
		"its author deleted it too late":  {[]history.Record{claim(history.ErasedDeleted, asItWas), deletion(90_000)}, false},
		"too late, but for the record's time": {
			[]history.Record{claim(history.ErasedDeleted, func(m *history.Message) { m.Text.Time = 80_000 }), deletion(90_000)}, false},
		"its author deleted it in another conversation": {
			[]history.Record{claim(history.ErasedDeleted, func(m *history.Message) { m.Conversation = keys.ConversationID{9} }), deletion(2000)}, true},
		"by another member": {
			[]history.Record{claim(history.ErasedDeleted, func(m *history.Message) { m.Member = keys.MemberID{9} }), deletion(90_000)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var first string
			for _, order := range orders(append(slices.Clone(c.records), genuine)) {
				s := &sibling{Store: open(t), identity: identity}
				for range 2 { // what is refused is given again
					for _, r := range order {
						update(t, s.Store, func(tx *Tx) error {
							if _, err := tx.Merge(orgA, r, limits); err != nil {
								return err
							}
							have, err := tx.Message(orgA, id)
							if err != nil {
								return nil
							}
							deleted, err := tx.IsDeleted(orgA, *have.Message, limits)
							if err == nil && deleted && have.Message.Erased == 0 {
								_, _, err = tx.EraseMessage(orgA, id, history.ErasedDeleted)
							}
							if err != nil {
								return err
							}
							return tx.ShareActs(orgA, id)
						})
					}
				}
				view(t, s.Store, func(tx *Tx) error {
					r, err := tx.Message(orgA, id)
					if err != nil || (r.Message.Erased > 0) != c.deleted || !c.deleted && r.Message.Text.Text != secret {
						t.Errorf("the message is %q, erased %d, %v", r.Message.Text.Text, r.Message.Erased, err)
					}
					return nil
				})
				all := fmt.Sprint(s.items(t))
				if first == "" {
					first = all
				}
				if all != first {
					t.Errorf("in another order other records are shared")
				}
			}
		})
	}
}

// orders returns some records in all orders.
func orders(all []history.Record) (found [][]history.Record) {
	if len(all) < 2 {
		return [][]history.Record{all}
	}
	for i := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		for _, o := range orders(rest) {
			found = append(found, append([]history.Record{all[i]}, o...))
		}
	}
	return found
}

// A message that expired is for no other device, nor is an act on it that came to one which never had the message; and nobody gets
// either back. [HIST-30]
func TestWhatExpiredIsGivenToNobody(t *testing.T) {
	author := keys.PublicKey{100}
	letter := letterOf(author, 1, func(m *history.Message) { m.Text.Lifetime = 60 })
	id := letter.Message.ID()
	early, late, never := &sibling{Store: open(t), identity: keys.FromSeed([32]byte{1})}, &sibling{Store: open(t), identity: keys.FromSeed([32]byte{2})},
		&sibling{Store: open(t), identity: keys.FromSeed([32]byte{3})}
	for _, s := range []*sibling{early, late} {
		update(t, s.Store, func(tx *Tx) error { _, err := tx.AppendRecord(orgA, s.identity, 2000, letter); return err })
	}
	update(t, never.Store, func(tx *Tx) error {
		_, err := tx.AddAct(orgA, never.identity, 3000, actOn(author, history.KindReaction, history.Reaction{Message: id, Emoji: "+", Time: 2500}))
		return err
	})
	early.expire(t, 1e6)
	late.give(t, early)
	never.give(t, early)
	if n := len(early.items(t)) + len(never.items(t)); n != 0 {
		t.Errorf("%d records are shared", n)
	}
	view(t, early.Store, func(tx *Tx) error {
		if r, err := tx.Message(orgA, id); err != nil || r.Message.Erased != history.ErasedExpired {
			t.Errorf("the message is erased %d, %v", r.Message.Erased, err)
		}
		return nil
	})
	late.give(t, never) // the message comes after all, and the act with it
	never.give(t, late)
	if a, b := never.items(t), late.items(t); len(a) != 2 || !slices.Equal(a, b) {
		t.Errorf("%d records are shared, and %d", len(a), len(b))
	}
	never.expire(t, 1e6)
	late.expire(t, 1e6)
	if n := len(late.items(t)) + len(never.items(t)); n != 0 {
		t.Errorf("%d records are shared", n)
	}
}

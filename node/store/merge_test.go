package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// sibling is one device of an account: its store, and its clock, which may be wrong.
type sibling struct {
	*Store
	identity keys.PrivateKey
	clock    int64
}

// forGood are limits under which every deletion counts.
var forGood = history.Limits{Edit: 1 << 40, Delete: 1 << 40}

// settle shares the acts on messages that are here and erases what they delete, as the node does.
func (s *sibling) settle(t *testing.T, messages ...keys.MessageID) {
	for _, id := range messages {
		update(t, s.Store, func(tx *Tx) error {
			r, err := tx.Message(orgA, id)
			if err != nil {
				return nil
			}
			if err := tx.ShareActs(orgA, id); err != nil || r.Message.Erased > 0 {
				return err
			}
			if deleted, err := tx.IsDeleted(orgA, *r.Message, forGood); err != nil || !deleted {
				return err
			}
			_, _, err = tx.EraseMessage(orgA, id, history.ErasedDeleted)
			return err
		})
	}
	if err := s.EraseRemains(orgA); err != nil {
		t.Fatal(err)
	}
}

// expire erases the messages whose lifetime is over.
func (s *sibling) expire(t *testing.T, now int64) {
	update(t, s.Store, func(tx *Tx) error {
		due, _, err := tx.Expiring(orgA, now, 100)
		for _, id := range due {
			if err == nil {
				_, _, err = tx.EraseMessage(orgA, id, history.ErasedExpired)
			}
		}
		return err
	})
	if err := s.EraseRemains(orgA); err != nil {
		t.Fatal(err)
	}
}

// isTold has a stolen device say of a message that it is erased. It is believed only if the author deleted the message.
func (s *sibling) isTold(t *testing.T, number uint64, message history.Record, why history.Erased) {
	m := message.Message.Erase(why)
	stolen := keys.FromSeed([32]byte{99})
	r := history.Record{Device: stolen.Public(), Sequence: number, Clock: history.Clock{Wall: 1 + int64(number)}, Kind: history.RecordMessage,
		Message: &m}.Sign(orgA, stolen)
	update(t, s.Store, func(tx *Tx) error {
		deleted, err := tx.IsDeleted(orgA, m, forGood)
		if err != nil {
			return err
		}
		if added, err := tx.Merge(orgA, r, forGood); err != nil || added && (!deleted || why == history.ErasedExpired) {
			t.Errorf("a record that says of a message that it is erased, %d, is taken: %v", why, err)
		}
		return nil
	})
	s.settle(t, m.ID())
}

// items returns what the sibling shares.
func (s *sibling) items(t *testing.T) (items []reconcile.Item) {
	t.Helper()
	view(t, s.Store, func(tx *Tx) (err error) {
		items, err = tx.Items(orgA, 0)
		if err != nil {
			return err
		}
		var d reconcile.Digest
		for _, i := range items {
			d.Add(i.ID)
		}
		if kept, err := tx.Digest(orgA); err != nil || kept != d {
			t.Fatalf("the digest is of %d items, %v; there are %d", kept.Count, err, d.Count)
		}
		return nil
	})
	return items
}

// give hands another what it lacks.
func (s *sibling) give(t *testing.T, to *sibling) (added int) {
	t.Helper()
	have := to.items(t)
	var all []history.Record
	view(t, s.Store, func(tx *Tx) error {
		items, err := tx.Items(orgA, 0)
		for _, item := range items {
			if !slices.Contains(have, item) {
				r, err := tx.Shared(orgA, item)
				if err != nil {
					return err
				}
				all = append(all, r)
			}
		}
		return err
	})
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, r := range all {
		if err := r.Check(orgA); err != nil {
			t.Fatalf("%s: %v", describe(r), err)
		}
		update(t, to.Store, func(tx *Tx) error {
			if r.Device == to.identity.Public() {
				var moved bool
				var err error
				if r, moved, err = tx.MakeWay(orgA, to.identity, r); err != nil {
					return err
				}
				if moved {
					added++
				}
			}
			ok, err := tx.Merge(orgA, r, forGood)
			if ok {
				added++
			}
			if errors.Is(err, ErrClone) {
				return nil
			}
			return errors.Join(err, tx.Observe(orgA, r.Clock))
		})
		switch {
		case r.Message != nil:
			to.settle(t, r.Message.ID())
		case r.Act != nil:
			a, err := r.Act.Open()
			if err != nil {
				t.Fatal(err)
			}
			to.settle(t, a.Messages()...)
		}
	}
	return added
}

// happen has something happen to a sibling: a message comes or is written, somebody acts, the person marks, tags, drafts.
func (s *sibling) happen(t *testing.T, random *rand.Rand, step int) {
	s.clock += random.Int64N(5000) - 1000
	message := byte(random.IntN(12))
	author := keys.PublicKey{byte(100 + message%3)}
	id := history.MessageID(author, [history.NonceSize]byte{message})
	said := letterOf(author, message, func(m *history.Message) {
		if message%4 == 3 {
			m.Text.Lifetime = 50_000
		}
	})
	record := func(r history.Record) {
		update(t, s.Store, func(tx *Tx) error {
			_, err := tx.AppendRecord(orgA, s.identity, s.clock, r)
			return err
		})
	}
	act := func(kind history.Kind, body any) {
		update(t, s.Store, func(tx *Tx) error {
			_, err := tx.AddAct(orgA, s.identity, s.clock, actOn(author, kind, body))
			return err
		})
		s.settle(t, id)
	}
	switch random.IntN(12) {
	case 0, 1, 2, 3:
		var known bool
		view(t, s.Store, func(tx *Tx) error { _, err := tx.Message(orgA, id); known = err == nil; return nil })
		if !known {
			record(said)
			s.settle(t, id)
		}
	case 4:
		act(history.KindEdit, history.Edit{Message: id, Text: fmt.Sprint(step), Time: int64(2000 + step)})
	case 5:
		act(history.KindReaction, history.Reaction{Message: id, Emoji: "+", Off: random.IntN(2) == 0, Time: int64(2000 + step)})
	case 6:
		if random.IntN(3) == 0 {
			act(history.KindDelete, history.Delete{Messages: []keys.MessageID{id}, Time: int64(2000 + step)})
		} else {
			act(history.KindSeen, history.Seen{Messages: []keys.MessageID{id, {1}}, Time: int64(2000 + random.IntN(50))})
		}
	case 7:
		record(history.Record{Kind: history.RecordRead, Read: &history.Read{Message: id}})
	case 8:
		record(history.Record{Kind: history.RecordTag, Tag: &history.Tag{Message: id, Tag: "later", Off: random.IntN(2) == 0}})
	case 9:
		d := history.Draft{ID: [history.NonceSize]byte{byte(random.IntN(3))}}
		if random.IntN(3) > 0 {
			d.Content = &history.DraftContent{Text: fmt.Sprint(step), Time: 1}
		}
		record(history.Record{Kind: history.RecordDraft, Draft: &d})
	case 10:
		s.expire(t, s.clock)
	case 11:
		s.isTold(t, uint64(step+1), said, history.Erased(1+random.IntN(2)))
	}
}

// Devices that are apart, come together in any pairs and have wrong clocks end with the same records, also if a stolen one says of
// messages that they are erased, and lifetimes end. [HIST-6] [HIST-25] [HIST-30]
func TestSiblingsEndWithTheSameRecords(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 7))
		siblings := make([]*sibling, 4)
		for i := range siblings {
			siblings[i] = &sibling{Store: open(t), identity: keys.FromSeed([32]byte{byte(i + 1)}), clock: 1_000_000 + random.Int64N(1e8)}
		}
		for step := range 240 {
			s := siblings[random.IntN(len(siblings))]
			if random.IntN(12) == 0 {
				s.give(t, siblings[random.IntN(len(siblings))])
				continue
			}
			s.happen(t, random, step)
		}
		for _, s := range siblings {
			s.expire(t, 1e9)
		}
		for round := 0; ; round++ {
			added := 0
			for _, a := range siblings {
				for _, b := range siblings {
					added += a.give(t, b)
				}
			}
			if added == 0 {
				break
			}
			if round > 5 {
				t.Fatalf("seed %d: it goes on for ever", seed)
			}
		}
		want := siblings[0].items(t)
		if len(want) < 20 {
			t.Fatalf("seed %d: %d records prove nothing", seed, len(want))
		}
		for _, s := range siblings[1:] {
			if got := s.items(t); !slices.Equal(got, want) {
				t.Errorf("seed %d: one device shares %d records, another %d, or others", seed, len(want), len(got))
				dump := func(s *sibling, here, there []reconcile.Item) {
					view(t, s.Store, func(tx *Tx) error {
						for _, i := range here {
							if !slices.Contains(there, i) {
								r, _ := tx.Shared(orgA, i)
								t.Logf("only on %d: %s", s.identity.Public()[0], describe(r))
							}
						}
						return nil
					})
				}
				dump(s, got, want)
				dump(siblings[0], want, got)
			}
		}
	}
}

// A copied folder makes two records of one name. [HIST-25]
func TestMergeTellsOfAClone(t *testing.T) {
	a, b := open(t), open(t)
	for s, word := range map[*Store]string{a: "one", b: "another"} {
		update(t, s, func(tx *Tx) error {
			_, err := tx.AppendRecord(orgA, identity, 1000, history.Record{Kind: history.RecordTag, Tag: &history.Tag{Message: keys.MessageID{1}, Tag: word}})
			return err
		})
	}
	var r history.Record
	view(t, b, func(tx *Tx) error {
		items, err := tx.Items(orgA, 0)
		if err != nil {
			return err
		}
		r, err = tx.Shared(orgA, items[0])
		return err
	})
	if err := a.Update(func(tx *Tx) error { _, err := tx.Merge(orgA, r, forGood); return err }); !errors.Is(err, ErrClone) {
		t.Errorf("another record of the same name: %v", err)
	}
}

// An own message is shared once it is signed, with what was signed. [HIST-25]
func TestOwnMessagesAreSharedOnceTheyAreSigned(t *testing.T) {
	s := &sibling{Store: open(t), identity: identity}
	r := letterOf(self, 1, func(m *history.Message) { m.Signed = nil })
	update(t, s.Store, func(tx *Tx) error { _, err := tx.AppendRecord(orgA, identity, 1000, r); return err })
	if n := len(s.items(t)); n != 0 {
		t.Fatalf("%d records are shared", n)
	}
	signed := history.Signed{Device: self, Content: []byte("content")}
	update(t, s.Store, func(tx *Tx) error { return tx.PutProof(orgA, r.Message.ID(), signed) })
	items := s.items(t)
	if len(items) != 1 {
		t.Fatalf("%d records are shared", len(items))
	}
	view(t, s.Store, func(tx *Tx) error {
		got, err := tx.Shared(orgA, items[0])
		if err != nil {
			return err
		}
		if p, err := history.DecodeProof(got.Message.Signed); err != nil || string(p.Content) != "content" {
			t.Errorf("it comes with %q, %v", got.Message.Signed, err)
		}
		if [32]byte(got.ID()) != items[0].ID {
			t.Error("the proof changes its id")
		}
		return nil
	})
}

func describe(r history.Record) string {
	text := fmt.Sprintf("record %d of %d at %d", r.Sequence, r.Device[0], r.Clock.Wall)
	switch {
	case r.Message != nil:
		text += fmt.Sprintf(": message %d, erased %d", r.Message.Text.Nonce[0], r.Message.Erased)
	case r.Act != nil:
		text += fmt.Sprintf(": act %x", r.Act.Body[:min(40, len(r.Act.Body))])
	case r.Draft != nil:
		text += fmt.Sprintf(": draft %d, gone %v", r.Draft.ID[0], r.Draft.Content == nil)
	default:
		text += fmt.Sprintf(": kind %d", r.Kind)
	}
	return text
}

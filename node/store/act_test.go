package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/sync/history"
)

// secret is a text that must not be anywhere after it was erased.
const secret = "the key is under the mat"

func letterOf(author keys.PublicKey, nonce byte, change func(*history.Message)) history.Record {
	m := history.Message{
		Author: author, Member: keys.MemberID{1}, Conversation: keys.ConversationID{1}, Signed: []byte(secret),
		Text: history.Text{Nonce: [history.NonceSize]byte{nonce}, To: []keys.MemberID{{2}}, Text: secret, Time: 1000},
	}
	if change != nil {
		change(&m)
	}
	return history.Record{Kind: history.RecordMessage, Message: &m}
}

func actOn(author keys.PublicKey, kind history.Kind, body any) history.Act {
	return history.Act{Author: author, Member: keys.MemberID{1}, Conversation: keys.ConversationID{1}, Kind: kind, Body: wire.Encode(body), Signed: []byte(secret)}
}

// holds reports whether any record of the organization has the secret in it.
func holds(t *testing.T, s *Store) (found bool) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		return tx.Records(orgA, func(data []byte) error {
			found = found || bytes.Contains(data, []byte(secret))
			return nil
		})
	})
	return found
}

func kept(t *testing.T, s *Store, message keys.MessageID) (all []history.Action) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) { all, err = tx.Acts(orgA, message); return err })
	return all
}

func addAct(t *testing.T, s *Store, a history.Act) (stored bool) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		r, err := tx.AddAct(orgA, identity, 2000, a)
		stored = r != nil
		return err
	})
	return stored
}

// [HIST-15]
func TestActsAreFoundByMessageAndKeptWhileTheyCount(t *testing.T) {
	s := open(t)
	one, two := keys.MessageID{1}, keys.MessageID{2}
	seen := actOn(self, history.KindSeen, history.Seen{Messages: []keys.MessageID{one, two}, Time: 5})
	if !addAct(t, s, seen) || addAct(t, s, seen) {
		t.Error("an act is not stored, or is stored twice")
	}
	if addAct(t, s, actOn(self, history.KindSeen, history.Seen{Messages: []keys.MessageID{one}, Time: 6})) {
		t.Error("a receipt behind another is stored")
	}
	if !addAct(t, s, actOn(self, history.KindSeen, history.Seen{Messages: []keys.MessageID{one}, Time: 4})) {
		t.Error("an earlier receipt is not stored")
	}
	if len(kept(t, s, one)) != 1 || len(kept(t, s, two)) != 1 {
		t.Error("one receipt of a member is not what is kept for each message")
	}
	for i := range history.MaxReactions + 3 {
		addAct(t, s, actOn(self, history.KindReaction, history.Reaction{Message: two, Emoji: fmt.Sprint(i), Time: int64(i)}))
	}
	if got := len(kept(t, s, two)); got != history.MaxReactions+1 {
		t.Errorf("%d acts are kept", got)
	}
	if addAct(t, s, actOn(self, history.KindReaction, history.Reaction{Message: two, Emoji: "late", Time: 1})) {
		t.Error("a reaction for which there is no room is stored")
	}
	erased := 0
	view(t, s, func(tx *Tx) error {
		return tx.Records(orgA, func(data []byte) error {
			r, err := history.DecodeRecord(data)
			if err == nil && len(r.Act.Body) == 0 {
				erased++
			}
			return err
		})
	})
	if erased != 3 {
		t.Errorf("%d acts are erased; the receipt still counts for one message, three reactions for none", erased)
	}
}

// [HIST-16]
func TestNothingOfAnErasedMessageIsKept(t *testing.T) {
	for name, why := range map[string]history.Erased{"deleted": history.ErasedDeleted, "expired": history.ErasedExpired} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			author := keys.PublicKey{9}
			file := history.File{Nonce: [history.NonceSize]byte{4}, Name: secret, Size: 3}
			record := letterOf(author, 1, func(m *history.Message) { m.Text.Files, m.Text.Lifetime = []history.File{file}, 60 })
			id := record.Message.ID()
			edit := actOn(author, history.KindEdit, history.Edit{Message: id, Text: secret + "!", Time: 1001})
			pieces := FileID{Author: author, Nonce: file.Nonce}
			update(t, s, func(tx *Tx) error {
				_, err := tx.AppendRecord(orgA, identity, 2000, record)
				return errors.Join(err, tx.PutChunk(pieces, 0, []byte("abc")), tx.PutProof(orgA, id, history.Signed{Content: []byte(secret)}))
			})
			addAct(t, s, edit)
			if !holds(t, s) || len(kept(t, s, id)) != 1 {
				t.Fatal("there is nothing to erase")
			}
			update(t, s, func(tx *Tx) error {
				_, done, err := tx.EraseMessage(orgA, id, why)
				if !done {
					t.Error("nothing was erased")
				}
				return err
			})
			if err := s.EraseRemains(orgA); err != nil {
				t.Fatal(err)
			}
			if holds(t, s) || addAct(t, s, edit) || holds(t, s) {
				t.Error("something that it said is still there, or came back")
			}
			view(t, s, func(tx *Tx) error {
				if _, err := tx.Chunk(pieces, 0); err != ErrNotFound {
					t.Errorf("its file: %v", err)
				}
				if dropped, err := tx.IsErased(orgA, pieces); !dropped || err != nil {
					t.Errorf("pieces of its file are taken again: %v", err)
				}
				if _, err := tx.Proof(orgA, id); err != ErrNotFound {
					t.Errorf("its proof: %v", err)
				}
				listed := 0
				err := tx.Messages(orgA, nil, func([]byte, history.Record) (bool, error) { listed++; return true, nil })
				if want := map[history.Erased]int{history.ErasedDeleted: 1}[why]; listed != want {
					t.Errorf("%d messages are listed", listed)
				}
				return err
			})
			update(t, s, func(tx *Tx) error { // once is enough
				_, done, err := tx.EraseMessage(orgA, id, why)
				if done {
					t.Error("it was erased again")
				}
				return err
			})
		})
	}
}

// [HIST-18]
func TestExpiringMessagesAreFoundInTheirOrder(t *testing.T) {
	s := open(t)
	var ids []keys.MessageID
	update(t, s, func(tx *Tx) error {
		for i, lifetime := range []uint64{30, 10, 20, 0} {
			r, err := tx.AppendRecord(orgA, identity, 2000, letterOf(self, byte(i), func(m *history.Message) { m.Text.Lifetime = lifetime }))
			if err != nil {
				return err
			}
			ids = append(ids, r.Message.ID())
		}
		return nil
	})
	view(t, s, func(tx *Tx) error {
		due, next, err := tx.Expiring(orgA, 21_000, 9)
		if diff := cmp.Diff([]keys.MessageID{ids[1], ids[2]}, due); diff != "" || next != 31_000 {
			t.Errorf("next at %d, %s", next, diff)
		}
		due, next, _ = tx.Expiring(orgA, 40_000, 9)
		if len(due) != 3 || next != 0 {
			t.Errorf("%d are due, next at %d", len(due), next)
		}
		due, next, _ = tx.Expiring(orgA, 40_000, 1)
		if len(due) != 1 || next == 0 {
			t.Errorf("%d are due, next at %d", len(due), next)
		}
		return err
	})
}

func TestDropMessageEmptiesTheOutboxOfIt(t *testing.T) {
	s := open(t)
	id, other := keys.MessageID{1}, keys.MessageID{2}
	update(t, s, func(tx *Tx) error {
		for i, message := range []*keys.MessageID{&id, &other, nil, &id} {
			if err := tx.AddJob(orgA, Job{Message: message}); err != nil {
				return err
			}
			if _, err := tx.AddWaiting(orgA, Waiting{ID: keys.EnvelopeID{byte(i)}, Message: message}, []byte("sealed")); err != nil {
				return err
			}
		}
		return tx.DropMessage(orgA, id)
	})
	view(t, s, func(tx *Tx) error {
		n := 0
		err := errors.Join(
			tx.Jobs(orgA, func(j Job) (bool, error) { n++; return true, nil }),
			tx.Waiting(orgA, 0, func(w Waiting) (bool, error) { n++; return true, nil }))
		if n != 4 {
			t.Errorf("%d are left, want two jobs and two envelopes", n)
		}
		return err
	})
}

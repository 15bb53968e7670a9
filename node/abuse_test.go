package node

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// texts delivers texts of the contact and returns their ids.
func (p pair) texts(t *testing.T, c *envelope.Chain, count int) (ids []keys.MessageID) {
	t.Helper()
	for i := range count {
		body := history.Text{To: []keys.MemberID{p.to.member}, Text: fmt.Sprint("text ", i), Time: time.Now().UnixMilli()}
		rand.Read(body.Nonce[:])
		if opened, _ := p.to.deliver(t, p.seal(t, c, history.KindText, wire.Encode(body))); opened != 1 {
			t.Fatal("a text was not opened")
		}
		ids = append(ids, history.MessageID(p.from.Device().Public(), body.Nonce))
	}
	return ids
}

// TestAbuseDeletionOfMuch has a contact heap as many acts as count on many messages, and then take
// all of them back at once: what that erases must not be more than the device can take in.
func TestAbuseDeletionOfMuch(t *testing.T) {
	p := newPair(t)
	c, announced := p.chain(t)
	p.to.deliver(t, announced)
	ids := p.texts(t, c, 12)
	now := time.Now().UnixMilli()
	var batch [][]byte
	flush := func() {
		if opened, _ := p.to.deliver(t, batch...); opened != len(batch) {
			t.Fatalf("%d of %d acts opened", opened, len(batch))
		}
		batch = nil
	}
	for _, id := range ids {
		if c.Due(time.Now()) {
			flush()
			c, announced = p.chain(t)
			batch = append(batch, announced)
		}
		for i := range 64 {
			edit := history.Edit{Message: id, Text: fmt.Sprint("edit ", i), Time: now + int64(i)}
			batch = append(batch, p.seal(t, c, history.KindEdit, wire.Encode(edit)))
		}
		for i := range 16 {
			reaction := history.Reaction{Message: id, Emoji: fmt.Sprint("e", i), Time: now + int64(i)}
			batch = append(batch, p.seal(t, c, history.KindReaction, wire.Encode(reaction)))
		}
		flush()
	}
	deletion := p.seal(t, c, history.KindDelete, wire.Encode(history.Delete{Messages: ids, Time: now + 100}))
	if opened, failed := p.to.deliver(t, deletion); opened != 1 {
		t.Fatalf("%d opened, %d failed", opened, failed)
	}
	if err := p.to.node.store.EraseRemains(p.to.org); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if r := p.to.record(t, id); r.Message.Erased != history.ErasedDeleted {
			t.Errorf("%s was not erased", id.Short())
		}
		view(t, p.to.node.store, func(tx *store.Tx) error {
			acts, err := tx.Acts(p.to.org, id)
			if len(acts) != 1 || acts[0].Delete == nil { // by which other devices of the account learn of it
				t.Errorf("%d acts are left", len(acts))
			}
			return err
		})
	}
}

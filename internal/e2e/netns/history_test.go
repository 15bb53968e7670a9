//go:build netns && linux

package netns

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/node/vault"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// openStore opens the store of a device that does not run, until the test ends or close is called, and says who it is.
func openStore(t *testing.T, d *program.Device) (db *store.Store, self store.Organization, close func()) {
	t.Helper()
	v, err := vault.Open(d.Dir, vault.Unlock{KeyFile: d.Key})
	if err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(v.Path("store"), v.Key("store")); err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *store.Tx) error {
		all, err := tx.Organizations()
		if err == nil {
			self = all[0]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, self, func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		v.Close()
	}
}

// writeHistory has a device that does not run have sent messages of some 600 bytes in one thread, as its own code stores them:
// signed.
func writeHistory(t *testing.T, d *program.Device, to keys.MemberID, messages int) {
	t.Helper()
	db, self, done := openStore(t, d)
	defer done()
	identity := keys.FromSeed(self.Identity)
	first := time.Now().Add(-24 * time.Hour).UnixMilli()
	conversation := envelope.ConversationID(self.Org, []keys.MemberID{self.Member, to})
	const atOnce = 200 // what one transaction holds
	var root *keys.MessageID
	for at := 0; at < messages; at += atOnce {
		err := db.Update(func(tx *store.Tx) error {
			for i := at; i < min(at+atOnce, messages); i++ {
				m := history.Message{Author: identity.Public(), Member: self.Member, Conversation: conversation, Text: history.Text{
					To: []keys.MemberID{to}, Text: fmt.Sprint(i, strings.Repeat(" Bring the long ladder.", 8)), Time: first + int64(i),
					Thread: root, Reply: root,
				}}
				copy(m.Text.Nonce[:], fmt.Sprint(i))
				if root == nil {
					root = new(m.ID())
				}
				content := envelope.Content{
					Org: self.Org, Conversation: conversation, Chain: keys.ChainID{1}, Position: uint64(i + 1), Sequence: uint64(i + 1),
					Kind: uint8(history.KindText), Body: wire.Encode(m.Text),
				}
				if i > 0 {
					content.Previous = keys.ContentID{1}
				}
				signed := wire.Encode(content)
				m.Signed = history.Proof{Content: signed, Signature: identity.Sign(keys.DomainContent, self.Org, signed)}.Encode()
				r := history.Record{Kind: history.RecordMessage, Message: &m}
				if _, err := tx.AppendRecord(self.Org, identity, first+int64(i), r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// shared returns what a device that does not run has for the others of its account.
func shared(t *testing.T, d *program.Device) (items []reconcile.Item) {
	t.Helper()
	db, self, done := openStore(t, d)
	defer done()
	err := db.View(func(tx *store.Tx) (err error) {
		items, err = tx.Items(self.Org, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return items
}

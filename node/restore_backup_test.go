package node

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/account"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// heldBackup is a backup in memory.
type heldBackup struct {
	said   account.Account
	items  map[itemKind][][]byte
	damage []string
}

func (b *heldBackup) Name() string                                     { return "snapshot" }
func (b *heldBackup) Time() time.Time                                  { return time.UnixMilli(b.said.Time) }
func (b *heldBackup) Bytes() uint64                                    { return 1 }
func (b *heldBackup) Damage() []string                                 { return b.damage }
func (b *heldBackup) Account(context.Context) (account.Account, error) { return b.said, nil }

func (b *heldBackup) Each(_ context.Context, _ keys.OrgID, kind itemKind, visit func(body []byte) error) error {
	for _, body := range b.items[kind] {
		if err := visit(body); err != nil {
			return err
		}
	}
	return nil
}

// backUp returns a backup of a device with one organization.
func (o *organization) backUp(t *testing.T) *heldBackup {
	t.Helper()
	said, err := o.node.backedUpAccount()
	if err != nil {
		t.Fatal(err)
	}
	b := &heldBackup{said: said, items: make(map[itemKind][][]byte)}
	err = o.rollPages(t.Context(), said.Orgs[0].Size, func(page account.Page) error {
		b.items[itemPage] = append(b.items[itemPage], page.Encode())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range o.gives(t) {
		b.items[itemRecord] = append(b.items[itemRecord], wire.Encode(record))
		if record.Message == nil {
			continue
		}
		for _, file := range record.Message.Text.Files {
			b.pieces(t, o, record.Message.Author, file)
		}
	}
	return b
}

func (b *heldBackup) pieces(t *testing.T, o *organization, author keys.PublicKey, file history.File) {
	id := store.FileID{Author: author, Nonce: file.Nonce}
	if author == o.device {
		id.Author = keys.PublicKey{}
	}
	for index := range file.Chunks() {
		view(t, o.node.store, func(tx *store.Tx) error {
			data, err := tx.Chunk(id, index)
			b.items[itemPiece] = append(b.items[itemPiece], account.Piece{Author: author, Nonce: file.Nonce, Index: index, Data: data}.Encode())
			return err
		})
	}
}

// newWordsFor gives a member recovery words, and returns their seed.
func newWordsFor(t *testing.T, org *membershiptest.Org, member *membershiptest.Member) keys.RecoverySeed {
	t.Helper()
	seed, err := keys.NewRecoverySeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	org.Append(org.ReplaceRecoveryEvent(member.Recovery, seed.Key(0)))
	return seed
}

// runs runs a new node, whose rendezvous nodes do not answer, until the test ends.
func runsAlone(t *testing.T) *Node {
	t.Helper()
	n, err := New(Config{Dir: t.TempDir(), Key: [32]byte{2}, Brief: true, NoDirect: true, Drives: noDrives{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return n
}

// restores restores a backup whole, as far as that goes without a network.
func restores(t *testing.T, n *Node, seed keys.RecoverySeed, b *heldBackup) api.Restore {
	t.Helper()
	for i := range b.said.Orgs {
		b.said.Orgs[i].Nodes[0].Addresses = []string{"/ip4/127.0.0.1/tcp/1"} // nobody is there
	}
	said, err := n.restoreFrom(t.Context(), api.RestoreRequest{}, seed, b)
	for err == nil && !said.Over() {
		said, err = n.Restoring(t.Context(), api.RestoreQuery{After: said.Version})
	}
	if err != nil {
		t.Fatal(err)
	}
	return said
}

// A device that has nothing but a backup and the words reads what was there at once, before any rendezvous node is reached, and can
// write nothing. [BACKUP-50] [BACKUP-51] [BACKUP-52]
func TestRestoreWithoutNetwork(t *testing.T) {
	org := newRoll(t, "bo")
	seed := newWordsFor(t, org, org.Founder)
	p := newPartiesOf(t, org, 1)
	ada, bo := p.all[0], p.all[1]
	got := p.sends(t, bo, api.SendRequest{Text: "to be kept"}, ada)
	gone := p.sends(t, bo, api.SendRequest{Text: "to go"}, ada)
	carry(t, p.seal(t, bo)...)
	sent := p.sends(t, ada, api.SendRequest{Text: "by the old device"}, bo)
	carry(t, p.seal(t, ada)...)
	if _, err := bo.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{gone.String()}}); err != nil {
		t.Fatal(err)
	}
	carry(t, p.seal(t, bo)...)
	b := ada.backUp(t)

	n := runsAlone(t)
	said := restores(t, n, seed, b)
	if said.State != api.RestoreDone || len(said.Orgs) != 1 || said.Orgs[0].State != "waiting" || len(said.Orgs[0].Refused) != 0 {
		t.Fatalf("%+v, %v", said, said.Error)
	}
	o, here := n.entered(ada.org)
	if !here {
		t.Fatal("the organization is not there")
	}
	if o.device == ada.device || o.member != ada.member {
		t.Errorf("device %s of member %s", o.device.Short(), o.member.Short())
	}
	for id, text := range map[keys.MessageID]string{got: "to be kept", sent: "by the old device"} {
		if m := o.sees(t, id); m.Text != text {
			t.Errorf("message %s says %q", id.Short(), m.Text)
		}
	}
	if m := o.sees(t, gone); !m.Deleted || m.Text != "" {
		t.Errorf("what was deleted says %q", m.Text)
	}
	if contacts := o.view.Contacts(); len(contacts) != 1 || contacts[0].State != history.ContactAccepted {
		t.Errorf("contacts %+v", contacts)
	}
	_, err := n.Send(t.Context(), api.SendRequest{To: []string{"bo"}, Text: "too early"})
	if api.AsError(err).Code != api.CodeRefused || !strings.Contains(err.Error(), "can only be read") {
		t.Errorf("sending: %v", err)
	}
	view(t, n.store, func(tx *store.Tx) error {
		if own, err := tx.Numbered(o.org); own != 0 || err != nil {
			t.Errorf("%d records of its own, %v", own, err)
		}
		return tx.Jobs(o.org, func(j store.Job) (bool, error) {
			t.Errorf("it has something to send: %+v", j)
			return true, nil
		})
	})
	kept, waits, err := n.restorationOf(o.org)
	if err != nil || !waits || len(kept.Keys) != 1 || kept.Keys[0].Seed != seed.Key(0).Seed() {
		t.Errorf("it waits: %v, %v", waits, err)
	}
}

// What a backup holds is believed by its signatures alone. [BACKUP-52]
func TestRestoreBelievesNoBackup(t *testing.T) {
	org := newRoll(t, "bo", "mallory")
	seed := newWordsFor(t, org, org.Founder)
	p := newPartiesOf(t, org, 1)
	ada, bo, mallory := p.all[0], p.all[1], p.all[2]
	id := p.sends(t, bo, api.SendRequest{Text: "the truth"}, ada)
	carry(t, p.seal(t, bo)...)
	good := ada.backUp(t)
	genuine := messageAmong(t, ada.gives(t), id)

	forged := *genuine.Message
	forged.Text.Text = "a lie"
	strange := keys.Generate()
	for name, bad := range map[string]history.Record{
		"other words":         {Device: ada.device, Sequence: 9000, Clock: genuine.Clock, Kind: history.RecordMessage, Message: &forged, Signature: genuine.Signature},
		"by another's device": history.Record{Device: mallory.device, Sequence: 1, Clock: genuine.Clock, Kind: history.RecordSetting, Setting: &history.Setting{Name: "receipts", Value: "on"}}.Sign(ada.org, mallory.self),
		"by nobody's device":  history.Record{Device: strange.Public(), Sequence: 1, Clock: genuine.Clock, Kind: history.RecordSetting, Setting: &history.Setting{Name: "receipts", Value: "on"}}.Sign(ada.org, strange),
	} {
		t.Run(name, func(t *testing.T) {
			b := &heldBackup{said: good.said, items: map[itemKind][][]byte{itemPage: good.items[itemPage]}}
			b.said.Orgs = slices.Clone(good.said.Orgs)
			b.items[itemRecord] = append([][]byte{wire.Encode(bad), []byte("garbage")}, good.items[itemRecord]...)
			n := runsAlone(t)
			said := restores(t, n, seed, b)
			o, here := n.entered(ada.org)
			if !here {
				t.Fatalf("%+v", said)
			}
			if m := o.sees(t, id); m.Text != "the truth" {
				t.Errorf("the message says %q", m.Text)
			}
			if value, ok := o.view.Setting("receipts"); ok {
				t.Errorf("the setting is %q", value)
			}
			refused := uint64(0)
			for _, item := range said.Orgs[0].Refused {
				refused += item.Count
			}
			if refused != 2 {
				t.Errorf("refused: %+v", said.Orgs[0].Refused)
			}
		})
	}
}

// A roll that does not hold is not believed: what the backup says of the organization is fetched and checked later, and the
// records wait for that. Nor is an account that is another's. Of the recovery keys it keeps the one
// that the backup names. [BACKUP-50] [BACKUP-51]
func TestRestoreBelievesNoRoll(t *testing.T) {
	org := newRoll(t, "bo")
	seed := newWordsFor(t, org, org.Founder)
	p := newPartiesOf(t, org, 1)
	ada, bo := p.all[0], p.all[1]
	p.sends(t, bo, api.SendRequest{Text: "one"}, ada)
	carry(t, p.seal(t, bo)...)
	for name, change := range map[string]func(b *heldBackup){
		"no page":                   func(b *heldBackup) { b.items[itemPage] = nil },
		"a changed page":            func(b *heldBackup) { b.items[itemPage][0] = swapEntries(t, b.items[itemPage][0]) },
		"more entries than pages":   func(b *heldBackup) { b.said.Orgs[0].Size++ },
		"a member who is none":      func(b *heldBackup) { b.said.Orgs[0].Member = keys.MemberID{9} },
		"another node's checkpoint": func(b *heldBackup) { b.said.Orgs[0].Nodes[0].Key = keys.Generate().Public() },
	} {
		t.Run(name, func(t *testing.T) {
			b := ada.backUp(t)
			change(b)
			n := runsAlone(t)
			said := restores(t, n, seed, b)
			if _, here := n.entered(ada.org); here {
				t.Error("the organization is there")
			}
			if one := said.Orgs[0]; one.State != "waiting" || one.Set == 0 || one.Records != 0 || one.Why == "" {
				t.Errorf("%+v", one)
			}
			if kept, waits, err := n.restorationOf(ada.org); err != nil || !waits || len(kept.Keys) != 1 || kept.Keys[0].Seed != seed.Key(0).Seed() {
				t.Errorf("it waits: %v, with %d keys, %v", waits, len(kept.Keys), err)
			}
		})
	}
	t.Run("other words", func(t *testing.T) {
		other, err := keys.NewRecoverySeed(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		n := runsAlone(t)
		said := restores(t, n, other, ada.backUp(t))
		if one := said.Orgs[0]; one.State != "missing" || one.Records != 0 || !strings.Contains(one.Why, "words") {
			t.Errorf("%+v", one)
		}
		if _, waits, err := n.restorationOf(ada.org); waits || err != nil {
			t.Errorf("it waits: %v, %v", waits, err)
		}
	})
}

// swapEntries changes the order of the last two entries of a page.
func swapEntries(t *testing.T, data []byte) []byte {
	page, err := account.DecodePage(data)
	if err != nil {
		t.Fatal(err)
	}
	n := len(page.Entries)
	page.Entries[n-1], page.Entries[n-2] = page.Entries[n-2], page.Entries[n-1]
	return page.Encode()
}

// A rendezvous node that shows an older roll than the backup is from is found out. [BACKUP-51]
func TestRestoreKnowsTheNewestCheckpoint(t *testing.T) {
	org := newRoll(t, "bo")
	o := newDevice(t, org, org.Founder)
	older, _, err := membership.Rebuild(org.ID, keys.MemberID{}, org.Checkpoint(), o.at.Key, org.Entries)
	if err != nil {
		t.Fatal(err)
	}
	org.AddDevice(org.Members[1])
	kept := &store.Restoration{Org: org.ID, Nodes: []store.Node{o.at}, Checkpoint: org.Checkpoint()}
	if err := continuesBackup(older, kept); err == nil {
		t.Error("the older roll is taken")
	}
	if err := continuesBackup(org.Roll, kept); err != nil {
		t.Error(err)
	}
	kept.Checkpoint = []byte("garbage")
	if err := continuesBackup(older, kept); err != nil {
		t.Errorf("a backup without a checkpoint: %v", err)
	}
}

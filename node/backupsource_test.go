package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/account"
	"muster.example/node/api"
	"muster.example/node/backup"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// backedUp makes a backup in a fresh folder and returns all that its words open there, by kind.
func backedUpBy(t *testing.T, o *organization, seed keys.RecoverySeed) map[backup.Kind][][]byte {
	t.Helper()
	folder := backup.Disk(t.TempDir())
	writer := seed.Backup().Writer()
	id, err := backup.Create(t.Context(), folder, writer, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	said, err := o.node.backedUpAccount()
	if err != nil {
		t.Fatal(err)
	}
	source := backupSource{node: o.node, said: said}
	if _, err := backup.Run(t.Context(), backup.Job{Folder: folder, Repository: id, Writer: writer, Source: source.items}); err != nil {
		t.Fatal(err)
	}
	reader, err := backup.Open(t.Context(), folder, id, backup.WordsKeys(seed.Backup()))
	if err != nil {
		t.Fatal(err)
	}
	snapshots := reader.Snapshots()
	found := make(map[backup.Kind][][]byte)
	_, err = reader.Read(t.Context(), snapshots[len(snapshots)-1], backup.Reading{Give: func(_ context.Context, e backup.Entry, body []byte) error {
		found[e.Kind] = append(found[e.Kind], bytes.Clone(body))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// full is a device with some of everything.
func full(t *testing.T) (desk, bo *organization, seed keys.RecoverySeed, p *parties, received keys.MessageID) {
	t.Helper()
	org := newRoll(t, "bo")
	seed = worded(t, org, org.Founder)
	p = newPartiesOf(t, org, 1)
	desk, bo = p.all[0], p.all[1]
	if err := desk.noteBackupKey(seed.Key(0), seed); err != nil {
		t.Fatal(err)
	}
	file := pattern(2*history.ChunkSize + 5)
	desk.sent(t, api.SendRequest{To: []string{"bo"}, Text: "sent", Attachments: []string{desk.uploaded(t, "own.bin", string(file)).ID}})
	p.exchange(t, desk)
	theirs := bo.uploaded(t, "theirs.bin", string(file[5:]))
	received = bo.sent(t, api.SendRequest{To: []string{desk.ownName()}, Text: "received", Attachments: []string{theirs.ID}})
	p.exchange(t, bo)
	desk.chosen(t, settingExpires, "7d")
	if _, err := desk.node.Read(t.Context(), api.ReadRequest{ID: received.String()}); err != nil {
		t.Fatal(err)
	}
	desk.drafted(t, api.Draft{To: []string{"bo"}, Text: "a draft"})
	return desk, bo, seed, p, received
}

// A backup holds what the account's devices give each other, all files, and who the account is. [BACKUP-62]
func TestABackupHoldsTheHistory(t *testing.T) {
	desk, _, seed, _, _ := full(t)
	found := backedUpBy(t, desk, seed)
	var want [][]byte
	for _, r := range desk.gives(t) {
		want = append(want, wire.Encode(r))
	}
	order := func(list [][]byte) [][]byte { slices.SortFunc(list, bytes.Compare); return list }
	if len(want) < 6 || !slices.EqualFunc(order(found[backup.KindRecord]), order(want), bytes.Equal) {
		t.Errorf("%d records, of %d that are shared", len(found[backup.KindRecord]), len(want))
	}
	files := make(map[keys.PublicKey][]byte)
	pieces := make(map[keys.PublicKey][]account.Piece)
	for _, body := range found[backup.KindPiece] {
		piece, err := account.DecodePiece(body)
		if err != nil {
			t.Fatal(err)
		}
		pieces[piece.Author] = append(pieces[piece.Author], piece)
	}
	for author, list := range pieces {
		slices.SortFunc(list, func(a, b account.Piece) int { return int(a.Index) - int(b.Index) })
		for _, piece := range list {
			files[author] = append(files[author], piece.Data...)
		}
	}
	file := pattern(2*history.ChunkSize + 5)
	if len(files) != 2 || !bytes.Equal(files[desk.device], file) {
		t.Errorf("files of %d devices; the own one has %d bytes", len(files), len(files[desk.device]))
	}
	delete(files, desk.device)
	for _, theirs := range files {
		if !bytes.Equal(theirs, file[5:]) {
			t.Errorf("the file that was received has %d bytes", len(theirs))
		}
	}
	accounts, pages := 0, 0
	for _, body := range found[backup.KindAccount] {
		if said, err := account.Decode(body); err == nil {
			accounts++
			if len(said.Orgs) != 1 || said.Orgs[0].Member != desk.member {
				t.Errorf("the account is %+v", said)
			}
		} else if page, err := account.DecodePage(body); err == nil {
			pages += len(page.Entries)
		} else {
			t.Errorf("neither an account nor a page: %v", err)
		}
	}
	if accounts != 1 || uint64(pages) != desk.roll.Size() {
		t.Errorf("%d accounts, %d entries of the roll of %d", accounts, pages, desk.roll.Size())
	}
}

// What makes a device that device is in no backup: whoever opens one is not it. [BACKUP-62]
func TestABackupHoldsNoSecretOfTheDevice(t *testing.T) {
	desk, _, seed, _, _ := full(t)
	secrets := make(map[string][]byte)
	identity, key := desk.self.Seed(), desk.node.config.Key
	secrets["the identity"], secrets["the data key"] = identity[:], key[:]
	view(t, desk.node.store, func(tx *store.Tx) error {
		prekeys, err := tx.Prekeys(desk.org)
		if err != nil {
			return err
		}
		for _, p := range prekeys {
			secrets["a prekey "+p.ID.Short()] = p.Private
		}
		own, err := tx.Outgoing(desk.org, desk.conversations(t)[0])
		secrets["an own chain"] = own.Chain
		return err
	})
	recovery := seed.Key(0).Seed()
	secrets["the recovery key"], secrets["the words"] = recovery[:], seed[:]
	if len(secrets) < 6 {
		t.Fatalf("only %d secrets", len(secrets))
	}
	for kind, bodies := range backedUpBy(t, desk, seed) {
		for _, body := range bodies {
			for name, secret := range secrets {
				// Of a long one a part would do.
				if len(secret) < 32 || bytes.Contains(body, secret[:32]) || bytes.Contains(body, secret[len(secret)-32:]) {
					t.Errorf("%s is in an item of kind %d, or has %d bytes", name, kind, len(secret))
				}
			}
		}
	}
}

// What was deleted is not given any more: neither words nor files.
func TestABackupHoldsNothingThatIsErased(t *testing.T) {
	desk, bo, seed, p, received := full(t)
	if _, err := bo.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{received.String()}}); err != nil {
		t.Fatal(err)
	}
	p.exchange(t, bo)
	if got := desk.sees(t, received); !got.Deleted {
		t.Fatal("it is not deleted")
	}
	found := backedUpBy(t, desk, seed)
	for _, body := range found[backup.KindRecord] {
		if bytes.Contains(body, []byte("received")) || bytes.Contains(body, []byte("theirs.bin")) {
			t.Error("the words of a deleted message are given")
		}
	}
	for _, body := range found[backup.KindPiece] {
		if piece, err := account.DecodePiece(body); err != nil || piece.Author != desk.device {
			t.Errorf("the file of a deleted message is given: %v", err)
		}
	}
}

// A second backup writes what is new, and one without anything new is noticed before anything is read.
func TestTheStateTellsOfChanges(t *testing.T) {
	desk, bo, _, p, _ := full(t)
	state := func() []byte {
		s, err := desk.node.backupState()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := state()
	if !bytes.Equal(first, state()) {
		t.Error("it changes by itself")
	}
	p.sends(t, bo, api.SendRequest{Text: "one more"}, desk)
	p.exchange(t, bo)
	if bytes.Equal(first, state()) {
		t.Error("a message changes nothing")
	}
}

// conversations returns those that this device has a chain for.
func (o *organization) conversations(t *testing.T) (list []keys.ConversationID) {
	t.Helper()
	for _, r := range o.gives(t) {
		if r.Message != nil && r.Message.Author == o.device {
			list = append(list, r.Message.Conversation)
		}
	}
	if len(list) == 0 {
		t.Fatal("it has sent nothing")
	}
	return list
}

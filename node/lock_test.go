package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// keyed has something done with a key.
func (o *organization) keyed(t *testing.T, request api.KeyRequest) api.KeyResult {
	t.Helper()
	result, err := o.node.ChangeKey(t.Context(), request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Do, request.Name, err)
	}
	return result
}

// hears returns what a device knows of a member's key.
func (o *organization) hears(t *testing.T, of *organization) (k api.LockKey, ok bool) {
	t.Helper()
	all, err := o.node.Keys(t.Context(), api.KeysQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.Member != nil && k.Member.Member == of.member.String() {
			return k, true
		}
	}
	return k, false
}

// locks prepares a lock and sends a message with it.
func (o *organization) locks(t *testing.T, wish api.LockRequest, request api.SendRequest, to *organization) string {
	t.Helper()
	wish.To, request.To = []string{to.member.String()}, []string{to.member.String()}
	prepared, err := o.node.PrepareLock(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	request.Lock = prepared.ID
	sent, err := o.node.Send(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.node.Send(t.Context(), request); codeOf(err) != api.CodeNotFound {
		t.Errorf("a lock is used twice: %v", err)
	}
	return sent.ID
}

// codeOf returns the code of an error of the API.
func codeOf(err error) api.Code {
	known, _ := errors.AsType[*api.Error](err)
	if known == nil {
		return ""
	}
	return known.Code
}

func TestKeyIsHeardAndHeldInStep(t *testing.T) { // [HIST-41] [LOCK-6] [LOCK-10]
	p := newParties(t, 2, "bo")
	ada, bo, other := p.all[0], p.all[2], p.all[3]
	made := bo.keyed(t, api.KeyRequest{Do: "make"})
	if made.Told != 1 || !made.Key.Current || made.Key.Kind != "post-quantum" {
		t.Errorf("made %+v", made)
	}
	p.exchange(t, bo)
	heard, ok := ada.hears(t, bo)
	if !ok || heard.Recipient != made.Key.Recipient || heard.Fingerprint != made.Key.Fingerprint || heard.Standing != api.KeyFirst {
		t.Fatalf("heard %+v, %t", heard, ok)
	}

	// Another device of the account opens with the same key.
	other.takes(t, bo.gives(t)...)
	id := ada.locks(t, api.LockRequest{Keys: []string{"member"}}, api.SendRequest{Text: "kingfisher"}, bo)
	p.exchange(t, ada)
	for _, device := range []*organization{bo, other} {
		opened, err := device.node.Open(t.Context(), api.OpenRequest{ID: id})
		if err != nil || opened.Text != "kingfisher" {
			t.Errorf("opened %q, %v", opened.Text, err)
		}
	}
	if _, err := ada.node.Open(t.Context(), api.OpenRequest{ID: id}); codeOf(err) != api.CodeRefused {
		t.Errorf("its author, without a key, opens it: %v", err)
	}

	// A second key is shown, and used once it was accepted.
	newer := bo.keyed(t, api.KeyRequest{Do: "make", Name: "newer"})
	p.exchange(t, bo)
	heard, _ = ada.hears(t, bo)
	if heard.Standing != api.KeyChanged || heard.Next == nil || heard.Next.Recipient != newer.Key.Recipient || heard.Recipient != made.Key.Recipient {
		t.Errorf("a second key is heard as %+v", heard)
	}
	wish := api.LockRequest{To: []string{bo.member.String()}, Keys: []string{"member"}}
	if _, err := ada.node.PrepareLock(t.Context(), wish); codeOf(err) != api.CodeRefused {
		t.Errorf("a lock for a key that nobody accepted: %v", err)
	}
	if told := notices(t, ada); !strings.Contains(told, "another key to lock for ("+newer.Key.Fingerprint+")") {
		t.Errorf("told: %s", told)
	}
	if _, err := ada.node.ChangeKey(t.Context(), api.KeyRequest{Do: "trust", Name: "bo", Fingerprint: made.Key.Fingerprint}); codeOf(err) != api.CodeRefused {
		t.Errorf("the new key is trusted by the words of the old one: %v", err)
	}
	if ada.keyed(t, api.KeyRequest{Do: "trust", Name: "bo", Fingerprint: newer.Key.Fingerprint}).Key.Standing != api.KeyTrusted {
		t.Error("it is not trusted then")
	}
	if _, err := ada.node.Verify(t.Context(), api.VerifyRequest{Member: "bo"}); err != nil {
		t.Fatal(err)
	}
	if heard, _ = ada.hears(t, bo); heard.Standing != api.KeyVerified {
		t.Errorf("the key of a verified member is %s", heard.Standing)
	}
	if ada.keyed(t, api.KeyRequest{Do: "untrust", Name: "bo"}).Key.Standing != api.KeyUntrusted {
		t.Error("it cannot be refused")
	}
	ada.keyed(t, api.KeyRequest{Do: "trust", Name: "bo"})

	// A revocation counts at once, by whatever name the key comes, and the key still opens.
	bo.keyed(t, api.KeyRequest{Do: "revoke", Name: "newer"})
	bo.keyed(t, api.KeyRequest{Do: "revoke", Name: "key"})
	p.exchange(t, bo)
	for _, name := range []string{"member", "bo", newer.Key.Recipient} {
		wish.Keys = []string{name}
		if _, err := ada.node.PrepareLock(t.Context(), wish); codeOf(err) != api.CodeRefused {
			t.Errorf("a lock for a revoked key, named %.10s: %v", name, err)
		}
	}
	if _, err := bo.node.Open(t.Context(), api.OpenRequest{ID: id}); err != nil {
		t.Errorf("a revoked key opens no more: %v", err)
	}
}

// notices returns what a person is told.
func notices(t *testing.T, o *organization) string {
	t.Helper()
	page, err := o.node.Inbox(t.Context(), api.InboxQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, n := range page.Notices {
		all.WriteString(n.Text + "\n")
	}
	return all.String()
}

func TestForgedKeysAreRefused(t *testing.T) { // [HIST-41]
	p := newParties(t, 1, "bo", "cy")
	ada, bo, cy := p.all[0], p.all[1], p.all[2]
	recipient := bo.keyed(t, api.KeyRequest{Do: "make"}).Key.Recipient
	genuine := only(p.seal(t, bo), ada)
	good := history.SignLockKey(bo.org, bo.member, history.LockKey{Recipient: recipient, Time: 1}, bo.self)
	foreign := history.SignLockKey(cy.org, cy.member, history.LockKey{Recipient: recipient, Time: 1}, keys.FromSeed([32]byte{9}))
	later := good
	later.Time++
	none := history.SignLockKey(cy.org, cy.member, history.LockKey{Recipient: "age1none", Time: 1}, cy.self)
	for name, said := range map[string]history.LockKey{
		"another member's": good, "a stranger's device": foreign, "with another time": later, "that is none": none,
	} {
		err := cy.node.store.Update(func(tx *store.Tx) error {
			return cy.addJob(tx, store.Job{
				Place: cy.with(ada.member), Last: 1, Kind: uint8(history.KindLockKey), Body: wire.Encode(said), Expires: time.Now().Add(time.Hour).Unix(),
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		posts := only(p.seal(t, cy), ada)
		fails(t, posts[len(posts)-1])
		if k, ok := ada.hears(t, cy); ok {
			t.Errorf("a key %s is taken: %+v", name, k)
		}
	}
	carry(t, genuine...)
	before, _ := ada.hears(t, bo)
	carry(t, genuine[len(genuine)-1]) // once more
	if after, ok := ada.hears(t, bo); !ok || after.Time != before.Time || after.Standing != api.KeyFirst {
		t.Errorf("%+v, %t", after, ok)
	}
}

func TestNewAcquaintanceHearsTheKey(t *testing.T) { // [HIST-41]
	p := newParties(t, 1, "bo", "cy")
	ada, bo := p.all[0], p.all[1]
	becomes := func(state history.ContactState) {
		t.Helper()
		contact, _ := bo.view.Contact(ada.member)
		contact.State = state
		contact.Time++
		bo.mu.Lock()
		defer bo.mu.Unlock()
		err := bo.changeLocked(func(tx *store.Tx, effects *effects) error { return bo.putContact(tx, contact, effects) })
		if err != nil {
			t.Fatal(err)
		}
	}
	becomes(history.ContactAsking)
	made := bo.keyed(t, api.KeyRequest{Do: "make"})
	p.exchange(t, bo)
	if k, ok := ada.hears(t, bo); ok || made.Told != 1 {
		t.Errorf("%d are told, among them who is no acquaintance: %+v", made.Told, k)
	}
	becomes(history.ContactAccepted)
	p.exchange(t, bo)
	if k, ok := ada.hears(t, bo); !ok || k.Recipient != made.Key.Recipient {
		t.Errorf("%+v, %t", k, ok)
	}
}

// Of what is locked nothing lies in the clear anywhere: not in the sealed values of either store, which is looked into with the data key,
// not in what goes out, and not in the log. [LOCK-5] [LOCK-7]
func TestLockedTextIsNowhere(t *testing.T) {
	const marker, open = "kingfisher-by-the-lock", "heron-in-the-open"
	var logged bytes.Buffer
	p := newParties(t, 1, "bo")
	ada, bo := p.all[0], p.all[1]
	for _, o := range p.all {
		o.log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.node.log = o.log
	}
	bo.keyed(t, api.KeyRequest{Do: "make"})
	ada.keyed(t, api.KeyRequest{Do: "make"})
	p.exchange(t, bo)
	p.exchange(t, ada)

	wish := api.LockRequest{To: []string{"bo"}, Keys: []string{"member"}}
	prepared, err := ada.node.PrepareLock(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat(marker+" ", 20_000)
	upload, err := ada.node.UploadLocked(t.Context(), prepared.ID, "plan.txt", strings.NewReader(large))
	if err != nil || upload.Name != "plan.txt.age" {
		t.Fatalf("%+v, %v", upload, err)
	}
	plain, err := ada.node.Upload(t.Context(), "open.txt", strings.NewReader(open))
	if err != nil {
		t.Fatal(err)
	}
	request := api.SendRequest{To: []string{"bo"}, Subject: open, Text: marker, Attachments: []string{upload.ID, plain.ID}, Lock: prepared.ID}
	if _, err := ada.node.Send(t.Context(), request); codeOf(err) != api.CodeUsage {
		t.Fatalf("an open file goes along: %v", err)
	}
	request.Attachments = request.Attachments[:1]
	sent, err := ada.node.Send(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	posts := p.seal(t, ada)
	carry(t, posts...)
	opened, err := bo.node.Open(t.Context(), api.OpenRequest{ID: sent.ID, For: 60})
	if err != nil || opened.Text != marker || opened.Attachments[0].Name != "plan.txt" {
		t.Fatalf("%+v, %v", opened, err)
	}
	file, content, err := bo.node.OpenedAttachment(t.Context(), sent.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(content); err != nil || string(data) != large || !file.Locked {
		t.Errorf("%d bytes of %+v, %v", len(data), file, err)
	}
	content.Close()
	if _, err := ada.node.Open(t.Context(), api.OpenRequest{ID: sent.ID}); err != nil {
		t.Errorf("its author has a key and cannot open it: %v", err)
	}
	message := bo.sees(t, keysOf(t, sent.ID))
	if message.Locked == nil || !message.Locked.Text || strings.Contains(fmt.Sprintf("%+v", message), marker) {
		t.Errorf("it is shown as %+v", message)
	}
	for _, post := range posts {
		if bytes.Contains(post.data, []byte(marker)) {
			t.Error("the text is in an envelope")
		}
	}
	for _, record := range append(ada.gives(t), bo.gives(t)...) { // what backups and other devices get
		if bytes.Contains(wire.Encode(record), []byte(marker)) {
			t.Error("the text is in a record")
		}
	}
	for _, o := range p.all {
		if err := o.node.Close(); err != nil {
			t.Fatal(err)
		}
		if !inStore(t, o.node.config, open) {
			t.Error("the scan does not see what is not locked")
		}
		if inStore(t, o.node.config, marker) {
			t.Errorf("the text lies in the store of %s", o.device.Short())
		}
	}
	if strings.Contains(logged.String(), marker) {
		t.Error("the text is in the log")
	}
}

func keysOf(t *testing.T, text string) keys.MessageID {
	t.Helper()
	id, err := keys.ParseID[keys.Message](text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// inStore reports whether a value of a store, opened with the data key, or a key of it holds some text.
func inStore(t *testing.T, config Config, text string) (found bool) {
	t.Helper()
	db, err := kv.Open(config.Dir, config.Key, kv.Options{Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *kv.Tx) error {
		return tx.Range(nil, nil, false, func(key, value []byte) (bool, error) {
			found = found || bytes.Contains(value, []byte(text)) || bytes.Contains(key, []byte(text))
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestArchiveOpensEveryLock(t *testing.T) { // [LOCK-9] [ARC-7]
	archive, err := lock.Generate()
	if err != nil {
		t.Fatal(err)
	}
	kem, err := envelope.ParseArchivePublic(archive.Recipient().String()) // age's key is the archive's
	if err != nil {
		t.Fatal(err)
	}
	org := newRoll(t, "bo", "cy")
	set := org.ArchiveSetting(org.Key().Public())
	set.Key = kem
	org.SetArchive(org.Root, set)
	org.Designate(org.Root, org.Members[1])
	p := newPartiesOf(t, org, 1)
	ada, bo, cy := p.all[0], p.all[1], p.all[2]
	for _, from := range []*organization{bo, cy} {
		from.keyed(t, api.KeyRequest{Do: "make"})
		p.exchange(t, from)
	}
	for who, pair := range map[string][2]*organization{"to": {ada, bo}, "from": {bo, ada}} {
		if _, err := pair[0].node.PrepareLock(t.Context(), api.LockRequest{To: []string{pair[1].member.String()}, Passphrase: "correct horse"}); codeOf(err) != api.CodeRefused {
			t.Errorf("a passphrase %s an archived account: %v", who, err)
		}
	}
	if _, err := ada.node.PrepareLock(t.Context(), api.LockRequest{To: []string{"cy"}, Passphrase: "correct horse"}); err != nil {
		t.Errorf("a passphrase among others: %v", err)
	}
	opened := func(to *organization) (string, error) {
		id := ada.locks(t, api.LockRequest{Keys: []string{"member"}}, api.SendRequest{Text: "kingfisher"}, to)
		text, err := lock.OpenText(ada.sees(t, keysOf(t, id)).Text, lock.Keys{Identities: []lock.Identity{archive}})
		return string(text), err
	}
	if text, err := opened(bo); err != nil || text != "kingfisher" {
		t.Errorf("the archive reads %q, %v", text, err)
	}
	if text, err := opened(cy); err == nil {
		t.Errorf("the archive reads %q among others", text)
	}
}

func TestWhatWasOpenedIsErased(t *testing.T) { // [LOCK-8]
	synctest.Test(t, func(t *testing.T) {
		n := &Node{locks: newKeptLocks()}
		group := task.New(t.Context())
		group.Go("locks", n.keepLocks)
		text, passphrase := []byte("kingfisher"), []byte("correct horse")
		id := keys.MessageID{1}
		n.locks.open(keys.MessageID{2}, &openedMessage{text: []byte("later"), until: time.Now().Add(time.Hour)})
		n.locks.open(id, &openedMessage{text: text, keys: lock.Keys{Passphrase: passphrase}, until: time.Now().Add(5 * time.Minute)})
		l, err := lock.ForPassphrase(passphrase, nil)
		if err != nil {
			t.Fatal(err)
		}
		prepared, _ := n.locks.prepare(keys.OrgID{}, l, time.Now())
		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		if got, _, _, ok := n.locks.isOpen(id); !ok || got != "kingfisher" {
			t.Error("it is closed before its time")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, _, _, ok := n.locks.isOpen(id); ok || !bytes.Equal(text, make([]byte, len(text))) || !bytes.Equal(passphrase, make([]byte, len(passphrase))) {
			t.Errorf("after its time %q and %q are left", text, passphrase)
		}
		if _, _, err := n.locks.use(prepared); err != nil {
			t.Errorf("the lock is gone before its time: %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, _, err := n.locks.use(prepared); err == nil {
			t.Error("the lock outlives its time")
		}
		text = []byte("kingfisher")
		n.locks.open(id, &openedMessage{text: text, until: time.Now().Add(time.Hour)})
		if open := n.ForgetOpened(); open != 1 || !bytes.Equal(text, make([]byte, len(text))) {
			t.Errorf("%d were open, %q is left", open, text)
		}
		text = []byte("kingfisher")
		n.locks.open(id, &openedMessage{text: text, until: time.Now().Add(time.Hour)})
		group.Stop()
		if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if !bytes.Equal(text, make([]byte, len(text))) {
			t.Errorf("after the end %q is left", text)
		}
	})
}

func TestLocksAndOpenMessagesAreBounded(t *testing.T) { // [LOCK-8]
	k := newKeptLocks()
	first := []byte("first")
	for i := range 2 * mostOpened {
		text := first
		if i > 0 {
			text = []byte("more")
		}
		k.open(keys.MessageID{byte(i + 1)}, &openedMessage{text: text, until: time.Now().Add(time.Duration(i+1) * time.Minute)})
		k.prepare(keys.OrgID{}, lock.Lock{}, time.Now())
	}
	if len(k.opened) != mostOpened || len(k.prepared) != mostPrepared || !bytes.Equal(first, make([]byte, len(first))) {
		t.Errorf("%d open, %d prepared, %q of the first", len(k.opened), len(k.prepared), first)
	}
}

func TestNameOfAnOpenedFile(t *testing.T) {
	for name, want := range map[string]string{
		"plan.txt.age": "plan.txt", "PLAN.AGE": "PLAN", ".age": ".age", "plan.txt": "plan.txt", "CON.age": "CON.age",
	} {
		if got := openedFile(name); got.Name != want {
			t.Errorf("%s opens as %s, not %s", name, got.Name, want)
		}
	}
	if filepath.Ext(lockedName) != lockedName {
		t.Error("what stands behind a locked file's name is no extension")
	}
}

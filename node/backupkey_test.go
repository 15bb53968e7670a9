package node

import (
	"crypto/rand"
	"errors"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
)

// newWords returns fresh recovery words.
func newWords(t testing.TB) keys.RecoverySeed {
	t.Helper()
	seed, err := keys.NewRecoverySeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// worded has the recovery key of a member be the first of fresh words.
func worded(t testing.TB, org *membershiptest.Org, m *membershiptest.Member) keys.RecoverySeed {
	t.Helper()
	seed := newWords(t)
	org.Append(org.ReplaceRecoveryEvent(m.Recovery, seed.Key(0)))
	m.Recovery = seed.Key(0)
	return seed
}

func wordsOf(seed keys.RecoverySeed) string {
	text := ""
	for _, word := range seed.Words() {
		text += word + " "
	}
	return text
}

func (o *organization) keyState(t *testing.T) api.BackupKeyState {
	t.Helper()
	result, err := o.node.BackupKey(t.Context(), api.BackupKeyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return result.State
}

// A folder from before there were backups has no key: the words are asked for once, other words are refused, and the account's other
// devices have the key with the history.
func TestBackupKeyIsMadeOfTheWordsOnce(t *testing.T) {
	org := newRoll(t, "bo")
	seed := worded(t, org, org.Founder)
	p := newPartiesOf(t, org, 2)
	desk, phone := p.all[0], p.all[1]
	if state := desk.keyState(t); state != api.BackupKeyMissing {
		t.Fatalf("before: %s", state)
	}
	_, err := desk.node.BackupKey(t.Context(), api.BackupKeyRequest{Words: wordsOf(newWords(t))})
	if known := api.AsError(err); err == nil || known.Code != api.CodeRefused {
		t.Errorf("other words: %v", err)
	}
	if state := desk.keyState(t); state != api.BackupKeyMissing {
		t.Errorf("after other words: %s", state)
	}
	result, err := desk.node.BackupKey(t.Context(), api.BackupKeyRequest{Words: wordsOf(seed)})
	if err != nil || result.State != api.BackupKeyKept {
		t.Fatalf("after the words: %+v, %v", result, err)
	}
	recipient, err := seed.Backup().Writer().Recipient()
	if err != nil || result.Recipient != recipient.String() || len(result.Fingerprint) != 19 {
		t.Errorf("the key is %+v, %v", result, err)
	}
	phone.takes(t, desk.gives(t)...)
	if state := phone.keyState(t); state != api.BackupKeyKept {
		t.Errorf("on the other device: %s", state)
	}
	again, err := phone.node.openOrganization(store.Organization{Org: org.ID, Member: phone.member, Identity: phone.self.Seed(), Node: phone.at})
	if err != nil {
		t.Fatal(err)
	}
	if key, err := again.backupKeyLocked(); err != nil || key.writer != seed.Backup().Writer() {
		t.Errorf("after a start: %v", err)
	}
}

// A stolen device of the account cannot have the others write backups that its thief opens: it has no recovery key to say so with.
// [BACKUP-61]
func TestNoDeviceSlipsInAKey(t *testing.T) {
	org := newRoll(t, "bo")
	seed := worded(t, org, org.Founder)
	p := newPartiesOf(t, org, 2)
	thief, phone := p.all[0], p.all[1]
	thiefs := newWords(t)
	for name, said := range map[string][]byte{
		"signed by the thief's words":       signBackupStatement(org.ID, thiefs.Key(0), thiefs, 1<<40),
		"signed by its device":              signBackupStatement(org.ID, thief.self, thiefs, 1<<40),
		"signed for another organization":   signBackupStatement(keys.OrgID{9}, seed.Key(0), thiefs, 1<<40),
		"signed by another of the person's": signBackupStatement(org.ID, seed.Key(1), seed, 1<<40),
		"no statement":                      []byte("a key"),
	} {
		if err := thief.choose(settingBackup, textOfStatement(said)); err != nil {
			t.Fatal(err)
		}
		phone.takes(t, thief.gives(t)...)
		if state := phone.keyState(t); state != api.BackupKeyMissing {
			t.Errorf("%s: %s", name, state)
		}
	}
	if _, err := phone.node.BackupKey(t.Context(), api.BackupKeyRequest{Words: wordsOf(seed)}); err != nil {
		t.Fatal(err)
	}
	if err := thief.choose(settingBackup, textOfStatement(signBackupStatement(org.ID, thief.self, thiefs, 1<<41))); err != nil {
		t.Fatal(err)
	}
	phone.takes(t, thief.gives(t)...)
	writer, err := phone.node.backupKey()
	if err != nil || writer != seed.Backup().Writer() {
		t.Errorf("after the thief chose another: %v, %v", writer.IsZero(), err)
	}
}

// With new recovery words the old key counts no more: whoever found the old words opens no backup made since.
func TestNewWordsEndTheKey(t *testing.T) {
	org := newRoll(t)
	seed := worded(t, org, org.Founder)
	p := newPartiesOf(t, org, 1)
	desk := p.all[0]
	if err := desk.noteBackupKey(seed.Key(0), seed); err != nil {
		t.Fatal(err)
	}
	next := worded(t, org, org.Founder)
	desk.catchUpWith(t, org)
	if _, err := desk.node.backupKey(); !errors.Is(err, errBackupKeyReplaced) {
		t.Fatalf("with the old key: %v", err)
	}
	if _, err := desk.node.BackupKey(t.Context(), api.BackupKeyRequest{Words: wordsOf(seed)}); err == nil {
		t.Error("the old words are taken again")
	}
	if _, err := desk.node.BackupKey(t.Context(), api.BackupKeyRequest{Words: wordsOf(next)}); err != nil {
		t.Fatal(err)
	}
	if writer, err := desk.node.backupKey(); err != nil || writer != next.Backup().Writer() {
		t.Errorf("with the new words: %v", err)
	}
}

func FuzzBackupStatement(f *testing.F) {
	seed := keys.RecoverySeed{1}
	org := keys.OrgID{2}
	f.Add(signBackupStatement(org, seed.Key(0), seed, 5))
	f.Add([]byte{0xa2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var signed signedStatement
		writer, at, err := openBackupStatement(data, org, seed.Key(0).Public())
		if err != nil {
			return
		}
		if wire.Decode(data, &signed) != nil || string(wire.Encode(signed)) != string(data) || writer.IsZero() || at < 0 {
			t.Errorf("%x is taken, and is written again otherwise", data)
		}
	})
}

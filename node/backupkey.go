package node

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// settingBackup is the setting by which the devices of an account tell each other what the recovery key says of backups. A value
// that the recovery key did not sign counts for nothing, whoever chose it. [BACKUP-61]
const settingBackup = "backup-key"

var (
	// errNoBackupKey means that the words were not asked for since backups exist.
	errNoBackupKey = errors.New("no backup key")
	// errBackupKeyReplaced means that the words of the backup key are not those of the account any more.
	errBackupKeyReplaced = errors.New("the recovery words were replaced since the backup key was made of them")
)

// backupKey is what backups are written with.
type backupKey struct {
	writer keys.BackupWriter
	time   int64
}

// backupKey returns what this device writes backups with: the newest that the recovery key of one of its organizations stands for.
func (n *Node) backupKey() (keys.BackupWriter, error) {
	var best backupKey
	outdated := false
	here := make(map[keys.OrgID]bool)
	for _, o := range n.all() {
		here[o.org] = true
		o.mu.Lock()
		key, err := o.backupKeyLocked()
		o.mu.Unlock()
		switch {
		case errors.Is(err, errBackupKeyReplaced):
			outdated = true
		case errors.Is(err, errNoBackupKey):
		case err != nil:
			return keys.BackupWriter{}, err
		case best.writer.IsZero() || key.time > best.time:
			best = key
		}
	}
	if !best.writer.IsZero() {
		return best.writer, nil
	}
	var kept store.BackupKey
	err := n.store.View(func(tx *store.Tx) (err error) {
		kept, err = tx.BackupKey()
		return err
	})
	switch {
	case outdated:
		return keys.BackupWriter{}, errBackupKeyReplaced
	case errors.Is(err, store.ErrNotFound) || err == nil && here[kept.Org]:
		return keys.BackupWriter{}, errNoBackupKey
	case err != nil:
		return keys.BackupWriter{}, err
	}
	return keys.ParseBackupWriter(kept.Writer) // of an organization that is not here any more
}

// backupKeyLocked returns the newest statement of the account's recovery key that this device kept or that other devices told,
// errNoBackupKey if there is none, and errBackupKeyReplaced if it was another recovery key's. Callers hold mu.
func (o *organization) backupKeyLocked() (backupKey, error) {
	var kept []byte
	err := o.node.store.View(func(tx *store.Tx) (err error) {
		kept, err = tx.BackupStatement(o.org)
		return err
	})
	if err != nil {
		return backupKey{}, err
	}
	told, _ := o.view.Setting(settingBackup)
	best, _ := o.newestStatementLocked(kept, statementOf(told))
	switch {
	case !best.writer.IsZero():
		return best, nil
	case len(kept) > 0:
		return backupKey{}, errBackupKeyReplaced
	}
	return backupKey{}, errNoBackupKey
}

// newestStatementLocked returns what the newest of statements says that the account's recovery key made, and its bytes. Callers
// hold mu.
func (o *organization) newestStatementLocked(statements ...[]byte) (best backupKey, data []byte) {
	self, _ := o.roll.State().Member(o.member)
	for _, said := range statements {
		if writer, at, err := openBackupStatement(said, o.org, self.Recovery); err == nil && (data == nil || at > best.time) {
			best, data = backupKey{writer, at}, said
		}
	}
	return best, data
}

// keepBackupKey is keepBackupKeyLocked for who does not hold mu.
func (o *organization) keepBackupKey() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keepBackupKeyLocked()
}

// keepBackupKeyLocked keeps what is good of what other devices told, where none of them can replace it, and tells them what is
// known here. Callers hold mu.
func (o *organization) keepBackupKeyLocked() error {
	told, _ := o.view.Setting(settingBackup)
	var record *history.Record
	err := o.node.store.Update(func(tx *store.Tx) error {
		record = nil
		kept, err := tx.BackupStatement(o.org)
		if err != nil {
			return err
		}
		best, data := o.newestStatementLocked(kept, statementOf(told))
		if data == nil {
			return nil
		}
		if err := tx.PutBackupStatement(o.org, data); err != nil {
			return err
		}
		if err := o.keepWriter(tx, best); err != nil || told == textOfStatement(data) {
			return err
		}
		if other, _ := o.newestStatementLocked(statementOf(told)); !other.writer.IsZero() && other.time >= best.time {
			return nil
		}
		said, err := tx.AppendRecord(o.org, o.self, o.now().UnixMilli(), history.Record{
			Kind: history.RecordSetting, Setting: &history.Setting{Name: settingBackup, Value: textOfStatement(data)},
		})
		record = &said
		return err
	})
	if err == nil && record != nil {
		o.view.Apply(*record)
		wake(o.wakeSiblings)
	}
	if err == nil {
		o.node.backups.look()
	}
	return err
}

// keepWriter keeps a key for when the organization is not here any more, unless a newer one of another is kept.
func (o *organization) keepWriter(tx *store.Tx, key backupKey) error {
	had, err := tx.BackupKey()
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case had.Org != o.org && had.Time > key.time:
		return nil
	}
	return tx.PutBackupKey(store.BackupKey{Writer: key.writer.Bytes(), Org: o.org, Time: key.time})
}

// noteBackupKey has the recovery key say which key backups are for, while the words are there, and keeps that.
func (o *organization) noteBackupKey(recovery keys.PrivateKey, seed keys.RecoverySeed) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	self, _ := o.roll.State().Member(o.member)
	if self.Recovery != recovery.Public() {
		return nil // the roll does not hold it yet, or any more
	}
	if best, err := o.backupKeyLocked(); err == nil && string(best.writer.Bytes()) == string(seed.Backup().Writer().Bytes()) {
		return o.keepBackupKeyLocked()
	}
	said := signBackupStatement(o.org, recovery, seed, o.now().UnixMilli())
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutBackupStatement(o.org, said) }); err != nil {
		return fmt.Errorf("storing the backup key: %w", err)
	}
	return o.keepBackupKeyLocked()
}

// noteBackupWords does the same with words that are the account's here.
func (o *organization) noteBackupWords(words string) error {
	seed, err := readWords(words)
	if err != nil {
		return err
	}
	recovery, err := o.ownRecovery(words)
	if err != nil {
		return err
	}
	return o.noteBackupKey(recovery, seed)
}

// backupStatement has the recovery key of an entry say which key backups are for: while the words are there, which may be long before
// the organization is entered. Nil if they are not there. is tells the key by its public half.
func (n *Node) backupStatement(e *entry, is func(recovery keys.PublicKey) bool) []byte {
	if len(e.profile.Unshown) == 0 {
		return nil
	}
	seed := keys.RecoverySeed(e.profile.Unshown)
	for number := range uint32(recoverySeries) {
		if key := seed.Key(number); is(key.Public()) {
			return signBackupStatement(e.kept.Org, key, seed, n.now().UnixMilli())
		}
	}
	return nil
}

// putBackupStatement stores a statement, if there is one. It counts from when the roll has the key that made it.
func (n *Node) putBackupStatement(tx *store.Tx, org keys.OrgID, said []byte) error {
	if said == nil {
		return nil
	}
	return tx.PutBackupStatement(org, said)
}

// BackupKey tells which key backups are for; with words it makes the key of them, if they are the account's recovery words in one
// of its organizations. The words are kept nowhere. [API-120]
func (n *Node) BackupKey(_ context.Context, request api.BackupKeyRequest) (api.BackupKeyResult, error) {
	if strings.TrimSpace(request.Words) != "" {
		if err := n.takeBackupWords(request.Words); err != nil {
			return api.BackupKeyResult{}, err
		}
	}
	return n.describeBackupKey()
}

func (n *Node) describeBackupKey() (api.BackupKeyResult, error) {
	writer, err := n.backupKey()
	switch {
	case errors.Is(err, errNoBackupKey):
		return api.BackupKeyResult{State: api.BackupKeyMissing}, nil
	case errors.Is(err, errBackupKeyReplaced):
		return api.BackupKeyResult{State: api.BackupKeyReplaced}, nil
	case err != nil:
		return api.BackupKeyResult{}, err
	}
	recipient, err := writer.Recipient()
	if err != nil {
		return api.BackupKeyResult{}, err
	}
	return api.BackupKeyResult{State: api.BackupKeyKept, Recipient: recipient.String(), Fingerprint: fingerprint(recipient.String())}, nil
}

// takeBackupWords makes the backup key of the words in each organization whose recovery key is theirs.
func (n *Node) takeBackupWords(words string) error {
	seed, err := readWords(words)
	if err != nil {
		return err
	}
	all := n.all()
	if len(all) == 0 {
		return api.Errorf(api.CodeNotFound, "this device is in no organization").
			WithHint("create one with `muster org create`, or join one with `muster join`")
	}
	var refused error
	taken := false
	for _, o := range all {
		recovery, err := o.ownRecovery(words)
		if err != nil {
			refused = err
			continue
		}
		if err := o.noteBackupKey(recovery, seed); err != nil {
			return err
		}
		taken = true
	}
	if !taken {
		return refused
	}
	return nil
}

// fingerprint is what people compare of a recipient: sixteen letters and digits of its SHA-256.
func fingerprint(recipient string) string {
	sum := sha256.Sum256([]byte(recipient))
	text := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, " ")
}

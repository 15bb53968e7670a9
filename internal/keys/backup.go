package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"filippo.io/age"
)

// BackupSecretSize is the length of a backup key, and of each secret that is derived from it, in bytes.
const BackupSecretSize = 32

// ErrBackupWriter means that bytes are not what BackupWriter.Bytes writes.
var ErrBackupWriter = errors.New("keys: not what a device keeps to write backups")

// BackupKey is the half of the recovery words that opens backups. No device keeps it: it is there while the words are,
// to make what a device keeps (Writer), and to restore. It is secret. [KEY-8]
type BackupKey [BackupSecretSize]byte

// Backup derives the backup key of the words. Nobody can tell without the words that it belongs to one of their
// recovery keys. [KEY-8]
func (s RecoverySeed) Backup() BackupKey { return BackupKey(deriveBackup(s[:], "")) }

// Identity is what opens every file of a backup: the post-quantum hybrid identity of age (ML-KEM-768 and X25519) whose
// text is AgeIdentity. [KEY-9]
func (k BackupKey) Identity() *age.HybridIdentity {
	return hybridIdentity(deriveBackup(k[:], "identity"))
}

// AgeIdentity is the identity as age's own programs read it: `AGE-SECRET-KEY-PQ-1…`. It is secret. [KEY-9]
func (k BackupKey) AgeIdentity() string { return identityText(deriveBackup(k[:], "identity")) }

// Writer is what a device keeps so that it can write backups which it cannot open. [KEY-10]
func (k BackupKey) Writer() BackupWriter {
	return BackupWriter{recipient: k.Identity().Recipient().String(), secret: deriveBackup(k[:], "writer")}
}

// String implements fmt.Stringer without showing the key.
func (k BackupKey) String() string { return "[backup key]" }

// GoString keeps %#v from showing the key.
func (k BackupKey) GoString() string { return k.String() }

// LogValue implements slog.LogValuer without showing the key.
func (k BackupKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// BackupWriter is what a device keeps: the public recipient that backups are sealed to, and a secret by which it reads
// its own lists of what a backup holds and marks what it wrote as its own. With it nobody opens what was backed up; but
// who has it can write a backup that the words take for genuine, so it lies where the device's keys lie. [KEY-10]
type BackupWriter struct {
	recipient string
	secret    [BackupSecretSize]byte
}

// Recipient is to whom everything in a backup is sealed.
func (w BackupWriter) Recipient() (*age.HybridRecipient, error) {
	recipient, err := age.ParseHybridRecipient(w.recipient)
	if err != nil {
		return nil, ErrBackupWriter // the error of age quotes the text
	}
	return recipient, nil
}

// Catalogue is the identity that opens the lists of what a backup holds, and nothing else: its recipient is one more of
// those files. [KEY-10]
func (w BackupWriter) Catalogue() *age.HybridIdentity {
	return hybridIdentity(deriveBackup(w.secret[:], "catalogue"))
}

// Mark is the key under which what is written is authenticated by HMAC-SHA256. [KEY-10]
func (w BackupWriter) Mark() [BackupSecretSize]byte { return deriveBackup(w.secret[:], "mark") }

// IsZero reports whether there is no writer.
func (w BackupWriter) IsZero() bool { return w.recipient == "" }

// Bytes is the form in which a device stores the writer, which is secret: the 32 bytes of the secret, and the text of the
// recipient. [KEY-10]
func (w BackupWriter) Bytes() []byte { return append(w.secret[:], w.recipient...) }

// ParseBackupWriter reads what Bytes writes. The error is ErrBackupWriter.
func ParseBackupWriter(data []byte) (BackupWriter, error) {
	if len(data) <= BackupSecretSize {
		return BackupWriter{}, ErrBackupWriter
	}
	w := BackupWriter{recipient: string(data[BackupSecretSize:]), secret: [BackupSecretSize]byte(data[:BackupSecretSize])}
	if recipient, err := w.Recipient(); err != nil || recipient.String() != w.recipient {
		return BackupWriter{}, ErrBackupWriter
	}
	return w, nil
}

// String implements fmt.Stringer without showing the secret.
func (w BackupWriter) String() string { return "[backup writer]" }

// GoString keeps %#v from showing the secret.
func (w BackupWriter) GoString() string { return w.String() }

// LogValue implements slog.LogValuer without showing the secret.
func (w BackupWriter) LogValue() slog.Value { return slog.StringValue(w.String()) }

// deriveBackup derives 32 bytes for a use: HKDF-SHA256 with the backup domain and the use's name. [KEY-8]
func deriveBackup(secret []byte, use string) [BackupSecretSize]byte {
	raw, err := hkdf.Key(sha256.New, secret, nil, string(DomainBackup)+"\x00"+use, BackupSecretSize)
	if err != nil {
		panic(fmt.Sprintf("keys: HKDF of 32 bytes: %v", err))
	}
	return [BackupSecretSize]byte(raw)
}

// identityText is how age writes the identity of a seed: Bech32 in upper case. Its library makes identities of texts and of
// chance alone. [KEY-9]
func identityText(seed [BackupSecretSize]byte) string {
	return strings.ToUpper(bech32("age-secret-key-pq-", seed[:]))
}

func hybridIdentity(seed [BackupSecretSize]byte) *age.HybridIdentity {
	identity, err := age.ParseHybridIdentity(identityText(seed))
	if err != nil {
		panic("keys: age refuses the identity of a seed of 32 bytes") // its error could quote the seed
	}
	return identity
}

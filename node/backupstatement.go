package node

import (
	"encoding/base64"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// maxBackupStatement bounds a statement about backups, in bytes: its text fits a setting.
const maxBackupStatement = 3 << 10

// errBackupStatement means that bytes are no statement about backups that the recovery key made.
var errBackupStatement = errors.New("not what the recovery key says of backups")

// backupStatement says with what an account's backups are written. [BACKUP-60]
type backupStatement struct {
	Writer []byte `cbor:"1,keyasint"` // as keys.BackupWriter.Bytes has it
	Time   uint64 `cbor:"2,keyasint"` // unix milliseconds, by the clock of who made it
}

// signedStatement is a statement as it is kept and travels: the exact bytes that were signed, and by the recovery key.
type signedStatement struct {
	Statement []byte         `cbor:"1,keyasint"`
	Signature keys.Signature `cbor:"2,keyasint"`
}

// signBackupStatement has the recovery key of an organization say which key backups are for: the one of the same words.
func signBackupStatement(org keys.OrgID, recovery keys.PrivateKey, seed keys.RecoverySeed, now int64) []byte {
	body := wire.Encode(backupStatement{Writer: seed.Backup().Writer().Bytes(), Time: uint64(max(now, 0))})
	return wire.Encode(signedStatement{Statement: body, Signature: recovery.Sign(keys.DomainBackupKey, org, body)})
}

// openBackupStatement reads what a recovery key said, and holds it against that key. No device has that key, so no device of the
// account, a stolen one least of all, can have the others write backups for somebody else. [BACKUP-61]
func openBackupStatement(data []byte, org keys.OrgID, recovery keys.PublicKey) (keys.BackupWriter, int64, error) {
	var signed signedStatement
	var said backupStatement
	if len(data) > maxBackupStatement {
		return keys.BackupWriter{}, 0, errBackupStatement
	}
	if err := wire.Decode(data, &signed); err != nil {
		return keys.BackupWriter{}, 0, fmt.Errorf("%w: %w", errBackupStatement, err)
	}
	if err := recovery.Verify(keys.DomainBackupKey, org, signed.Statement, signed.Signature); err != nil {
		return keys.BackupWriter{}, 0, fmt.Errorf("%w: %w", errBackupStatement, err)
	}
	if err := wire.Decode(signed.Statement, &said); err != nil || said.Time > maxStatementTime {
		return keys.BackupWriter{}, 0, fmt.Errorf("%w: %w", errBackupStatement, err)
	}
	writer, err := keys.ParseBackupWriter(said.Writer)
	return writer, int64(said.Time), err
}

// maxStatementTime is the end of the year 9999, as for all times of a history.
const maxStatementTime = 253402300799999

// textOfStatement is a statement as the value of a setting, and statementOf the other way.
func textOfStatement(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func statementOf(text string) []byte {
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	return data
}

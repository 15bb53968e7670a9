package store

import (
	"errors"

	"muster.example/internal/keys"
)

// BackupKey is what this device writes backups with, as it last held good by the recovery key of an organization.
type BackupKey struct {
	Writer []byte     `cbor:"1,keyasint"` // as keys.BackupWriter.Bytes has it
	Org    keys.OrgID `cbor:"2,keyasint"` // whose recovery key said so
	Time   int64      `cbor:"3,keyasint"` // when it did, unix milliseconds
}

// BackupDrive is a drive, or a folder, that this device backs up to by itself.
type BackupDrive struct {
	ID     string   `cbor:"1,keyasint"`           // of the repository there
	Path   string   `cbor:"2,keyasint"`           // where it was last
	Within string   `cbor:"3,keyasint"`           // the same as seen from the top of its volume
	Name   string   `cbor:"4,keyasint"`           // for people
	Marked int64    `cbor:"5,keyasint"`           // when it was chosen, unix milliseconds, as all that follow
	Also   []string `cbor:"6,keyasint,omitempty"` // further recipients of age
	Key    []byte   `cbor:"7,keyasint"`           // fingerprint of the backup key that it was made for

	Seen     int64  `cbor:"8,keyasint,omitempty"`  // when it was there last
	Begun    int64  `cbor:"9,keyasint,omitempty"`  // when a backup was begun last
	Done     int64  `cbor:"10,keyasint,omitempty"` // when one was complete last
	Snapshot string `cbor:"11,keyasint,omitempty"` // that one's name
	Failed   int64  `cbor:"12,keyasint,omitempty"` // when the first of those failed that followed; 0: none did
	Error    string `cbor:"13,keyasint,omitempty"` // why the last of these failed
	Verified int64  `cbor:"14,keyasint,omitempty"` // when all of it was read and found whole
	Damage   string `cbor:"15,keyasint,omitempty"` // what the last verification found
	State    []byte `cbor:"16,keyasint,omitempty"` // what there was to back up then, in short
	Keep     string `cbor:"17,keyasint,omitempty"` // how many snapshots of which age are kept; "": as is usual
	Bytes    uint64 `cbor:"18,keyasint,omitempty"` // what is there in all, as last seen
	Off      bool   `cbor:"20,keyasint,omitempty"` // it is not used any more; kept to be known again
	Failures uint32 `cbor:"19,keyasint,omitempty"` // how many failed one after another
}

// BackupChoice is what the owner of this device chose for all drives.
type BackupChoice struct {
	Paused bool  `cbor:"1,keyasint,omitempty"`
	Every  int64 `cbor:"2,keyasint,omitempty"` // milliseconds between two backups to a drive that stays; 0: as is usual
	Absent int64 `cbor:"3,keyasint,omitempty"` // after how many the person is told that none was made; 0: as is usual
	Rate   int64 `cbor:"4,keyasint,omitempty"` // bytes a second; 0: as is usual

	Restored bool `cbor:"5,keyasint,omitempty"` // this device was restored from a backup, and no drive was marked since
}

var (
	backupWords   = bucket[[]byte]{85, "what the recovery key says of backups"}
	backupKeys    = bucket[BackupKey]{86, "the key of backups"}
	backupDrives  = bucket[BackupDrive]{87, "a drive for backups"}
	backupChoices = bucket[BackupChoice]{88, "what was chosen for backups"}
)

// BackupStatement returns what an organization's recovery key says of backups, as this device has it: nil if it has nothing.
func (tx *Tx) BackupStatement(org keys.OrgID) ([]byte, error) {
	said, err := backupWords.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return said, err
}

// PutBackupStatement stores what an organization's recovery key says of backups.
func (tx *Tx) PutBackupStatement(org keys.OrgID, said []byte) error {
	return backupWords.put(tx, said, org[:])
}

// BackupKey returns what backups are written with, or ErrNotFound.
func (tx *Tx) BackupKey() (BackupKey, error) { return backupKeys.get(tx) }

// PutBackupKey stores what backups are written with.
func (tx *Tx) PutBackupKey(k BackupKey) error { return backupKeys.put(tx, k) }

// BackupDrives returns every drive for backups.
func (tx *Tx) BackupDrives() ([]BackupDrive, error) {
	var all []BackupDrive
	err := backupDrives.each(tx, nil, func(_ []byte, d BackupDrive) (bool, error) {
		all = append(all, d)
		return true, nil
	})
	return all, err
}

// PutBackupDrive stores a drive.
func (tx *Tx) PutBackupDrive(d BackupDrive) error { return backupDrives.put(tx, d, []byte(d.ID)) }

// DeleteBackupDrive forgets a drive; what is on it stays.
func (tx *Tx) DeleteBackupDrive(id string) error { return backupDrives.delete(tx, []byte(id)) }

// BackupChoice returns what was chosen, the zero value if nothing was.
func (tx *Tx) BackupChoice() (BackupChoice, error) {
	c, err := backupChoices.get(tx)
	if errors.Is(err, ErrNotFound) {
		return BackupChoice{}, nil
	}
	return c, err
}

// PutBackupChoice stores what was chosen.
func (tx *Tx) PutBackupChoice(c BackupChoice) error { return backupChoices.put(tx, c) }

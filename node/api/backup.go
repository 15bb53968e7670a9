package api

import "time"

// BackupKeyState says whether this device can make backups.
type BackupKeyState string

// The states of the backup key. The list is append-only.
const (
	BackupKeyKept     BackupKeyState = "kept"     // it can
	BackupKeyMissing  BackupKeyState = "missing"  // the recovery words are asked for once
	BackupKeyReplaced BackupKeyState = "replaced" // the account has new recovery words, which are asked for once
)

// BackupKeyRequest asks about the key of backups, and makes it of the recovery words if there are any.
type BackupKeyRequest struct {
	Words string `json:"words,omitzero"` // the 24 recovery words; never stored
}

// BackupKeyResult says which key backups are for. Nothing in it is secret.
type BackupKeyResult struct {
	State       BackupKeyState `json:"state"`
	Recipient   string         `json:"recipient,omitzero"`   // of age, that everything is encrypted to
	Fingerprint string         `json:"fingerprint,omitzero"` // of it, for people to compare
}

// BackupDriveState is what a drive is doing.
type BackupDriveState string

// The states of a drive. The list is append-only.
const (
	BackupAway    BackupDriveState = "away"    // it is not there
	BackupReady   BackupDriveState = "ready"   // nothing is written there: it may be taken out
	BackupWaiting BackupDriveState = "waiting" // a backup begins when another is done
	BackupRunning BackupDriveState = "running" // a backup is made: Progress
	BackupPaused  BackupDriveState = "paused"  // nothing begins by itself; it may be taken out
	BackupLocked  BackupDriveState = "locked"  // the key is missing, or the drive was made for another one
)

// BackupPhase is what a backup does just now, as node/backup has it.
type BackupPhase string

// BackupProgress is how far a backup has come.
type BackupProgress struct {
	Phase BackupPhase `json:"phase"` // looking, comparing, writing, closing or reading; the list is append-only
	Done  uint64      `json:"done"`  // things of this phase
	Total uint64      `json:"total"` // 0: not known
	Bytes uint64      `json:"bytes"`
}

// BackupDrive is a drive, or a folder, that backups are made to.
type BackupDrive struct {
	ID    string           `json:"id"`
	Name  string           `json:"name"` // for people
	Path  string           `json:"path"` // where it is, or was last
	State BackupDriveState `json:"state"`
	Safe  bool             `json:"safe"` // it is there, and may be taken out now

	Marked   time.Time       `json:"marked"`
	Seen     time.Time       `json:"seen,omitzero"`     // when it was there last
	Begun    time.Time       `json:"begun,omitzero"`    // when the last backup was begun
	Done     time.Time       `json:"done,omitzero"`     // when the last complete backup was made
	Verified time.Time       `json:"verified,omitzero"` // when all of it was read and found whole
	Damage   string          `json:"damage,omitzero"`   // what was found damaged when it was read last
	Failed   time.Time       `json:"failed,omitzero"`   // since when backups fail
	Error    string          `json:"error,omitzero"`    // why the last one did
	Next     time.Time       `json:"next,omitzero"`     // when the next begins, or is looked for, if it stays
	Progress *BackupProgress `json:"progress,omitzero"`
	Overdue  bool            `json:"overdue"` // there was no complete backup for too long
	Failing  bool            `json:"failing"` // several failed one after another

	Keep      string               `json:"keep,omitzero"` // which snapshots are kept; empty: as is usual
	Also      List[string]         `json:"also"`          // further recipients of age
	Bytes     int64                `json:"bytes"`         // of what the last backup holds
	Snapshots List[BackupSnapshot] `json:"snapshots"`     // oldest first, if they were asked for and the drive is there
}

// BackupSnapshot is one backup on a drive.
type BackupSnapshot struct {
	Number   uint64    `json:"number"`
	Time     time.Time `json:"time"`
	Items    int       `json:"items"`
	Bytes    int64     `json:"bytes"`    // of the items
	Complete bool      `json:"complete"` // all its files are there
}

// BackupQuery asks how backups stand.
type BackupQuery struct {
	Snapshots bool `json:"snapshots,omitzero"` // read the list of snapshots of each drive that is there
}

// BackupResult is how backups stand.
type BackupResult struct {
	Key    BackupKeyResult   `json:"key"`
	Drives List[BackupDrive] `json:"drives"`
	BackupChoice
	Warnings List[BackupWarning] `json:"warnings"`
}

// BackupChoice is what was chosen for all drives. Zero seconds and bytes in a request leave what was chosen before.
type BackupChoice struct {
	Paused bool  `json:"paused"`
	Every  int64 `json:"every"`  // seconds between two backups to a drive that stays, at the least
	Absent int64 `json:"absent"` // after how many seconds without a complete backup the person is told
	Rate   int64 `json:"rate"`   // bytes that are written in a second at most by what begins by itself
}

// BackupChoiceRequest changes what was chosen.
type BackupChoiceRequest struct {
	Paused *bool `json:"paused,omitzero"`
	Every  int64 `json:"every,omitzero"`
	Absent int64 `json:"absent,omitzero"`
	Rate   int64 `json:"rate,omitzero"`
}

// BackupWarningKind says what a person must do something about. The list is append-only.
type BackupWarningKind string

// The kinds of warnings.
const (
	BackupWarnOverdue  BackupWarningKind = "overdue"  // no complete backup for too long: Time is of the last, zero if none
	BackupWarnFailing  BackupWarningKind = "failing"  // several failed one after another: Error
	BackupWarnDamaged  BackupWarningKind = "damaged"  // reading it found damage: Error
	BackupWarnKey      BackupWarningKind = "key"      // the recovery words are asked for once
	BackupWarnReplaced BackupWarningKind = "replaced" // the recovery words are new ones: the key is made anew of them
	BackupWarnUnmarked BackupWarningKind = "unmarked" // this device was restored from a backup, and no drive is marked here
)

// BackupWarning is something about backups that a person must do something about. It is gone once it is done.
type BackupWarning struct {
	Kind  BackupWarningKind `json:"kind"`
	Drive string            `json:"drive,omitzero"` // its name
	Time  time.Time         `json:"time,omitzero"`
	Error string            `json:"error,omitzero"`
	Text  string            `json:"text"` // all of it, one line
}

// BackupStatus is the part of StatusResult about backups.
type BackupStatus struct {
	Drives   int                 `json:"drives"` // that are marked
	Last     time.Time           `json:"last,omitzero"`
	Running  bool                `json:"running"`
	Warnings List[BackupWarning] `json:"warnings"`
}

// MarkDriveRequest has backups made to a drive from now on, or changes how.
type MarkDriveRequest struct {
	Path     string       `json:"path"`               // an absolute folder: the top of a drive, or any
	Also     List[string] `json:"also,omitempty"`     // further recipients: age1pq1…
	Keep     string       `json:"keep,omitzero"`      // such as last=3,daily=7,weekly=4,monthly=0
	SameDisk bool         `json:"same_disk,omitzero"` // although it is on the disk that this device's own folder is on
}

// DriveRequest names a marked drive by its name, its path or the beginning of its id; empty: the only one, or all where that is
// possible.
type DriveRequest struct {
	Drive string `json:"drive,omitzero"`
}

// BackupNowResult names the drives that a backup begins on.
type BackupNowResult struct {
	Drives List[BackupDrive] `json:"drives"`
}

// BackupVerified is what reading a drive found.
type BackupVerified struct {
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	Files  int          `json:"files"`
	Items  int          `json:"items"`
	Damage List[string] `json:"damage"` // one line each, at most 100; empty if all is whole
}

// BackupVolume is a place that a drive could be marked at.
type BackupVolume struct {
	Path      string `json:"path"`
	Name      string `json:"name"`
	Removable bool   `json:"removable"`
	Free      int64  `json:"free"`      // bytes; -1 if nobody knows
	Marked    string `json:"marked"`    // id of the drive there that is marked; empty if none is
	SameDisk  bool   `json:"same_disk"` // it is the disk that this device's own folder is on
}

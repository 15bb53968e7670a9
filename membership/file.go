package membership

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Limits of a roll in a file. [ROLL-120]
const (
	// RollFileVersion is the version of files that this build writes and reads.
	RollFileVersion = 1
	// MaxRollFile is the size of a file in bytes.
	MaxRollFile = 1 << 30
	// rollFilePage is the number of entries in every page but the last.
	rollFilePage = 4096
)

// ErrRollFile means that bytes are not a roll in the form that RollFile.Marshal gives it.
var ErrRollFile = errors.New("membership: not a roll in a file")

// RollFile is a whole roll as a member has it, with the checkpoint that covers all of it: enough for anybody to fold it
// again, without a device and without a network. Entries that are not for the member are hidden in it. [ROLL-120]
type RollFile struct {
	Version    uint8      `cbor:"1,keyasint"`
	Org        keys.OrgID `cbor:"2,keyasint"`
	Checkpoint []byte     `cbor:"3,keyasint"`
	Pages      [][][]byte `cbor:"4,keyasint"` // of entries: rollFilePage in each but the last, which is not empty
}

// NewRollFile puts entries and the checkpoint that covers them into a file. It does not look at them.
func NewRollFile(org keys.OrgID, checkpoint []byte, entries [][]byte) RollFile {
	f := RollFile{Version: RollFileVersion, Org: org, Checkpoint: checkpoint}
	for len(entries) > 0 {
		n := min(len(entries), rollFilePage)
		f.Pages, entries = append(f.Pages, entries[:n]), entries[n:]
	}
	return f
}

// Marshal returns the file's bytes.
func (f RollFile) Marshal() []byte { return wire.Encode(f) }

// ParseRollFile reads what Marshal wrote; ErrRollFile for everything else. It proves nothing yet. [ROLL-120]
func ParseRollFile(data []byte) (RollFile, error) {
	if len(data) > MaxRollFile {
		return RollFile{}, fmt.Errorf("%w: more than %d bytes", ErrRollFile, MaxRollFile)
	}
	var f RollFile
	if err := wire.Decode(data, &f); err != nil {
		return RollFile{}, fmt.Errorf("%w: %v", ErrRollFile, err)
	}
	if f.Version != RollFileVersion {
		return RollFile{}, fmt.Errorf("%w: version %d, this build knows %d", ErrRollFile, f.Version, RollFileVersion)
	}
	for i, page := range f.Pages {
		if last := i == len(f.Pages)-1; len(page) != rollFilePage && !(last && len(page) > 0 && len(page) < rollFilePage) {
			return RollFile{}, fmt.Errorf("%w: page %d has %d entries", ErrRollFile, i, len(page))
		}
	}
	return f, nil
}

// Fold folds the file's entries from the first, by all rules, and holds them against the checkpoint. The node that signed
// it is the one that the entries themselves name last. That the organization is the one that somebody means, its name
// says: the hash of the first event. Errors are those of Roll.Extend, and ErrRollFile for entries that are none.
// [ROLL-121]
func (f RollFile) Fold() (*Roll, Checkpoint, error) {
	var entries []Entry
	var node keys.PublicKey
	for _, page := range f.Pages {
		for _, data := range page {
			entry, err := ParseEntry(data)
			if err != nil {
				return nil, Checkpoint{}, fmt.Errorf("%w: entry %d: %w", ErrRollFile, len(entries), err)
			}
			entries = append(entries, entry)
			if event, err := ReadEvent(entry.Event); !entry.Hidden() && err == nil && event.Rendezvous != nil {
				node = event.Rendezvous.Node
			}
		}
	}
	roll := NewRoll(f.Org)
	checkpoint, err := roll.Extend(f.Checkpoint, node, entries, nil)
	return roll, checkpoint, err
}

// Hidden returns how many of the roll's entries are without their event.
func (r *Roll) Hidden() uint64 { return r.hidden }

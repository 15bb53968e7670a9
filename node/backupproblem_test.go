package node

import (
	"fmt"
	"io/fs"
	"testing"

	"muster.example/node/api"
	"muster.example/node/backup"
)

// What commonly goes wrong on a drive can be told in each language.
func TestProblemsOfDrivesAreKnown(t *testing.T) {
	for err, want := range map[error]string{
		backup.ErrFull: "full", backup.ErrOther: "other", backup.ErrNewer: "newer", backup.ErrDamaged: "damaged", backup.ErrReadBack: "broken",
		fs.ErrPermission: "denied", backup.ErrItem: "",
	} {
		if got := api.BackupProblem(fmt.Sprintf("writing a pack: %v", err)); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

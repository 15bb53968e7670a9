package node

import (
	"fmt"
	"os"

	"muster.example/membership"
	"muster.example/node/api"
)

// CheckRoll folds a roll in a file, without a folder and without a network. Errors wrap membership.ErrRollFile for a file
// that is none; for one that does not hold they are those of membership.RollFile.Fold, and the result names the
// organization.
func CheckRoll(path string) (api.RollFileResult, error) {
	var result api.RollFileResult
	info, err := os.Stat(path)
	if err != nil {
		return result, err
	}
	if !info.Mode().IsRegular() || info.Size() > membership.MaxRollFile {
		return result, fmt.Errorf("%w: not a file of at most %d bytes", membership.ErrRollFile, membership.MaxRollFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return result, err
	}
	file, err := membership.ParseRollFile(data)
	if err != nil {
		return result, err
	}
	result.Org = file.Org.String()
	roll, checkpoint, err := file.Fold()
	if err != nil {
		return result, err
	}
	state := roll.State()
	sequencer, _ := state.Sequencer()
	result.OrgName, result.Entries, result.Hidden = state.OrgName(), roll.Size(), roll.Hidden()
	result.Checkpoint, result.Node, result.Term = checkpoint.Time.UTC(), sequencer.Node.String(), checkpoint.Term
	result.Members = state.Count()
	return result, nil
}

package hosted

import (
	"errors"
	"io/fs"

	"muster.example/rendezvous"
)

// Reseal makes ready that the node in a folder, which does not run, is opened under another seal: its key is written into another file
// in the folder, durably. The file that it read stays, and opens the node as before. Of a folder without a node nothing is
// written. What else is in the folder is under keys that come from the node's own. [STO-29]
func Reseal(dir, from string, seal [32]byte, to string, next [32]byte) error {
	err := rendezvous.Reseal(dir, from, seal, to, next)
	if errors.Is(err, fs.ErrNotExist) { // it was never begun, or comes to its key at its first start
		return nil
	}
	return err
}

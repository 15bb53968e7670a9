package rotation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster.example/node/vault"
)

// What in the folder is under the data key, by the names of the first generation. [STO-74]
const (
	Store      = "store"
	Landing    = "landing"
	Index      = "index"
	Settings   = "settings"
	Rendezvous = "rendezvous" // a folder that stays; in it is
	Identity   = "identity"
)

// The uses of the data key: see vault.Vault.Key.
const (
	useStore      = "store"
	useRendezvous = "rendezvous"
)

// maxSettings is the most bytes of what Settings says.
const maxSettings = 64 << 10

const journal = "-journal" // ends the name of the index's journal

// PartOf returns the name in the first generation of what lies directly in the folder, which is called itself if it is of none.
func PartOf(called string) string {
	name, _, _ := partOf(called)
	return name
}

func partOf(called string) (name string, generation uint64, is bool) {
	for _, name := range []string{Store, Landing, Index, Settings} {
		if generation, is := vault.GenerationOf(called, name); is {
			return name, generation, true
		}
	}
	if index, cut := strings.CutSuffix(called, journal); cut {
		if generation, is := vault.GenerationOf(index, Index); is {
			return Index + journal, generation, true
		}
	}
	return called, 0, false
}

// part is something under a data key that lies in the folder.
type part struct {
	path       string
	name       string // in the first generation
	generation uint64
}

// find returns all of them, of every generation.
func find(dir string) ([]part, error) {
	own, err := findIn(dir, partOf)
	if err != nil {
		return nil, err
	}
	sealed, err := findIn(filepath.Join(dir, Rendezvous), func(called string) (string, uint64, bool) {
		generation, is := vault.GenerationOf(called, Identity)
		return Identity, generation, is
	})
	return append(own, sealed...), err
}

func findIn(dir string, partOf func(called string) (string, uint64, bool)) (all []part, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for what earlier data keys left: %w", err)
	}
	for _, entry := range entries {
		if name, generation, is := partOf(entry.Name()); is {
			all = append(all, part{filepath.Join(dir, entry.Name()), name, generation})
		}
	}
	return all, nil
}

package vault

import (
	"path/filepath"
	"strconv"
	"strings"
)

// Named returns what a file or folder of that name is called in a generation: as it is in the first, and with the number behind it in
// each that came after. name may be a path in the folder. [STO-74]
func Named(name string, generation uint64) string {
	if generation == 0 {
		return name
	}
	return name + "-" + strconv.FormatUint(generation, 10)
}

// GenerationOf returns the generation in which something of that name is called so; false if it is called so in none.
func GenerationOf(called, name string) (generation uint64, is bool) {
	if called == name {
		return 0, true
	}
	digits, found := strings.CutPrefix(called, name+"-")
	if !found {
		return 0, false
	}
	generation, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || generation == 0 || called != Named(name, generation) {
		return 0, false
	}
	return generation, true
}

// Generation returns how often the data key was replaced.
func (v *Vault) Generation() uint64 { return v.generation }

// Path returns where something lies that is under the data key of now: the name is that of the first generation.
func (v *Vault) Path(name string) string {
	return filepath.Join(v.folder.path, filepath.FromSlash(Named(name, v.generation)))
}

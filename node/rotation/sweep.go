package rotation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"muster.example/internal/durable"
	"muster.example/node/vault"
)

// head is how many bytes of a file of the store are overwritten: the keys of all others are in the first KiB of one of them.
const head = 1 << 20

// Sweep destroys what is under other data keys than that of the vault: what a rotation that a crash broke off has left, whichever side of its
// commit that was. Who opens a folder calls it before the store. ErrDamaged: the key slots are of another generation than the store;
// nothing was changed. [STO-76]
func Sweep(v *vault.Vault) error { return sweep(v, func(string) {}) }

func sweep(v *vault.Vault, step func(string)) error {
	all, err := find(v.Dir())
	if err != nil {
		return err
	}
	var others []part
	here, elsewhere := false, uint64(0)
	for _, p := range all {
		own := p.generation == v.Generation()
		switch {
		case own && p.name == Store:
			here = true
		case !own && p.name == Store:
			elsewhere = p.generation
		}
		if !own {
			others = append(others, p)
		}
	}
	if len(others) > 0 && !here {
		return fmt.Errorf("%w: keyslots is of generation %d of the folder %s, whose store is of generation %d", vault.ErrDamaged, v.Generation(), v.Dir(), elsewhere)
	}
	return destroy(v.Dir(), others, step)
}

// destroy overwrites and removes parts.
func destroy(dir string, parts []part, step func(string)) error {
	if len(parts) == 0 {
		return nil
	}
	for _, p := range parts {
		if err := p.overwrite(); err != nil {
			return fmt.Errorf("overwriting %s: %w", p.path, err)
		}
		step("overwritten " + p.name)
		if err := os.RemoveAll(p.path); err != nil {
			return fmt.Errorf("removing %s: %w", p.path, err)
		}
		if err := durable.Folder(filepath.Dir(p.path)); err != nil {
			return fmt.Errorf("removing %s: %w", p.path, err)
		}
		step("removed " + p.name)
	}
	return durable.Folder(dir)
}

// overwrite writes zeroes over what is there, as far as a disk writes where it is told to.
func (p part) overwrite() error {
	return filepath.WalkDir(p.path, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		length := info.Size()
		if p.name == Store {
			length = min(length, head)
		}
		return zero(path, length)
	})
}

func zero(path string, length int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	zeroes := make([]byte, min(length, 64<<10))
	for at := int64(0); at < length && err == nil; at += int64(len(zeroes)) {
		_, err = file.WriteAt(zeroes[:min(int64(len(zeroes)), length-at)], at)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

package rotation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"muster.example/internal/durable"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/node/landing"
	"muster.example/node/store"
	"muster.example/node/vault"
)

// spare is how much room must be left beside the copy: below kv.MinFree nothing is written.
const spare = 2 * kv.MinFree

// ErrRoom means that the volume has too little room for a second store. Nothing was changed.
var ErrRoom = errors.New("too little room on the volume")

// Config says what is rotated. All but Free and Told are required.
type Config struct {
	Vault   *vault.Vault
	Renewal *vault.Renewal // of that vault; it is committed or forgotten when Run returns
	// Reseal writes what the file from in the folder dir holds under a seal into the file to there under the next, durably. What is
	// not there is no error.
	Reseal func(dir, from string, seal [32]byte, to string, next [32]byte) error
	// Told is told now and then how much of about how many bytes was copied. Nil: nobody is.
	Told func(bytes, of int64)
	// Free says how many bytes may be written on the volume of a folder; kv.Free if nil.
	Free func(dir string) (uint64, error)

	step func(string) // told after each step: for tests
}

// Run puts everything in the folder under the new data key, and destroys what was under the old one. Stopped at any moment, by a
// crash, an error or ctx, the folder is whole under the old key or under the new, and the next Sweep removes the rest. After an
// error the vault is to be closed. Errors: ErrRoom; kv.ErrCorrupt for a store that is damaged, which cannot be rotated; kv.ErrFull. [STO-75]
func Run(ctx context.Context, cfg Config) error {
	if cfg.Told == nil {
		cfg.Told = func(int64, int64) {}
	}
	if cfg.Free == nil {
		cfg.Free = kv.Free
	}
	if cfg.step == nil {
		cfg.step = func(string) {}
	}
	defer cfg.Renewal.Forget()
	if err := sweep(cfg.Vault, cfg.step); err != nil {
		return err
	}
	size, err := cfg.room()
	if err != nil {
		return err
	}
	if err := cfg.prepare(ctx, size); err != nil {
		return errors.Join(err, cfg.giveUp())
	}
	err = cfg.Renewal.Commit(func(at string) error {
		cfg.step("before " + at)
		return nil
	})
	if err != nil {
		return err // which key counts is seen at the next opening
	}
	cfg.step("committed")
	return sweep(cfg.Vault, cfg.step)
}

// room returns how many bytes are about to be copied, ErrRoom if they cannot be.
func (c Config) room() (int64, error) {
	size := int64(0)
	for _, name := range []string{Store, Landing} {
		err := filepath.WalkDir(c.Vault.Path(name), func(_ string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("looking how much room the store takes: %w", err)
		}
	}
	free, err := c.Free(c.Vault.Dir())
	if err != nil {
		return size, nil // the system does not say: a full disk stops the copy, and nothing has changed
	}
	if need := size + size/4 + spare; free < math.MaxInt64 && int64(free) < need {
		return 0, fmt.Errorf("%w: everything is written a second time before the old goes, which takes up to %d MiB, and %d MiB are free",
			ErrRoom, (need+1<<20-1)>>20, free>>20)
	}
	return size, nil
}

// prepare writes everything under the new key, durably. What is under the old one stays as it is.
func (c Config) prepare(ctx context.Context, size int64) error {
	if err := c.copyStore(ctx, size); err != nil {
		return err
	}
	c.step("copied " + Store)
	orgs, err := c.organizations()
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := landing.Reseal(c.Vault.Path(Landing), c.Vault.Key(useStore), c.Renewal.Path(Landing), c.Renewal.Key(useStore), org)
		if err != nil {
			return fmt.Errorf("sealing anew what other devices gave: %w", err)
		}
		c.step("sealed " + Landing)
	}
	text, err := c.Vault.ReadSealed(Settings, maxSettings)
	if err == nil {
		err = c.Renewal.WriteSealed(Settings, text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sealing the settings anew: %w", err)
	}
	c.step("sealed " + Settings)
	dir := filepath.Join(c.Vault.Dir(), Rendezvous)
	from, to := filepath.Base(c.Vault.Path(Identity)), filepath.Base(c.Renewal.Path(Identity))
	if err := c.Reseal(dir, from, c.Vault.Key(useRendezvous), to, c.Renewal.Key(useRendezvous)); err != nil {
		return fmt.Errorf("sealing the key of the rendezvous node anew: %w", err)
	}
	c.step("sealed " + Identity)
	return durable.Folder(c.Vault.Dir())
}

func (c Config) copyStore(ctx context.Context, size int64) error {
	old, err := kv.Open(c.Vault.Path(Store), c.Vault.Key(useStore), kv.Options{})
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := durable.Folder(c.Vault.Dir()); err != nil { // that of a new folder was just made: see Sweep
		return errors.Join(err, old.Close())
	}
	err = copyStore(ctx, old, c.Renewal.Path(Store), c.Renewal.Key(useStore), func(bytes int64) {
		c.Told(bytes, size)
		c.step("copying " + Store)
	})
	return errors.Join(err, old.Close())
}

// organizations returns those for which something may have landed.
func (c Config) organizations() (orgs []keys.OrgID, err error) {
	if _, err := os.Lstat(c.Vault.Path(Landing)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := store.Open(c.Renewal.Path(Store), c.Renewal.Key(useStore))
	if err != nil {
		return nil, fmt.Errorf("reading the new store: %w", err)
	}
	err = db.View(func(tx *store.Tx) error {
		all, err := tx.Organizations()
		if err != nil {
			return err
		}
		for _, o := range all {
			orgs = append(orgs, o.Org)
		}
		restored, err := tx.Restorations()
		for _, r := range restored {
			orgs = append(orgs, r.Org)
		}
		return err
	})
	return orgs, errors.Join(err, db.Close())
}

// giveUp removes what was made under the new key.
func (c Config) giveUp() error {
	all, err := find(c.Vault.Dir())
	if err != nil {
		return err
	}
	var made []part
	for _, p := range all {
		if p.generation == c.Renewal.Generation() {
			made = append(made, p)
		}
	}
	return destroy(c.Vault.Dir(), made, c.step)
}

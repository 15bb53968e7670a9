package rotation

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/node/landing"
	"muster.example/node/store"
	"muster.example/node/vault"
	"muster.example/sync/reconcile"
)

var (
	cheap = &vault.Parameters{Time: 1, Memory: 8, Threads: 1}
	org   = keys.OrgID{2}
)

func phrase(text string) vault.Unlock {
	return vault.Unlock{Passphrase: func(bool) ([]byte, error) { return []byte(text), nil }, Parameters: cheap}
}

func mustOpen(t *testing.T, dir string, unlock vault.Unlock) *vault.Vault {
	t.Helper()
	v, err := vault.Open(dir, unlock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// must stops the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// makeFolder makes a folder with something of every kind in it, that opens by "p" and by the key file that is returned.
func makeFolder(t *testing.T) (dir, key string) {
	t.Helper()
	dir, key = filepath.Join(t.TempDir(), "node"), filepath.Join(t.TempDir(), "key")
	v := mustOpen(t, dir, vault.Unlock{KeyFile: key, Passphrase: phrase("p").Passphrase, Parameters: cheap})
	db, err := store.Open(v.Path(Store), v.Key(useStore))
	must(t, err)
	must(t, db.Update(func(tx *store.Tx) error { return tx.PutOrganization(store.Organization{Org: org, Joined: 1}) }))
	must(t, db.Close())
	raw, err := kv.Open(v.Path(Store), v.Key(useStore), kv.Options{})
	must(t, err)
	for i := range 6 { // small ones, some that fill an update, and one of which a page has a single one
		must(t, raw.Update(func(tx *kv.Tx) error {
			for j := range 300 {
				if err := tx.Put([]byte{200, byte(i), byte(j >> 8), byte(j)}, bytes.Repeat([]byte{byte(j)}, 300+i)); err != nil {
					return err
				}
			}
			return tx.Put([]byte{201, byte(i)}, bytes.Repeat([]byte{byte(i)}, 60<<10))
		}))
	}
	must(t, raw.Update(func(tx *kv.Tx) error { return tx.Put([]byte{202}, bytes.Repeat([]byte{7}, 3<<20)) }))
	must(t, raw.Update(func(tx *kv.Tx) error { return tx.Put([]byte{203}, nil) }))
	must(t, raw.Close())
	l, err := landing.Open(v.Path(Landing), v.Key(useStore), org)
	must(t, err)
	must(t, l.Put([]reconcile.Item{{Time: 1}}, [][]byte{[]byte("landed")}))
	must(t, l.Close())
	must(t, v.WriteSealed(Settings, []byte(`{"idle_minutes":5}`)))
	must(t, os.WriteFile(v.Path(Index), []byte("an index"), 0o600))
	must(t, os.WriteFile(v.Path(Index)+journal, []byte("its journal"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, Rendezvous), 0o700))
	must(t, os.WriteFile(v.Path(Rendezvous+"/"+Identity), sealedFor(v.Key(useRendezvous)), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "log"), []byte("a line"), 0o600))
	must(t, v.Close())
	return dir, key
}

// sealedFor is what stands here for the sealed key of a node.
func sealedFor(seal [32]byte) []byte { return fmt.Appendf(nil, "%x seed", seal) }

func reseal(dir, from string, seal [32]byte, to string, next [32]byte) error {
	if text, err := os.ReadFile(filepath.Join(dir, from)); err != nil || !bytes.Equal(text, sealedFor(seal)) {
		return fmt.Errorf("it is %q, %w", text, err)
	}
	return os.WriteFile(filepath.Join(dir, to), sealedFor(next), 0o600)
}

// content returns a digest of a store.
func content(t *testing.T, dir string, key [32]byte) (digest [32]byte) {
	t.Helper()
	db, err := kv.Open(dir, key, kv.Options{})
	must(t, err)
	digest, err = walk(t.Context(), db, func([]kv.Entry) error { return nil })
	must(t, errors.Join(err, db.Close()))
	return digest
}

// whole checks that everything in the folder of an open vault is there, and nothing of another generation.
func whole(t *testing.T, v *vault.Vault, want [32]byte) {
	t.Helper()
	if content(t, v.Path(Store), v.Key(useStore)) != want {
		t.Error("the store holds something else")
	}
	l, err := landing.Open(v.Path(Landing), v.Key(useStore), org)
	must(t, err)
	if b, err := l.First(); err != nil || b == nil || len(b.Records) != 1 || string(b.Records[0]) != "landed" {
		t.Errorf("what had landed is %+v, %v", b, err)
	}
	must(t, l.Close())
	if text, err := v.ReadSealed(Settings, maxSettings); err != nil || string(text) != `{"idle_minutes":5}` {
		t.Errorf("the settings are %q, %v", text, err)
	}
	if text, err := os.ReadFile(v.Path(Rendezvous + "/" + Identity)); err != nil || !bytes.Equal(text, sealedFor(v.Key(useRendezvous))) {
		t.Errorf("the node's key is %q, %v", text, err)
	}
	all, err := find(v.Dir())
	must(t, err)
	for _, p := range all {
		if p.generation != v.Generation() {
			t.Errorf("%s is left, and the folder is of generation %d", p.path, v.Generation())
		}
	}
	if text, err := os.ReadFile(filepath.Join(v.Dir(), "log")); err != nil || string(text) != "a line" {
		t.Errorf("the log is %q, %v", text, err)
	}
}

// copyFolder copies a folder as it lies on the disk, without the zeroes that the engine's files are filled with.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, bytes.TrimRight(data, "\x00"), 0o600); err != nil {
			return err
		}
		return os.Truncate(target, int64(len(data)))
	}))
}

// Whatever moment a rotation is stopped at, the folder opens, is whole, and is of one key: the old one until the key slots are
// replaced, the new one from then on. [STO-75]
func TestRotationStoppedAtEveryStep(t *testing.T) {
	dir, key := makeFolder(t)
	v := mustOpen(t, dir, phrase("p"))
	want, before := content(t, v.Path(Store), v.Key(useStore)), v.Key(useStore)
	r, err := v.Renew(vault.Secrets{Passphrase: []byte("p"), KeyFiles: []string{key}})
	must(t, err)
	after := r.Key(useStore)
	var steps []string
	seen := map[bool]int{}
	step := func(name string) {
		steps = append(steps, name)
		copied := filepath.Join(t.TempDir(), "copy")
		copyFolder(t, dir, copied)
		opened := mustOpen(t, copied, phrase("p"))
		must(t, Sweep(opened))
		switch opened.Key(useStore) {
		case before:
			seen[false]++
		case after:
			seen[true]++
		default:
			t.Errorf("%s: a key that there never was", name)
		}
		if opened.Key(useStore) == after != (opened.Generation() == 1) {
			t.Errorf("%s: generation %d has the other's key", name, opened.Generation())
		}
		whole(t, opened, want)
		must(t, opened.Close())
		if t.Failed() {
			t.Fatalf("after %q", name)
		}
		must(t, os.RemoveAll(copied))
	}
	must(t, Run(t.Context(), Config{Vault: v, Renewal: r, Reseal: reseal, step: step}))
	whole(t, v, want)
	must(t, v.Close())
	if seen[false] < 10 || seen[true] < 10 {
		t.Errorf("%v on both sides of the commit: the test does not reach all steps: %v", seen, steps)
	}
	for _, unlock := range []vault.Unlock{phrase("p"), {KeyFile: key}} {
		v := mustOpen(t, dir, unlock)
		if v.Key(useStore) != after {
			t.Error("opened again: another key")
		}
		whole(t, v, want)
		must(t, v.Close())
	}
}

// rotate rotates a folder that opens by "p".
func rotate(t *testing.T, ctx context.Context, dir string, change func(*Config)) error {
	t.Helper()
	v := mustOpen(t, dir, phrase("p"))
	defer v.Close()
	r, err := v.Renew(vault.Secrets{Passphrase: []byte("p")})
	must(t, err)
	cfg := Config{Vault: v, Renewal: r, Reseal: reseal}
	if change != nil {
		change(&cfg)
	}
	return Run(ctx, cfg)
}

// The old data key opens nothing of the folder any more: no part by any name, and no file holds what an old one held.
func TestOldDataKeyOpensNothing(t *testing.T) {
	dir, _ := makeFolder(t)
	old := filepath.Join(t.TempDir(), "old")
	copyFolder(t, dir, old)
	was := mustOpen(t, old, phrase("p"))
	for range 2 { // the second is one of a folder that was rotated before
		must(t, rotate(t, t.Context(), dir, nil))
	}
	now := mustOpen(t, dir, phrase("p"))
	if now.Generation() != 2 {
		t.Fatalf("generation %d", now.Generation())
	}
	if _, err := kv.Open(now.Path(Store), was.Key(useStore), kv.Options{}); !errors.Is(err, kv.ErrKey) {
		t.Errorf("the store under the old key: %v", err)
	}
	l, err := landing.Open(now.Path(Landing), was.Key(useStore), org)
	if err != nil || l.State().Records != 0 {
		t.Errorf("what had landed, under the old key: %+v, %v", l.State(), err)
	}
	// What the old key opens is one of these bytes: no block of any file is one that was there before.
	blocks := map[string]string{}
	each(t, old, func(name string, data []byte) {
		for block := range slices.Chunk(data, 64) {
			if len(block) == 64 && strings.Trim(string(block), "\x00") != "" {
				blocks[string(block)] = name
			}
		}
	})
	each(t, dir, func(name string, data []byte) {
		for block := range slices.Chunk(data, 64) {
			if from, is := blocks[string(block)]; is {
				t.Errorf("%s has 64 bytes of what was %s", name, from)
				return
			}
		}
	})
	// The key slots of before, put back, open with the passphrase: that is told, and nothing is destroyed.
	want := content(t, now.Path(Store), now.Key(useStore))
	must(t, now.Close())
	kept, err := os.ReadFile(filepath.Join(dir, "keyslots"))
	must(t, err)
	text, err := os.ReadFile(filepath.Join(old, "keyslots"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "keyslots"), text, 0o600))
	back := mustOpen(t, dir, phrase("p"))
	if err := Sweep(back); !errors.Is(err, vault.ErrDamaged) || !strings.Contains(err.Error(), "of generation 2") {
		t.Errorf("the key slots of before: %v", err)
	}
	must(t, back.Close())
	must(t, os.WriteFile(filepath.Join(dir, "keyslots"), kept, 0o600))
	whole(t, mustOpen(t, dir, phrase("p")), want)
}

// each visits the files of a folder, but those that say nothing and that every folder has the same.
func each(t *testing.T, dir string, visit func(name string, data []byte)) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "log" {
			return err
		}
		data, err := os.ReadFile(path)
		visit(strings.TrimPrefix(path, dir), data)
		return err
	}))
}

// Without room, with damage in the store, or asked to stop, nothing is changed but what the next rotation finds.
func TestRotationThatIsRefused(t *testing.T) {
	dir, _ := makeFolder(t)
	v := mustOpen(t, dir, phrase("p"))
	want := content(t, v.Path(Store), v.Key(useStore))
	must(t, v.Close())
	stopped, stop := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		ctx    context.Context
		change func(*Config)
		want   error
	}{
		"a full disk": {t.Context(), func(c *Config) {
			c.Free = func(string) (uint64, error) { return spare, nil }
			c.step = func(at string) { t.Errorf("%s, without room", at) }
		}, ErrRoom},
		"asked to stop": {stopped, func(c *Config) { c.Told = func(int64, int64) { stop() } }, context.Canceled},
		"a node's key": {t.Context(), func(c *Config) {
			c.Reseal = func(string, string, [32]byte, string, [32]byte) error { return fs.ErrInvalid }
		}, fs.ErrInvalid},
		"a disk that fills": {t.Context(), func(c *Config) {
			c.Reseal = func(string, string, [32]byte, string, [32]byte) error { return kv.ErrFull }
		}, kv.ErrFull},
	} {
		if err := rotate(t, c.ctx, dir, c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		v := mustOpen(t, dir, phrase("p"))
		if v.Generation() != 0 {
			t.Errorf("%s: generation %d", name, v.Generation())
		}
		whole(t, v, want)
		must(t, v.Close())
	}
	damaged := filepath.Join(t.TempDir(), "damaged")
	copyFolder(t, dir, damaged)
	logs, err := filepath.Glob(filepath.Join(damaged, Store, "*.vlog"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%v: no large value is in a file, %v", logs, err)
	}
	text, err := os.ReadFile(logs[0])
	must(t, err)
	text[1<<20] ^= 1
	must(t, os.WriteFile(logs[0], text, 0o600))
	if err := rotate(t, t.Context(), damaged, nil); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("a changed value: %v", err)
	}
	if v := mustOpen(t, damaged, phrase("p")); v.Generation() != 0 {
		t.Error("a damaged folder was rotated")
	}
	must(t, rotate(t, t.Context(), dir, nil))
	whole(t, mustOpen(t, dir, phrase("p")), want)
}

// A folder of the first version, whose store has neither tally nor count, is rotated like any. [STO-9]
func TestRotationOfAnOldFolder(t *testing.T) {
	dir, _ := makeFolder(t)
	v := mustOpen(t, dir, phrase("p"))
	want, key := content(t, v.Path(Store), v.Key(useStore)), v.Key(useStore)
	check, err := hkdf.Key(sha256.New, key[:], nil, string(keys.DomainStore)+"\x00check", 32)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(v.Path(Store), "FORMAT"), fmt.Appendf(nil, "muster store 1\n%x\n", check), 0o600))
	must(t, errors.Join(os.Remove(filepath.Join(v.Path(Store), "TALLY")), os.Remove(filepath.Join(v.Path(Store), "COUNT"))))
	must(t, v.Close())
	must(t, rotate(t, t.Context(), dir, nil))
	whole(t, mustOpen(t, dir, phrase("p")), want)
}

// A folder in which no node ever ran has no store yet.
func TestRotationOfANewFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	mustOpen(t, dir, phrase("p")).Close()
	must(t, rotate(t, t.Context(), dir, func(c *Config) {
		c.Reseal = func(string, string, [32]byte, string, [32]byte) error { return nil }
	}))
	v := mustOpen(t, dir, phrase("p"))
	must(t, Sweep(v))
	if _, err := os.Lstat(filepath.Join(dir, Store)); !errors.Is(err, fs.ErrNotExist) || v.Generation() != 1 {
		t.Errorf("generation %d, %v", v.Generation(), err)
	}
	for called, want := range map[string]string{
		"store-1": Store, "index-12": Index, "index-3-journal": "index-journal", "index-journal": "index-journal", "landing": Landing,
		"settings-01": "settings-01", "log": "log", "log.1": "log.1", "store-": "store-",
	} {
		if got := PartOf(called); got != want {
			t.Errorf("%s is of %s, want %s", called, got, want)
		}
	}
}

package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// folderWithAllWays makes a folder that opens by the passphrase "p", by the key file that is returned, and by keyring(1).
func folderWithAllWays(t *testing.T) (dir, key string) {
	t.Helper()
	dir, key = t.TempDir(), filepath.Join(t.TempDir(), "key")
	v := mustOpen(t, dir, Unlock{KeyFile: key, Passphrase: passphrase("p").Passphrase, Parameters: cheap})
	if err := v.Change(Change{Proof: Unlock{KeyFile: key}, Keyring: bytes.Repeat([]byte{1}, keySize)}); err != nil {
		t.Fatal(err)
	}
	if err := v.WriteSealed("settings", []byte("before")); err != nil {
		t.Fatal(err)
	}
	v.Close()
	return dir, key
}

// A new data key opens by every way whose secret was given, by no other, and has nothing to do with the old one.
func TestRenew(t *testing.T) {
	dir, key := folderWithAllWays(t)
	ring := bytes.Repeat([]byte{1}, keySize)
	for name, c := range map[string]struct {
		given Secrets
		left  []Kind
		want  error
	}{
		"all":                 {Secrets{[]byte("p"), []string{key}, ring}, []Kind{ByKeyFile, ByPassphrase, ByKeyring}, nil},
		"passphrase":          {Secrets{Passphrase: []byte("p")}, []Kind{ByPassphrase}, nil},
		"key file":            {Secrets{KeyFiles: []string{key}}, []Kind{ByKeyFile}, nil},
		"keyring alone":       {Secrets{Keyring: ring}, nil, ErrLastWay},
		"nothing":             {Secrets{}, nil, ErrLastWay},
		"wrong passphrase":    {Secrets{Passphrase: []byte("q"), KeyFiles: []string{key}}, nil, ErrWrongPassphrase},
		"wrong keyring":       {Secrets{Passphrase: []byte("p"), Keyring: bytes.Repeat([]byte{2}, keySize)}, nil, ErrWrongKeyring},
		"another's key file":  {Secrets{Passphrase: []byte("p"), KeyFiles: []string{otherKeyFile(t)}}, nil, ErrWrongKeyFile},
		"key file that isn't": {Secrets{KeyFiles: []string{filepath.Join(dir, "none")}}, nil, ErrNoKeyFile},
	} {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			v := mustOpen(t, copied, passphrase("p"))
			before := v.Key("store")
			r, err := v.Renew(c.given)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if len(r.Dropped())+len(c.left) != 3 {
				t.Errorf("%v are dropped", r.Dropped())
			}
			after := r.Key("store")
			if err := errors.Join(r.WriteSealed("settings", []byte("after")), r.Commit(nil)); err != nil {
				t.Fatal(err)
			}
			if v.Key("store") != after || after == before || v.Generation() != 1 {
				t.Error("the vault is not of the new key")
			}
			if got := kindsOf(t, v); !slices.Equal(got, c.left) {
				t.Errorf("the ways are %v, want %v", got, c.left)
			}
			if text, err := v.ReadSealed("settings", 100); err != nil || string(text) != "after" {
				t.Errorf("settings are %q, %v", text, err)
			}
			// Changing a way keeps the generation.
			proof := passphrase("p")
			if c.given.Passphrase == nil {
				proof = Unlock{KeyFile: key}
			}
			if err := v.Change(Change{Proof: proof, Passphrase: []byte("q"), Parameters: cheap}); err != nil {
				t.Error(err)
			}
			v.Close()
			if got, err := openAndClose(copied, passphrase("q")); err != nil || got != after {
				t.Errorf("opened again: another key, %v", err)
			}
			if format, _ := os.ReadFile(filepath.Join(copied, formatName)); string(format) != "muster node 2\n" {
				t.Errorf("FORMAT is %q: an older program does not say that a newer one wrote it", format)
			}
		})
	}
}

func otherKeyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other")
	secret, err := readOrMakeKeyFile(path, nil)
	if err != nil || len(secret) != keySize {
		t.Fatal(err)
	}
	return path
}

// Stopped before each step in turn, a commit leaves the old key or the new one, whole.
func TestCrashWhileRenewing(t *testing.T) {
	dir, key := folderWithAllWays(t)
	errCrash, seen := errors.New("crash"), map[bool]bool{}
	for stop := 0; ; stop++ {
		copied := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		v := mustOpen(t, copied, passphrase("p"))
		before := v.Key("store")
		r, err := v.Renew(Secrets{Passphrase: []byte("p"), KeyFiles: []string{key}})
		if err != nil {
			t.Fatal(err)
		}
		after := r.Key("store")
		if err := r.WriteSealed("settings", []byte("after")); err != nil {
			t.Fatal(err)
		}
		left := stop
		err = r.Commit(func(string) error {
			if left--; left < 0 {
				return errCrash
			}
			return nil
		})
		v.Close()
		if err == nil {
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		for _, unlock := range []Unlock{passphrase("p"), {KeyFile: key}} {
			v := mustOpen(t, copied, unlock)
			text, err := v.ReadSealed("settings", 100)
			renewed := v.Generation() == 1
			want, content := before, "before"
			if renewed {
				want, content = after, "after"
			}
			if v.Key("store") != want || string(text) != content {
				t.Errorf("step %d, generation %d: the key or the settings %q are another's, %v", stop, v.Generation(), text, err)
			}
			seen[renewed] = true
			v.Close()
		}
	}
	if !seen[true] || !seen[false] {
		t.Errorf("%v: the test does not reach both sides", seen)
	}
}

func TestNamesOfGenerations(t *testing.T) {
	for called, want := range map[string]struct {
		generation uint64
		is         bool
	}{
		"store": {0, true}, "store-1": {1, true}, "store-10": {10, true}, "store-18446744073709551615": {1<<64 - 1, true},
		"store-0": {}, "store-01": {}, "store-": {}, "store-x": {}, "stored": {}, "store-18446744073709551616": {}, "store-+1": {},
	} {
		if generation, is := GenerationOf(called, "store"); generation != want.generation || is != want.is {
			t.Errorf("%s: %d, %v", called, generation, is)
		}
	}
}

package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func kindsOf(t *testing.T, v *Vault) (found []Kind) {
	t.Helper()
	ways, err := v.Ways()
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range ways {
		if w.Number != i+1 || (w.Cost != nil) != (w.Kind == ByPassphrase) {
			t.Errorf("way %d is %+v", i+1, w)
		}
		found = append(found, w.Kind)
	}
	return found
}

func keyring(secret byte) func() ([]byte, error) {
	return func() ([]byte, error) { return bytes.Repeat([]byte{secret}, keySize), nil }
}

// Each way to unlock is added, replaced and removed while the folder is open, and what it is encrypted under stays.
func TestChangeOfWays(t *testing.T) {
	dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
	v := mustOpen(t, dir, passphrase("old"))
	want := v.Key("store")
	change := func(c Change) {
		t.Helper()
		c.Parameters = cheap
		if err := v.Change(c); err != nil {
			t.Fatal(err)
		}
	}
	opens := func(name string, u Unlock, wanted error) {
		t.Helper()
		v.Close()
		got, err := openAndClose(dir, u)
		if !errors.Is(err, wanted) || err == nil && got != want {
			t.Errorf("%s: %v, want %v", name, err, wanted)
		}
		v = mustOpen(t, dir, Unlock{Passphrase: passphrase("new").Passphrase, KeyFile: key, Keyring: keyring(1)})
	}
	change(Change{Proof: passphrase("old"), Passphrase: []byte("new")})
	opens("the old passphrase", passphrase("old"), ErrWrongPassphrase)
	opens("the new one", passphrase("new"), nil)
	change(Change{Proof: passphrase("new"), KeyFile: key})
	opens("the key file", Unlock{KeyFile: key}, nil)
	change(Change{Proof: Unlock{KeyFile: key}, Keyring: bytes.Repeat([]byte{1}, keySize)})
	if got := kindsOf(t, v); !slices.Equal(got, []Kind{ByPassphrase, ByKeyFile, ByKeyring}) {
		t.Errorf("the ways are %v", got)
	}
	opens("the keyring", Unlock{Keyring: keyring(1)}, nil)
	opens("another's keyring", Unlock{Keyring: keyring(2)}, ErrWrongKeyring)
	change(Change{Proof: passphrase("new"), Remove: []int{2}})
	opens("the removed key file", Unlock{KeyFile: key}, ErrNoSlot)
	change(Change{Proof: Unlock{Keyring: keyring(1)}, Keyring: bytes.Repeat([]byte{3}, keySize)})
	opens("the replaced secret of the keyring", Unlock{Keyring: keyring(1)}, ErrWrongKeyring)
	if err := v.Change(Change{Proof: passphrase("new"), Remove: []int{1}}); !errors.Is(err, ErrLastWay) {
		t.Errorf("nothing but the keyring is left: %v", err)
	}
	change(Change{Proof: passphrase("new"), KeyFile: key, Remove: []int{1, 2}})
	if got := kindsOf(t, v); !slices.Equal(got, []Kind{ByKeyFile}) {
		t.Errorf("the ways are %v", got)
	}
	opens("the removed passphrase", passphrase("new"), ErrNoSlot)
}

// A file without a slot of the keyring is one of version 1, which older programs read.
func TestVersionIsTheLowestThatSaysIt(t *testing.T) {
	v := mustOpen(t, t.TempDir(), passphrase("p"))
	version := func() uint64 {
		k, err := v.keyslots()
		if err != nil {
			t.Fatal(err)
		}
		return k.body.Version
	}
	if got := version(); got != 1 {
		t.Errorf("a passphrase: version %d", got)
	}
	if err := v.Change(Change{Proof: passphrase("p"), Keyring: make([]byte, keySize)}); err != nil {
		t.Fatal(err)
	}
	if got := version(); got != 2 {
		t.Errorf("with the keyring: version %d", got)
	}
	if err := v.Change(Change{Proof: passphrase("p"), Remove: []int{2}}); err != nil {
		t.Fatal(err)
	}
	if got := version(); got != 1 {
		t.Errorf("without it: version %d", got)
	}
}

// What is refused changes nothing.
func TestChangeRefuses(t *testing.T) {
	dir, keys := t.TempDir(), t.TempDir()
	v := mustOpen(t, dir, passphrase("p"))
	path := filepath.Join(dir, keyslotsName)
	before, _ := os.ReadFile(path)
	other := filepath.Join(keys, "other")
	os.WriteFile(other, []byte("no key\n"), 0o600)
	for name, c := range map[string]struct {
		change Change
		want   error
	}{
		"a wrong proof":         {Change{Proof: passphrase("q"), Passphrase: []byte("new")}, ErrWrongPassphrase},
		"no proof":              {Change{Passphrase: []byte("new")}, ErrNoUnlock},
		"a proof of no way":     {Change{Proof: Unlock{KeyFile: other}, Passphrase: []byte("new")}, ErrNoSlot},
		"an empty passphrase":   {Change{Proof: passphrase("p"), Passphrase: []byte{}}, ErrPassphrase},
		"a long one":            {Change{Proof: passphrase("p"), Passphrase: bytes.Repeat([]byte("x"), MaxPassphrase+1)}, ErrPassphrase},
		"what is no key file":   {Change{Proof: passphrase("p"), KeyFile: other}, ErrKeyFile},
		"the last way":          {Change{Proof: passphrase("p"), Remove: []int{1}}, ErrLastWay},
		"a way that is not":     {Change{Proof: passphrase("p"), Remove: []int{2}}, ErrNoSlot},
		"a short keyring's key": {Change{Proof: passphrase("p"), Keyring: []byte("short")}, ErrWrongKeyring},
	} {
		t.Run(name, func(t *testing.T) {
			c.change.Parameters = cheap
			if err := v.Change(c.change); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the key slots changed")
			}
		})
	}
	t.Run("slots of somebody else", func(t *testing.T) {
		elsewhere := t.TempDir()
		mustOpen(t, elsewhere, passphrase("p")).Close()
		foreign, _ := os.ReadFile(filepath.Join(elsewhere, keyslotsName))
		os.WriteFile(path, foreign, 0o600)
		if err := v.Change(Change{Proof: passphrase("p"), Passphrase: []byte("new"), Parameters: cheap}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
	})
}

// TestCrashWhileChanging stops a change before each of its steps in turn: afterwards the folder opens by the old way or by the new,
// and never by neither.
func TestCrashWhileChanging(t *testing.T) {
	errCrash := errors.New("crash")
	for step := 0; ; step++ {
		dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
		want, err := openAndClose(dir, passphrase("old"))
		if err != nil {
			t.Fatal(err)
		}
		left, name := step, ""
		v, err := open(dir, passphrase("old"), func(at string) error {
			if left--; left < 0 {
				name = at
				return errCrash
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = v.Change(Change{Proof: passphrase("old"), Passphrase: []byte("new"), Parameters: cheap, KeyFile: key})
		v.Close()
		if err == nil {
			if step < 8 {
				t.Errorf("only %d steps: the test does not reach all writes", step)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatalf("step %d (%s): %v", step, name, err)
		}
		opened := 0
		for _, u := range []Unlock{passphrase("old"), passphrase("new")} {
			got, err := openAndClose(dir, u)
			if err == nil && got == want {
				opened++
			} else if !errors.Is(err, ErrWrongPassphrase) {
				t.Errorf("after a crash at %q: %v", name, err)
			}
		}
		if opened != 1 {
			t.Errorf("after a crash at %q the folder opens in %d ways of 2, want 1", name, opened)
		}
	}
}

// A sealed file opens in its folder under its name alone.
func TestSealedFile(t *testing.T) {
	v := mustOpen(t, t.TempDir(), passphrase("p"))
	if _, err := v.ReadSealed("settings", 100); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before it is written: %v", err)
	}
	if err := v.WriteSealed("settings", []byte("every ten minutes")); err != nil {
		t.Fatal(err)
	}
	if got, err := v.ReadSealed("settings", 100); err != nil || string(got) != "every ten minutes" {
		t.Errorf("%q, %v", got, err)
	}
	path := filepath.Join(v.Dir(), "settings")
	data, _ := os.ReadFile(path)
	if bytes.Contains(data, []byte("minutes")) {
		t.Error("it lies there in the clear")
	}
	os.WriteFile(filepath.Join(v.Dir(), "other"), data, 0o600)
	if _, err := v.ReadSealed("other", 100); !errors.Is(err, ErrDamaged) {
		t.Errorf("under another name: %v", err)
	}
	for _, bad := range [][]byte{{}, data[:10], data[:len(data)-1], bytes.Repeat(data, 10)} {
		os.WriteFile(path, bad, 0o600)
		if _, err := v.ReadSealed("settings", 100); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

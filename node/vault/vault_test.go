package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster.example/internal/wire"
)

// cheap makes tests quick: the cost of guessing is not what they are about.
var cheap = &Parameters{Time: 1, Memory: 64, Threads: 1}

func passphrase(text string) Unlock {
	return Unlock{Passphrase: func(bool) ([]byte, error) { return []byte(text), nil }, Parameters: cheap}
}

func mustOpen(t *testing.T, dir string, unlock Unlock) *Vault {
	t.Helper()
	v, err := Open(dir, unlock)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// openAndClose returns the key of one use, or the error.
func openAndClose(dir string, unlock Unlock) ([32]byte, error) {
	v, err := Open(dir, unlock)
	if err != nil {
		return [32]byte{}, err
	}
	defer v.Close()
	return v.Key("store"), nil
}

func TestOpenGivesTheSameKeysAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	key := filepath.Join(t.TempDir(), "key")
	for name, unlock := range map[string]Unlock{
		"passphrase": passphrase("correct horse"),
		"key file":   {KeyFile: key},
		"both":       {KeyFile: key, Passphrase: passphrase("x").Passphrase, Parameters: cheap},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			first := mustOpen(t, dir, unlock)
			want, other := first.Key("store"), first.Key("attachments")
			if !first.Created() || want == other || want == [32]byte{} {
				t.Fatalf("created %v, keys %x and %x", first.Created(), want, other)
			}
			first.Close()
			again := mustOpen(t, dir, unlock)
			if again.Created() || again.Key("store") != want {
				t.Error("the second opening made another key")
			}
		})
	}
}

func TestBothWaysOpenOneFolder(t *testing.T) {
	dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
	want, err := openAndClose(dir, Unlock{KeyFile: key, Passphrase: passphrase("p").Passphrase, Parameters: cheap})
	if err != nil {
		t.Fatal(err)
	}
	for _, unlock := range []Unlock{{KeyFile: key}, passphrase("p")} {
		if got, err := openAndClose(dir, unlock); err != nil || got != want {
			t.Errorf("key %x, %v", got, err)
		}
	}
}

func TestPassphraseIsTheSameOnEveryKeyboard(t *testing.T) {
	dir := t.TempDir()
	want, err := openAndClose(dir, passphrase("caf\u00e9"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := openAndClose(dir, passphrase("cafe\u0301")); err != nil || got != want {
		t.Errorf("decomposed form: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir, keyDir := t.TempDir(), t.TempDir()
	byPassphrase, byKey := filepath.Join(dir, "p"), filepath.Join(dir, "k")
	key, other := filepath.Join(keyDir, "key"), filepath.Join(keyDir, "other")
	mustOpen(t, byPassphrase, passphrase("right")).Close()
	mustOpen(t, byKey, Unlock{KeyFile: key}).Close()
	mustOpen(t, filepath.Join(dir, "o"), Unlock{KeyFile: other}).Close()
	readable := filepath.Join(keyDir, "readable")
	text, _ := os.ReadFile(key)
	os.WriteFile(readable, text, 0o600)
	os.Chmod(readable, 0o640)
	garbage := filepath.Join(keyDir, "garbage")
	os.WriteFile(garbage, []byte("muster:key/short\n"), 0o600)

	for name, c := range map[string]struct {
		dir    string
		unlock Unlock
		want   error
	}{
		"wrong passphrase":          {byPassphrase, passphrase("wrong"), ErrWrongPassphrase},
		"empty passphrase":          {byPassphrase, passphrase(""), ErrPassphrase},
		"new with empty passphrase": {filepath.Join(dir, "n1"), passphrase(""), ErrPassphrase},
		"long passphrase":           {filepath.Join(dir, "n2"), passphrase(strings.Repeat("x", 1025)), ErrPassphrase},
		"other folder's key file":   {byKey, Unlock{KeyFile: other}, ErrWrongKeyFile},
		"missing key file":          {byKey, Unlock{KeyFile: filepath.Join(keyDir, "none")}, ErrNoKeyFile},
		"key file others can read":  {byKey, Unlock{KeyFile: readable}, ErrKeyFile},
		"new, others can read":      {filepath.Join(dir, "n3"), Unlock{KeyFile: readable}, ErrKeyFile},
		"not a key file":            {byKey, Unlock{KeyFile: garbage}, ErrKeyFile},
		"a folder as key file":      {byKey, Unlock{KeyFile: keyDir}, ErrKeyFile},
		"key file for passphrase":   {byPassphrase, Unlock{KeyFile: key}, ErrNoSlot},
		"passphrase for key file":   {byKey, passphrase("right"), ErrNoSlot},
		"nothing given":             {byKey, Unlock{}, ErrNoUnlock},
		"new and nothing given":     {filepath.Join(dir, "n4"), Unlock{}, ErrNoUnlock},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := openAndClose(c.dir, c.unlock); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if strings.HasPrefix(name, "new") && Exists(c.dir) {
				t.Error("a folder that was refused has key slots")
			}
		})
	}
	if _, err := os.Stat(filepath.Join(keyDir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a key file was made that opens nothing")
	}
}

func TestModes(t *testing.T) {
	base := t.TempDir()
	dir, key := filepath.Join(base, "a", "node"), filepath.Join(base, "key")
	mustOpen(t, dir, Unlock{KeyFile: key}).Close()
	for path, want := range map[string]fs.FileMode{
		filepath.Join(base, "a"): 0o700, dir: 0o700, key: 0o600,
		filepath.Join(dir, lockName): 0o600, filepath.Join(dir, formatName): 0o600, filepath.Join(dir, keyslotsName): 0o600,
	} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %#o, want %#o", path, info.Mode().Perm(), want)
		}
	}
}

func TestPrivateFolder(t *testing.T) {
	base := t.TempDir()
	make := func(name string, mode fs.FileMode) string {
		path := filepath.Join(base, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, mode := range []fs.FileMode{0o755, 0o775, 0o700, 0o500} {
		path := make(fmt.Sprintf("m%o", mode), mode)
		if err := PrivateFolder(path); err != nil {
			t.Errorf("mode %#o: %v", mode, err)
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != 0o700 {
			t.Errorf("mode %#o became %#o", mode, info.Mode().Perm())
		}
	}
	shared := make("shared", 0o777|fs.ModeSticky)
	file := filepath.Join(base, "file")
	os.WriteFile(file, nil, 0o600)
	link := filepath.Join(base, "link")
	os.Symlink(make("target", 0o755), link)
	t.Setenv("HOME", make("home", 0o755))
	for name, path := range map[string]string{
		"shared": shared, "file": file, "link": link, "root": "/", "home": os.Getenv("HOME"), "below a file": file + "/x",
	} {
		if err := PrivateFolder(path); !errors.Is(err, ErrFolder) {
			t.Errorf("%s: got %v, want ErrFolder", name, err)
		}
	}
	if info, _ := os.Stat(filepath.Join(base, "target")); info.Mode().Perm() != 0o755 {
		t.Error("the target of a link was changed")
	}
}

func TestOpenRefusesLinksInTheFolder(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	mustOpen(t, dir, passphrase("p")).Close()
	path := filepath.Join(dir, keyslotsName)
	if err := os.Rename(path, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, path); err != nil {
		t.Fatal(err)
	}
	if _, err := openAndClose(dir, passphrase("p")); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestDamageIsNamed(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir, passphrase("p")).Close()
	slots, _ := os.ReadFile(filepath.Join(dir, keyslotsName))
	for name, c := range map[string]struct {
		file string
		data []byte
		want error
	}{
		"no key slots":         {keyslotsName, nil, ErrDamaged},
		"empty key slots":      {keyslotsName, []byte{}, ErrDamaged},
		"large key slots":      {keyslotsName, bytes.Repeat(slots, 100), ErrDamaged},
		"cut short":            {keyslotsName, slots[:len(slots)-1], ErrDamaged},
		"trailing byte":        {keyslotsName, append(bytes.Clone(slots), 0), ErrDamaged},
		"other format":         {formatName, []byte("something else\n"), ErrDamaged},
		"empty format":         {formatName, []byte{}, ErrDamaged},
		"newer format":         {formatName, []byte("muster node 3\n"), ErrNewer},
		"newer key slots":      {keyslotsName, newerKeyslots(), ErrNewer},
		"format version zero":  {formatName, []byte("muster node 0\n"), ErrDamaged},
		"format version large": {formatName, []byte("muster node 99999999999999999999\n"), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, c.file)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer os.WriteFile(path, before, 0o600)
			if c.data == nil {
				os.Remove(path)
			} else {
				os.WriteFile(path, c.data, 0o600)
			}
			if _, err := openAndClose(dir, passphrase("p")); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, c.data) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func newerKeyslots() []byte {
	body := wire.Encode(slotsBody{Version: keyslotsVersion + 1, Slots: []slot{}})
	return wire.Encode(slotsFile{Body: body, Sum: sum(body, [32]byte{})})
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
	mustOpen(t, dir, Unlock{KeyFile: key, Passphrase: passphrase("p").Passphrase, Parameters: cheap}).Close()
	path := filepath.Join(dir, keyslotsName)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		os.WriteFile(path, changed, 0o600)
		if _, err := openAndClose(dir, Unlock{KeyFile: key}); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	// An attacker makes the checksum right again. Each change is still noticed by whoever unlocks one slot, in the
	// other slot too.
	var file slotsFile
	if err := wire.Decode(data, &file); err != nil {
		t.Fatal(err)
	}
	for i := range file.Body {
		for _, unlock := range []Unlock{{KeyFile: key}, passphrase("p")} {
			changed := file
			changed.Body = bytes.Clone(file.Body)
			changed.Body[i] ^= 1
			changed.Sum = sum(changed.Body, changed.MAC)
			encoded := wire.Encode(changed)
			if k, err := parseKeyslots(encoded); err != nil || expensive(k) {
				continue // noticed, or a test of seconds
			}
			os.WriteFile(path, encoded, 0o600)
			if _, err := openAndClose(dir, unlock); err == nil {
				t.Errorf("byte %d of the body changed unnoticed", i)
			}
		}
	}
}

func expensive(k *keyslots) bool {
	return slices.ContainsFunc(k.body.Slots, func(s slot) bool {
		h, err := s.header()
		return err == nil && h.Cost != nil && h.Cost.Memory*h.Cost.Time > 4096
	})
}

// TestCrashWhileMaking stops the making of a folder before each of its steps in turn. Whatever is left must open
// afterwards, and a folder that was complete must keep its key.
func TestCrashWhileMaking(t *testing.T) {
	errCrash := errors.New("crash")
	for step := 0; ; step++ {
		dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
		unlock := Unlock{KeyFile: key, Passphrase: passphrase("p").Passphrase, Parameters: cheap}
		left, name := step, ""
		_, err := open(dir, unlock, func(at string) error {
			if left--; left < 0 {
				name = at
				return errCrash
			}
			return nil
		})
		if err == nil {
			if step < 12 {
				t.Errorf("only %d steps: the test does not reach all writes", step)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatalf("step %d (%s): %v", step, name, err)
		}
		var before []byte
		if Exists(dir) {
			before, _ = os.ReadFile(filepath.Join(dir, keyslotsName))
		}
		want, err := openAndClose(dir, unlock)
		if err != nil {
			t.Errorf("after a crash at %q: %v", name, err)
			continue
		}
		if after, _ := os.ReadFile(filepath.Join(dir, keyslotsName)); before != nil && !bytes.Equal(before, after) {
			t.Errorf("after a crash at %q key slots were made again", name)
		}
		if got, err := openAndClose(dir, passphrase("p")); err != nil || got != want {
			t.Errorf("after a crash at %q: the passphrase gives another key, %v", name, err)
		}
		if leftover, _ := filepath.Glob(filepath.Join(dir, "*"+temporary)); len(leftover) > 0 {
			t.Errorf("after a crash at %q: %v is left", name, leftover)
		}
	}
}

// TestCrashWhileReplacing does the same for a file that was there before.
func TestCrashWhileReplacing(t *testing.T) {
	errCrash := errors.New("crash")
	for _, step := range []string{"create x", "write x", "rename x", "sync x"} {
		dir := t.TempDir()
		if err := WriteFile(dir, "x", []byte("before")); err != nil {
			t.Fatal(err)
		}
		err := folder{dir, func(at string) error {
			if at == step {
				return errCrash
			}
			return nil
		}}.write("x", []byte("after"))
		if !errors.Is(err, errCrash) {
			t.Fatalf("%s: %v", step, err)
		}
		want := "before"
		if step == "sync x" {
			want = "after"
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "x")); string(got) != want {
			t.Errorf("crash at %q: the file holds %q, want %q", step, got, want)
		}
	}
}

// TestMain holds a folder when it is run as the second process of TestSecondProcess.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MUSTER_TEST_OPEN"); dir != "" {
		_, err := Open(dir, passphrase("p"))
		fmt.Print(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, dir, passphrase("p"))
	try := func() string {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), "MUSTER_TEST_OPEN="+dir)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("second process: %v: %s", err, out)
		}
		return string(out)
	}
	if got := try(); !strings.Contains(got, ErrInUse.Error()) {
		t.Errorf("while it is open: %q", got)
	}
	asked := false
	_, err := Open(dir, Unlock{Passphrase: func(bool) ([]byte, error) { asked = true; return []byte("p"), nil }})
	if !errors.Is(err, ErrInUse) || asked {
		t.Errorf("in this process: %v, asked for the passphrase: %v", err, asked)
	}
	v.Close()
	if got := try(); got != "<nil>" {
		t.Errorf("after it was closed: %q", got)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	v := mustOpen(t, t.TempDir(), passphrase("hunter2"))
	secret := fmt.Sprintf("%x", v.dataKey)
	for _, text := range []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), v.LogValue().String()} {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprint(v.dataKey)) {
			t.Errorf("%q shows the key", text)
		}
	}
}

func TestTune(t *testing.T) {
	for _, memory := range []uint64{0, 64 << 20, 256 << 20, 512 << 20, 1 << 40} {
		p := Tune(memory)
		if err := p.check(); err != nil {
			t.Error(err)
		}
		if p.Memory < 19<<10 || memory > 0 && uint64(p.Memory)<<10 > memory/3 {
			t.Errorf("%d MiB of memory: %d KiB", memory>>20, p.Memory)
		}
	}
}

func FuzzKeyslots(f *testing.F) {
	dir := f.TempDir()
	v, err := Open(dir, Unlock{KeyFile: filepath.Join(f.TempDir(), "key"), Passphrase: passphrase("p").Passphrase, Parameters: cheap})
	if err != nil {
		f.Fatal(err)
	}
	v.Close()
	data, err := os.ReadFile(filepath.Join(dir, keyslotsName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(newerKeyslots())
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseKeyslots(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		body := wire.Encode(k.body)
		if again := wire.Encode(slotsFile{Body: body, MAC: k.file.MAC, Sum: sum(body, k.file.MAC)}); !bytes.Equal(again, data) {
			t.Fatal("it parses and encodes to other bytes")
		}
	})
}

func BenchmarkPassphrase(b *testing.B) {
	for _, memory := range []uint64{0, 256 << 20, 64 << 20} {
		cost := Tune(memory)
		b.Run(fmt.Sprintf("%dMiB", cost.Memory>>10), func(b *testing.B) {
			h := slotHeader{Kind: slotPassphrase, Cost: &cost}
			for b.Loop() {
				h.key([]byte("correct horse battery staple"))
			}
		})
	}
}

// A held folder is nobody else's, is tried again after a wrong passphrase, and is given back.
func TestHold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	with := func(passphrase string) Unlock {
		return Unlock{Passphrase: func(bool) ([]byte, error) { return []byte(passphrase), nil }, Parameters: &Parameters{Time: 1, Memory: 8, Threads: 1}}
	}
	h, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("held twice: %v", err)
	}
	if !h.New() || h.TakesPassphrase() != nil {
		t.Errorf("new %v, passphrase %v", h.New(), h.TakesPassphrase())
	}
	if _, err := h.Open(with("")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("no passphrase: %v", err)
	}
	v, err := h.Open(with("right"))
	if err != nil || !v.Created() {
		t.Fatalf("created: %v", err)
	}
	key := v.Key("test")
	h.Close()
	if _, err := Hold(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("closing what was opened gave the vault's folder back: %v", err)
	}
	v.Close()

	if h, err = Hold(dir); err != nil || h.New() || h.TakesPassphrase() != nil {
		t.Fatalf("held again: %v", err)
	}
	for range 2 {
		if _, err := h.Open(with("wrong")); !errors.Is(err, ErrWrongPassphrase) {
			t.Errorf("a wrong passphrase: %v", err)
		}
	}
	if v, err = h.Open(with("right")); err != nil || v.Created() || v.Key("test") != key {
		t.Fatalf("opened again: %v", err)
	}
	v.Close()

	other := filepath.Join(t.TempDir(), "node")
	if v, err = Open(other, Unlock{KeyFile: filepath.Join(t.TempDir(), "key")}); err != nil {
		t.Fatal(err)
	}
	v.Close()
	if h, err = Hold(other); err != nil || !errors.Is(h.TakesPassphrase(), ErrNoSlot) {
		t.Errorf("a folder with a key file: %v", err)
	}
	h.Close()
	if h, err = Hold(other); err != nil {
		t.Fatalf("closing did not give the folder back: %v", err)
	}
	h.Close()
}

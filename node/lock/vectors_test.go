package lock

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	agetest "c2sp.org/CCTV/age"
)

// vector is one of the C2SP's vectors of age.
type vector struct {
	expect  string
	payload string // SHA-256 of what it holds, in hex
	keys    Keys
	file    []byte
}

func readVector(t *testing.T, data []byte) (v vector) {
	t.Helper()
	packed := false
	for {
		line, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			t.Fatal("a vector without a file")
		}
		if data = rest; len(line) == 0 {
			break
		}
		switch key, value, _ := strings.Cut(string(line), ": "); key {
		case "expect":
			v.expect = value
		case "payload":
			v.payload = value
		case "identity":
			v.keys.Identities = append(v.keys.Identities, parse(t, value))
		case "passphrase":
			v.keys.Passphrase = []byte(value)
		case "compressed":
			packed = true
		}
	}
	if v.file = data; packed {
		r, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if v.file, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func TestAgeVectors(t *testing.T) {
	files, err := fs.ReadDir(agetest.Vectors, ".")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(f.Name(), func(t *testing.T) {
			data, err := fs.ReadFile(agetest.Vectors, f.Name())
			if err != nil {
				t.Fatal(err)
			}
			v := readVector(t, data)
			var opened []byte
			r, err := Open(bytes.NewReader(v.file), v.keys)
			if err == nil {
				opened, err = io.ReadAll(r)
			}
			sum := sha256.Sum256(opened)
			switch {
			case v.expect == "success" && (err != nil || hex.EncodeToString(sum[:]) != v.payload):
				t.Errorf("it does not open: %v", err)
			case v.expect != "success" && err == nil:
				t.Errorf("it opens, where a %s is right", v.expect)
			case v.expect == "no match" && !errors.Is(err, ErrNoKey) && !errors.Is(err, ErrPassphrase):
				t.Errorf("no key fits: %v", err)
			case v.expect != "success" && v.expect != "no match" && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCostly):
				t.Errorf("a %s: %v", v.expect, err)
			}
		})
	}
}

// tool builds the age tool of the module that is linked here.
func tool(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"age", "age-plugin-batchpass"} {
		if out, err := exec.Command("go", "build", "-o", dir, "filippo.io/age/cmd/"+name).CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", name, err, out)
		}
	}
	return filepath.Join(dir, "age")
}

func run(t *testing.T, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	command := exec.Command(name, args...)
	command.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, said.Bytes())
	}
	return out
}

func TestWithTheAgeTool(t *testing.T) {
	age := tool(t)
	for _, id := range []Identity{generate(t), x25519(t), sshKey(t)} {
		t.Run(string(id.Recipient().Kind), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, []byte(id.Secret()), 0o600); err != nil {
				t.Fatal(err)
			}
			text, err := forKeys(t, id).Text(secret)
			if err != nil {
				t.Fatal(err)
			}
			if opened := run(t, []byte(text), age, "-d", "-i", file); string(opened) != secret {
				t.Errorf("the age tool opens %q", opened)
			}
			mixed, err := forKeys(t, generate(t), id, x25519(t)).Text(secret)
			if err != nil {
				t.Fatal(err)
			}
			if opened := run(t, []byte(mixed), age, "-d", "-i", file); string(opened) != secret {
				t.Errorf("the age tool opens %q of a lock for several keys", opened)
			}
			for _, args := range [][]string{{"-r", id.Recipient().String()}, {"-a", "-r", id.Recipient().String()}} {
				locked := run(t, []byte(secret), age, args...)
				r, err := Open(bytes.NewReader(locked), Keys{Identities: []Identity{id}})
				if err != nil {
					t.Fatalf("age %v: %v", args[:len(args)-1], err)
				}
				if opened, err := io.ReadAll(r); err != nil || string(opened) != secret {
					t.Errorf("opened %q of the age tool's file, %v", opened, err)
				}
			}
		})
	}
}

// The age tool asks for a passphrase on a terminal alone; its own plugin takes one from the environment, and does the same with it.
func TestPassphraseWithTheAgeTool(t *testing.T) {
	const passphrase = "correct horse battery"
	age := tool(t)
	t.Setenv("PATH", filepath.Dir(age)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("AGE_PASSPHRASE", passphrase)
	l, err := ForPassphrase([]byte(passphrase), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := l.Text(secret)
	if err != nil {
		t.Fatal(err)
	}
	if opened := run(t, []byte(text), age, "-d", "-j", "batchpass"); string(opened) != secret {
		t.Errorf("the age tool opens %q", opened)
	}
	for _, args := range [][]string{{"-e", "-j", "batchpass"}, {"-e", "-a", "-j", "batchpass"}} {
		locked := run(t, []byte(secret), age, args...)
		r, err := Open(bytes.NewReader(locked), Keys{Passphrase: []byte(passphrase)})
		if err != nil {
			t.Fatalf("age %v: %v", args, err)
		}
		if opened, err := io.ReadAll(r); err != nil || string(opened) != secret {
			t.Errorf("opened %q of what age %v made, %v", opened, args, err)
		}
	}
}

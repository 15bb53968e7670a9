package lock

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
)

// TestMain makes passphrases cheap to lock with: what they cost says TestWorkFactor.
func TestMain(m *testing.M) {
	workFactor = 10
	os.Exit(m.Run())
}

const secret = "The key is under the mat."

func generate(t testing.TB) Identity {
	t.Helper()
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func parse(t testing.TB, text string) Identity {
	t.Helper()
	all, err := ParseIdentities(strings.NewReader(text))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d identities, %v", len(all), err)
	}
	return all[0]
}

func x25519(t testing.TB) Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, "# a comment\n\n"+id.String()+"\n")
}

func sshKey(t testing.TB) Identity {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "bo@example")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(pem.EncodeToMemory(block)))
}

func forKeys(t testing.TB, ids ...Identity) Lock {
	t.Helper()
	var recipients []Recipient
	for _, id := range ids {
		recipients = append(recipients, id.Recipient())
	}
	l, err := ForKeys(recipients...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEachKeyOpens(t *testing.T) {
	all := []Identity{generate(t), x25519(t), sshKey(t)}
	l := forKeys(t, all...)
	text, err := l.Text(secret)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "mat") {
		t.Fatal("the text lies in its lock")
	}
	info, ok := IsText("\n " + text + "\n\n")
	if !ok || fmt.Sprint(info.Kinds) != "[post-quantum x25519 ssh]" || info.ByPassphrase() {
		t.Errorf("it is recognized: %t, as %v", ok, info)
	}
	for _, id := range all {
		opened, err := OpenText(text, Keys{Identities: []Identity{generate(t), id}})
		if err != nil || string(opened) != secret {
			t.Errorf("opened with a key of kind %s: %q, %v", id.Recipient().Kind, opened, err)
		}
		again := parse(t, id.Secret())
		if again.Recipient().String() != id.Recipient().String() {
			t.Errorf("a %s key written and read is another", id.Recipient().Kind)
		}
	}
	if l.PostQuantum() || !forKeys(t, all[0]).PostQuantum() {
		t.Error("one old key makes a lock one that quantum computers open, and nothing else does")
	}
}

func TestWrongKeySaysWhatItIsLockedFor(t *testing.T) {
	text, err := forKeys(t, generate(t), generate(t)).Text(secret)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenText(text, Keys{Identities: []Identity{x25519(t), generate(t)}})
	wrong, ok := errors.AsType[*NoKeyError](err)
	if !ok || !errors.Is(err, ErrNoKey) || fmt.Sprint(wrong.Info.Kinds) != "[post-quantum post-quantum]" {
		t.Errorf("a wrong key: %v", err)
	}
	if _, err = OpenText(text, Keys{}); !errors.Is(err, ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err = OpenText(text, Keys{Passphrase: []byte("correct horse")}); !errors.Is(err, ErrNoKey) {
		t.Errorf("a passphrase for what keys open: %v", err)
	}
}

func TestPassphrase(t *testing.T) {
	l, err := ForPassphrase([]byte("correct horse"), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := l.Text(secret)
	if err != nil {
		t.Fatal(err)
	}
	if info, ok := IsText(text); !ok || !info.ByPassphrase() || info.WorkFactor != workFactor {
		t.Errorf("recognized: %t, as %v", ok, info)
	}
	opened, err := OpenText(text, Keys{Passphrase: []byte("correct horse"), Identities: []Identity{generate(t)}})
	if err != nil || string(opened) != secret {
		t.Errorf("%q, %v", opened, err)
	}
	if _, err := OpenText(text, Keys{Passphrase: []byte("battery staple")}); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if _, err := OpenText(text, Keys{Identities: []Identity{generate(t)}}); !errors.Is(err, ErrNoKey) {
		t.Errorf("a key for what a passphrase opens: %v", err)
	}
	kept := l.passphrase
	l.Clear()
	if !bytes.Equal(kept, make([]byte, len(kept))) {
		t.Error("an erased lock keeps its passphrase")
	}
	if _, err := l.Text(secret); !errors.Is(err, ErrKey) {
		t.Errorf("an erased lock locks: %v", err)
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", MaxPassphrase+1), "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if _, err := ForPassphrase([]byte(bad), nil); !errors.Is(err, ErrPassphrase) {
			t.Errorf("passphrase of %d bytes: %v", len(bad), err)
		}
	}
}

func TestStreamOfManyChunks(t *testing.T) {
	plain := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // five chunks of age
	id := generate(t)
	locked, err := forKeys(t, id).Stream(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(locked)
	if err != nil || !Looks(data[:64]) {
		t.Fatalf("%v, looks locked: %t", err, Looks(data[:64]))
	}
	var armored bytes.Buffer
	w := armor.NewWriter(&armored)
	w.Write(data)
	w.Close()
	for _, form := range [][]byte{data, armored.Bytes()} {
		r, err := Open(bytes.NewReader(form), Keys{Identities: []Identity{id}})
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := io.ReadAll(r); err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("%d bytes, %v", len(opened), err)
		}
	}
	for _, cut := range []int{len(data) - 1, len(data) - 70_000, 100} {
		r, err := Open(bytes.NewReader(data[:cut]), Keys{Identities: []Identity{id}})
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, ErrFormat) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

func TestHostileFilesCostLittle(t *testing.T) {
	end := "--- " + strings.Repeat("A", 43) + "\n"
	keys := Keys{Identities: []Identity{generate(t)}, Passphrase: []byte("correct horse")}
	for _, c := range []struct {
		name, file string
		want       error
	}{
		{"a work factor beyond the cap", intro + "-> scrypt rF0/NwblUHHTpgQgRpe5CQ 19\ngUjEymFKMVXQEKdMMHL24oYexjE3TIC0O0zGSqJ2aUY\n" + end, ErrCostly},
		{"a header without end", intro + "-> X25519 " + strings.Repeat("A", MaxHeader), ErrCostly},
		{"stanzas without end", intro + strings.Repeat("-> grease\n\n", MaxHeader/10), ErrFormat}, // age has a bound of its own
		{"more stanzas than are looked at", intro + strings.Repeat("-> grease\n\n", MaxStanzas+1) + end, ErrCostly},
	} {
		read := &counted{r: strings.NewReader(c.file)}
		if _, err := Open(read, keys); !errors.Is(err, c.want) {
			t.Errorf("opening %s: %v", c.name, err)
		}
		if _, err := Inspect(strings.NewReader(c.file)); !errors.Is(err, c.want) {
			t.Errorf("inspecting %s: %v", c.name, err)
		}
		if read.n > MaxHeader {
			t.Errorf("%s: %d bytes are read", c.name, read.n)
		}
	}
	if _, err := Open(strings.NewReader(""), Keys{Identities: make([]Identity, MaxIdentities+1)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("too many identities: %v", err)
	}
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestTextsThatAreNone(t *testing.T) {
	text, err := forKeys(t, generate(t)).Text(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, not := range []string{
		"", "hello", Mark, Mark + "\n" + armor.Footer, "See this: " + text, text + "and more", text + text,
		strings.Replace(text, "\nYWdl", "\nYWdm", 1),
	} {
		if _, ok := IsText(not); ok {
			t.Errorf("%.40q is taken for a locked text", not)
		}
		if _, err := OpenText(not, Keys{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%.40q: %v", not, err)
		}
	}
	id := generate(t)
	binary, err := forKeys(t, id).Text("\xff\xfe")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenText(binary, Keys{Identities: []Identity{id}}); !errors.Is(err, ErrFormat) {
		t.Errorf("a text that is none: %v", err)
	}
	long, err := forKeys(t, id).Text(strings.Repeat("x", MaxText+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenText(long, Keys{Identities: []Identity{id}}); !errors.Is(err, ErrTooLong) {
		t.Errorf("a text that is too long: %v", err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	id := generate(t)
	for _, bad := range []string{"", "bo", "age1", "age1pq1xyz", "ssh-rsa", "ssh-dss AAAA", id.Secret(), id.Recipient().String() + "q", strings.Repeat("a", MaxRecipientText+1)} {
		_, err := ParseRecipient(bad)
		if !errors.Is(err, ErrKey) {
			t.Errorf("recipient %.30q: %v", bad, err)
		} else if strings.Contains(err.Error(), "AGE-SECRET-KEY-PQ") {
			t.Errorf("the error repeats a private key: %v", err)
		}
	}
	for _, bad := range []string{"", "# nothing\n", secretMark + "1XX", id.Recipient().String(), strings.Repeat(id.Secret()+"\n", MaxIdentities+1),
		strings.Repeat("#", MaxKeyFile+1), string(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte{0, 0, 0}}))} {
		_, err := ParseIdentities(strings.NewReader(bad))
		if !errors.Is(err, ErrKey) {
			t.Errorf("identities %.30q: %v", bad, err)
		} else if strings.Contains(err.Error(), id.Secret()) {
			t.Errorf("the error repeats a private key: %v", err)
		}
	}
	if said := fmt.Sprintf("%v %+v %#v %s", id, id, id, id); strings.Contains(said, "AGE-SECRET") {
		t.Errorf("a private key is printed: %s", said)
	}
	if _, err := ForKeys(); !errors.Is(err, ErrKey) {
		t.Errorf("for nobody: %v", err)
	}
	many := make([]Recipient, MaxRecipients+1)
	for i := range many {
		many[i] = x25519(t).Recipient()
	}
	if _, err := ForKeys(many...); !errors.Is(err, ErrTooLong) {
		t.Errorf("for too many: %v", err)
	}
}

// The words are part of what people compare: they may never change. [LOCK-3]
func TestFingerprint(t *testing.T) {
	const key = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
	r, err := ParseRecipient(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Fingerprint(), "obtain virus hazard shine meadow apology"; got != want {
		t.Errorf("the fingerprint of %s is %q, not %q", key, got, want)
	}
}

func FuzzOpen(f *testing.F) {
	id := generate(f)
	keys := Keys{Identities: []Identity{id}, Passphrase: []byte("correct horse")}
	text, err := forKeys(f, id).Text(secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(text))
	locked, err := forKeys(f, id, generate(f)).Stream(strings.NewReader(secret))
	if err != nil {
		f.Fatal(err)
	}
	data, err := io.ReadAll(locked)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(intro + "-> scrypt rF0/NwblUHHTpgQgRpe5CQ 1\ngUjEymFKMVXQEKdMMHL24oYexjE3TIC0O0zGSqJ2aUY\n--- "))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := Inspect(bytes.NewReader(data))
		if err == nil && len(info.Kinds) > MaxStanzas {
			t.Errorf("%d keys", len(info.Kinds))
		}
		if info.WorkFactor > 12 && info.WorkFactor <= MaxWorkFactor {
			return // too slow to be tried many times
		}
		r, err := Open(bytes.NewReader(data), keys)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		for _, known := range []error{nil, ErrFormat, ErrCostly, ErrNoKey, ErrPassphrase} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Errorf("an error of no name: %v", err)
	})
}

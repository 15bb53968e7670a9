package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"pgregory.net/rapid"
)

// sealedTo seals a text to a recipient.
func sealedTo(t *testing.T, text string, recipients ...age.Recipient) []byte {
	t.Helper()
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipients...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

func opened(t *testing.T, sealed []byte, identity age.Identity) (string, error) {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

// Whatever the seed is, age reads its identity, and writes it the same. [KEY-9]
func TestAgeReadsTheIdentityOfEverySeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := [BackupSecretSize]byte(rapid.SliceOfN(rapid.Byte(), BackupSecretSize, BackupSecretSize).Draw(t, "seed"))
		identity, err := age.ParseHybridIdentity(identityText(seed))
		if err != nil {
			t.Fatal("age does not read the identity")
		}
		if identity.String() != identityText(seed) {
			t.Fatal("age writes the identity otherwise")
		}
	})
}

// The example of BIP 173 with an empty data part, and its longest one that has a whole number of bytes.
func TestBech32IsBIP173(t *testing.T) {
	if text := bech32("a", nil); text != "a12uel5l" {
		t.Errorf("nothing behind a is %q", text)
	}
	data := []byte("\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf\x84\x65\x3a\x56\xd7\xc6\x75\xbe\x77\xdf")
	if text := bech32("abcdef", data); text != "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw" {
		t.Errorf("the digits in their order are %q", text)
	}
}

// The words open everything, the device only its lists, and neither is one of the other keys of the words. [KEY-8] [KEY-10]
func TestBackupKeysOpenWhatTheyShould(t *testing.T) {
	seed := RecoverySeed([]byte(knownEntropy))
	key := seed.Backup()
	writer := key.Writer()
	recipient, err := writer.Recipient()
	if err != nil {
		t.Fatal(err)
	}
	body := sealedTo(t, "body", recipient)
	list := sealedTo(t, "list", recipient, writer.Catalogue().Recipient())
	for _, test := range []struct {
		name     string
		sealed   []byte
		identity age.Identity
		want     string
	}{
		{"the words, a body", body, key.Identity(), "body"},
		{"the words, a list", list, key.Identity(), "list"},
		{"the device, a body", body, writer.Catalogue(), ""},
		{"the device, a list", list, writer.Catalogue(), "list"},
	} {
		text, err := opened(t, test.sealed, test.identity)
		if text != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v", test.name, text, err)
		}
	}
	other := seed
	other[31] ^= 1
	seen := map[[32]byte]string{[32]byte(seed): "the words"}
	for name, secret := range map[string][32]byte{
		"the key": key, "the mark": writer.Mark(), "the secret": writer.secret, "another's key": other.Backup(),
		"another's mark": other.Backup().Writer().Mark(), "the identity": deriveBackup(key[:], "identity"),
	} {
		if earlier, twice := seen[secret]; twice {
			t.Errorf("%s is %s", name, earlier)
		}
		seen[secret] = name
	}
}

func TestBackupWriterIsStored(t *testing.T) {
	writer := RecoverySeed([]byte(knownEntropy)).Backup().Writer()
	again, err := ParseBackupWriter(writer.Bytes())
	if err != nil || again != writer || again.Mark() != writer.Mark() || again.IsZero() || !(BackupWriter{}).IsZero() {
		t.Errorf("stored and read: %v", err)
	}
	data := writer.Bytes()
	for name, bad := range map[string][]byte{
		"nothing":            nil,
		"no recipient":       data[:BackupSecretSize],
		"a recipient cut":    data[:len(data)-1],
		"a letter other":     append(bytes.Clone(data[:len(data)-1]), data[len(data)-1]^1),
		"something behind":   append(bytes.Clone(data), ' '),
		"an older recipient": append(bytes.Clone(data[:BackupSecretSize]), "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"...),
		"upper case":         append(bytes.Clone(data[:BackupSecretSize]), strings.ToUpper(writer.recipient)...),
	} {
		if _, err := ParseBackupWriter(bad); !errors.Is(err, ErrBackupWriter) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBackupSecretsDoNotShow(t *testing.T) {
	key := RecoverySeed([]byte(knownEntropy)).Backup()
	writer := key.Writer()
	for _, shown := range []string{
		fmt.Sprint(key, writer), fmt.Sprintf("%v %+v %#v", key, key, key), fmt.Sprintf("%v %+v %#v", writer, writer, writer),
		key.LogValue().String(), writer.LogValue().String(),
	} {
		if strings.Contains(shown, fmt.Sprintf("%x", key[:4])) || strings.Contains(shown, fmt.Sprint(writer.secret[:4])[1:9]) ||
			strings.Contains(shown, "age1pq") || !strings.Contains(shown, "[backup ") {
			t.Errorf("shown as %q", shown)
		}
	}
}

func FuzzParseBackupWriter(f *testing.F) {
	f.Add(RecoverySeed([]byte(knownEntropy)).Backup().Writer().Bytes())
	f.Add([]byte(strings.Repeat("a", 40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		writer, err := ParseBackupWriter(data)
		if err == nil && !bytes.Equal(writer.Bytes(), data) {
			t.Error("read, and written otherwise")
		}
	})
}

package lock

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// Identity is a private key. Printed or logged it says nothing of itself.
type Identity struct {
	recipient Recipient
	secret    string
	age       age.Identity
}

// secretMark begins every private key of age.
const secretMark = "AGE-SECRET-KEY-"

// Generate makes a post-quantum key. [LOCK-2]
func Generate() (Identity, error) {
	made, err := age.GenerateHybridIdentity()
	if err != nil {
		return Identity{}, fmt.Errorf("making a key: %w", err)
	}
	return identityOf(made)
}

// ParseIdentities reads private keys: the lines of an age identity file (AGE-SECRET-KEY-PQ-…, AGE-SECRET-KEY-…, and
// comments), or one SSH private key without a passphrase. Errors wrap ErrKey and repeat nothing of what was read. [LOCK-2]
func ParseIdentities(r io.Reader) ([]Identity, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading private keys: %w", err)
	}
	defer clear(data)
	if len(data) > MaxKeyFile {
		return nil, fmt.Errorf("%w: a file of private keys has %d bytes at most", ErrKey, MaxKeyFile)
	}
	text := string(data)
	if strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN") {
		one, err := parseSSH(text)
		if err != nil {
			return nil, err
		}
		return []Identity{one}, nil
	}
	var all []Identity
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		one, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if all = append(all, one); len(all) > MaxIdentities {
			return nil, fmt.Errorf("%w: more than %d private keys at once", ErrKey, MaxIdentities)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: there is no private key in it", ErrKey)
	}
	return all, nil
}

func parseLine(line string) (Identity, error) {
	switch {
	case strings.HasPrefix(line, secretMark+"PQ-1"):
		if id, err := age.ParseHybridIdentity(line); err == nil {
			return identityOf(id)
		}
	case strings.HasPrefix(line, secretMark+"1"):
		if id, err := age.ParseX25519Identity(line); err == nil {
			return identityOf(id)
		}
	case strings.HasPrefix(line, "age1"), strings.HasPrefix(line, "ssh-"):
		return Identity{}, fmt.Errorf("%w: that is a public key, which opens nothing", ErrKey)
	}
	return Identity{}, fmt.Errorf("%w: a private key is a line that begins with AGE-SECRET-KEY-, or an SSH private key", ErrKey)
}

// parseSSH reads an SSH private key.
func parseSSH(text string) (Identity, error) {
	if _, err := ssh.ParseRawPrivateKey([]byte(text)); err != nil {
		if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
			return Identity{}, fmt.Errorf("%w: the SSH key has a passphrase: take it off a copy first, with ssh-keygen -p", ErrKey)
		}
		return Identity{}, fmt.Errorf("%w: the SSH private key cannot be read", ErrKey)
	}
	id, err := agessh.ParseIdentity([]byte(text))
	if err != nil {
		return Identity{}, fmt.Errorf("%w: SSH keys can be ssh-ed25519 and ssh-rsa", ErrKey)
	}
	raw, _ := ssh.ParseRawPrivateKey([]byte(text))
	public, err := sshPublic(raw)
	if err != nil {
		return Identity{}, err
	}
	recipient, err := ParseRecipient(string(ssh.MarshalAuthorizedKey(public)))
	return Identity{recipient: recipient, secret: strings.TrimSpace(text) + "\n", age: id}, err
}

func sshPublic(raw any) (ssh.PublicKey, error) {
	var public any
	switch k := raw.(type) {
	case *ed25519.PrivateKey:
		public = k.Public()
	case ed25519.PrivateKey:
		public = k.Public()
	case *rsa.PrivateKey:
		public = k.Public()
	default:
		return nil, fmt.Errorf("%w: SSH keys can be ssh-ed25519 and ssh-rsa", ErrKey)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("%w: the SSH key has no public half", ErrKey)
	}
	return key, nil
}

func identityOf(id age.Identity) (Identity, error) {
	var public, secret string
	switch id := id.(type) {
	case *age.HybridIdentity:
		public, secret = id.Recipient().String(), id.String()
	case *age.X25519Identity:
		public, secret = id.Recipient().String(), id.String()
	}
	recipient, err := ParseRecipient(public)
	return Identity{recipient: recipient, secret: secret, age: id}, err
}

// Recipient returns the public half.
func (i Identity) Recipient() Recipient { return i.recipient }

// Secret returns the private key as ParseIdentities and the age tool read it. It is for the encrypted store and for a file
// that the person asked for, never for a log.
func (i Identity) Secret() string { return i.secret }

// String says that it is a private key, and nothing of it.
func (i Identity) String() string { return "[private key]" }

// GoString is String.
func (i Identity) GoString() string { return i.String() }

// LogValue implements slog.LogValuer.
func (i Identity) LogValue() slog.Value { return slog.StringValue(i.String()) }

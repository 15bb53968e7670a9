package lock

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"muster.example/internal/keys"
)

// Kind is a kind of key, as it is told to people and scripts. The list is append-only.
type Kind string

// The kinds of key.
const (
	KindHybrid     Kind = "post-quantum" // age1pq1…: ML-KEM-768 with X25519
	KindX25519     Kind = "x25519"       // age1…
	KindSSH        Kind = "ssh"          // ssh-ed25519 or ssh-rsa
	KindPassphrase Kind = "passphrase"
	KindOther      Kind = "unknown" // of another program
)

// Recipient is a public key to lock for.
type Recipient struct {
	Kind Kind
	text string
	age  age.Recipient
}

// ParseRecipient reads a public key: age1pq1…, age1…, or a line ssh-ed25519 … or ssh-rsa …, whose comment is dropped.
// Errors wrap ErrKey and repeat nothing of the text, which may be a private key by mistake. [LOCK-1]
func ParseRecipient(text string) (Recipient, error) {
	text = strings.TrimSpace(text)
	if len(text) > MaxRecipientText {
		return Recipient{}, fmt.Errorf("%w: it has %d bytes, where a public key has %d at most", ErrKey, len(text), MaxRecipientText)
	}
	switch {
	case strings.HasPrefix(strings.ToUpper(text), "AGE-SECRET-KEY-"):
		return Recipient{}, fmt.Errorf("%w: that is a private key, which nobody else may see; give the public one", ErrKey)
	case strings.HasPrefix(text, "age1pq1"):
		if r, err := age.ParseHybridRecipient(text); err == nil {
			return Recipient{Kind: KindHybrid, text: r.String(), age: r}, nil
		}
	case strings.HasPrefix(text, "age1"):
		if r, err := age.ParseX25519Recipient(text); err == nil {
			return Recipient{Kind: KindX25519, text: r.String(), age: r}, nil
		}
	case strings.HasPrefix(text, "ssh-"):
		if r, err := agessh.ParseRecipient(text); err == nil {
			words := strings.Fields(text)
			return Recipient{Kind: KindSSH, text: strings.Join(words[:2], " "), age: r}, nil
		}
	}
	return Recipient{}, fmt.Errorf("%w: a public key is age1pq1…, age1…, or a line that begins with ssh-ed25519 or ssh-rsa", ErrKey)
}

// String returns the key as ParseRecipient reads it.
func (r Recipient) String() string { return r.text }

// IsZero reports whether r is no key.
func (r Recipient) IsZero() bool { return r.text == "" }

// words is how many words a fingerprint has: 66 bits, against keys that somebody tries out to have the same.
const words = 6

// Fingerprint returns the words by which two people compare the key. [LOCK-3]
func (r Recipient) Fingerprint() string {
	h := sha256.New()
	h.Write([]byte(keys.DomainLockKey))
	h.Write([]byte{0})
	h.Write([]byte(r.text))
	sum := h.Sum(nil)
	all := make([]string, 0, words)
	for i := range words {
		bit := i * 11
		n := uint32(sum[bit/8])<<16 | uint32(sum[bit/8+1])<<8 | uint32(sum[bit/8+2])
		all = append(all, keys.Word(int(n>>(24-11-bit%8))))
	}
	return strings.Join(all, " ")
}

// wrapped hides that a key is post-quantum, so that a lock can be for older keys too. Who does that has been told.
type wrapped struct{ recipient age.Recipient }

// Wrap implements age.Recipient.
func (w wrapped) Wrap(fileKey []byte) ([]*age.Stanza, error) { return w.recipient.Wrap(fileKey) }

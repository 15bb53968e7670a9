package lock

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Keys are what an opening is tried with.
type Keys struct {
	Identities []Identity
	Passphrase []byte
	Turn       sync.Locker // if not nil, held while scrypt works, which takes up to 256 MiB
}

// Info says what a locked text or file says of itself: for how many keys, and of which kinds. Whose they are it does not say.
type Info struct {
	Kinds []Kind // of each key, in the order of the header
	// WorkFactor is the logarithm of scrypt's cost, of a passphrase.
	WorkFactor int
}

// ByPassphrase reports whether a passphrase opens it.
func (i Info) ByPassphrase() bool { return slices.Contains(i.Kinds, KindPassphrase) }

// Mark is how every armored age file begins, and intro every other.
const (
	Mark  = armor.Header
	intro = "age-encryption.org/v1\n"
)

// IsText reports whether a text is an age file in its armor, with nothing but white space around, and what that says of
// itself. A text that only looks like one at its beginning is none. [LOCK-5]
func IsText(text string) (Info, bool) {
	trimmed := strings.TrimSpace(text)
	if !strings.HasPrefix(trimmed, Mark) || strings.Index(trimmed, armor.Footer) != len(trimmed)-len(armor.Footer) {
		return Info{}, false
	}
	info, err := Inspect(strings.NewReader(trimmed))
	return info, err == nil
}

// Looks reports whether a file that begins with some bytes looks like a locked one, in its armor or not. 64 bytes are enough.
func Looks(start []byte) bool {
	return bytes.HasPrefix(start, []byte(intro)) || bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte(Mark))
}

// Inspect reads the header of an age file, in its armor or not. It tries no key. Errors wrap ErrFormat or ErrCostly.
func Inspect(r io.Reader) (Info, error) {
	ring := &ring{inspect: true}
	_, err := ring.decrypt(r)
	if ring.seen && ring.refused == nil {
		return ring.info, nil
	}
	return ring.info, ring.explain(err)
}

// Open returns a reader of what an age file holds, in its armor or not. Errors, also of the reader, wrap ErrFormat,
// ErrCostly, ErrPassphrase or ErrNoKey; what was read before an error must not be used. [LOCK-4]
func Open(r io.Reader, keys Keys) (io.Reader, error) {
	if len(keys.Identities) > MaxIdentities {
		return nil, fmt.Errorf("%w: %d private keys, where %d are tried", ErrTooLong, len(keys.Identities), MaxIdentities)
	}
	ring := &ring{keys: keys}
	plain, err := ring.decrypt(r)
	if err != nil {
		return nil, ring.explain(err)
	}
	return checked{plain}, nil
}

// OpenText opens a text that IsText recognizes, and returns it in bytes that the caller erases. Errors are those of Open, and
// ErrTooLong.
func OpenText(text string, keys Keys) ([]byte, error) {
	if _, ok := IsText(text); !ok {
		return nil, fmt.Errorf("%w: the text is not in age's armor", ErrFormat)
	}
	plain, err := Open(strings.NewReader(strings.TrimSpace(text)), keys)
	if err != nil {
		return nil, err
	}
	opened, err := io.ReadAll(io.LimitReader(plain, MaxText+1))
	switch {
	case err != nil:
	case len(opened) > MaxText:
		err = fmt.Errorf("%w: the text has more than %d bytes", ErrTooLong, MaxText)
	case !utf8.Valid(opened):
		err = fmt.Errorf("%w: what was locked is no text but a file", ErrFormat)
	}
	if err != nil {
		clear(opened)
		return nil, err
	}
	return opened, nil
}

// checked gives the errors of a damaged body the name that this package has for them.
type checked struct{ r io.Reader }

// Read implements io.Reader.
func (c checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: it is damaged: %w", ErrFormat, err)
	}
	return n, err
}

// errInspected ends a reading of a header by which nothing is to be opened.
var errInspected = fmt.Errorf("%w: inspected", age.ErrIncorrectIdentity)

// ring is the one identity that age is given: it looks at the header before any key is tried.
type ring struct {
	keys    Keys
	inspect bool
	header  *capped
	info    Info
	seen    bool
	refused error // why no key was tried
	wrong   bool  // the passphrase was
}

func (k *ring) decrypt(r io.Reader) (io.Reader, error) {
	k.header = &capped{r: r, left: MaxHeader}
	buffered := bufio.NewReader(k.header)
	start, err := buffered.Peek(len(intro))
	if err != nil && len(start) == 0 {
		return nil, err
	}
	var body io.Reader = buffered
	if !bytes.HasPrefix(start, []byte(intro)) {
		if front := bytes.TrimLeft(start, " \t\r\n"); len(front) > 0 && front[0] != Mark[0] {
			return nil, ErrFormat
		}
		body = armor.NewReader(buffered)
	}
	return age.Decrypt(body, k)
}

// Unwrap implements age.Identity.
func (k *ring) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	k.seen, k.header.open = true, true
	if k.refused = k.judge(stanzas); k.refused != nil {
		return nil, k.refused
	}
	if k.inspect {
		return nil, errInspected
	}
	if k.info.ByPassphrase() {
		return k.unwrapScrypt(stanzas)
	}
	for _, identity := range k.keys.Identities {
		fileKey, err := identity.age.Unwrap(stanzas)
		if errors.Is(err, age.ErrIncorrectIdentity) {
			continue
		}
		return fileKey, err
	}
	return nil, age.ErrIncorrectIdentity
}

// judge notes what the header says, and refuses what costs too much.
func (k *ring) judge(stanzas []*age.Stanza) error {
	if len(stanzas) > MaxStanzas {
		return fmt.Errorf("%w: it is locked for %d keys, where %d are looked at", ErrCostly, len(stanzas), MaxStanzas)
	}
	for _, s := range stanzas {
		k.info.Kinds = append(k.info.Kinds, kindOf(s.Type))
		if s.Type != "scrypt" || len(s.Args) != 2 {
			continue
		}
		factor, err := strconv.Atoi(s.Args[1])
		if err != nil {
			return fmt.Errorf("%w: the cost of the passphrase is no number", ErrFormat)
		}
		if k.info.WorkFactor = factor; factor > MaxWorkFactor {
			return fmt.Errorf("%w: the passphrase has a work factor of %d, where %d is spent", ErrCostly, factor, MaxWorkFactor)
		}
	}
	return nil
}

func kindOf(stanza string) Kind {
	switch stanza {
	case "mlkem768x25519":
		return KindHybrid
	case "X25519":
		return KindX25519
	case "ssh-ed25519", "ssh-rsa":
		return KindSSH
	case "scrypt":
		return KindPassphrase
	}
	return KindOther
}

func (k *ring) unwrapScrypt(stanzas []*age.Stanza) ([]byte, error) {
	if len(k.keys.Passphrase) == 0 {
		return nil, age.ErrIncorrectIdentity
	}
	identity, err := age.NewScryptIdentity(string(k.keys.Passphrase))
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(MaxWorkFactor)
	if k.keys.Turn != nil {
		k.keys.Turn.Lock()
		defer k.keys.Turn.Unlock()
	}
	fileKey, err := identity.Unwrap(stanzas)
	k.wrong = errors.Is(err, age.ErrIncorrectIdentity)
	return fileKey, err
}

// explain gives an error of age the name that this package has for it.
func (k *ring) explain(err error) error {
	switch {
	case k.refused != nil:
		return k.refused
	case k.wrong:
		return fmt.Errorf("%w: it is not the one that it was locked with", ErrPassphrase)
	case errors.Is(err, age.ErrIncorrectIdentity):
		return &NoKeyError{Info: k.info}
	case errors.Is(err, ErrFormat), errors.Is(err, ErrCostly):
		return err
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}

// capped ends the reading of a header that is too long. Once the header is read it passes everything.
type capped struct {
	r    io.Reader
	left int
	open bool
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if c.open {
		return c.r.Read(p)
	}
	if c.left == 0 {
		return 0, fmt.Errorf("%w: its header has more than %d bytes", ErrCostly, MaxHeader)
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

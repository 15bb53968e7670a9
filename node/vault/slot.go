package vault

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// keySize is the length of every key here in bytes.
const keySize = 32

// The versions of the file that this program knows. A file has the lowest that can say what it says: the second knows slots of the
// keyring, the third generations.
const (
	keyslotsVersion           = 3
	keyslotsVersionKeyring    = 2
	keyslotsVersionGeneration = 3
)

type slotKind uint8

const (
	slotPassphrase slotKind = 1
	slotKeyFile    slotKind = 2
	slotKeyring    slotKind = 3
)

// keyslots is the decoded file. Its bytes are kept because mac and sum are over exactly what was read.
type keyslots struct {
	body slotsBody
	file slotsFile
}

type slotsFile struct {
	_    struct{} `cbor:",toarray"`
	Body []byte
	MAC  [sha256.Size]byte
	Sum  [sha256.Size]byte
}

type slotsBody struct {
	Version    uint64   `cbor:"1,keyasint"`
	ID         [16]byte `cbor:"2,keyasint"`
	Slots      []slot   `cbor:"3,keyasint"`
	Generation uint64   `cbor:"4,keyasint,omitempty"` // how often the data key was replaced
}

type slot struct {
	_       struct{} `cbor:",toarray"`
	Header  []byte
	Nonce   [chacha20poly1305.NonceSizeX]byte
	Wrapped [keySize + chacha20poly1305.Overhead]byte
}

type slotHeader struct {
	Kind slotKind    `cbor:"1,keyasint"`
	Salt [16]byte    `cbor:"2,keyasint"`
	Cost *Parameters `cbor:"3,keyasint,omitempty"`
}

// Parameters are the cost of trying one passphrase: argon2id's passes, memory and threads.
type Parameters struct {
	_       struct{} `cbor:",toarray"`
	Time    uint32   // passes over the memory
	Memory  uint32   // KiB
	Threads uint8    // lanes
}

func (p Parameters) check() error {
	if p.Time < 1 || p.Time > maxArgonTime || p.Threads < 1 || p.Threads > maxArgonLanes ||
		p.Memory < minArgonMemory*uint32(p.Threads) || p.Memory > maxArgonMemory {
		return fmt.Errorf("argon2id with %d passes, %d KiB and %d threads is out of bounds", p.Time, p.Memory, p.Threads)
	}
	return nil
}

// parseKeyslots decodes the file and checks everything that can be checked without a secret. Errors wrap ErrDamaged
// or ErrNewer.
func parseKeyslots(data []byte) (*keyslots, error) {
	var k keyslots
	if err := wire.Decode(data, &k.file); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if k.file.Sum != sum(k.file.Body, k.file.MAC) {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	if err := wire.Decode(k.file.Body, &k.body); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if k.body.Version > keyslotsVersion {
		return nil, fmt.Errorf("%w: keyslots version %d", ErrNewer, k.body.Version)
	}
	if k.body.Version < 1 || len(k.body.Slots) < 1 || len(k.body.Slots) > maxSlots {
		return nil, fmt.Errorf("%w: version %d with %d slots", ErrDamaged, k.body.Version, len(k.body.Slots))
	}
	for _, s := range k.body.Slots {
		if _, err := s.header(); err != nil {
			return nil, err
		}
	}
	if k.body.Version != k.body.lowestVersion() {
		return nil, fmt.Errorf("%w: version %d with what another says", ErrDamaged, k.body.Version)
	}
	return &k, nil
}

func (s slot) header() (slotHeader, error) {
	var h slotHeader
	if err := wire.Decode(s.Header, &h); err != nil {
		return h, fmt.Errorf("%w: slot: %v", ErrDamaged, err)
	}
	switch {
	case h.Kind == slotPassphrase && h.Cost != nil:
		if err := h.Cost.check(); err != nil {
			return h, fmt.Errorf("%w: slot: %v", ErrDamaged, err)
		}
	case (h.Kind == slotKeyFile || h.Kind == slotKeyring) && h.Cost == nil:
	default:
		return h, fmt.Errorf("%w: slot of kind %d", ErrDamaged, h.Kind)
	}
	return h, nil
}

// key derives the slot's key from a passphrase in NFC, or the secret of a key file or of the keyring.
func (h slotHeader) key(secret []byte) []byte {
	if h.Kind == slotPassphrase {
		return argon2.IDKey(secret, h.Salt[:], h.Cost.Time, h.Cost.Memory, h.Cost.Threads, keySize)
	}
	use := "key file"
	if h.Kind == slotKeyring {
		use = "keyring"
	}
	key, err := hkdf.Key(sha256.New, secret, h.Salt[:], string(keys.DomainStore)+"\x00"+use, keySize)
	if err != nil {
		panic(fmt.Sprintf("vault: HKDF of 32 bytes: %v", err))
	}
	return key
}

// wrap makes a slot that yields dataKey to secret.
func wrap(random io.Reader, id [16]byte, h slotHeader, secret, dataKey []byte) (slot, error) {
	var s slot
	if _, err := io.ReadFull(random, h.Salt[:]); err != nil {
		return s, err
	}
	if _, err := io.ReadFull(random, s.Nonce[:]); err != nil {
		return s, err
	}
	s.Header = wire.Encode(h)
	key := h.key(secret)
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return s, err
	}
	aead.Seal(s.Wrapped[:0], s.Nonce[:], dataKey, associated(id, s.Header))
	return s, nil
}

// unwrap returns the data key, or false if secret is not the slot's.
func (s slot) unwrap(id [16]byte, secret []byte) ([]byte, bool) {
	h, err := s.header()
	if err != nil {
		return nil, false
	}
	key := h.key(secret)
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, false
	}
	dataKey, err := aead.Open(nil, s.Nonce[:], s.Wrapped[:], associated(id, s.Header))
	return dataKey, err == nil
}

func associated(id [16]byte, header []byte) []byte {
	return slices.Concat([]byte(keys.DomainStore), []byte{0}, id[:], header)
}

// encodeKeyslots returns the file for a body whose slots all wrap dataKey. The version is set here.
func encodeKeyslots(b slotsBody, dataKey []byte) []byte {
	b.Version = b.lowestVersion()
	body := wire.Encode(b)
	mac := authenticate(body, dataKey)
	return wire.Encode(slotsFile{Body: body, MAC: mac, Sum: sum(body, mac)})
}

// lowestVersion returns the lowest version whose programs know what the body says. [STO-70]
func (b slotsBody) lowestVersion() uint64 {
	if b.Generation > 0 {
		return keyslotsVersionGeneration
	}
	for _, s := range b.Slots {
		if h, err := s.header(); err == nil && h.Kind == slotKeyring {
			return keyslotsVersionKeyring
		}
	}
	return 1
}

// authentic reports whether the whole file was written by who had dataKey.
func (k *keyslots) authentic(dataKey []byte) bool {
	want := authenticate(k.file.Body, dataKey)
	return hmac.Equal(want[:], k.file.MAC[:])
}

func authenticate(body, dataKey []byte) [sha256.Size]byte {
	key := derive(dataKey, "keyslots")
	h := hmac.New(sha256.New, key[:])
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil))
}

func sum(body []byte, mac [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat(body, mac[:]))
}

// derive returns the key for one use of the data key.
func derive(dataKey []byte, use string) [keySize]byte {
	key, err := hkdf.Key(sha256.New, dataKey, nil, string(keys.DomainStore)+"\x00"+use, keySize)
	if err != nil {
		panic(fmt.Sprintf("vault: HKDF of 32 bytes: %v", err))
	}
	return [keySize]byte(key)
}

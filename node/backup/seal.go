package backup

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"filippo.io/age"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Keys is what a reader has: what opens files, and what tells that the person's own devices wrote them. Keys of nothing are allowed
// where a function says so.
type Keys struct {
	identities []age.Identity
	mark       []byte // nil: nobody can tell who wrote what
	items      bool   // whether they open packs
}

// WordsKeys are those of the recovery words: they open everything, and tell who wrote it.
func WordsKeys(key keys.BackupKey) Keys {
	mark := key.Writer().Mark()
	return Keys{identities: []age.Identity{key.Identity()}, mark: mark[:], items: true}
}

// WriterKeys are those of a device that writes: they open lists, and no item.
func WriterKeys(writer keys.BackupWriter) Keys {
	mark := writer.Mark()
	return Keys{identities: []age.Identity{writer.Catalogue()}, mark: mark[:]}
}

// IdentityKeys are those of a further recipient: they open everything and cannot tell who wrote it, so that whoever knows the
// recipient can have written it.
func IdentityKeys(identities ...age.Identity) Keys { return Keys{identities: identities, items: true} }

// seal returns data as a file of age. [BAK-4]
func seal(data []byte, recipients []age.Recipient) ([]byte, error) {
	var sealed bytes.Buffer
	sealed.Grow(len(data) + len(data)>>11 + 4096*len(recipients))
	w, err := age.Encrypt(&sealed, recipients...)
	if err != nil {
		return nil, fmt.Errorf("backup: sealing: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("backup: sealing: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("backup: sealing: %w", err)
	}
	return sealed.Bytes(), nil
}

// open opens a file of age whole. The error is ErrOther when none of the keys is for it, and wraps ErrDamaged otherwise.
func (k Keys) open(sealed []byte) ([]byte, error) {
	if len(k.identities) == 0 {
		return nil, ErrOther
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), k.identities...)
	if err != nil {
		if _, other := errors.AsType[*age.NoIdentityMatchError](err); other {
			return nil, ErrOther
		}
		return nil, fmt.Errorf("%w: its header: %v", ErrDamaged, err)
	}
	data := bytes.NewBuffer(make([]byte, 0, len(sealed)))
	if _, err := data.ReadFrom(r); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return data.Bytes(), nil
}

// What is marked: the purpose goes into each mark. [BAK-5]
const (
	markMarker   = "marker"
	markIndex    = "index"
	markManifest = "snapshot"
	markItem     = "item"
)

// markOf is the HMAC-SHA256 of parts for a purpose, each part with its length before it. [BAK-5]
func markOf(key []byte, purpose string, parts ...[]byte) [sha256.Size]byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(string(keys.DomainBackup) + "\x00" + purpose + "\x00"))
	for _, part := range parts {
		n := uint64(len(part))
		mac.Write([]byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		mac.Write(part)
	}
	return [sha256.Size]byte(mac.Sum(nil))
}

// listFormat is the first byte of a list: its layout. [BAK-5]
const listFormat = 1

// marked is a list with its mark. [BAK-5]
type marked struct {
	_    struct{} `cbor:",toarray"`
	List []byte
	Mark [sha256.Size]byte
}

// sealList marks a list and seals it.
func sealList(mark []byte, purpose string, list []byte, recipients []age.Recipient) ([]byte, error) {
	list = append([]byte{listFormat}, list...)
	return seal(wire.Encode(marked{List: list, Mark: markOf(mark, purpose, list)}), recipients)
}

// openList opens what sealList wrote and holds it against its mark, if the keys can. Errors as of open, or ErrNewer.
func (k Keys) openList(sealed []byte, purpose string) ([]byte, error) {
	data, err := k.open(sealed)
	if err != nil {
		return nil, err
	}
	var m marked
	if err := wire.Decode(data, &m); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if !k.holds(m.Mark[:], purpose, m.List) {
		return nil, fmt.Errorf("%w: no device of the person wrote it", ErrDamaged)
	}
	if len(m.List) == 0 || m.List[0] != listFormat {
		return nil, ErrNewer
	}
	return m.List[1:], nil
}

// holds reports whether a mark, or the beginning of one, is that of parts; true if the keys cannot tell.
func (k Keys) holds(mark []byte, purpose string, parts ...[]byte) bool {
	if k.mark == nil {
		return true
	}
	want := markOf(k.mark, purpose, parts...)
	return hmac.Equal(mark, want[:len(mark)])
}

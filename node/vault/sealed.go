package vault

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/keys"
)

// WriteSealed writes the file name of this generation in the folder as WriteFile does, encrypted under a key of its own:
// XChaCha20-Poly1305 with a random nonce before it, and the name as associated data. [STO-71]
func (v *Vault) WriteSealed(name string, plain []byte) error {
	return v.folder.writeSealed(name, v.generation, v.Key("file "+name), plain)
}

func (f folder) writeSealed(name string, generation uint64, key [32]byte, plain []byte) error {
	defer clear(key[:])
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce) //nolint:errcheck // never fails
	return f.write(Named(name, generation), aead.Seal(nonce, nonce, plain, sealedName(name)))
}

// ReadSealed reads what WriteSealed wrote, at most max bytes of it: fs.ErrNotExist if there is none, ErrDamaged if it does not open.
func (v *Vault) ReadSealed(name string, max int64) ([]byte, error) {
	data, err := v.folder.read(Named(name, v.generation), max+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead)
	if err != nil {
		return nil, err
	}
	key := v.Key("file " + name)
	defer clear(key[:])
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, err
	}
	if len(data) < aead.NonceSize() {
		return nil, fmt.Errorf("%w: %s is too short", ErrDamaged, name)
	}
	plain, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], sealedName(name))
	if err != nil {
		return nil, fmt.Errorf("%w: %s does not open", ErrDamaged, name)
	}
	return plain, nil
}

func sealedName(name string) []byte { return []byte(string(keys.DomainStore) + "\x00file " + name) }

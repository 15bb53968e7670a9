package kv

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/durable"
)

// tallyFile lists what a store held at one moment, sealed. [STO-6]
const tallyFile = "TALLY"

// The engine's files that are told apart here.
const (
	manifestFile = "MANIFEST"
	registryFile = "KEYREGISTRY"
	discardFile  = "DISCARD"
	tableEnd     = ".sst"
	logEnd       = ".mem"
	valueEnd     = ".vlog"

	valueHead = 20 // bytes of a log of values that holds none
)

// engineFile are the names of the files that the engine keeps between two runs. What else lies in the folder it does not read.
var engineFile = regexp.MustCompile(`^([0-9]{1,10}\.(sst|mem|vlog)|` + manifestFile + `|` + registryFile + `|` + discardFile + `)$`)

// tally is what a store held.
type tally struct {
	number     uint64  // grows by one with each
	flushed    uint64  // the newest version that is in a table: what is newer lies in the engine's logs
	generation [8]byte // of the manifest
	files      []tallied
}

// tallied is one file. Of a file that only grows it is the part that there was.
type tallied struct {
	name string
	size int64
	sum  [sha256.Size]byte
}

const (
	tallyHead = 8 + 8 + 8
	tallyRow  = 1 + 8 + sha256.Size // and the name
	maxTally  = 64 << 20
)

func (t *tally) encode() []byte {
	data := binary.BigEndian.AppendUint64(nil, t.number)
	data = binary.BigEndian.AppendUint64(data, t.flushed)
	data = append(data, t.generation[:]...)
	for _, f := range t.files {
		data = append(append(data, byte(len(f.name))), f.name...)
		data = binary.BigEndian.AppendUint64(data, uint64(f.size))
		data = append(data, f.sum[:]...)
	}
	return data
}

// decodeTally is the way back: nil for what encode does not make.
func decodeTally(data []byte) *tally {
	if len(data) < tallyHead {
		return nil
	}
	t := &tally{number: binary.BigEndian.Uint64(data), flushed: binary.BigEndian.Uint64(data[8:])}
	copy(t.generation[:], data[16:])
	last := ""
	for rest := data[tallyHead:]; len(rest) > 0; {
		length := int(rest[0])
		if len(rest) < tallyRow+length {
			return nil
		}
		f := tallied{name: string(rest[1 : 1+length])}
		rest = rest[1+length:]
		f.size = int64(binary.BigEndian.Uint64(rest))
		rest = rest[8+copy(f.sum[:], rest[8:8+sha256.Size]):]
		if f.size < 0 || f.name <= last || !engineFile.MatchString(f.name) {
			return nil
		}
		last, t.files = f.name, append(t.files, f)
	}
	return t
}

// of returns what the tally says of a file.
func (t *tally) of(name string) (tallied, bool) {
	at, there := slices.BinarySearchFunc(t.files, name, func(f tallied, name string) int { return strings.Compare(f.name, name) })
	if !there {
		return tallied{}, false
	}
	return t.files[at], true
}

// sealed seals what one of the store's own files holds, bound to which it is. [STO-6] [STO-7]
func sealed(seal cipher.AEAD, file string, plain []byte) []byte {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	rand.Read(nonce)
	return seal.Seal(nonce, nonce, plain, []byte(file))
}

// unsealed is the way back.
func unsealed(seal cipher.AEAD, file string, data []byte) ([]byte, error) {
	if len(data) < chacha20poly1305.NonceSizeX {
		return nil, errors.New("too short")
	}
	return seal.Open(nil, data[:chacha20poly1305.NonceSizeX], data[chacha20poly1305.NonceSizeX:], []byte(file))
}

// writeTally puts a tally in the place of the one before, durably.
func writeTally(dir string, seal cipher.AEAD, t *tally) error {
	path := filepath.Join(dir, tallyFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("kv: writing the tally: %w", err)
	}
	_, err = f.Write(sealed(seal, tallyFile, t.encode()))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = durable.Folder(dir)
	}
	if err != nil {
		return fmt.Errorf("kv: writing the tally: %w", err)
	}
	return nil
}

// readTally returns the tally, or what is wrong with it.
func readTally(dir string, seal cipher.AEAD) (*tally, *Finding, error) {
	path := filepath.Join(dir, tallyFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Finding{tallyFile, "it is missing, and says which files are whole"}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("kv: reading the tally: %w", err)
	case info.Size() > maxTally:
		return nil, &Finding{tallyFile, "it was changed"}, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("kv: reading the tally: %w", err)
	}
	plain, err := unsealed(seal, tallyFile, data)
	if err != nil {
		return nil, &Finding{tallyFile, "it was changed"}, nil
	}
	t := decodeTally(plain)
	if t == nil {
		return nil, &Finding{tallyFile, "it cannot be read"}, nil
	}
	return t, nil, nil
}

// engineFiles returns the names of the engine's files in a folder, in order.
func engineFiles(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("kv: listing the store: %w", err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && engineFile.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// sum reads the first size bytes of a file, all of it if size is negative.
func sum(path string, size int64) (tallied, error) {
	f, err := os.Open(path)
	if err != nil {
		return tallied{}, err
	}
	defer f.Close()
	digest, from := sha256.New(), io.Reader(f)
	if size >= 0 {
		from = io.LimitReader(f, size)
	}
	t := tallied{name: filepath.Base(path)}
	if t.size, err = io.CopyBuffer(digest, struct{ io.Reader }{from}, make([]byte, 256<<10)); err != nil {
		return t, err
	}
	digest.Sum(t.sum[:0])
	return t, nil
}

// manifestGeneration names the manifest among those that the engine has written anew: a file of one generation only grows. It is the
// digest of the file's first record.
func manifestGeneration(dir string) (generation [8]byte, end int64, err error) {
	f, err := os.Open(filepath.Join(dir, manifestFile))
	if err != nil {
		return generation, 0, err
	}
	defer f.Close()
	head := make([]byte, 16) // magic, versions, length, checksum
	if _, err := io.ReadFull(f, head); err != nil {
		return generation, 0, nil //nolint:nilerr // a torn one is of no generation
	}
	record, err := io.ReadAll(io.LimitReader(f, int64(binary.BigEndian.Uint32(head[8:]))))
	if err != nil {
		return generation, 0, err
	}
	digest := sha256.Sum256(bytes.Join([][]byte{head, record}, nil))
	copy(generation[:], digest[:])
	return generation, int64(16 + len(record)), nil
}

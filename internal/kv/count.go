package kv

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// countFile says how far a store had come, sealed. [STO-7]
const countFile = "COUNT"

// count is how far a store has come. It is written over in place after each update and not synced: what a loss of power leaves of it
// is of an earlier moment, and says less, never what is not true.
type count struct {
	tally      uint64  // the tally is this one or a later one
	version    uint64  // the engine's version of the last update that was answered
	generation [8]byte // of the manifest
	manifest   int64   // how long that was at least
	state      state
}

type state uint8

const (
	opened state = iota // as a crash leaves it
	closed              // the tally names each file as it is
	// collecting: the engine moves large values, so that what is unreadable in its logs may be the torn end of that.
	collecting
	// skipped: an update failed in the engine, which may have left out a version.
	skipped
)

const countSize = 8 + 8 + 8 + 8 + 1

func (c count) encode() []byte {
	data := binary.BigEndian.AppendUint64(make([]byte, 0, countSize), c.tally)
	data = binary.BigEndian.AppendUint64(data, c.version)
	data = append(data, c.generation[:]...)
	data = binary.BigEndian.AppendUint64(data, uint64(c.manifest))
	return append(data, byte(c.state))
}

func decodeCount(data []byte) (c count, ok bool) {
	if len(data) != countSize || data[countSize-1] > byte(skipped) {
		return c, false
	}
	c = count{
		tally: binary.BigEndian.Uint64(data), version: binary.BigEndian.Uint64(data[8:]),
		manifest: int64(binary.BigEndian.Uint64(data[24:])), state: state(data[32]),
	}
	copy(c.generation[:], data[16:])
	return c, c.manifest >= 0
}

// openCount opens the file, or makes it.
func openCount(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, countFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("kv: opening the count: %w", err)
	}
	return f, nil
}

// writeCount writes over what the file says.
func writeCount(f *os.File, seal cipher.AEAD, c count, sync bool) error {
	_, err := f.WriteAt(sealed(seal, countFile, c.encode()), 0)
	if err == nil && sync {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("kv: writing the count: %w", err)
	}
	return nil
}

// readCount returns what the file says, or what is wrong with it.
func readCount(dir string, seal cipher.AEAD) (c count, found *Finding, err error) {
	f, err := os.Open(filepath.Join(dir, countFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, &Finding{countFile, "it is missing, and says how far the store had come"}, nil
	}
	if err != nil {
		return c, nil, fmt.Errorf("kv: reading the count: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return c, nil, fmt.Errorf("kv: reading the count: %w", err)
	}
	plain, err := unsealed(seal, countFile, data)
	if err != nil {
		return c, &Finding{countFile, "it was changed"}, nil
	}
	c, ok := decodeCount(plain)
	if !ok {
		return c, &Finding{countFile, "it cannot be read"}, nil
	}
	return c, nil, nil
}

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"muster.example/internal/envelope"
)

// makeArchiveKey makes a key and a file that holds it, durably.
func makeArchiveKey(path string) (key envelope.ArchivePrivate, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return key, fmt.Errorf("making the file of the private key: %w", err)
	}
	key, err = envelope.GenerateArchiveKey(rand.Reader)
	if err == nil {
		_, err = file.Write(key.File())
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return key, errors.Join(fmt.Errorf("writing the private key: %w", err), os.Remove(path))
	}
	return key, nil
}

// readSmall reads a file of at most max bytes.
func readSmall(path string, max int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("%s has more than %d bytes", path, max)
	}
	return data, err
}

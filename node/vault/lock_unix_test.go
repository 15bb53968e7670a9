//go:build unix

package vault

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A folder is handed over without being anybody else's in between.
func TestHandOver(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, dir, passphrase("p"))
	file, err := v.HandOver()
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.Dup(int(file.Fd())) // as the next program finds it
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	if _, err := Hold(dir); !errors.Is(err, ErrInUse) {
		t.Fatalf("while it is handed over it is free: %v", err)
	}
	h, err := TakeOver(dir, os.NewFile(uintptr(number), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("taken over it is free: %v", err)
	}
	h.Close()
	if h, err = Hold(dir); err != nil {
		t.Fatalf("given back it is not free: %v", err)
	}
	h.Close()
}

func TestTakeOverRefusesAnotherFile(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir, passphrase("p")).Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TakeOver(dir, file); err == nil {
		t.Error("any file serves as the lock")
	}
}

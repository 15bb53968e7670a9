//go:build unix

package main

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"muster.example/node/api"
)

// TestOnlyPlainFilesAreRead: a pipe that nobody writes to, a folder and a name with nothing behind it are refused, with what to say of them.
func TestOnlyPlainFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]api.Code{pipe: api.CodeUsage, dir: api.CodeUsage, filepath.Join(dir, "none"): api.CodeNotFound} {
		_, err := openFile(path)
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("opening %s: %v, not %s", filepath.Base(path), err, code)
		}
		if _, err := bundleFiles([]string{path}); err == nil {
			t.Errorf("%s is taken for bundles", filepath.Base(path))
		}
	}
}

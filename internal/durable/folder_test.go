package durable_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"testing"

	"muster.example/internal/durable"
)

func TestFolder(t *testing.T) {
	if err := durable.Folder(t.TempDir()); err != nil {
		t.Error(err)
	}
	gone := durable.Folder(filepath.Join(t.TempDir(), "none"))
	if runtime.GOOS != "windows" && !errors.Is(gone, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", gone)
	}
}

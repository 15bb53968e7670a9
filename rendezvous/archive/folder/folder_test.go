package folder_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"muster.example/rendezvous/archive/folder"
	"muster.example/rendezvous/archive/storage"
	"muster.example/rendezvous/archive/storage/storagetest"
)

func open(t *testing.T, path string) *folder.Folder {
	t.Helper()
	f, err := folder.OpenToWrite(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestFolder(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Storage { return open(t, filepath.Join(t.TempDir(), "a", "b")) })
}

// Files are read-only, and what a killed process left without a name is gone at the next start. [ARC-47]
func TestFilesAreReadOnly(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if err := f.Create(t.Context(), "a/1", []byte("one")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "a", "1"))
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Fatalf("%v, %v", info, err)
	}
	half := filepath.Join(dir, ".incoming", "77-0")
	if err := os.WriteFile(half, []byte("hal"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was half written is still there: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, ".incoming")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Who made a file writable, or put something else there, is seen. [ARC-47]
func TestTouchedFilesShow(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for _, name := range []string{"a/1", "a/2", "a/3"} {
		if err := f.Create(t.Context(), name, []byte("one")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "a", "1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "a", "2")), os.Symlink("3", filepath.Join(dir, "a", "2"))); err != nil {
		t.Fatal(err)
	}
	touched := make(map[string]string)
	if err := f.List(t.Context(), "", "", func(o storage.Object) error { touched[o.Name] = o.Touched; return nil }); err != nil {
		t.Fatal(err)
	}
	if touched["a/1"] == "" || touched["a/2"] == "" || touched["a/3"] != "" {
		t.Errorf("%v", touched)
	}
}

func TestOpenToReadMakesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if _, err := folder.Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("reading made the folder")
	}
}

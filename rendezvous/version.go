package rendezvous

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster.example/internal/durable"
	"muster.example/internal/kv"
	"muster.example/rendezvous/queue"
)

// maxVersion is how much of a version is kept.
const maxVersion = 100

// compatible refuses a folder in a format of a newer program, before anything in it is opened, and says which program that
// was. [STO-1]
func compatible(dir string) error {
	err := kv.Compatible(filepath.Join(dir, storeFolder))
	if err == nil {
		err = queue.Compatible(filepath.Join(dir, queueFolder))
	}
	if err == nil {
		return nil
	}
	if text, failed := os.ReadFile(filepath.Join(dir, versionFile)); failed == nil {
		return fmt.Errorf("%w; version %.*q wrote it last", err, maxVersion, strings.TrimSpace(string(text)))
	}
	return err
}

// noteVersion keeps which program served the folder last, for who meets it with an older one.
func noteVersion(dir, version string) error {
	path := filepath.Join(dir, versionFile)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the version of the folder: %w", err)
	}
	version = fmt.Sprintf("%.*s", maxVersion, version)
	if version == "" || strings.TrimSpace(string(text)) == version {
		return nil
	}
	err = writeDurably(path+".new", []byte(version+"\n"))
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = durable.Folder(dir)
	}
	if err != nil {
		return fmt.Errorf("noting the version in the folder: %w", err)
	}
	return nil
}

package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"testing"
)

// What others wrote is served as they published it: each file is in the table, with its hash.
func TestFilesOfOthersAreAsPublished(t *testing.T) {
	const folder = "static/third_party"
	table, err := staticFiles.ReadFile(folder + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string) // hashes by name
	for line := range strings.Lines(string(table)) {
		if cells := strings.Split(line, "|"); len(cells) == 8 && strings.HasPrefix(cells[1], " `") {
			unquote := func(cell string) string { return strings.Trim(cell, " `") }
			listed[path.Join(folder, unquote(cells[1]), unquote(cells[4]))] = unquote(cells[5])
		}
	}
	if len(listed) == 0 {
		t.Error("the table lists nothing")
	}
	err = fs.WalkDir(staticFiles, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) == ".md" {
			return err
		}
		data, err := staticFiles.ReadFile(name)
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != listed[name] {
			t.Errorf("%s has the SHA-256 %s, and in the table %q", name, got, listed[name])
		}
		delete(listed, name)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for name := range listed {
		t.Errorf("%s is in the table and not there", name)
	}
}

//go:build unix

package vault

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// What was replaced is overwritten: the file that an open descriptor still leads to holds nothing any more.
func TestReplacedKeySlotsAreOverwritten(t *testing.T) {
	dir, _ := folderWithAllWays(t)
	v := mustOpen(t, dir, passphrase("p"))
	old, err := os.Open(filepath.Join(dir, keyslotsName))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	r, err := v.Renew(Secrets{Passphrase: []byte("p")})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Commit(nil); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, maxKeyslots)
	n, _ := old.ReadAt(data, 0)
	if n == 0 || !bytes.Equal(data[:n], make([]byte, n)) {
		t.Errorf("%d bytes of the old key slots are left", n)
	}
}

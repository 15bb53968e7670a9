package landing

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/sync/reconcile"
)

// Whatever a file holds, reading a frame of it ends, takes no more than is there, and gives what was written or nothing. [STO-43]
func FuzzFrame(f *testing.F) {
	seal, err := chacha20poly1305.NewX(make([]byte, chacha20poly1305.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	name, items, records := []byte("name"), []reconcile.Item{{Time: 7}}, [][]byte{[]byte("a record")}
	whole, _ := writeFrame(nil, seal, name, 0, items, records)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{0, 0, 0, 80, 3, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		file := bytes.NewReader(data)
		at, err := readHead(file, 0, int64(len(data)))
		if err != nil {
			if !errors.Is(err, errFrame) {
				t.Fatalf("%v does not wrap errFrame", err)
			}
			return
		}
		if at.size() > int64(len(data)) {
			t.Fatalf("a frame of %d bytes in %d", at.size(), len(data))
		}
		read, err := at.readItems(file, seal, name)
		list, failed := at.readRecords(file, seal, name)
		if (err == nil || failed == nil) && !bytes.HasPrefix(data, whole[:headSize]) {
			t.Errorf("%d items and %d records that nobody sealed", len(read), len(list))
		}
	})
}

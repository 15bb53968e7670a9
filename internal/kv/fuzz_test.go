package kv

import (
	"bytes"
	"crypto/aes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/internal/wire"
)

// engineKey opens the files of a store of a test as the engine's own data key does.
func engineKey(t testing.TB, dir string) []byte {
	t.Helper()
	i := inspection{dir: dir, engine: engineOptions(dir, testKey, Options{}), names: []string{registryFile}}
	registry, err := i.registry()
	if err != nil || registry == nil {
		t.Fatalf("%v, %v", err, i.found)
	}
	key, err := registry.DataKey(1)
	if err != nil {
		t.Fatal(err)
	}
	return key.Data
}

// killedStore is a small store as a crash leaves it, with a table and logs.
func killedStore(t testing.TB) (dir string, key []byte) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir, Options{})
	put(t, s, "in a table", strings.Repeat("x", 1000))
	s.Close()
	s = open(t, dir, Options{})
	put(t, s, "in a log", "value")
	put(t, s, "large", strings.Repeat("y", 70_000))
	dir = copyFolder(t, dir)
	s.Close()
	return dir, engineKey(t, dir)
}

func seedFiles(f *testing.F, dir, end string) {
	f.Helper()
	for _, name := range fileNames(f, dir) {
		if !strings.HasSuffix(name, end) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), filled(f, filepath.Join(dir, name))+100)])
	}
}

// Whatever a log holds, reading it ends, and goes no further than it is long.
func FuzzLog(f *testing.F) {
	dir, key := killedStore(f)
	seedFiles(f, dir, logEnd)
	seedFiles(f, dir, valueEnd)
	block, err := aes.NewCipher(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		log := &engineLog{data: data}
		if len(data) >= logHead {
			log.block = block
		}
		if r := log.replay(); r.end > len(data) || r.last < r.first || len(r.behind) > 2 {
			t.Errorf("%+v of %d bytes", r, len(data))
		}
		if end, _ := log.values(1 << 20); end > len(data) {
			t.Errorf("%d of %d bytes", end, len(data))
		}
	})
}

// Whatever a table holds, it is judged.
func FuzzTable(f *testing.F) {
	dir, key := killedStore(f)
	seedFiles(f, dir, tableEnd)
	f.Fuzz(func(t *testing.T, data []byte) {
		if version, err := checkTableBytes(data, key); err == nil && version == 0 {
			t.Error("a table that fits, of no version")
		}
	})
}

// What is read as a tally or a count is written again as the same bytes.
func FuzzTally(f *testing.F) {
	t := tally{number: 3, flushed: 9, files: []tallied{{name: "000001.sst", size: 5}, {name: manifestFile, size: 7}}}
	f.Add(t.encode())
	f.Add(count{tally: 3, version: 10, manifest: 7, state: closed}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if read := decodeTally(data); read != nil && !bytes.Equal(read.encode(), data) {
			t.Errorf("a tally of %d bytes is written as others", len(data))
		}
		if read, ok := decodeCount(data); ok && !bytes.Equal(read.encode(), data) {
			t.Errorf("a count of %d bytes is written as others", len(data))
		}
	})
}

// A change of a journal has one form, and whatever it says it sets only keys that are no store's own. [STO-91]
func FuzzChange(f *testing.F) {
	f.Add(wire.Encode([]entry{{Key: []byte("key"), Value: []byte("value")}, {Key: []byte("gone"), Gone: true}}))
	f.Add(wire.Encode([]entry{{Key: positionKey, Value: make([]byte, 8)}}))
	f.Add(wire.Encode([]entry{{Key: wholeKey, Value: []byte{1}}, {Key: wholeKey, Value: []byte{0, 0, 0, 0, 0, 0, 0, 9}}}))
	s := open(f, f.TempDir(), Options{Brief: true})
	f.Cleanup(func() { s.Close() })
	s.shared = &shared{}
	f.Fuzz(func(t *testing.T, data []byte) {
		var change []entry
		if wire.Decode(data, &change) != nil {
			return
		}
		if !bytes.Equal(wire.Encode(change), data) {
			t.Fatal("it has a second form")
		}
		position := s.shared.position + 1
		_, err := s.take(change, position, nil)
		for i := range change {
			if own := isOwn(change[i].Key) && !bytes.Equal(change[i].Key, wholeKey); own && err == nil {
				t.Errorf("it sets %q", change[i].Key)
			}
		}
		if at, failed := s.ownNumber(positionKey); failed != nil || err == nil && at != position {
			t.Errorf("the store is at %d, not %d: %v", at, position, failed)
		}
	})
}

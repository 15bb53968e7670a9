package landing_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/node/landing"
	"muster.example/sync/reconcile"
)

var (
	key = [32]byte{1}
	org = keys.OrgID{2}
)

func open(t *testing.T, dir string) *landing.Landing {
	t.Helper()
	l, err := landing.Open(dir, key, org)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// put puts a batch of records, and returns their items.
func put(t *testing.T, l *landing.Landing, name string, records, size int) (items []reconcile.Item, data [][]byte) {
	t.Helper()
	for i := range records {
		record := append([]byte(fmt.Sprint(name, " ", i, " ")), bytes.Repeat([]byte{'x'}, size)...)
		item := reconcile.Item{Time: uint64(1000 - i)}
		copy(item.ID[:], record)
		items, data = append(items, item), append(data, record)
	}
	if err := l.Put(items, data); err != nil {
		t.Fatal(err)
	}
	return items, data
}

// take takes the first batch out.
func take(t *testing.T, l *landing.Landing) *landing.Batch {
	t.Helper()
	b, err := l.First()
	if err != nil {
		t.Fatal(err)
	}
	if b != nil {
		if err := l.Done(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, filepath.Join(dir, entry.Name()))
	}
	return all
}

// What was put comes out in order, once, also after a crash, which is what opening without Close is. [STO-43]
func TestWhatWasPutComesOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[old", "landing") // the person's choice: no pattern
	l := open(t, dir)
	var want [][][]byte
	var items []reconcile.Item
	for i := range 5 {
		some, data := put(t, l, fmt.Sprint("batch ", i), 3+i, 100)
		want, items = append(want, data), append(items, some...)
	}
	if b := take(t, l); !slices.EqualFunc(b.Records, want[0], bytes.Equal) || !slices.Equal(b.Items, items[:3]) {
		t.Errorf("first came %q", b.Records)
	}
	if got, err := l.Items(0); err != nil || !slices.Equal(got, items[3:]) {
		t.Errorf("%d items, %v", len(got), err)
	}

	l = open(t, dir)
	if s := l.State(); s.Records != uint64(len(items)) { // the file is removed whole: what was taken in comes again
		t.Errorf("after a crash there are %d records", s.Records)
	}
	if got, _ := l.Items(998); len(got) != 15 {
		t.Errorf("%d items from 998 on", len(got))
	}
	for i := range want {
		if b := take(t, l); b == nil || !slices.EqualFunc(b.Records, want[i], bytes.Equal) {
			t.Errorf("batch %d is %v", i, b)
		}
	}
	if b := take(t, l); b != nil || l.State().Records != 0 || l.State().Bytes != 0 || len(files(t, dir)) != 0 {
		t.Errorf("in the end there are %v, %+v, %q", b, l.State(), files(t, dir))
	}
	put(t, l, "later", 1, 10)
	if b := take(t, l); b == nil {
		t.Error("nothing more can be put")
	}
}

// Of a file that a crash has cut off at any byte what was whole is there, and only that.
func TestCutOff(t *testing.T) {
	from := filepath.Join(t.TempDir(), "landing")
	l := open(t, from)
	var ends []int64
	for i := range 3 {
		put(t, l, fmt.Sprint(i), 2, 20)
		info, err := os.Stat(files(t, from)[0])
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, info.Size())
	}
	data, err := os.ReadFile(files(t, from)[0])
	if err != nil {
		t.Fatal(err)
	}
	for length := 0; length < len(data); length += 3 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(files(t, from)[0])), data[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, dir)
		whole := 0
		for whole < len(ends) && ends[whole] <= int64(length) {
			whole++
		}
		if got := l.State().Records; got != uint64(2*whole) {
			t.Fatalf("of %d bytes there are %d records, not %d", length, got, 2*whole)
		}
		put(t, l, "more", 1, 10)
		count := 0
		for b := take(t, l); b != nil; b = take(t, l) {
			count += len(b.Records)
		}
		if count != 2*whole+1 || len(files(t, dir)) != 0 {
			t.Fatalf("of %d bytes %d records came, and %q stays", length, count, files(t, dir))
		}
	}
}

// A byte that was changed takes away what it is in, and nothing comes out that was not put.
func TestDamage(t *testing.T) {
	from := filepath.Join(t.TempDir(), "landing")
	l := open(t, from)
	_, first := put(t, l, "one", 2, 20)
	_, second := put(t, l, "two", 2, 20)
	data, err := os.ReadFile(files(t, from)[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := range data {
		dir := t.TempDir()
		damaged := bytes.Clone(data)
		damaged[at] ^= 1
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(files(t, from)[0])), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, dir)
		for b := take(t, l); b != nil; b = take(t, l) {
			if b.Records != nil && !slices.EqualFunc(b.Records, first, bytes.Equal) && !slices.EqualFunc(b.Records, second, bytes.Equal) {
				t.Fatalf("with byte %d changed there comes %q", at, b.Records)
			}
		}
		if len(files(t, dir)) != 0 {
			t.Fatalf("with byte %d changed there stays %q", at, files(t, dir))
		}
	}
}

// Organizations and keys do not see one another's, and one's is removed without the other's. Names tell no organization.
func TestApart(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	put(t, l, "own", 1, 10)
	for _, other := range []struct {
		key [32]byte
		org keys.OrgID
	}{{key, keys.OrgID{3}}, {[32]byte{9}, org}} {
		o, err := landing.Open(dir, other.key, other.org)
		if err != nil || o.State().Records != 0 {
			t.Errorf("another sees %+v, %v", o.State(), err)
		}
		if err := landing.Remove(dir, other.key, other.org); err != nil {
			t.Error(err)
		}
	}
	if len(files(t, dir)) != 1 || bytes.Contains([]byte(files(t, dir)[0]), []byte(org.String())) {
		t.Errorf("there are %q", files(t, dir))
	}
	l.Close()
	if err := landing.Remove(dir, key, org); err != nil || len(files(t, dir)) != 0 {
		t.Errorf("there stays %q, %v", files(t, dir), err)
	}
}

// Files are begun anew when they are full, and removed as they become empty.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for i := range 5 {
		put(t, l, fmt.Sprint(i), 2, 4<<20)
	}
	if n := len(files(t, dir)); n != 3 {
		t.Errorf("there are %d files", n)
	}
	for i := range 5 {
		if b := take(t, l); b == nil || !bytes.HasPrefix(b.Records[0], fmt.Append(nil, i)) {
			t.Fatalf("batch %d came not in its turn", i)
		}
	}
	if n := len(files(t, dir)); n != 0 || l.State().Bytes != 0 {
		t.Errorf("there are %d files, %+v", n, l.State())
	}
}

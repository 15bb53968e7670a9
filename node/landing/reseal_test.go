package landing_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"muster.example/node/landing"
)

// What is put under another key comes out there in the same order, and opens under no other. A batch that is damaged is left out.
func TestReseal(t *testing.T) {
	from, to, next := filepath.Join(t.TempDir(), "landing"), filepath.Join(t.TempDir(), "landing-1"), [32]byte{9}
	l := open(t, from)
	var want [][][]byte
	for _, name := range []string{"a", "b", "c"} {
		_, data := put(t, l, name, 3, 100)
		want = append(want, data)
	}
	l.Close()
	path := files(t, from)[0]
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[2*len(text)/3-20] ^= 1 // in the records of the second
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := landing.Reseal(from, key, to, next, org); err != nil {
		t.Fatal(err)
	}
	other, err := landing.Open(to, key, org)
	if err != nil || other.State().Records != 0 {
		t.Errorf("under the old key: %+v, %v", other.State(), err)
	}
	fresh, err := landing.Open(to, next, org)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fresh.Close() })
	var got [][][]byte
	for b := take(t, fresh); b != nil; b = take(t, fresh) {
		got = append(got, b.Records)
	}
	if !reflect.DeepEqual(got, [][][]byte{want[0], want[2]}) {
		t.Errorf("%d batches came out, want the first and the third", len(got))
	}
	if again := open(t, from); again.State().Records != 9 {
		t.Errorf("%d records are left where they were", again.State().Records)
	}
	// Nothing is made for an organization of which nothing lies there.
	none := filepath.Join(t.TempDir(), "none")
	if err := landing.Reseal(none, key, none+"-1", next, org); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(none + "-1"); err == nil {
		t.Error("a folder was made for nothing")
	}
}

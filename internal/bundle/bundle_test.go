package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster.example/internal/keys"
)

var (
	testOrg  = keys.OrgID{1}
	testSalt = [saltSize]byte{7}
)

func testKey(t testing.TB, org keys.OrgID) Key {
	t.Helper()
	k, err := NewKey(org, []byte("founding entry of "+fmt.Sprint(org[0])))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func write(t testing.TB, k Key, items ...Item) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, k, testSalt, 0)
	for _, item := range items {
		if err := w.Put(item); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// read returns the bodies of a part's items.
func read(data []byte, keys ...Key) (bodies []string, r *Reader, err error) {
	r = NewReader(bytes.NewReader(data), keys...)
	for {
		item, err := r.Next()
		if errors.Is(err, io.EOF) {
			return bodies, r, nil
		} else if err != nil {
			return bodies, r, err
		}
		bodies = append(bodies, string(item.Body))
	}
}

func someItems() []Item {
	return []Item{{KindCarried, []byte("one")}, {KindReceipt, []byte("two")}, {KindCarried, bytes.Repeat([]byte("three"), 200)}, {99, nil}}
}

func bodiesOf(items []Item) (all []string) {
	for _, item := range items {
		all = append(all, string(item.Body))
	}
	return all
}

// [CAR-10] [CAR-11] [CAR-12]
func TestItemsComeBack(t *testing.T) {
	k := testKey(t, testOrg)
	data := write(t, k, someItems()...)
	for name, src := range map[string]io.Reader{"whole": bytes.NewReader(data), "byte by byte": iotest.OneByteReader(bytes.NewReader(data))} {
		r := NewReader(src, testKey(t, keys.OrgID{2}), k)
		for _, want := range someItems() {
			got, err := r.Next()
			if err != nil || got.Kind != want.Kind || !bytes.Equal(got.Body, want.Body) {
				t.Fatalf("%s: %v %q, %v", name, got.Kind, got.Body, err)
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v at the end", name, err)
		}
		if named, places := r.Damage(); len(named) > 0 || places > 0 || r.Org().Org != testOrg {
			t.Errorf("%s: damage %v", name, named)
		}
	}
	if _, _, err := read(data, testKey(t, keys.OrgID{2})); !errors.Is(err, ErrForeign) {
		t.Errorf("another organization reads it: %v", err)
	}
}

// TestTruncatedAnywhereGivesWhatIsWhole cuts a part at every byte. [CAR-17]
func TestTruncatedAnywhereGivesWhatIsWhole(t *testing.T) {
	k, items := testKey(t, testOrg), someItems()
	data := write(t, k, items...)
	var ends []int
	for at, i := 0, 0; i < len(items); i++ {
		at += int(Frame(len(items[i].Body)))
		ends = append(ends, at)
	}
	for n := range data {
		whole := 0
		for whole < len(ends) && ends[whole] <= n {
			whole++
		}
		got, r, err := read(data[:n], k)
		if whole == 0 {
			if !errors.Is(err, ErrForeign) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, bodiesOf(items[:whole])) {
			t.Fatalf("%d bytes: %d items, %v", n, len(got), err)
		}
		named, _ := r.Damage()
		if exact := n == ends[whole-1]; exact != (len(named) == 0) || !exact && (!named[0].Cut || named[0].From != int64(ends[whole-1])) {
			t.Fatalf("%d bytes: damage %+v", n, named)
		}
	}
}

// TestFlippedBytesCostOneItem changes each byte of a part, one at a time. [CAR-17]
func TestFlippedBytesCostOneItem(t *testing.T) {
	k, items := testKey(t, testOrg), someItems()
	data := write(t, k, items...)
	for n := range data {
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(data)
			bad[n] ^= bit
			got, r, err := read(bad, k)
			lost, at := 0, 0
			for ; at+int(Frame(len(items[lost].Body))) <= n; lost++ {
				at += int(Frame(len(items[lost].Body)))
			}
			want := slices.Delete(bodiesOf(items), lost, lost+1)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("byte %d: %d items, %v", n, len(got), err)
			}
			if named, places := r.Damage(); places != 1 || named[0].From != int64(at) || named[0].To != int64(at)+Frame(len(items[lost].Body)) {
				t.Fatalf("byte %d: damage %+v", n, named)
			}
		}
	}
}

// TestGarbageBetweenFrames: what a file system put between, or in front, is named and passed over.
func TestGarbageBetweenFrames(t *testing.T) {
	k := testKey(t, testOrg)
	one, two := write(t, k, Item{KindCarried, []byte("one")}), write(t, k, Item{KindCarried, []byte("two")})
	data := slices.Concat(magic[:], []byte("garbage"), magic[:3], one, make([]byte, 100_000), magic[:], two, []byte{1})
	got, r, err := read(data, k)
	if err != nil || !slices.Equal(got, []string{"one", "two"}) {
		t.Fatal(got, err)
	}
	if named, places := r.Damage(); places != 3 || !named[2].Cut || named[0].Cut {
		t.Errorf("damage %+v", named)
	}
}

// TestHostileFileIsGivenUp holds ever more beginnings of frames that are none. [CAR-15]
func TestHostileFileIsGivenUp(t *testing.T) {
	k := testKey(t, testOrg)
	var nonce [nonceSize]byte
	evil := appendFrame(nil, nonce, make([]byte, MaxItem))
	evil[10] ^= 1
	data := append(write(t, k, Item{KindCarried, []byte("one")}), bytes.Repeat(evil[:headSize], 4000)...)
	data = append(data, make([]byte, MaxItem+1)...)
	if got, _, err := read(data, k); !errors.Is(err, ErrHostile) || len(got) != 1 {
		t.Errorf("%d items, %v", len(got), err)
	}
	if err := NewWriter(io.Discard, k, testSalt, 0).Put(Item{KindCarried, make([]byte, MaxItem+1)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an item beyond the cap: %v", err)
	}
}

// TestOutlineOfWhatBrokeOff: who has no key sees what is whole of a part, and the same items have the same tags. [CAR-13] [CAR-18]
func TestOutlineOfWhatBrokeOff(t *testing.T) {
	k, items := testKey(t, testOrg), someItems()
	data := write(t, k, items...)
	w := NewWriter(io.Discard, k, testSalt, 0)
	for n := range data {
		o, err := ReadOutline(bytes.NewReader(data[:n]))
		if err != nil || o.Size > int64(n) {
			t.Fatal(n, err)
		}
		for i, tag := range o.Tags {
			if tag != w.Tag(items[i]) {
				t.Fatalf("%d bytes: tag %d is another", n, i)
			}
		}
		if again := append(bytes.Clone(data[:o.Size]), write(t, k, items[len(o.Tags):]...)...); !bytes.Equal(again, data) {
			t.Fatalf("%d bytes: what goes on behind them is another part", n)
		}
	}
	other := NewWriter(io.Discard, k, [saltSize]byte{8}, 0)
	if other.Tag(items[0]) == w.Tag(items[0]) {
		t.Error("the same item has the same tag in two bundles: who finds both sees it")
	}
}

// TestFollowerSeesWhatAReaderSees, in whatever pieces a part is written. [CAR-18]
func TestFollowerSeesWhatAReaderSees(t *testing.T) {
	data := write(t, testKey(t, testOrg), someItems()...)
	for _, piece := range []int{1, headSize - 1, headSize, headSize + 1, len(data)} {
		var f Follower
		for n := 0; n <= len(data); n += piece {
			want, err := ReadOutline(bytes.NewReader(data[:n]))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, f.Outline(), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("pieces of %d, %d bytes: %s", piece, n, diff)
			}
			if m, err := f.Write(data[n:min(n+piece, len(data))]); err != nil || m != min(piece, len(data)-n) {
				t.Fatal(m, err)
			}
		}
	}
	if _, err := new(Follower).Write(make([]byte, headSize)); err == nil {
		t.Error("zeros were taken for a frame")
	}
}

// [CAR-16]
func TestAboutIsItsMakersWord(t *testing.T) {
	maker := keys.FromSeed([32]byte{3})
	item, err := About{Made: 12, Salt: testSalt, Part: 2, For: []keys.MemberID{{4}}}.Sign(testOrg, maker)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenAbout(item.Body, testOrg); err != nil || got.Maker != maker.Public() || got.Part != 2 || got.Salt != testSalt || len(got.For) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := OpenAbout(item.Body, keys.OrgID{9}); !errors.Is(err, ErrMalformed) {
		t.Errorf("in another organization: %v", err)
	}
	item.Body[len(item.Body)-1] ^= 1
	if _, err := OpenAbout(item.Body, testOrg); !errors.Is(err, ErrMalformed) {
		t.Errorf("with another signature: %v", err)
	}
	if _, err := (About{Part: 1, For: make([]keys.MemberID, MaxFor+1)}).Sign(testOrg, maker); !errors.Is(err, ErrMalformed) {
		t.Errorf("for too many: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	k := testKey(f, testOrg)
	f.Add(write(f, k, someItems()...))
	f.Add(append([]byte("x"), write(f, k, someItems()[:1]...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := read(data, k)
		if err != nil && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrHostile) {
			t.Fatal(err)
		}
		whole := 0
		for _, body := range got {
			whole += int(Frame(len(body)))
		}
		if whole > len(data) {
			t.Fatal("more items than there are bytes")
		}
		if _, err := ReadOutline(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzItems(f *testing.F) {
	item, err := About{Made: 12, Part: 1}.Sign(testOrg, keys.FromSeed([32]byte{3}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(item.Body)
	f.Add(End{Items: 3}.Item().Body)
	f.Add(Roll{Entries: [][]byte{{1}}}.Item().Body)
	f.Add(Prekey{Signed: []byte{1}}.Item().Body)
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := OpenEnd(data); err == nil && !bytes.Equal(e.Item().Body, data) {
			t.Fatal("an end encodes otherwise")
		}
		if r, err := OpenRoll(data); err == nil && !bytes.Equal(r.Item().Body, data) {
			t.Fatal("a roll encodes otherwise")
		}
		if p, err := OpenPrekey(data); err == nil && !bytes.Equal(p.Item().Body, data) {
			t.Fatal("a prekey encodes otherwise")
		}
		_, _ = OpenAbout(data, testOrg)
	})
}

package segment

import (
	"bytes"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

var (
	testOrg = keys.OrgID{7}
	service = keys.FromSeed([32]byte{1})
	other   = keys.FromSeed([32]byte{2})
	node    = keys.FromSeed([32]byte{3}).Public()
)

// archiveKey returns a key of the archive.
func archiveKey(t testing.TB, seed byte) hpke.PrivateKey {
	t.Helper()
	private, err := hpkeKEM.NewPrivateKey(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// some returns items with the texts as bodies.
func some(texts ...string) (items []Named) {
	for i, text := range texts {
		items = append(items, Named{ID: keys.EnvelopeID{byte(i + 1), byte(len(text))},
			Item: Item{Arrived: int64(1000 + i), Kind: 1, From: node, Body: []byte(text)}})
	}
	return items
}

func mustWrite(t testing.TB, w Writing) ([]byte, SignedHead) {
	t.Helper()
	if w.Key == nil {
		w.Key = archiveKey(t, 1).PublicKey().Bytes()
	}
	data, head, err := Write(service, w)
	if err != nil {
		t.Fatal(err)
	}
	return data, head
}

func begin() Head { return Begin(testOrg, service.Public()) }

// What was written is read, follows the chain, and opens with the key; the names of nobody are in it. [ARC-40] [ARC-43] [ARC-45]
func TestAChainOfTwo(t *testing.T) {
	private := archiveKey(t, 1)
	head, texts := begin(), [][]string{{"plain words", ""}, {"more of them"}}
	for i, list := range texts {
		items := some(list...)
		data, next := mustWrite(t, Writing{After: head, Number: uint64(i + 1), Made: 99, Items: items})
		if bytes.Contains(data, []byte("words")) || bytes.Contains(data, node[:]) {
			t.Error("what an item says is in the clear")
		}
		read, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Follows(head); err != nil {
			t.Error(err)
		}
		if read.Surplus() != 0 || read.Head.Text() != next.Text() {
			t.Errorf("%d bytes too many, head %v", read.Surplus(), read.Head.Head)
		}
		opener, err := read.Opener(private)
		if err != nil {
			t.Fatal(err)
		}
		for place, item := range items {
			got, err := opener.Open(place)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(item, got, cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) })); diff != "" {
				t.Error(diff)
			}
		}
		head = next.Head
	}
	if head.Number != 2 || head.Items != 3 {
		t.Errorf("the chain ends at %+v", head)
	}
}

// Another key opens nothing, and says so before anything is tried. [ARC-43]
func TestAnotherKeyOpensNothing(t *testing.T) {
	data, _ := mustWrite(t, Writing{After: begin(), Number: 1, Items: some("words")})
	read, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read.Opener(archiveKey(t, 2)); !errors.Is(err, ErrKey) {
		t.Errorf("another key: %v", err)
	}
	read.Number = 2 // as if the same items had been put under another number
	opener, err := read.Opener(archiveKey(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opener.Open(0); !errors.Is(err, ErrOpen) {
		t.Errorf("the seal is not bound to its segment: %v", err)
	}
}

// A damaged item is that item alone; what is cut off is missing. [ARC-42]
func TestDamageIsOfOneItem(t *testing.T) {
	data, _ := mustWrite(t, Writing{After: begin(), Number: 1, Items: some("one", "two", "three")})
	whole, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	itemsAt := len(data) - len(whole.items)
	state := func(data []byte) (all []error) {
		read, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		for place := range read.Items {
			_, err := read.Sealed(place)
			all = append(all, err)
		}
		return all
	}
	changed := bytes.Clone(data)
	changed[itemsAt+whole.start[1]+3] ^= 1
	if got := state(changed); got[0] != nil || !errors.Is(got[1], ErrDamaged) || got[2] != nil {
		t.Errorf("a changed item: %v", got)
	}
	if got := state(data[:len(data)-1]); got[0] != nil || got[1] != nil || !errors.Is(got[2], ErrMissing) {
		t.Errorf("a byte cut off: %v", got)
	}
	read, err := Parse(append(bytes.Clone(data), 0))
	if err != nil || read.Surplus() != 1 {
		t.Errorf("a byte more: %v", err)
	}
}

// Every single bit of what comes before the items is covered. [ARC-41] [ARC-44]
func TestNoBitOfIndexAndHeadChangesUnseen(t *testing.T) {
	data, _ := mustWrite(t, Writing{After: begin(), Number: 1, Items: some("one", "two")})
	whole, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(data) - len(whole.items) {
		changed := bytes.Clone(data)
		changed[i] ^= 1 << (i % 8)
		if _, err := Parse(changed); !errors.Is(err, ErrForm) && !errors.Is(err, ErrSignature) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
}

// [ARC-45]
func TestWhatDoesNotFollow(t *testing.T) {
	_, first := mustWrite(t, Writing{After: begin(), Number: 1, Items: some("one")})
	data, _ := mustWrite(t, Writing{After: first.Head, Number: 2, Items: some("two")})
	read, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(h *Head){
		"another organization": func(h *Head) { h.Org = keys.OrgID{8} },
		"another service":      func(h *Head) { h.Service = other.Public() },
		"another number":       func(h *Head) { h.Number++ },
		"another hash":         func(h *Head) { h.Segment[0] ^= 1 },
		"another count":        func(h *Head) { h.Items++ },
		"the beginning":        func(h *Head) { *h = begin() },
	} {
		head := first.Head
		change(&head)
		if err := read.Follows(head); !errors.Is(err, ErrChain) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := read.Follows(first.Head); err != nil {
		t.Error(err)
	}
}

// A name that somebody else has taken is passed over, and the segment says so. [ARC-45]
func TestANumberIsPassedOver(t *testing.T) {
	_, first := mustWrite(t, Writing{After: begin(), Number: 1, Items: some("one")})
	data, head := mustWrite(t, Writing{After: first.Head, Number: 4, Items: some("two")})
	read, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if read.Before != 1 || head.Number != 4 || read.Follows(first.Head) != nil {
		t.Errorf("segment %d behind %d: %v", read.Number, read.Before, read.Follows(first.Head))
	}
}

func TestWriteRefuses(t *testing.T) {
	public := archiveKey(t, 1).PublicKey().Bytes()
	big := some("")
	big[0].Body = make([]byte, MaxBody+1)
	for name, c := range map[string]struct {
		identity keys.PrivateKey
		w        Writing
		want     error
	}{
		"no item":         {service, Writing{After: begin(), Number: 1, Key: public}, ErrForm},
		"too many items":  {service, Writing{After: begin(), Number: 1, Key: public, Items: some(make([]string, MaxItems+1)...)}, ErrForm},
		"a large item":    {service, Writing{After: begin(), Number: 1, Key: public, Items: big}, ErrTooLarge},
		"no key":          {service, Writing{After: begin(), Number: 1, Key: public[1:], Items: some("a")}, ErrForm},
		"another service": {other, Writing{After: begin(), Number: 1, Key: public, Items: some("a")}, ErrSignature},
		"number 0":        {service, Writing{After: begin(), Key: public, Items: some("a")}, ErrForm},
	} {
		if _, _, err := Write(c.identity, c.w); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// [ARC-44]
func TestHeadText(t *testing.T) {
	_, head := mustWrite(t, Writing{After: begin(), Number: 1, Items: some("one")})
	got, err := ParseHead(head.Text())
	if err != nil || got.Head != head.Head {
		t.Fatalf("%v, %v", got.Head, err)
	}
	forged := head.Head
	forged.Number = 2
	body := wire.Encode(forged)
	bad := wire.Encode(signedWire{Body: body, Signature: other.Sign(keys.DomainArchiveHead, testOrg, body)})
	if _, err := OpenHead(bad); !errors.Is(err, ErrSignature) {
		t.Errorf("a head signed by another: %v", err)
	}
	for _, text := range []string{"", head.Text()[1:], head.Text() + "=", strings.Replace(head.Text(), "muster", "Muster", 1), head.Text()[:60]} {
		if _, err := ParseHead(text); !errors.Is(err, ErrForm) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// resign puts another index into a segment, signed as if the service had written it.
func resign(t testing.TB, data []byte, change func(x *Index)) []byte {
	t.Helper()
	read, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	index := read.Index
	index.Items = slices.Clone(index.Items)
	change(&index)
	encoded := wire.Encode(index)
	head := Head{Org: index.Org, Service: index.Service, Number: index.Number, Segment: hashOf(encoded), Items: index.Last(),
		Made: index.Made}.sign(service)
	out := append([]byte(magic), lengths(encoded, head.Bytes)...)
	return append(append(append(out, encoded...), head.Bytes...), read.items...)
}

func FuzzParse(f *testing.F) {
	data, head := mustWrite(f, Writing{After: begin(), Number: 1, Items: some("one", "two")})
	f.Add(data)
	f.Add(resign(f, data, func(x *Index) { x.Items[0].Size += 1 << 20 }))
	f.Add([]byte(magic))
	f.Add(head.Bytes)
	f.Fuzz(func(t *testing.T, data []byte) {
		if head, err := OpenHead(data); err == nil {
			if again, err := ParseHead(head.Text()); err != nil || !bytes.Equal(again.Bytes, data) {
				t.Errorf("a head is not written as it was read: %v", err)
			}
		}
		read, err := Parse(data)
		if err != nil {
			return
		}
		for place := range read.Items {
			_, _ = read.Sealed(place)
		}
		indexSize := binary.BigEndian.Uint32(data[len(magic):])
		if encoded := wire.Encode(read.Index); !bytes.Equal(encoded, data[len(magic)+8:][:indexSize]) {
			t.Error("an index is not written as it was read")
		}
	})
}

// The plain form of an item is one. [ARC-42]
func FuzzItem(f *testing.F) {
	f.Add(wire.Encode(some("one")[0].Item))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, plain []byte) {
		item, err := parseItem(plain)
		if err != nil {
			if !errors.Is(err, ErrForm) {
				t.Fatalf("%v does not wrap ErrForm", err)
			}
			return
		}
		if item.Kind == 0 || len(item.Body) > MaxBody || !bytes.Equal(wire.Encode(item), plain) {
			t.Error("it has a second form, or is beyond the caps")
		}
	})
}

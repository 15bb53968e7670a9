package backup

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// samples are a pack's contents, the list of that pack, and that of a snapshot.
func samples() (c contents, x index, m *manifest) {
	b := builder{contents: contents{Repository: ID{1}, Made: 1_700_000_000_000}}
	for i := range 9 {
		e := Entry{Org: keys.OrgID{byte(i % 2)}, Kind: Kind(1 + i%3), ID: [32]byte{byte(i)}, Time: int64(i) << 40}
		b.add(e, make([]byte, i*i), make([]byte, markSize))
	}
	x = index{Pack: hash{2}, Size: 4000, Contents: wire.Encode(&b.contents)}
	kinds, newest := b.contents.summary()
	first := packLine{pack: hash{2}, index: hash{3}, size: 4000, items: 9, kinds: kinds, newest: newest, since: 5}
	first.kill(0)
	first.kill(8)
	second := packLine{pack: hash{4}, index: hash{5}, size: 1, items: 1, kinds: KindAccount.bit(), newest: 1}
	m = &manifest{Repository: ID{1}, Number: 7, Time: 1_700_000_000_000, Items: 8, Bytes: 100}
	m.Packs = appendLine(appendLine(nil, &first), &second)
	return b.contents, x, m
}

func TestListsAreReadAsWritten(t *testing.T) {
	c, x, m := samples()
	back, err := parseContents(wire.Encode(&c))
	if err != nil || back.count() != 9 || back.entry(8) != c.entry(8) || back.entry(8).Size != 64 || back.entry(8).Kind != KindPiece {
		t.Errorf("contents: %+v, %v", back, err)
	}
	if got, _, err := parseIndex(wire.Encode(x)); err != nil || got.Pack != x.Pack || got.Size != x.Size {
		t.Errorf("the list of a pack: %+v, %v", got, err)
	}
	got, lines, err := parseManifest(wire.Encode(m))
	if err != nil || len(lines) != 2 || got.Number != 7 || !lines[0].isDead(0) || lines[0].isDead(1) || !lines[0].isDead(8) || lines[1].isDead(0) {
		t.Errorf("the list of a snapshot: %+v, %v", lines, err)
	}
}

// Each thing that a list must not say is refused. [BAK-12]
func TestListsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*contents){
		"no items":             func(c *contents) { c.Entries = nil },
		"half an entry":        func(c *contents) { c.Entries = c.Entries[:entrySize/2] },
		"too many items":       func(c *contents) { c.Entries = bytes.Repeat(c.Entries[:entrySize], MaxPackItems+1) },
		"a class that is not":  func(c *contents) { c.Entries[32] = 200 },
		"a class twice":        func(c *contents) { c.Classes[1] = c.Classes[0] },
		"a class without kind": func(c *contents) { c.Classes[0].Kind = 0 },
		"too many classes":     func(c *contents) { c.Classes = append(c.Classes, manyClasses()...) },
		"a time below zero":    func(c *contents) { c.Entries[33] = 0x80 },
		"a body too large":     func(c *contents) { copy(c.Entries[41:], []byte{0, 0xc0, 0, 1}) },
		"more than a file has": func(c *contents) {
			copy(c.Entries[41:], []byte{0, 0xc0, 0, 0})
			c.Entries = bytes.Repeat(c.Entries[:entrySize], 6)
		},
		"made before all times": func(c *contents) { c.Made = 1 << 63 },
	} {
		c, _, _ := samples()
		change(&c)
		if _, err := parseContents(wire.Encode(&c)); !errors.Is(err, ErrDamaged) {
			t.Errorf("contents with %s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*manifest){
		"no number":         func(m *manifest) { m.Number = 0 },
		"a time below zero": func(m *manifest) { m.Time = 1 << 63 },
		"a wrong sum":       func(m *manifest) { m.Items++ },
		"a line cut off":    func(m *manifest) { m.Packs = m.Packs[:len(m.Packs)-1] },
		"a bitmap cut off":  func(m *manifest) { m.Packs = m.Packs[:lineSize+1] },
		"packs out of order": func(m *manifest) {
			m.Packs = append(bytes.Clone(m.Packs[lineSize+2:]), m.Packs[:lineSize+2]...)
		},
		"a pack too large":     func(m *manifest) { m.Packs[20] = 0xff },
		"a pack without items": func(m *manifest) { clear(m.Packs[44:48]) },
		"all of a pack dead":   func(m *manifest) { m.Packs[71] = 9 },
		"a bit too many":       func(m *manifest) { m.Packs[lineSize] |= 2 },
		"a bit behind the end": func(m *manifest) { m.Packs[lineSize+1] = 2 },
		"newest below zero":    func(m *manifest) { m.Packs[52] = 0x80 },
		"since below zero":     func(m *manifest) { m.Packs[60] = 0x80 },
	} {
		_, _, m := samples()
		change(m)
		if _, _, err := parseManifest(wire.Encode(m)); !errors.Is(err, ErrDamaged) {
			t.Errorf("a snapshot with %s: %v", name, err)
		}
	}
	_, x, _ := samples()
	x.Size = MaxFile + 1
	if _, _, err := parseIndex(wire.Encode(x)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a list of a pack that is too large: %v", err)
	}
}

func manyClasses() (classes []class) {
	for i := range maxClasses {
		classes = append(classes, class{Org: keys.OrgID{1: 1, 2: byte(i)}, Kind: 9})
	}
	return classes
}

// A list of another format is refused as newer, and one of another purpose as nobody's. [BAK-5]
func TestListsOfOtherFormats(t *testing.T) {
	key := keys.RecoverySeed{1}.Backup()
	k := WordsKeys(key)
	recipient, err := key.Writer().Recipient()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		list    []byte
		purpose string
		want    error
	}{
		"of this format":  {[]byte{1, 7}, markIndex, nil},
		"of a newer one":  {[]byte{2, 7}, markIndex, ErrNewer},
		"of none":         {nil, markIndex, ErrNewer},
		"for other means": {[]byte{1, 7}, markManifest, ErrDamaged},
	} {
		sealed, err := seal(wire.Encode(marked{List: test.list, Mark: markOf(k.mark, test.purpose, test.list)}), []age.Recipient{recipient})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := k.openList(sealed, markIndex); !errors.Is(err, test.want) || err == nil && string(list) != "\x07" {
			t.Errorf("a list %s: %x, %v", name, list, err)
		}
	}
}

func TestMarkersAreRefused(t *testing.T) {
	good := markerText(ID{1}, [32]byte{2})
	if id, mark, err := parseMarker(good); err != nil || id != (ID{1}) || mark != ([32]byte{2}) || len(good) > markerSize {
		t.Errorf("%x, %x, %v", id, mark, err)
	}
	newer := strings.Replace(string(good[:bytes.LastIndexByte(good[:len(good)-1], '\n')+1]), "Format 1", "Format 2", 1)
	newer += hashOf([]byte(newer)).String() + "\n"
	if _, _, err := parseMarker([]byte(newer)); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer one: %v", err)
	}
	for name, bad := range map[string]string{"nothing": "", "cut": string(good[:len(good)-1]), "more": string(good) + "\n", "carriage returns": strings.ReplaceAll(string(good), "\n", "\r\n")} {
		if _, _, err := parseMarker([]byte(bad)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseContents(f *testing.F) {
	c, _, _ := samples()
	f.Add(wire.Encode(&c))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseContents(data)
		if err != nil {
			return
		}
		for i := range c.count() {
			if e := c.entry(i); e.Kind == 0 || e.Time < 0 || e.Size > MaxBody {
				t.Errorf("an entry %+v", e)
			}
		}
		if !bytes.Equal(wire.Encode(&c), data) {
			t.Error("read, and written otherwise")
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	_, x, _ := samples()
	f.Add(wire.Encode(x))
	f.Fuzz(func(t *testing.T, data []byte) {
		if x, c, err := parseIndex(data); err == nil && (!bytes.Equal(wire.Encode(x), data) || !bytes.Equal(wire.Encode(&c), x.Contents)) {
			t.Error("read, and written otherwise")
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	_, _, m := samples()
	f.Add(wire.Encode(m))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, lines, err := parseManifest(data)
		if err != nil {
			return
		}
		var packs []byte
		for i := range lines {
			packs = appendLine(packs, &lines[i])
		}
		if !bytes.Equal(wire.Encode(m), data) || !bytes.Equal(packs, m.Packs) {
			t.Error("read, and written otherwise")
		}
	})
}

func FuzzParseMarker(f *testing.F) {
	f.Add(markerText(ID{1}, [32]byte{2}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if id, mark, err := parseMarker(data); err == nil && !bytes.Equal(markerText(id, mark), data) {
			t.Error("read, and written otherwise")
		}
	})
}

// What a pack says once it is opened may be anything, also when its list is another's.
func FuzzUnpack(f *testing.F) {
	c, _, _ := samples()
	b := builder{contents: c}
	f.Add(b.plain(wire.Encode(&c)), uint16(9))
	f.Add(ForgedPack(ID{1}), uint16(1))
	mark := markOf([]byte("key"), markMarker)
	f.Fuzz(func(t *testing.T, plain []byte, items uint16) {
		u := &unpacked{reader: &Reader{keys: Keys{mark: mark[:]}, shelf: &shelf{id: ID{1}}}, line: &packLine{items: int(items)}, plain: plain}
		c, err := u.own()
		u.contents, u.known, u.err = c, err == nil, err
		if !u.known {
			return
		}
		given := 0
		report, reading := new(Report), &Reading{Give: func(_ context.Context, e Entry, body []byte) error { given++; return nil }}
		if err := u.give(t.Context(), reading, report, new(Progress)); err != nil || given+report.Lost() != c.count() {
			t.Errorf("%d given and %d lost of %d, %v", given, report.Lost(), c.count(), err)
		}
	})
}

// What lies on a drive has one name, in any case of letters. [BAK-2]
func FuzzName(f *testing.F) {
	f.Add(hash{1}.String() + packSuffix)
	f.Add(ID{2}.String())
	f.Add(strings.Repeat("=", 32) + indexSuffix)
	f.Fuzz(func(t *testing.T, name string) {
		if h, suffix, ok := parseName(name); ok && h.String()+suffix != strings.ToLower(name) {
			t.Errorf("%q is read as %s%s", name, h, suffix)
		}
		if id, err := ParseID(name); err == nil && id.String() != strings.ToLower(name) {
			t.Errorf("%q is read as %s", name, id)
		}
	})
}

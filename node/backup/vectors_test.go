package backup

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// fixture is a repository that version 1 wrote; it is never changed. Its words' seed is 32 bytes 07.
const fixture = "testdata/one"

func fixtureKey() keys.BackupKey { return keys.RecoverySeed(bytes.Repeat([]byte{7}, 32)).Backup() }

func fixtureID(t *testing.T) ID {
	t.Helper()
	found, err := Find(Disk(fixture), WordsKeys(fixtureKey()))
	if err != nil || len(found) != 1 || !found[0].Own || found[0].Err != nil {
		t.Fatalf("found %+v, %v", found, err)
	}
	return found[0].ID
}

// A repository of version 1 is read, and gone on with. [BAK-4] [BAK-8]
func TestFixtureIsReadAndContinued(t *testing.T) {
	id := fixtureID(t)
	folder := Disk(t.TempDir())
	if err := os.CopyFS(string(folder), os.DirFS(fixture)); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), folder, id, WordsKeys(fixtureKey()))
	if err != nil || len(r.Damage()) > 0 || len(r.Snapshots()) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	wants := []map[Kind]string{
		{KindAccount: "account", KindRecord: "a record", KindPiece: "a piece"},
		{KindAccount: "account", KindPiece: "a piece", 9: "of a kind that is not known"},
	}
	for i, one := range r.Snapshots() {
		got := make(map[Kind]string)
		report, err := r.Read(t.Context(), one, Reading{Give: func(_ context.Context, e Entry, body []byte) error {
			got[e.Kind] = string(body)
			return nil
		}})
		if err != nil || len(report.Damage) > 0 || fmt.Sprint(got) != fmt.Sprint(wants[i]) {
			t.Errorf("snapshot %d: %v, %+v, %v", i+1, got, report, err)
		}
	}
	result, err := Run(t.Context(), Job{Folder: folder, Repository: id, Writer: fixtureKey().Writer(), Source: fixtureSource(1, 3, 9),
		Now: time.UnixMilli(1_700_000_000_000 + 7_200_000)})
	if err != nil || !result.Unchanged || len(result.Repaired) > 0 {
		t.Errorf("a run with nothing new: %+v, %v", result, err)
	}
}

// What sealed files hold, and files themselves, that other programs must read as this one does.
func TestVectors(t *testing.T) {
	cases := make(map[string]vector.Vector)
	addLists(t, cases)
	addFiles(t, cases)
	vector.Run(t, "../../docs/spec/testdata/backup", *update, cases, func(t *testing.T, v vector.Vector) {
		err := read(t, v)
		if want := map[string]error{"ok": nil, "decode": ErrDamaged, "seal": ErrDamaged, "format": ErrNewer}[v.Expect]; want == nil && err != nil || want != nil && !isOf(err, want) {
			t.Errorf("%v, want %s", err, v.Expect)
		}
	})
}

func isOf(err, want error) bool { return err != nil && strings.Contains(err.Error(), want.Error()) }

// read reads the subject of a case as what it is.
func read(t *testing.T, v vector.Vector) error {
	switch v.Input("kind") {
	case "contents":
		_, err := parseContents(v.Data)
		return err
	case "index":
		_, _, err := parseIndex(v.Data)
		return err
	case "snapshot":
		_, _, err := parseManifest(v.Data)
		return err
	case "marker":
		_, _, err := parseMarker(v.Data)
		return err
	case "item":
		key, e := fixtureKey().Writer().Mark(), fixtureItem(KindRecord)
		if mark := itemMark(key[:], e.Entry, []byte(v.Input("body"))); !bytes.Equal(mark[:markSize], v.Data) {
			return fmt.Errorf("the mark is %x", mark[:markSize])
		}
		return nil
	case "file":
		return readFixtureFile(t, v)
	}
	t.Fatalf("unknown kind %q", v.Input("kind"))
	return nil
}

func addLists(t *testing.T, cases map[string]vector.Vector) {
	t.Helper()
	add := func(name, kind, rule, expect, comment string, data []byte) {
		cases[name] = vector.Vector{Expect: expect, Rule: rule, Comment: comment, Inputs: []string{"kind: " + kind}, Data: data}
	}
	c, x, m := samples()
	add("contents_ok", "contents", "[BAK-6]", "ok", "nine items of six classes", wire.Encode(&c))
	c.Entries = append(bytes.Clone(c.Entries), 0)
	add("contents_half_an_entry", "contents", "[BAK-6], [BAK-12]", "decode", "a byte behind the last entry", wire.Encode(&c))
	c, _, _ = samples()
	c.Classes = append(c.Classes[:1:1], c.Classes...)
	add("contents_class_twice", "contents", "[BAK-6], [BAK-12]", "decode", "two classes alike", wire.Encode(&c))
	add("index_ok", "index", "[BAK-7]", "ok", "the list of a pack with those contents", wire.Encode(x))
	add("snapshot_ok", "snapshot", "[BAK-8]", "ok", "two packs, of the first of which two items are dead", wire.Encode(m))
	m.Items++
	add("snapshot_wrong_sum", "snapshot", "[BAK-8]", "decode", "one item more than the packs have", wire.Encode(m))
	_, _, m = samples()
	m.Packs[lineSize+1] |= 2
	m.Packs[71]++
	m.Items--
	add("snapshot_bit_behind", "snapshot", "[BAK-8]", "decode", "a dead item behind the last one", wire.Encode(m))
	marker := markerText(ID{1}, markOf([]byte("key"), markMarker, make([]byte, 16)))
	add("marker_ok", "marker", "[BAK-1]", "ok", "the marker of a repository", marker)
	add("marker_other_sum", "marker", "[BAK-1]", "decode", "a letter of the first line is another", bytes.Replace(marker, []byte("backup"), []byte("Backup"), 1))
	key, e := fixtureKey().Writer().Mark(), fixtureItem(KindRecord)
	mark := itemMark(key[:], e.Entry, []byte("a record"))
	cases["item_ok"] = vector.Vector{Expect: "ok", Rule: "[BAK-5]", Comment: "the mark of an item, by the words' seed of 32 bytes 07", Inputs: []string{
		"kind: item", "org: " + hex.EncodeToString(e.Org[:]), "number: 2", "id: " + hex.EncodeToString(e.ID[:]),
		fmt.Sprintf("time: %d", e.Time), "body: a record"}, Data: mark[:markSize]}
}

// addFiles makes the cases of the fixture's files.
func addFiles(t *testing.T, cases map[string]vector.Vector) {
	t.Helper()
	number := 0
	err := filepath.WalkDir(fixture, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		number++
		short := strings.TrimPrefix(filepath.Ext(name), ".")
		relative, err := filepath.Rel(fixture, name)
		inputs := []string{"kind: file", "name: " + filepath.ToSlash(relative)}
		cases[fmt.Sprintf("file_%d_%s", number, short)] = vector.Vector{Expect: "ok", Rule: "[BAK-2], [BAK-4]",
			Comment: "a file of a repository of the words' seed of 32 bytes 07", Inputs: inputs, Data: data}
		if short == "snp" && cases["file_changed"].Expect == "" {
			changed := bytes.Clone(data)
			changed[len(changed)-1] ^= 1
			cases["file_changed"] = vector.Vector{Expect: "seal", Rule: "[BAK-2], [BAK-4]", Comment: "its last byte is another", Inputs: inputs, Data: changed}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readFixtureFile opens a file as the words do.
func readFixtureFile(t *testing.T, v vector.Vector) error {
	t.Helper()
	name, k := v.Input("name"), WordsKeys(fixtureKey())
	h, suffix, ok := parseName(filepath.Base(name))
	if !ok {
		_, _, err := parseMarker(v.Data)
		return err
	}
	if hashOf(v.Data) != h {
		return fmt.Errorf("%w: what is in it does not fit its name", ErrDamaged)
	}
	switch suffix {
	case packSuffix:
		u := &unpacked{reader: &Reader{keys: k, shelf: &shelf{id: fixtureID(t)}}, line: new(packLine)}
		return u.openWhole(v.Data)
	case indexSuffix:
		list, err := k.openList(v.Data, markIndex)
		if err == nil {
			_, _, err = parseIndex(list)
		}
		return err
	}
	list, err := k.openList(v.Data, markManifest)
	if err == nil {
		_, _, err = parseManifest(list)
	}
	return err
}

package names

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

var update = flag.Bool("update", false, "write the tables anew")

// atPinned skips where the build has other tables than the pinned ones, which is no fault: they are pinned for that.
func atPinned(t *testing.T) {
	t.Helper()
	for _, version := range []string{unicode.Version, norm.Version, bidi.UnicodeVersion} {
		if version != pinned {
			t.Skipf("NOT CHECKED: this Go has Unicode %s and the tables of names are of %s; run this test with a Go of that "+
				"version when the generator changes", version, pinned)
		}
	}
}

// The committed tables are what the generator makes of its inputs.
func TestTables(t *testing.T) {
	atPinned(t)
	for name, data := range makeTables(t) {
		if *update {
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		committed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(committed, data) {
			t.Errorf("%s is not what the generator makes: go generate", name)
		}
	}
}

// Whatever builds this, the tables of version 15 stay what they are: rolls were folded by them.
func TestTablesNeverChange(t *testing.T) {
	const want = "f1566a37606178239507167b0e82a63cf24024533700b78a9dea4186707989d0"
	hash := sha256.New()
	fmt.Fprintln(hash, Tables, properties, scriptSets, scriptNames, trueScripts, spans, apostrophes)
	for _, r := range resemblances {
		fmt.Fprintf(hash, "%x %+q %+q\n", r.from, prototypes[r.raw], prototypes[r.fold])
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		t.Errorf("the tables have the hash\n%s, not\n%s: other tables need another version", got, want)
	}
}

// The spans are in order and apart, and a span of digits is one system.
func TestSpansAreInOrder(t *testing.T) {
	last := rune(-1)
	for _, s := range spans {
		if s.first <= last || s.last < s.first {
			t.Errorf("span %U to %U after %U", s.first, s.last, last)
		}
		last = s.last
		if properties[s.property].kind == digit && s.last != s.first+9 {
			t.Errorf("digits from %U to %U", s.first, s.last)
		}
	}
	for i := 1; i < len(resemblances); i++ {
		if resemblances[i].from <= resemblances[i-1].from {
			t.Errorf("%U after %U", resemblances[i].from, resemblances[i-1].from)
		}
	}
}

// What a name may have is what PRECIS allows in identifiers, but for what the generator says and for ASCII's signs. The
// implementation of x/text knows nothing of ours.
func TestCharactersAreThoseOfPRECIS(t *testing.T) {
	atPinned(t)
	profile := precis.NewIdentifier()
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if r >= 0xD800 && r <= 0xDFFF {
			continue
		}
		_, err := profile.String("a" + string(r))
		_, ours := lookup(r)
		theirs := err == nil
		switch {
		case exceptions[r]:
			theirs = true
		case !norm.NFC.IsNormalString(string(r)), unicode.In(r, unicode.So, unicode.Po, unicode.Nl), blank(r):
			theirs = false
		}
		if context := unicode.Is(unicode.Nd, r) && ours; ours != theirs && !context {
			t.Errorf("%U: in names %v, in identifiers %v (%v)", r, ours, theirs, err)
		}
	}
}

func TestPropertiesAreThoseOfUnicode(t *testing.T) {
	atPinned(t)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		i, ok := lookup(r)
		if !ok {
			continue
		}
		p := properties[spans[i].property]
		if want := map[kind]bool{letter: unicode.IsLetter(r), mark: unicode.IsMark(r), digit: unicode.IsDigit(r)}; !want[p.kind] {
			t.Errorf("%U has kind %d", r, p.kind)
		}
		entry, _ := bidi.LookupRune(r)
		class := entry.Class()
		if got := p.direction == leftToRight; got != (class == bidi.L) {
			t.Errorf("%U is left to right: %v", r, got)
		}
		if got := p.direction == rightToLeft; got != (class == bidi.R || class == bidi.AL) {
			t.Errorf("%U is right to left: %v", r, got)
		}
		set := scriptSets[p.scripts]
		for i, name := range scriptNames[:trueScripts] {
			if unicode.Is(unicode.Scripts[strings.ReplaceAll(name, " ", "_")], r) && !set.has(i) {
				t.Errorf("%U does not go with its script %s", r, name)
			}
		}
	}
}

// Each pair of the confusables of UTS #39 is alike where the first can be in a name.
func TestConfusablesAreAlike(t *testing.T) {
	pairs := 0
	for _, fields := range records(t, "confusables") {
		source, target := text(t, fields[0]), text(t, fields[1])
		if _, ok := lookup([]rune(source)[0]); !ok || !norm.NFD.IsNormalString(source) {
			continue // not in names, or never asked for as text is decomposed first
		}
		pairs++
		if !Alike("x"+source, "x"+target, Tables) {
			t.Errorf("%+q %+q and %+q %+q", source, Skeletons(source, Tables), target, Skeletons(target, Tables))
		}
	}
	if pairs < 1600 {
		t.Errorf("only %d pairs", pairs)
	}
}

// Each character that a name may have is alike to what Unicode folds it to.
func TestFoldingsAreAlike(t *testing.T) {
	for _, fields := range records(t, "CaseFolding") {
		source := text(t, fields[0])
		if _, ok := lookup([]rune(source)[0]); !ok || fields[1] == "T" {
			continue
		}
		if target := text(t, fields[2]); !Alike("x"+source, "x"+target, Tables) {
			t.Errorf("%+q and %+q", source, target)
		}
	}
}

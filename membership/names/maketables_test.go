package names

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/format"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// This file is the generator of tables_characters.go and tables_alike.go; TestTables runs it. What it does not read from
// testdata comes from Go's package unicode (categories, scripts) and from x/text (normalization, bidi classes), all of
// the version pinned.

const pinned = "15.0.0"

// The hashes of the inputs, uncompressed, as Unicode publishes them: three from the Unicode Character Database, and the
// confusables of UTS #39. The licence is beside them.
var inputs = map[string]string{
	"CaseFolding":          "cdd49e55eae3bbf1f0a3f6580c974a0263cb86a6a08daa10fbf705b4808a56f7",
	"PropertyValueAliases": "13a7666843abea5c6b7eb8c057c57ab9bb2ba96cfc936e204224dd67d71cafad",
	"ScriptExtensions":     "7e07313d9d0bee42220c476b64485995130ae30917bbcf7780b602d677d7e33f",
	"confusables":          "2b10130885c3370b101c52d7baedc452ab7f0e257b86c1e52ee657ecfc29ce64",
}

// exceptions are letters of living alphabets that PRECIS disallows for having a compatibility decomposition. Keyboards
// type them and names are spelled with them: ech yiwn in Armenian (Sevak), sara am in Thai, its like and the two
// digraphs with ho in Lao. All of them look like their decompositions, and are alike to these.
var exceptions = map[rune]bool{0x587: true, 0xE33: true, 0xEB3: true, 0xEDC: true, 0xEDD: true}

// disallowed are the letters and marks that RFC 8264 takes out by its exceptions (section 9.6).
var disallowed = []rune{0x640, 0x7FA, 0x302E, 0x302F, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303B}

// blank reports letters and marks that show as nothing though Unicode does not call them ignorable: the fillers of
// Khitan and of Egyptian hieroglyphs.
func blank(r rune) bool { return r == 0x16FE4 || r == 0x13441 || r == 0x13442 }

// oldJamo reports the parts of Hangul syllables: names are written with whole syllables.
func oldJamo(r rune) bool {
	return r >= 0x1100 && r <= 0x11FF || r >= 0xA960 && r <= 0xA97F || r >= 0xD7B0 && r <= 0xD7FF
}

// kindOf returns what r is in names, 0 if it is in none: the IdentifierClass of RFC 8264, but for exceptions and blanks.
func kindOf(r rune) kind {
	switch {
	case exceptions[r]:
	case norm.NFKC.String(string(r)) != string(r), oldJamo(r), blank(r), slices.Contains(disallowed, r),
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return 0
	}
	switch {
	case unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lo, unicode.Lm):
		return letter
	case unicode.In(r, unicode.Mn, unicode.Mc):
		return mark
	case unicode.Is(unicode.Nd, r):
		return digit
	}
	return 0
}

func directionOf(r rune) direction {
	entry, _ := bidi.LookupRune(r)
	switch entry.Class() {
	case bidi.L:
		return leftToRight
	case bidi.R, bidi.AL:
		return rightToLeft
	case bidi.AN:
		return arabicNumber
	}
	return neutral
}

// makeTables returns the generated files.
func makeTables(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"tables_characters.go": charactersFile(t),
		"tables_alike.go":      alikeFile(t),
	}
}

// records returns the fields of the lines of an input, without comments.
func records(t *testing.T, name string) (all [][]string) {
	t.Helper()
	file, err := os.Open("testdata/" + name + ".txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != inputs[name] {
		t.Fatalf("testdata/%s.txt.gz is not the file that it was", name)
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Split(line, ";")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if len(fields) > 1 {
			all = append(all, fields)
		}
	}
	return all
}

// text reads code points in hexadecimal.
func text(t *testing.T, field string) string {
	t.Helper()
	var b strings.Builder
	for hexadecimal := range strings.FieldsSeq(field) {
		r, err := strconv.ParseUint(hexadecimal, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteRune(rune(r))
	}
	return b.String()
}

// combined are the ways of writing that use several scripts, after UTS #39, section 5.1, and the scripts in each.
var combined = []struct {
	name    string
	scripts []string
}{
	{"Han with Bopomofo", []string{"Han", "Bopomofo"}},
	{"Japanese", []string{"Han", "Hiragana", "Katakana"}},
	{"Korean", []string{"Han", "Hangul"}},
}

// scripts knows which scripts a character can be of.
type scripts struct {
	names      []string // the true ones in order, then the combined
	extensions map[rune][]string
}

func readScripts(t *testing.T) *scripts {
	t.Helper()
	s := &scripts{extensions: make(map[rune][]string)}
	for _, name := range slices.Sorted(maps.Keys(unicode.Scripts)) {
		if name != "Common" && name != "Inherited" {
			s.names = append(s.names, name)
		}
	}
	for _, c := range combined {
		s.names = append(s.names, c.name)
	}
	long := make(map[string]string)
	for _, fields := range records(t, "PropertyValueAliases") {
		if fields[0] == "sc" {
			long[fields[1]] = fields[2]
		}
	}
	for _, fields := range records(t, "ScriptExtensions") {
		first, last, ranged := strings.Cut(fields[0], "..")
		if !ranged {
			last = first
		}
		var names []string
		for short := range strings.FieldsSeq(fields[1]) {
			names = append(names, long[short])
		}
		for r := []rune(text(t, first))[0]; r <= []rune(text(t, last))[0]; r++ {
			s.extensions[r] = names
		}
	}
	return s
}

// of returns the scripts that r can be of, with what they are part of.
func (s *scripts) of(t *testing.T, r rune) (set scriptSet) {
	names := s.extensions[r]
	if names == nil {
		for name, table := range unicode.Scripts {
			if unicode.Is(table, r) {
				names = []string{name}
			}
		}
	}
	for _, name := range names {
		if name == "Common" || name == "Inherited" {
			return everyScript
		}
		whole := []string{name}
		for _, c := range combined {
			if slices.Contains(c.scripts, name) {
				whole = append(whole, c.name)
			}
		}
		for _, name := range whole {
			i := slices.Index(s.names, name)
			if i < 0 {
				t.Fatalf("%U has an unknown script %q", r, name)
			}
			set[i/64] |= 1 << (i % 64)
		}
	}
	if set.empty() {
		t.Fatalf("%U has no script", r)
	}
	return set
}

// indexOf returns the index of what in list, to which it is added if it is not there.
func indexOf[T comparable](list *[]T, what T) int {
	i := slices.Index(*list, what)
	if i < 0 {
		i = len(*list)
		*list = append(*list, what)
	}
	return i
}

const header = "// Code generated from the data of Unicode " + pinned + " by go generate. DO NOT EDIT.\n\npackage names\n\n"

func charactersFile(t *testing.T) []byte {
	t.Helper()
	known := readScripts(t)
	var (
		sets  []scriptSet
		kinds []property
		all   []span
	)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		k := kindOf(r)
		if k == 0 {
			continue
		}
		p := uint16(indexOf(&kinds, property{k, directionOf(r), uint8(indexOf(&sets, known.of(t, r)))}))
		last := len(all) - 1
		if last >= 0 && all[last].last == r-1 && all[last].property == p && (k != digit || r-all[last].first < 10) {
			all[last].last = r
			continue
		}
		all = append(all, span{r, r, p})
	}
	if len(sets) > 256 {
		t.Fatalf("%d sets of scripts need a wider index", len(sets))
	}
	var b bytes.Buffer
	b.WriteString(header)
	fmt.Fprintf(&b, "// trueScripts is how many of scriptNames are scripts, the others being ways of writing that combine some.\n")
	fmt.Fprintf(&b, "const trueScripts = %d\n\n", len(known.names)-len(combined))
	list(&b, "scriptNames", "string", known.names, func(name string) string { return strconv.Quote(strings.ReplaceAll(name, "_", " ")) })
	list(&b, "scriptSets", "scriptSet", sets, func(s scriptSet) string { return fmt.Sprintf("{%#x, %#x, %#x}", s[0], s[1], s[2]) })
	list(&b, "properties", "property", kinds, func(p property) string {
		return fmt.Sprintf("{%d, %d, %d}", p.kind, p.direction, p.scripts)
	})
	list(&b, "spans", "span", all, func(s span) string { return fmt.Sprintf("{%#x, %#x, %d}", s.first, s.last, s.property) })
	return formatted(t, b.Bytes())
}

// list writes a variable with as many items on a line as fit.
func list[T any](b *bytes.Buffer, name, kind string, items []T, write func(T) string) {
	fmt.Fprintf(b, "var %s = [...]%s{", name, kind)
	width := 1000
	for _, item := range items {
		code := write(item) + ","
		if width += 1 + len(code); width > 170 {
			b.WriteString("\n\t")
			width = len(code)
		} else {
			b.WriteString(" ")
		}
		b.WriteString(code)
	}
	b.WriteString("\n}\n\n")
}

func formatted(t *testing.T, source []byte) []byte {
	t.Helper()
	data, err := format.Source(source)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// looks knows what characters look like and what their lower case is.
type looks struct{ prototypes, folds map[rune]string }

func readLooks(t *testing.T) looks {
	t.Helper()
	l := looks{prototypes: make(map[rune]string), folds: make(map[rune]string)}
	for _, fields := range records(t, "confusables") {
		l.prototypes[[]rune(text(t, fields[0]))[0]] = text(t, fields[1])
	}
	for _, fields := range records(t, "CaseFolding") {
		if fields[1] == "C" || fields[1] == "F" {
			l.folds[[]rune(text(t, fields[0]))[0]] = text(t, fields[2])
		}
	}
	return l
}

func replace(text string, by map[rune]string) string {
	var b strings.Builder
	for _, r := range text {
		if with, ok := by[r]; ok {
			b.WriteString(with)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFD.String(b.String())
}

// skeleton is that of UTS #39, folded and made a skeleton again until nothing changes.
func (l looks) skeleton(t *testing.T, s string) string {
	t.Helper()
	s = replace(norm.NFD.String(s), l.prototypes)
	for range 5 {
		next := replace(replace(s, l.folds), l.prototypes)
		if next == s {
			return s
		}
		s = next
	}
	t.Fatalf("the skeleton of %+q does not come to rest", s)
	return ""
}

// hasMark reports whether normalization can move something in s.
func hasMark(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return norm.NFD.PropertiesString(string(r)).CCC() != 0 })
}

func alikeFile(t *testing.T) []byte {
	t.Helper()
	l := readLooks(t)
	decomposed := make(map[rune]bool) // what a decomposed name can have
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if kindOf(r) != 0 {
			for _, part := range norm.NFD.String(string(r)) {
				decomposed[part] = true
			}
		}
	}
	var (
		markedPrototypes int

		texts []string
		all   []resemblance
		pages []uint16
		signs string
	)
	for _, marked := range []bool{true, false} { // those with marks first, so that their indices tell
		for _, r := range slices.Sorted(maps.Keys(decomposed)) {
			for _, s := range []string{l.skeleton(t, string(r)), l.skeleton(t, replace(string(r), l.folds))} {
				if s != string(r) && hasMark(s) == marked {
					indexOf(&texts, s)
				}
			}
		}
		if marked {
			markedPrototypes = len(texts)
		}
	}
	for _, r := range slices.Sorted(maps.Keys(decomposed)) {
		raw, fold := l.skeleton(t, string(r)), l.skeleton(t, replace(string(r), l.folds))
		if strings.Trim(raw, "'") == "" && (unicode.Is(unicode.Lm, r) || r == 0xA78B || r == 0xA78C) {
			signs += string(r)
		}
		if raw != string(r) || fold != string(r) {
			for len(pages) <= int(r>>pageBits) {
				pages = append(pages, uint16(len(all)))
			}
			all = append(all, resemblance{r, uint16(indexOf(&texts, raw)), uint16(indexOf(&texts, fold))})
		}
	}
	var b bytes.Buffer
	b.WriteString(header)
	fmt.Fprintf(&b, "// apostrophes are the letters that are apostrophes: they look like one, and are no letter of an alphabet.\n")
	fmt.Fprintf(&b, "const apostrophes = %+q\n\n", signs)
	fmt.Fprintf(&b, "// markedPrototypes is the index of the first prototype that has no combining mark.\n")
	fmt.Fprintf(&b, "const markedPrototypes = %d\n\n", markedPrototypes)
	list(&b, "pages", "uint16", append(pages, uint16(len(all))), func(i uint16) string { return strconv.Itoa(int(i)) })
	list(&b, "resemblances", "resemblance", all, func(r resemblance) string {
		return fmt.Sprintf("{%#x, %d, %d}", r.from, r.raw, r.fold)
	})
	list(&b, "prototypes", "string", texts, func(text string) string { return fmt.Sprintf("%+q", text) })
	return formatted(t, b.Bytes())
}

// Package vector reads and writes the test vectors of docs/spec: one text file for each case, in the form that
// docs/spec/README.md gives.
//
// It is for tests alone. It must not know any spec.
package vector

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lineBytes is how many bytes a line of hex shows.
const lineBytes = 32

// ErrForm means that a file is not a vector.
var ErrForm = errors.New("vector: malformed file")

// Vector is one case: bytes, and what a correct implementation makes of them.
type Vector struct {
	Expect  string   // "ok", or the layer that must refuse the bytes
	Rule    string   // the rule that is tested, like "[KEY-2]"
	Comment string   // what is wrong, or what is shown
	Inputs  []string // further "key: value" lines, in order
	Data    []byte   // the bytes in question; may be empty
}

// Input returns the value of a further header line, "" if there is none.
func (v Vector) Input(key string) string {
	for _, line := range v.Inputs {
		if value, ok := strings.CutPrefix(line, key+": "); ok {
			return value
		}
	}
	return ""
}

// Marshal returns the file's text.
func (v Vector) Marshal() []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "expect: %s\nrule: %s\ncomment: %s\n", v.Expect, v.Rule, v.Comment)
	for _, line := range v.Inputs {
		text.WriteString(line + "\n")
	}
	text.WriteString("\n")
	for rest := v.Data; len(rest) > 0; {
		line := rest[:min(lineBytes, len(rest))]
		text.WriteString(hex.EncodeToString(line) + "\n")
		rest = rest[len(line):]
	}
	return text.Bytes()
}

// Parse reads what Marshal writes, and hex in lines of any length. Errors wrap ErrForm.
func Parse(text []byte) (Vector, error) {
	var v Vector
	header, body, found := strings.Cut(string(text), "\n\n")
	if !found {
		return v, fmt.Errorf("%w: no blank line after the header", ErrForm)
	}
	for i, line := range strings.Split(header, "\n") {
		key, value, ok := strings.Cut(line, ": ")
		if !ok || key == "" || value == "" {
			return v, fmt.Errorf("%w: line %d is not \"key: value\"", ErrForm, i+1)
		}
		switch {
		case i == 0 && key == "expect":
			v.Expect = value
		case i == 1 && key == "rule":
			v.Rule = value
		case i == 2 && key == "comment":
			v.Comment = value
		case i < 3:
			return v, fmt.Errorf("%w: line %d is not expect, rule and comment in this order", ErrForm, i+1)
		default:
			v.Inputs = append(v.Inputs, line)
		}
	}
	if v.Comment == "" {
		return v, fmt.Errorf("%w: expect, rule or comment is missing", ErrForm)
	}
	data, err := hex.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil {
		return v, fmt.Errorf("%w: %v", ErrForm, err)
	}
	v.Data = data
	return v, nil
}

// Run compares the files of dir with the cases that the code makes, by name without ".txt", and runs check on each
// file as it stands there. With update it writes the files first. A file that no case makes is an error, so that
// nothing goes untested.
func Run(t *testing.T, dir string, update bool, cases map[string]Vector, check func(t *testing.T, v Vector)) {
	t.Helper()
	if update {
		write(t, dir, cases)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(cases) {
		t.Errorf("%d files for %d cases in %s: run the test with -update", len(names), len(cases), dir)
	}
	for _, name := range names {
		id := strings.TrimSuffix(filepath.Base(name), ".txt")
		t.Run(id, func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			made, ok := cases[id]
			if !ok || !bytes.Equal(made.Marshal(), text) {
				t.Error("the file is not what the code makes: run the test with -update and look at the difference")
			}
			v, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			check(t, v)
		})
	}
}

// write makes dir hold exactly the cases.
func write(t *testing.T, dir string, cases map[string]Vector) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	for id, v := range cases {
		if err := os.WriteFile(filepath.Join(dir, id+".txt"), v.Marshal(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"pgregory.net/rapid"
	"rsc.io/qr"

	"muster.example/internal/filename"
	"muster.example/node/api"
)

func TestSafeName(t *testing.T) {
	for name, want := range map[string]string{
		"report.pdf":                      "report.pdf",
		"ä b (1).txt":                     "ä b (1).txt",
		"../../etc/passwd":                "_.._etc_passwd",
		`C:\x\y.exe`:                      "C__x_y.exe",
		".bashrc":                         "bashrc",
		"-rf":                             "rf",
		"":                                "attachment",
		"..":                              "attachment",
		"a\x00b\nc":                       "a_b_c",
		"invoice\u202efdp.exe":            "invoice_fdp.exe",
		"con":                             "_con",
		"Com1.txt":                        "_Com1.txt",
		"content.txt":                     "content.txt",
		"x. . ":                           "x",
		"bad\xff":                         "bad_",
		strings.Repeat("é", 200) + ".pdf": strings.Repeat("é", 98) + ".pdf",
	} {
		if got := filename.Safe(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := filename.Safe(rapid.String().Draw(t, "name"))
		if !filepath.IsLocal(name) || filepath.Base(name) != name || len(name) > filename.MaxLength+1 || !utf8.ValidString(name) {
			t.Fatalf("%q is not safe", name)
		}
	})
}

func TestSavedFilesOverwriteNothing(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, filepath.Join(dir, "x.txt")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x (2).txt", "x (3).txt"} {
		file, name, err := createFree(root, "x.txt")
		if err != nil || name != want {
			t.Fatalf("got %q, %v, want %q", name, err, want)
		}
		file.Close()
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a link was followed")
	}
}

func TestParseLife(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"7d": 7 * day, "2w": 14 * day, "1w2d3h": 9*day + 3*time.Hour, "90m": 90 * time.Minute, "1s": time.Second,
		"": 0, "0": 0, "0d": 0, "-1h": 0, "1d-1h": 0, "d": 0, "7": 0, "1.5d": 0, "999999999d": 0, "65535w": 0, "1ms": 0, "x": 0,
	} {
		if got, err := parseLife(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}

// TestDrawQR reads the half blocks back and compares them with the code.
func TestDrawQR(t *testing.T) {
	const text = "muster:join/" + "Zm9vYmFyYmF6cXV4"
	drawn, err := drawQR(text)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
	light := func(x, y int) bool {
		r := []rune(lines[(y+2)/2])[x+2]
		return r == '█' || r == '▀' && (y+2)%2 == 0 || r == '▄' && (y+2)%2 == 1
	}
	for y := -2; y < code.Size+2; y++ {
		for x := -2; x < code.Size+2; x++ {
			if light(x, y) == code.Black(x, y) {
				t.Fatalf("the module at %d, %d is drawn wrong", x, y)
			}
		}
	}
}

// TestPages checks that every command has a whole page, that the lists name it, and that nothing is too wide.
func TestPages(t *testing.T) {
	if n := strings.Count(rootPage, "\n"); n > 25 {
		t.Errorf("muster alone prints %d lines", n)
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		var page bytes.Buffer
		a := &app{stdout: &page}
		path := strings.Fields(c.CommandPath())[1:]
		root := a.newRoot()
		root.SetArgs(append(path, "--help"))
		if err := root.Execute(); err != nil {
			t.Fatalf("%v: %v", path, err)
		}
		wanted := []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS OF EVERY COMMAND", "EXIT STATUS", "SEE ALSO", "--json", "--dir"}
		if !c.HasSubCommands() {
			wanted = append(wanted, "OUTPUT", "JSON", "EXAMPLES")
			if !strings.Contains(rootPage, path[0]) { // the list has room for the first words
				t.Errorf("muster alone does not list %v", path)
			}
		}
		for _, section := range wanted {
			if !strings.Contains(page.String(), section) {
				t.Errorf("%v: the page lacks %s", path, section)
			}
		}
		for line := range strings.Lines(page.String()) {
			if len(line) > 105 || strings.TrimRight(line, " \n") != strings.TrimSuffix(line, "\n") {
				t.Errorf("%v: line too wide or with blanks at its end: %q", path, line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	for _, c := range (&app{}).newRoot().Commands() {
		if !c.Hidden && c.Name() != "completion" {
			visit(c)
		}
	}
}

// TestReadmeNamesTheCommands holds the README's table against the commands that there are. A name behind `admin members` is one of admin's
// if admin has such a command.
func TestReadmeNamesTheCommands(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "## Commands\n")
	section, _, _ = strings.Cut(section, "\n## ")
	root := (&app{}).newRoot()
	named := make(map[*cobra.Command]bool)
	for row := range strings.Lines(section) {
		if !strings.HasPrefix(row, "| `") || strings.HasPrefix(row, "| `muster-rendezvous") {
			continue
		}
		cell, _, _ := strings.Cut(row[2:], " |")
		parent := root
		for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			c, rest, err := parent.Find(strings.Fields(match[1]))
			if err != nil || len(rest) > 0 || c == parent {
				c, rest, err = root.Find(strings.Fields(match[1]))
			}
			if err != nil || len(rest) > 0 || c == root {
				t.Errorf("there is no `%s`", match[1])
				continue
			}
			named[c], parent = true, c.Parent()
		}
	}
	for _, c := range root.Commands() {
		some := c.Commands()
		if len(some) == 0 {
			some = []*cobra.Command{c}
		}
		for _, one := range some {
			if !c.Hidden && c.Name() != "completion" && c.Name() != "help" && !one.Hidden && !named[c] && !named[one] {
				t.Errorf("the README does not name `%s`", one.CommandPath())
			}
		}
	}
}

func TestAutomaticAnswersAreMarked(t *testing.T) {
	var marked, plain bytes.Buffer
	printMarks(&marked, api.Message{Auto: true}, "  ")
	printMarks(&plain, api.Message{}, "  ")
	if marked.String() != "  An automatic answer\n" || plain.Len() > 0 {
		t.Errorf("an automatic message is marked %q, another %q", marked.String(), plain.String())
	}
}

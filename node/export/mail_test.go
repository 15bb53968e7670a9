package export_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/node/export"
)

// save writes files into a folder.
func save(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read is a mail as another program reads it.
type read struct {
	ID, Subject, Name, Address, Text, Date string
	To, References, Tags                   []string
	Files                                  []struct{ Name, SHA256 string }
}

// python returns what Python finds in a mailbox.
func python(t *testing.T, path string) (all []read) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "python3", filepath.Join("testdata", "reread.py"), path)
	out, err := command.Output()
	if errors.Is(err, exec.ErrNotFound) {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is missing: apt-get install python3")
		}
		t.Skip("SKIPPED: python3 is missing, and nothing else has read what is exported")
	} else if err != nil {
		stderr := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			stderr = string(exit.Stderr)
		}
		t.Fatalf("%v: %s", err, stderr)
	}
	for line := range bytes.Lines(out) {
		var one read
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// Another program reads the same texts, names and files. [API-83]
func TestMailIsReadByOthers(t *testing.T) {
	for _, format := range []export.Format{export.Mbox, export.Maildir} {
		h := awkward()
		files, done := write(t, h, export.Options{Format: format})
		dir := save(t, files)
		for _, c := range done.Conversations {
			all := python(t, filepath.Join(dir, c.Path))
			wants := slices.DeleteFunc(slices.Clone(h.messages[c.Conversation]), func(m export.Message) bool { return m.Deleted })
			if len(all) != len(wants) {
				t.Errorf("%s: %d messages in %s, not %d", format, len(all), c.Path, len(wants))
			}
			for _, want := range wants {
				i := slices.IndexFunc(all, func(one read) bool { return one.ID == "<"+want.ID+"@"+org+".muster.invalid>" })
				if i < 0 {
					t.Errorf("%s: message %s is not there", format, want.ID)
					continue
				}
				got := all[i]
				text, _ := hex.DecodeString(got.Text)
				if string(text) != want.Text {
					t.Errorf("%s: %s says %q, not %q", format, want.ID, text, want.Text)
				}
				for _, name := range append([]*string{&got.Name}, pointers(got.To)...) { // Python 3 shows the space between two words of a long name
					if len(*name) > 100 {
						*name = strings.ReplaceAll(*name, " ", "")
					}
				}
				if got.Subject != want.Subject || got.Name != want.From || got.Address != want.FromMember+"@"+org+".muster.invalid" {
					t.Errorf("%s: %s is %q by %q <%s>, not %q by %q", format, want.ID, got.Subject, got.Name, got.Address, want.Subject, want.From)
				}
				if at, err := time.Parse(time.RFC3339, got.Date); err != nil || !at.Equal(want.Time) || !slices.Equal(got.Tags, want.Tags) {
					t.Errorf("%s: %s, %q, %v", format, got.Date, got.Tags, err)
				}
				for j, to := range want.To {
					if got.To[j] != to.Name {
						t.Errorf("%s: to %q, not %q", format, got.To, to.Name)
					}
				}
				if want.Reply != "" && len(got.References) != 2 {
					t.Errorf("%s: references %q", format, got.References)
				}
				here := slices.DeleteFunc(slices.Clone(want.Files), func(f export.File) bool { return !f.Here })
				if len(got.Files) != len(here) {
					t.Errorf("%s: %d files, not %d", format, len(got.Files), len(here))
					continue
				}
				for j, file := range here {
					if got.Files[j].Name != file.Name || got.Files[j].SHA256 != fmt.Sprintf("%x", file.SHA256) {
						t.Errorf("%s: file %q, not %q, or other bytes", format, got.Files[j].Name, file.Name)
					}
				}
			}
		}
	}
}

func pointers(all []string) (to []*string) {
	for i := range all {
		to = append(to, &all[i])
	}
	return to
}

// No line but those between messages looks like one, none is too long, and each header can be read.
func TestMboxLines(t *testing.T) {
	files, done := write(t, awkward(), export.Options{Format: export.Mbox})
	for _, c := range done.Conversations {
		data := files[c.Path]
		if n := len(regexp.MustCompile(`(?m)^>*From `).FindAll(data, -1)); n != len(regexp.MustCompile(`(?m)^Message-ID: `).FindAll(data, -1)) {
			t.Errorf("%s: %d lines look like the beginning of a message", c.Path, n)
		}
		if bytes.ContainsRune(data, '\r') {
			t.Errorf("%s has a carriage return", c.Path)
		}
		for _, one := range regexp.MustCompile(`(?m)^From .*\n`).Split(string(data), -1)[1:] {
			m, err := mail.ReadMessage(strings.NewReader(one))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Header.AddressList("From"); err != nil {
				t.Errorf("%v: %q", err, m.Header.Get("From"))
			}
			if _, err := m.Header.Date(); err != nil {
				t.Error(err)
			}
		}
		for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
			if len(lines.Bytes()) > 998 || len(lines.Bytes()) > 90 && !strings.Contains(lines.Text(), "filename") {
				t.Errorf("a line of %d bytes: %.60q", len(lines.Bytes()), lines.Text())
			}
		}
	}
}

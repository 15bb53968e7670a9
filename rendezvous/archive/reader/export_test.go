package reader_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/node/mail"
	"muster.example/rendezvous/archive/reader"
	"muster.example/sync/history"
)

// exported is a world with a message to Ben that has a whole file, one whose file is not whole, and one with strange names.
func exported(t *testing.T, mbox bool) (w *world, dir string, notices []reader.Notice, x *reader.Export) {
	t.Helper()
	w = newWorld(t)
	chain, announced := w.chain(w.anna, between(w))
	data := bytes.Repeat([]byte("all of it "), 30_000)
	whole, pieces := w.file("Report.pdf", data)
	broken, brokenPieces := w.file("half.bin", data)
	empty, _ := w.file("empty", nil)
	one, _ := w.seal(chain, w.anna, history.KindText, w.text("Überblick \"alles\"", "From here on\nFrom: me\n>From there", whole, empty))
	two, _ := w.seal(chain, w.anna, history.KindText, w.text("", "half", broken))
	list := items(announced, one, two)
	for _, piece := range [][]history.Chunk{{pieces[2]}, {pieces[0]}, {brokenPieces[1]}, {pieces[1]}} { // in any order
		e, _ := w.seal(chain, w.anna, history.KindChunk, piece[0])
		list = append(list, item(e))
	}
	w.put(list...)
	dir = filepath.Join(t.TempDir(), "case")
	x, err := reader.NewExport(dir, mbox, reader.Query{}, func(n reader.Notice) { notices = append(notices, n) })
	if err != nil {
		t.Fatal(err)
	}
	options := w.options()
	options.Report = func(n reader.Notice) { t.Error(n) }
	if _, err := reader.Read(t.Context(), w.place, options, x.Add); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return w, dir, notices, x
}

// [ARC-64]
func TestExportOfLines(t *testing.T) {
	_, dir, notices, x := exported(t, false)
	if x.Entries != 2 || x.Files != 2 {
		t.Errorf("%d entries and %d files", x.Entries, x.Files)
	}
	if len(notices) != 1 || notices[0].Kind != reader.NoticeFile || !strings.Contains(notices[0].What, "half.bin") {
		t.Errorf("%v", notices)
	}
	text, err := os.ReadFile(filepath.Join(dir, "messages.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var first reader.Entry
	if err := json.Unmarshal(lines[0], &first); err != nil || len(lines) != 2 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	held, err := os.ReadFile(filepath.Join(dir, first.Attachments[0].File))
	if err != nil || len(held) != 300_000 || strings.Contains(first.Attachments[0].File, "..") {
		t.Errorf("%q: %d bytes, %v", first.Attachments[0].File, len(held), err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
	for _, name := range []string{".", "messages.jsonl", "files", first.Attachments[0].File} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := reader.NewExport(dir, false, reader.Query{}, nil); !errors.Is(err, reader.ErrNotEmpty) {
		t.Errorf("into a folder that is not empty: %v", err)
	}
}

// A program that reads mail reads what was exported, and every text is in one mail. [ARC-64]
func TestExportOfMail(t *testing.T) {
	w, dir, _, _ := exported(t, true)
	file, err := os.Open(filepath.Join(dir, "messages.mbox"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	box := mail.NewMbox(file)
	var all []mail.Mail
	for {
		data, err := box.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := mail.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	if len(all) != 2 {
		t.Fatalf("%d mails", len(all))
	}
	m := all[0]
	if m.Subject != "Überblick \"alles\"" || strings.TrimSpace(m.Text) != "From here on\nFrom: me\n>From there" || !strings.HasPrefix(m.From, `"Anna" <`+w.anna.ID.String()) ||
		!strings.Contains(m.To, "Ben") || m.Date.IsZero() {
		t.Errorf("%+v", m)
	}
}

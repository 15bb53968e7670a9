package export_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"muster.example/node/api"
	"muster.example/node/export"
)

// FuzzMail: whatever members write and call themselves and their files, the mail has just its own headers, reads back as the same, and is
// one message of its mbox.
func FuzzMail(f *testing.F) {
	f.Add("Bo", "Plan", "From me\n>From you\r\n", "plan.txt", []byte("From me\n"))
	f.Add(`"=?utf-8?q?x?=`, "=?utf-8?b?eA==?= ", "", "Größe\"; x=y.png", []byte{0, '\r', '\n', 255})
	f.Add("a\u2028b", strings.Repeat("ü", 500), "=\n.\n", "x", []byte{})
	f.Fuzz(func(t *testing.T, name, subject, text, file string, content []byte) {
		oneLine := func(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }
		if !oneLine(name) || !oneLine(subject) || !oneLine(file) || !utf8.ValidString(text) || len(subject) > 1024 || len(name) > 256 ||
			file == "" || len(file) > 255 || strings.ContainsAny(file, `/\:`) {
			return // what history never holds: it checks these before they get here
		}
		h := &history{}
		m := api.Message{From: name, FromMember: "bo", Subject: subject, Text: text, To: []api.Person{{Member: "ann", Name: name}}}
		h.add("one", name, m, map[string][]byte{file: append([]byte{}, content...)})
		h.add("one", name, api.Message{Text: "the next"}, nil)
		files, done := write(t, h, export.Options{Format: export.Mbox})
		box := files[done.Conversations[0].Path]
		if n := bytes.Count(append([]byte{'\n'}, box...), []byte("\nFrom ")); n != 2 {
			t.Fatalf("%d messages in\n%s", n, box)
		}
		_, first, _ := bytes.Cut(box, []byte("\n"))
		first, _, _ = bytes.Cut(first, []byte("\nFrom "))
		got, err := mail.ReadMessage(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("%v in\n%s", err, first)
		}
		for key := range got.Header {
			if !slices.Contains([]string{
				"Date", "From", "To", "Subject", "Message-Id", "X-Muster-Organization", "X-Muster-Conversation", "X-Muster-Received", "Mime-Version", "Content-Type",
			}, key) {
				t.Errorf("a header %q in\n%s", key, first)
			}
		}
		decoder := &mime.WordDecoder{}
		if read, err := decoder.DecodeHeader(got.Header.Get("Subject")); err != nil || read != subject {
			t.Errorf("the subject is %q, not %q, %v", read, subject, err)
		}
		for _, field := range []string{"From", "To"} {
			if all, err := got.Header.AddressList(field); err != nil || len(all) != 1 || all[0].Name != name {
				t.Errorf("%s is %v, not %q, %v", field, all, name, err)
			}
		}
		_, parameters, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(got.Body, parameters["boundary"])
		if read, _ := readPart(t, parts); string(read) != text {
			t.Errorf("the text is %q, not %q", read, text)
		}
		if read, called := readPart(t, parts); !bytes.Equal(read, content) || called != file {
			t.Errorf("the file is %q with %d bytes, not %q with %d", called, len(read), file, len(content))
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("behind the file: %v", err)
		}
	})
}

func readPart(t *testing.T, parts *multipart.Reader) (content []byte, name string) {
	t.Helper()
	part, err := parts.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = quotedprintable.NewReader(part)
	if part.Header.Get("Content-Transfer-Encoding") == "base64" {
		r = base64.NewDecoder(base64.StdEncoding, part)
	}
	if content, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	_, parameters, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	return content, parameters["filename"]
}

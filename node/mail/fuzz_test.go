package mail_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"muster.example/node/mail"
)

// FuzzMbox holds that any bytes end, and that no mail is longer than what it came from.
func FuzzMbox(f *testing.F) {
	f.Add([]byte(between + "A: b\n\n>From here\n\n" + between + "A: c\n\nx\n"))
	f.Add([]byte(between + "Content-Length: 50\nA: b\n\nx\n\n" + between + "A: c\n\nyyyyyyyyyyyyyyyyyyyy\n"))
	f.Add([]byte("From - \r\nA: b\r\n\r\nx\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, total := mail.NewMbox(bytes.NewReader(data)), 0
		for {
			one, err := m.Next()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if total += len(one); total > len(data) {
				t.Fatalf("%d bytes of mail from %d", total, len(data))
			}
		}
	})
}

// FuzzParse holds that what is read of any mail is text within the limits, and is read back from a note.
func FuzzParse(f *testing.F) {
	f.Add([]byte("Subject: =?utf-8?b?R3LDvA==?=\nFrom: a\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/html\n\n<p style='display:none'>a</p>b\n--o\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=x\n\nAAEC\n--o--\n"))
	f.Add([]byte("Message-ID: <a>\nReferences: <b> <c>\nDate: Mon, 30 Nov 2026 02:12:45 +0100\nContent-Transfer-Encoding: quoted-printable\n\na=\nb=E4\n"))
	f.Add([]byte("To: \xff\nContent-Type: text/plain; charset=utf-7; boundary\n\n\xff\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := mail.Parse(data)
		if err != nil {
			return
		}
		for _, line := range append([]string{m.ID, m.From, m.To, m.Cc, m.Subject}, append(m.References, m.Labels...)...) {
			if !utf8.ValidString(line) || strings.ContainsAny(line, "\n\r\x00") || len(line) > 1<<10 {
				t.Fatalf("%q is no line", line)
			}
		}
		for _, file := range m.Files {
			if content, _ := file.Content(); file.Name == "" || len(content) > len(data) {
				t.Fatalf("%q of %d bytes from %d", file.Name, len(content), len(data))
			}
		}
		note, _ := mail.NoteOf(m, time.Unix(1_800_000_000, 0))
		if back, ok := mail.ParseNote(note.String()); !ok || back != note || !utf8.ValidString(m.Text) || strings.Contains(m.Text, "\x00") {
			t.Fatalf("%+v is read as %+v", note, back)
		}
	})
}

package mail_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/mail"
)

const between = "From a@b.example Mon Nov 30 02:12:45 2026\n"

// mails reads all mails of an mbox; one that is too large is "large".
func mails(t *testing.T, r io.Reader) (all []string) {
	t.Helper()
	m := mail.NewMbox(r)
	for {
		data, err := m.Next()
		switch {
		case errors.Is(err, io.EOF):
			return all
		case errors.Is(err, mail.ErrLarge):
			all = append(all, "large")
		case err != nil:
			t.Fatal(err)
		default:
			all = append(all, string(data))
		}
	}
}

// Each kind of mbox gives the mails that were put in. [HIST-70]
func TestMboxKinds(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"quoted once":            {between + "Subject: a\n\n>From here\n\n" + between + "Subject: b\n\nx\n", []string{"Subject: a\n\nFrom here\n", "Subject: b\n\nx\n"}},
		"quoted twice":           {between + "Subject: a\n\n>>From here\n\n", []string{"Subject: a\n\n>From here\n"}},
		"not quoted":             {between + "Subject: a\n\nx\n\nFrom here to 12:00 there\nis text\n", []string{"Subject: a\n\nx\n\nFrom here to 12:00 there\nis text\n"}},
		"no line before":         {between + "Subject: a\n\nx\nFrom b Mon Nov 30 02:12:45 2026\nB: y\n", []string{"Subject: a\n\nx\nFrom b Mon Nov 30 02:12:45 2026\nB: y\n"}},
		"carriage returns":       {"From - Mon Nov 30 02:12:45 2026\r\nA: b\r\n\r\nx\r\n\r\nFrom - Mon Nov 30 02:12:45 2026\r\nA: c\r\n\r\ny", []string{"A: b\r\n\r\nx\r\n", "A: c\r\n\r\ny"}},
		"by length":              {between + "Content-Length: 62\nA: b\n\nx\n\nFrom a Mon Nov 30 02:12:45 2026\nA: inside of the mail\n\nyyy\n\n" + between + "A: c\n\n", []string{"Content-Length: 62\nA: b\n\nx\n\nFrom a Mon Nov 30 02:12:45 2026\nA: inside of the mail\n\nyyy\n", "A: c\n"}},
		"a length that is short": {between + "Content-Length: 1\nA: b\n\nxyz\n\n" + between + "A: c\n\nz\n", []string{"Content-Length: 1\nA: b\n\nxyz\n", "A: c\n\nz\n"}},
		"a length that is long":  {between + "Content-Length: 99999\nA: b\n\nx\n\n" + between + "A: c\n\nz\n\n" + between + "A: d\n\n", []string{"Content-Length: 99999\nA: b\n\nx\n", "A: c\n\nz\n", "A: d\n"}},
		"a length between":       {between + "Content-Length: 60\nA: b\n\nx\n\n" + between + "A: c\n\nzzzzzzzzzzzzzzzzzzzzzzzzzzz\nzz\n\n" + between + "A: d\n\n", []string{"Content-Length: 60\nA: b\n\nx\n", "A: c\n\nzzzzzzzzzzzzzzzzzzzzzzzzzzz\nzz\n", "A: d\n"}},
		"rubbish before":         {"what\n\n" + between + "A: b\n\nx\n", []string{"A: b\n\nx\n"}},
		"nothing":                {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, mails(t, strings.NewReader(c.file))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A mail that is too large is passed over, and the next one is read. [HIST-70]
func TestMboxLargeMail(t *testing.T) {
	line := strings.Repeat("x", 1<<20-1) + "\n"
	file := io.MultiReader(strings.NewReader(between+"A: b\n\n"), strings.NewReader(strings.Repeat(line, 65)), strings.NewReader("\n"+between+"A: c\n\nz\n"))
	if diff := cmp.Diff([]string{"large", "A: c\n\nz\n"}, mails(t, file)); diff != "" {
		t.Error(diff)
	}
}

func TestIsMbox(t *testing.T) {
	for text, want := range map[string]bool{between: true, "From - \n": true, "From: ada\n": false, "": false, "From here on\n": false} {
		if got := mail.IsMbox([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

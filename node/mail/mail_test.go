package mail_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/mail"
)

func parse(t *testing.T, data string) mail.Mail {
	t.Helper()
	m, err := mail.Parse([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// files returns what files of a mail hold, by name.
func files(t *testing.T, m mail.Mail) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, f := range m.Files {
		data, ok := f.Content()
		if !ok {
			t.Errorf("%q is broken", f.Name)
		}
		all[f.Name] = string(data)
	}
	return all
}

// What a mail's header says is text, however it was written.
func TestHeader(t *testing.T) {
	m := parse(t, "Message-ID: <1@a.example>\r\nFROM : =?iso-8859-1?Q?J=FCrg?=\r\n <j@a.example>\r\nTo: \xe4\xf6 <b@b.example>\r\nCc: \xc3\xa4\r\n"+
		"Subject: =?utf-8?b?R3LDvMOf?=\t=?utf-8?q?e_=01?= =?nonsense?q?x?=\r\nDate: Mon, 30 Nov 2026 02:12:45 +0100 (CET)\r\n"+
		"References: <0@a.example> rubbish <00@a.example>\r\nIn-Reply-To: <00@a.example>\r\nX-GM-LABELS: Inbox,\"Two words\", =?utf-8?q?=C3=BC?=\r\n\r\nhi\r\n")
	got := []string{m.ID, m.From, m.To, m.Cc, m.Subject, m.Date.UTC().Format(time.RFC3339), strings.Join(m.References, " "), strings.Join(m.Labels, "|"), m.Text}
	want := []string{"1@a.example", "Jürg <j@a.example>", "äö <b@b.example>", "ä", "Grüße x", "2026-11-30T01:12:45Z", "0@a.example 00@a.example 00@a.example", "Inbox|Two words|ü", "hi\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if topic, answer := parse(t, "Subject: Re: AW[2]: Plan\n\n").Topic(); topic != "plan" || !answer {
		t.Errorf("the topic is %q, %v", topic, answer)
	}
}

// The text is found among the parts, and what is no text is kept as a file.
func TestParts(t *testing.T) {
	const alternative = "Content-Type: multipart/alternative; boundary=i\n\n--i\nContent-Type: text/html\n\n<b>bold</b>\n--i\nContent-Type: text/plain; charset=iso-8859-1\n" +
		"Content-Transfer-Encoding: quoted-printable\n\nplain =E4=\n!\n--i--\n"
	for name, c := range map[string]struct {
		mail  string
		text  string
		files map[string]string
		whole bool
	}{
		"plain":             {"Subject: a\n\nb\n", "b\n", nil, false},
		"plain is taken":    {"Subject: a\n" + alternative, "plain ä!", nil, false},
		"html alone":        {"Subject: a\nContent-Type: text/html; charset=utf-8\n\n<p>a<p>b", "a\n\nb", nil, false},
		"a file":            {"Subject: a\nContent-Type: multipart/mixed; boundary=\"o o\"\n\npreamble\n--o o\n" + alternative + "\n--o o\nContent-Disposition: attachment; filename*=utf-8''%C3%BC.bin\nContent-Transfer-Encoding: base64\n\nAA\nEC\n--o o--\nepilogue", "plain ä!", map[string]string{"ü.bin": "\x00\x01\x02"}, false},
		"a mail in it":      {"Subject: a\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nx\n--o\nContent-Type: message/rfc822\n\nSubject: inner\n\ny\n--o--", "x", map[string]string{"inner.eml": "Subject: inner\n\ny"}, false},
		"no end":            {"Subject: a\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nx\n", "x\n", nil, true},
		"no boundary":       {"Subject: a\nContent-Type: multipart/mixed\n\n--o\n\nx\n", "--o\n\nx\n", nil, true},
		"no part":           {"Subject: a\nContent-Type: multipart/mixed; boundary=o\n\nx\n", "x\n", nil, true},
		"a loose type":      {"Subject: a\nContent-Type: text/plain; charset=iso-8859-1; =;\n\n\xe4", "ä", nil, false},
		"a wrong charset":   {"Subject: a\nContent-Type: text/plain; charset=utf-8\n\n\xe4", "ä", nil, false},
		"an unknown one":    {"Subject: a\nContent-Type: text/plain; charset=none\n\nä", "ä", nil, false},
		"broken base64":     {"Subject: a\nContent-Transfer-Encoding: base64\n\neH*h5e\n", "xxy", nil, true},
		"an unknown coding": {"Subject: a\nContent-Transfer-Encoding: x-own\n\nab\n", "ab\n", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, c.mail)
			if c.files == nil {
				c.files = map[string]string{}
			}
			if diff := cmp.Diff(c.files, files(t, m)); diff != "" || m.Text != c.text || m.Whole != c.whole {
				t.Errorf("%q, whole %v\n%s", m.Text, m.Whole, diff)
			}
		})
	}
}

// What is too much is left to the mail as a whole, or refused.
func TestLimits(t *testing.T) {
	if m := parse(t, "Subject: a\nContent-Type: multipart/mixed; boundary=o\n\n"+strings.Repeat("--o\nContent-Type: image/png\n\nx\n", 300)+"--o--\n"); !m.Whole || len(m.Files) > mail.MaxParts {
		t.Errorf("%d parts, whole %v", len(m.Files), m.Whole)
	}
	var deep strings.Builder
	deep.WriteString("Subject: a\n")
	for range 20 {
		deep.WriteString("Content-Type: multipart/mixed; boundary=o\n\n--o\n")
	}
	if m := parse(t, deep.String()+"\ntoo deep\n--o--\n"); !m.Whole || strings.Contains(m.Text, "too deep") && len(m.Text) > 1000 {
		t.Errorf("%q, whole %v", m.Text, m.Whole)
	}
	for text, want := range map[string]error{"": mail.ErrNoMail, "rubbish": mail.ErrNoMail, "Subject: " + strings.Repeat("x", mail.MaxHeader) + "\n\n": mail.ErrHeader} {
		if _, err := mail.Parse([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// HTML becomes what a person would read. Nothing that it would load is named, and what is hidden is not there.
func TestHTML(t *testing.T) {
	for page, want := range map[string]string{
		"<html><head><title>t</title><style>x{}</style></head><body>Hi <b>there</b>,<br>you&amp;me &lt;b&gt;</body>": "Hi there,\nyou&me <b>",
		`<img src="https://t.example/pixel" alt="seen"><script>alert(1)</script>a<style>@import "https://t.example"`: "a",
		`<div style="display: none">secret<div>more</div>still</div>shown`:                                           "shown",
		`<span style="font-size:0px">x</span><span hidden>y</span><p style="color:red">z</p>`:                        "z",
		`<a href="https://a.example/x">here</a> and <a href="https://b.example">https://b.example</a>`:               "here <https://a.example/x> and https://b.example",
		`<a href="javascript:alert(1)">here</a>`:                                                                     "here",
		"<ul><li>a<li>b</ul><table><tr><td>c</td><td>d</td></tr></table>":                                            "- a\n- b\n\nc d",
		"<pre>a\n  b</pre>": "a\n  b",
		"<head><style>x{}</style><body>no end of the head": "no end of the head",
	} {
		if got := parse(t, "Subject: a\nContent-Type: text/html\n\n"+page).Text; got != want {
			t.Errorf("%s\n got %q\nwant %q", page, got, want)
		}
	}
}

// A note is read as it was written, and nothing else is one. [HIST-70]
func TestNote(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	m := parse(t, "Message-ID: <1@a>\nFrom: Ada <a@a>\nSubject: a\nDate: Mon, 30 Nov 2020 02:12:45 +0100\n\nFrom: nobody\n\ntext")
	note, at := mail.NoteOf(m, now)
	if back, ok := mail.ParseNote(note.String()); !ok || back != note || at.UTC().Format(time.RFC3339) != "2020-11-30T01:12:45Z" || note.Text != "From: nobody\n\ntext" {
		t.Errorf("%+v, %v, %s", back, ok, at)
	}
	for _, date := range []string{"", "yesterday", "Mon, 30 Nov 1900 02:12:45 +0100", "Mon, 30 Nov 2099 02:12:45 +0100"} {
		if note, at := mail.NoteOf(parse(t, "Subject: a\nDate: "+date+"\n\n"), now); !at.Equal(now) || note.Date != "" {
			t.Errorf("%s: %s", date, at)
		}
	}
	for _, text := range []string{"", "hello", "Imported mail (1), not verified", "Imported mail (1), not verified\nTo: a\nFrom: b\n\nx", "Imported mail (1), not verified\nFrom: \n\nx", "Imported mail (1), not verified\nFrom: a"} {
		if _, ok := mail.ParseNote(text); ok {
			t.Errorf("%q is one", text)
		}
	}
}

package export

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// domain is what addresses of members end with: no host has such a name (RFC 2606).
const domain = "muster.invalid"

// lineBytes is how long lines of headers and of base64 are (RFC 2045, RFC 5322).
const lineBytes = 76

// writeMail writes a message as mail (RFC 5322), its files inside, with lines that end as on Unix. No line of it begins with "From " or
// that with > before it, so that it stands in any kind of mbox, and in each reader is the same.
func (e *exporter) writeMail(ctx context.Context, w io.Writer, m Message) error {
	e.missing(m)
	out := &lineEnds{w: w}
	parts := multipart.NewWriter(out)
	if _, err := io.WriteString(out, mailHeader(m, parts.Boundary())); err != nil {
		return err
	}
	if err := writeText(parts, m.Text); err != nil {
		return err
	}
	for i, file := range m.Files {
		if e.NoFiles || !file.Here {
			continue
		}
		part, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {"application/octet-stream"},
			"Content-Transfer-Encoding": {"base64"},
			"Content-Disposition":       {mime.FormatMediaType("attachment", map[string]string{"filename": file.Name})},
		})
		if err != nil {
			return err
		}
		lines := &wrapped{w: part}
		encoder := base64.NewEncoder(base64.StdEncoding, lines)
		if err := e.copyFile(ctx, encoder, m, i); err != nil {
			return err
		}
		if err := encoder.Close(); err != nil {
			return err
		}
	}
	return parts.Close()
}

// fromLine is a line that an mbox has between messages, or that looks like one.
var fromLine = regexp.MustCompile(`(?m)^>*From `)

// writeText writes the text so that it is read as the same bytes.
func writeText(parts *multipart.Writer, text string) error {
	encoding := "quoted-printable"
	if strings.Contains(text, "\r") || fromLine.MatchString(text) {
		encoding = "base64"
	}
	part, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {encoding},
	})
	if err != nil {
		return err
	}
	var encoder io.WriteCloser = quotedprintable.NewWriter(part)
	if encoding == "base64" {
		encoder = base64.NewEncoder(base64.StdEncoding, &wrapped{w: part})
	}
	if _, err := io.WriteString(encoder, text); err != nil {
		return err
	}
	return encoder.Close()
}

func mailHeader(m Message, boundary string) string {
	var h bytes.Buffer
	field := func(name, value string) {
		if value != "" {
			h.WriteString(folded(name + ": " + value))
		}
	}
	field("Date", m.Time.UTC().Format(time.RFC1123Z))
	field("From", address(m.From, m.FromMember, m.Org))
	field("To", recipients(m))
	field("Subject", words(m.Subject))
	field("Message-ID", messageID(m.ID, m.Org))
	if m.Reply != "" {
		field("In-Reply-To", messageID(m.Reply, m.Org))
	}
	field("References", references(m))
	field("X-Muster-Organization", words(m.OrgName))
	field("X-Muster-Conversation", m.Conversation)
	field("X-Muster-Received", m.Received.UTC().Format(time.RFC1123Z))
	for _, tag := range m.Tags {
		field("X-Muster-Tag", words(tag))
	}
	for _, file := range m.Files {
		if !file.Here {
			field("X-Muster-Missing", words(file.Name))
		}
	}
	field("MIME-Version", "1.0")
	field("Content-Type", "multipart/mixed; boundary="+boundary)
	h.WriteByte('\n')
	return h.String()
}

func messageID(id, org string) string { return "<" + id + "@" + org + "." + domain + ">" }

func references(m Message) string {
	var all []string
	if m.Thread != "" && m.Thread != m.ID {
		all = append(all, messageID(m.Thread, m.Org))
	}
	if m.Reply != "" && m.Reply != m.Thread {
		all = append(all, messageID(m.Reply, m.Org))
	}
	return strings.Join(all, " ")
}

func recipients(m Message) string {
	var all []string
	for _, to := range m.To {
		all = append(all, address(to.Name, to.Member, m.Org))
	}
	if m.Group != nil {
		all = append(all, address(m.Group.Name, m.Group.Group, m.Org))
	}
	if m.Guest != nil && m.Guest.Member != m.FromMember {
		all = append(all, address(m.Guest.Name, m.Guest.Member, m.Org))
	}
	if len(all) == 0 {
		return "undisclosed-recipients:;"
	}
	return strings.Join(all, ", ")
}

// address is a member's, or a group's, in a domain that nobody has.
func address(name, id, org string) string {
	at := "<" + id + "@" + org + "." + domain + ">"
	switch encoded := words(name); {
	case name == "":
		return at
	case encoded != name:
		return encoded + " " + at
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" ` + at
}

// plainWord is text that a header can hold as it is.
var plainWord = regexp.MustCompile(`^[ -~]*$`)

// wordBytes is how many bytes of text an encoded word holds: with what is around it 64 characters, of 75 (RFC 2047).
const wordBytes = 39

// words returns text as a header holds it (RFC 2047): as it is, unless a reader could take it for something else.
func words(text string) string {
	plain := plainWord.MatchString(text) && !strings.Contains(text, "=?") && strings.TrimSpace(text) == text && !strings.Contains(text, "  ")
	for _, word := range strings.Fields(text) {
		plain = plain && len(word) < lineBytes-20
	}
	if plain {
		return text
	}
	var all []string
	for len(text) > 0 {
		end := min(wordBytes, len(text))
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end--
		}
		all = append(all, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(text[:end]))+"?=")
		text = text[end:]
	}
	return strings.Join(all, " ")
}

// folded cuts a header field into lines, at spaces.
func folded(field string) string {
	var out strings.Builder
	length := 0
	for i, word := range strings.Split(field, " ") {
		switch {
		case i == 0:
		case i > 1 && length+1+len(word) > lineBytes:
			out.WriteString("\n ")
			length = 1
		default:
			out.WriteByte(' ')
			length++
		}
		out.WriteString(word)
		length += len(word)
	}
	out.WriteByte('\n')
	return out.String()
}

// lineEnds writes lines that end with CR LF as lines that end with LF.
type lineEnds struct{ w io.Writer }

// Write implements io.Writer.
func (l *lineEnds) Write(data []byte) (int, error) {
	_, err := l.w.Write(bytes.ReplaceAll(data, []byte("\r"), nil))
	return len(data), err
}

// wrapped cuts base64 into lines.
type wrapped struct {
	w  io.Writer
	at int
}

// Write implements io.Writer.
func (l *wrapped) Write(data []byte) (int, error) {
	written := len(data)
	for len(data) > 0 {
		if l.at == lineBytes {
			if _, err := io.WriteString(l.w, "\n"); err != nil {
				return 0, err
			}
			l.at = 0
		}
		n := min(lineBytes-l.at, len(data))
		if _, err := l.w.Write(data[:n]); err != nil {
			return 0, err
		}
		l.at += n
		data = data[n:]
	}
	return written, nil
}

// mboxFormat writes a file for each conversation (RFC 4155).
type mboxFormat struct {
	*exporter
	file string
	out  io.Writer
}

func (f *mboxFormat) path() string { return f.file }

func (f *mboxFormat) begin(c Conversation) (err error) {
	f.file = f.name(c, ".mbox")
	f.out, err = f.folder.Create(f.file)
	return err
}

func (f *mboxFormat) message(ctx context.Context, m Message) error {
	if m.Deleted { // nothing is left of it
		return nil
	}
	if _, err := fmt.Fprintf(f.out, "From %s@%s.%s %s\n", m.FromMember, m.Org, domain, m.Received.UTC().Format(time.ANSIC)); err != nil {
		return err
	}
	if err := f.writeMail(ctx, f.out, m); err != nil {
		return err
	}
	_, err := io.WriteString(f.out, "\n")
	return err
}

// maildirFormat writes a Maildir for each conversation.
type maildirFormat struct {
	*exporter
	folderName string
}

func (f *maildirFormat) path() string { return f.folderName }

func (f *maildirFormat) begin(c Conversation) error {
	f.folderName = f.name(c, "")
	for _, part := range []string{"/cur/", "/new/", "/tmp/"} {
		if _, err := f.folder.Create(f.folderName + part); err != nil {
			return err
		}
	}
	return nil
}

func (f *maildirFormat) message(ctx context.Context, m Message) error {
	if m.Deleted {
		return nil
	}
	flags := "S"
	if m.Unread {
		flags = ""
	}
	name := fmt.Sprintf("%s/cur/%d.%s.muster%s2,%s", f.folderName, m.Received.Unix(), m.ID, f.Flags, flags)
	w, err := f.folder.Create(name)
	if err != nil {
		return err
	}
	return f.writeMail(ctx, w, m)
}

package reader

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"strings"
	"time"
)

// domain is what addresses end with: no host has such a name (RFC 2606).
const domain = "muster.invalid"

// writeMail writes an entry as a mail of an mbox (RFC 4155). The text is base64, so that no line of it can be taken for the
// beginning of the next mail.
func writeMail(w io.Writer, e *Entry) error {
	var mail bytes.Buffer
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&mail, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(&mail, "From %s@%s %s\n", e.Device, domain, e.Arrived.UTC().Format(time.ANSIC))
	written := e.Time
	if written.IsZero() {
		written = e.Arrived
	}
	field("Date", written.UTC().Format(time.RFC1123Z))
	from := e.From
	if from.ID == "" {
		from.ID = e.Device.String()
	}
	field("From", address(from))
	field("To", e.recipients())
	field("Subject", word(e.Subject))
	if !e.ID.IsZero() {
		field("Message-ID", reference(e.ID.String()))
	}
	if !e.Reply.IsZero() {
		field("In-Reply-To", reference(e.Reply.String()))
	}
	for _, about := range e.About {
		field("X-Muster-About", reference(about.String()))
	}
	field("X-Muster-Kind", string(e.Kind))
	field("X-Muster-Item", fmt.Sprint(e.Item))
	field("X-Muster-Envelope", e.Envelope.String())
	field("X-Muster-Arrived", e.Arrived.UTC().Format(time.RFC1123Z))
	for _, file := range e.Attachments {
		field("X-Muster-File", word(file.File))
	}
	mail.WriteString("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n")
	text := e.Text
	if e.Emoji != "" {
		text = strings.TrimSpace(e.Emoji + " " + text)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		mail.WriteString(encoded[:n] + "\n")
		encoded = encoded[n:]
	}
	mail.WriteByte('\n')
	_, err := w.Write(mail.Bytes())
	return err
}

func (e *Entry) recipients() string {
	var all []string
	for _, to := range e.To {
		all = append(all, address(to))
	}
	for _, to := range []*Person{e.Group, e.Guest} {
		if to != nil {
			all = append(all, address(*to))
		}
	}
	if len(all) == 0 {
		return "undisclosed-recipients:;"
	}
	return strings.Join(all, ",\n ")
}

func address(p Person) string {
	at := "<" + p.ID + "@" + domain + ">"
	if p.Name == "" {
		return at
	}
	name := clean(p.Name)
	if encoded := mime.BEncoding.Encode("utf-8", name); encoded != name {
		return encoded + " " + at
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" ` + at
}

func reference(id string) string { return "<" + id + "@" + domain + ">" }

// word returns text as a header holds it (RFC 2047).
func word(text string) string {
	return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", clean(text)), "?= =?", "?=\n =?")
}

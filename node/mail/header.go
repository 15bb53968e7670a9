package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	stdmail "net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// header is the fields of a header by their names in canonical form, as bytes that stand there.
type header map[string][]string

// split cuts a mail or a part of one into header and body.
func split(data []byte) (head, body []byte) {
	for at := 0; at < len(data); {
		end := bytes.IndexByte(data[at:], '\n')
		if end < 0 {
			return data, nil
		}
		if line := data[at : at+end]; len(bytes.TrimRight(line, "\r")) == 0 {
			return data[:at], data[at+end+1:]
		}
		at += end + 1
	}
	return data, nil
}

// parseHeader reads the fields of the first MaxHeader bytes. A line that is none belongs to nothing.
func parseHeader(head []byte) header {
	h := make(header)
	var name string
	var value []byte
	keep := func() {
		if name != "" {
			h[name] = append(h[name], string(value))
		}
	}
	for line := range bytes.Lines(head[:min(len(head), MaxHeader)]) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			value = append(append(value, ' '), bytes.TrimSpace(line)...)
			continue
		}
		keep()
		before, rest, is := bytes.Cut(line, []byte(":"))
		before = bytes.TrimRight(before, " \t")
		if name = ""; is && len(before) > 0 && !bytes.ContainsAny(before, " \t>") {
			name, value = textproto.CanonicalMIMEHeaderKey(string(before)), bytes.Clone(bytes.TrimSpace(rest))
		}
	}
	keep()
	return h
}

// get returns the first field of a name, as it stands there.
func (h header) get(name string) string {
	if all := h[textproto.CanonicalMIMEHeaderKey(name)]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// text returns a field as a person reads it: one line.
func (h header) text(name string) string { return oneLine(decodeWords(h.get(name))) }

// decodeWords decodes encoded words (RFC 2047). Other bytes than ASCII are UTF-8, or what Windows has.
func decodeWords(raw string) string {
	decoder := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		data, err := io.ReadAll(r)
		return strings.NewReader(decodeCharset(data, charset)), err
	}}
	text, err := decoder.DecodeHeader(raw)
	if err != nil {
		text = raw
	}
	return decodeCharset([]byte(text), "utf-8")
}

// oneLine makes a text one line of at most maxWord bytes.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || unicode.IsControl(r) }), " ")
	return cut(text, maxWord)
}

// cut cuts a text between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// decodeCharset returns text in UTF-8. What is not in the character set that is named is read as UTF-8, or as what Windows has.
func decodeCharset(data []byte, charset string) string {
	if encoding, err := htmlindex.Get(strings.TrimSpace(charset)); err == nil {
		if name, _ := htmlindex.Name(encoding); name != "utf-8" && name != "replacement" {
			if text, err := encoding.NewDecoder().Bytes(data); err == nil {
				return strings.ToValidUTF8(string(text), "\uFFFD")
			}
		}
	}
	if utf8.Valid(data) {
		return string(data)
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil {
		return strings.ToValidUTF8(string(data), "\uFFFD")
	}
	return string(text)
}

// contentType returns a part's type in small letters and what it says of it, however it is written.
func (h header) contentType() (kind string, parameters map[string]string) {
	value := h.get("Content-Type")
	if value == "" {
		return "text/plain", nil
	}
	kind, parameters, err := mime.ParseMediaType(value)
	if err != nil && kind == "" {
		kind, _, _ = strings.Cut(value, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	if parameters == nil {
		parameters = make(map[string]string)
	}
	for _, name := range []string{"boundary", "charset", "name"} { // as far as a value that is not well formed has them
		if found := looseParameter[name].FindStringSubmatch(value); err != nil && parameters[name] == "" && found != nil {
			parameters[name] = strings.Trim(found[1], `"`)
		}
	}
	if !strings.Contains(kind, "/") {
		kind = "text/plain"
	}
	return kind, parameters
}

var looseParameter = map[string]*regexp.Regexp{
	"boundary": regexp.MustCompile(`(?i)[;\s]boundary\s*=\s*("[^"]+"|[^;\s]+)`),
	"charset":  regexp.MustCompile(`(?i)[;\s]charset\s*=\s*("[^"]+"|[^;\s]+)`),
	"name":     regexp.MustCompile(`(?i)[;\s](?:file)?name\s*=\s*("[^"]+"|[^;\s]+)`),
}

// fileName returns what a part calls its file, and whether it says that it is one.
func (h header) fileName() (name string, attached bool) {
	value := h.get("Content-Disposition")
	kind, parameters, err := mime.ParseMediaType(value)
	if name = parameters["filename"]; name == "" && err != nil {
		if found := looseParameter["name"].FindStringSubmatch(";" + value); found != nil {
			name = strings.Trim(found[1], `"`)
		}
	}
	if name == "" {
		_, parameters := h.contentType()
		name = parameters["name"]
	}
	return oneLine(decodeWords(name)), strings.EqualFold(kind, "attachment") || strings.HasPrefix(strings.ToLower(value), "attachment")
}

// identifiers is what stands between angle brackets: the ids of mails.
var identifiers = regexp.MustCompile(`<([^<>\s]{1,256})>`)

// ids returns the ids of mails in a field.
func (h header) ids(name string) (all []string) {
	for _, found := range identifiers.FindAllStringSubmatch(h.get(name), maxReferences) {
		all = append(all, oneLine(decodeCharset([]byte(found[1]), "utf-8")))
	}
	return all
}

// dateLayouts are the forms that are read beside those of RFC 5322.
var dateLayouts = []string{time.RFC3339, time.ANSIC, time.UnixDate, "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05"}

// date returns when a mail says that it was written; zero: it does not say.
func (h header) date() time.Time {
	value := strings.TrimSpace(h.get("Date"))
	if at, err := stdmail.ParseDate(value); err == nil {
		return at
	}
	for _, layout := range dateLayouts {
		if at, err := time.Parse(layout, value); err == nil {
			return at
		}
	}
	return time.Time{}
}

// labels returns the labels that Gmail gave a mail.
func (h header) labels() (all []string) {
	for _, label := range strings.Split(decodeWords(h.get("X-Gmail-Labels")+","+h.get("X-GM-LABELS")), ",") {
		if label = strings.Trim(oneLine(label), `" `); label != "" && len(all) < maxLabels {
			all = append(all, cut(label, 64))
		}
	}
	return all
}

// decodeTransfer returns what a part holds, and whether it could be read to its end.
func decodeTransfer(data []byte, encoding string) (decoded []byte, ok bool) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return decodeBase64(data)
	case "quoted-printable":
		return decodeQuoted(data)
	case "", "7bit", "8bit", "binary":
		return data, true
	}
	return data, false
}

// decodeBase64 decodes base64, whatever else stands between its letters.
func decodeBase64(data []byte) ([]byte, bool) {
	letters := make([]byte, 0, len(data))
	for _, b := range data {
		if b == '=' {
			break
		}
		if 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '+' || b == '/' {
			letters = append(letters, b)
		}
	}
	ok := len(letters)%4 != 1
	if !ok {
		letters = letters[:len(letters)-1]
	}
	n, err := base64.RawStdEncoding.Decode(letters, letters) // in place: what is written is behind what is read
	return letters[:n], ok && err == nil
}

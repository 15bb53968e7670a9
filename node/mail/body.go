package mail

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
)

// File is a part of a mail that is no text to be read.
type File struct {
	Name string // as the mail calls it; one line, never empty, no path to be trusted

	raw      []byte
	encoding string
}

// Content returns the file's bytes, decoded as they are asked for, and whether all could be.
func (f File) Content() (data []byte, ok bool) { return decodeTransfer(f.raw, f.encoding) }

// reading is a mail while its parts are read.
type reading struct {
	parts int
	files []File
	whole bool // something could not be read
}

// text is what a part says; html tells how it was written.
type text struct {
	text string
	html bool
}

// part reads a part, and returns the texts of it that are to be read.
func (r *reading) part(head header, body []byte, depth int) []text {
	if r.parts++; r.parts > MaxParts || depth > MaxDepth {
		r.whole = true
		return nil
	}
	kind, parameters := head.contentType()
	name, attached := head.fileName()
	encoding := head.get("Content-Transfer-Encoding")
	switch {
	case strings.HasPrefix(kind, "multipart/") && parameters["boundary"] != "":
		return r.several(kind, parameters["boundary"], body, depth)
	case strings.HasPrefix(kind, "multipart/"):
		r.whole = true
		return r.readable(body, "", "text/plain", parameters["charset"])
	case (kind == "text/plain" || kind == "text/html") && !attached && name == "":
		return r.readable(body, encoding, kind, parameters["charset"])
	case kind == "message/rfc822" && name == "":
		inner, _ := split(body)
		name = parseHeader(inner).text("Subject") + ".eml"
	}
	if name == "" {
		name = fmt.Sprintf("part-%d%s", r.parts, extension(kind))
	}
	r.files = append(r.files, File{Name: name, raw: body, encoding: encoding})
	return nil
}

// several reads the parts between boundaries: of those that say the same in other forms one that is plain text.
func (r *reading) several(kind, boundary string, body []byte, depth int) []text {
	parts, ok := between(body, boundary)
	if r.whole = r.whole || !ok; len(parts) == 0 {
		return r.readable(body, "", "text/plain", "")
	}
	var all []text
	for _, data := range parts {
		if r.parts >= MaxParts {
			r.whole = true
			break
		}
		head, inner := split(data)
		all = append(all, r.part(parseHeader(head), inner, depth+1)...)
	}
	if kind != "multipart/alternative" {
		return all
	}
	for _, html := range []bool{false, true} {
		var same []text
		for _, t := range all {
			if t.html == html {
				same = append(same, t)
			}
		}
		for _, t := range same {
			if strings.TrimSpace(t.text) != "" {
				return same
			}
		}
	}
	return nil
}

// readable returns the text of a part.
func (r *reading) readable(body []byte, encoding, kind, charset string) []text {
	data, ok := decodeTransfer(body, encoding)
	r.whole = r.whole || !ok || len(data) > MaxText
	data = data[:min(len(data), MaxText)]
	is := kind == "text/html"
	says := decodeCharset(data, charset)
	if is {
		says = textOfHTML(says)
	}
	says = strings.ReplaceAll(strings.ReplaceAll(says, "\r\n", "\n"), "\x00", "")
	return []text{{says, is}}
}

// between returns the parts between boundaries, and whether the last one has its end.
func between(body []byte, boundary string) (parts [][]byte, ok bool) {
	mark := []byte("--" + boundary)
	begun, start := false, 0
	for at := 0; at < len(body); {
		end := bytes.IndexByte(body[at:], '\n')
		next := len(body)
		if end >= 0 {
			next = at + end + 1
		}
		rest, is := bytes.CutPrefix(body[at:next], mark)
		rest = bytes.TrimSpace(rest)
		last := bytes.Equal(rest, []byte("--"))
		if is && (len(rest) == 0 || last) {
			if begun {
				parts = append(parts, withoutEnd(body[start:at]))
			}
			if last {
				return parts, begun
			}
			if begun, start = true, next; len(parts) > MaxParts {
				return parts, false
			}
		}
		at = next
	}
	if begun && start < len(body) {
		parts = append(parts, body[start:])
	}
	return parts, false
}

// withoutEnd takes off the end of a line that belongs to the boundary behind it.
func withoutEnd(part []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
}

// decodeQuoted decodes quoted-printable; what is broken stays as it stands.
func decodeQuoted(data []byte) ([]byte, bool) {
	decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(data)))
	if err == nil {
		return decoded, true
	}
	return data, false
}

// extension returns how names of files of a type end.
func extension(kind string) string {
	known := map[string]string{
		"text/plain": ".txt", "text/html": ".html.txt", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "application/pdf": ".pdf", "text/calendar": ".ics",
	}
	if end := known[kind]; end != "" {
		return end
	}
	return ".bin"
}

package mail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
)

// Mbox reads the mails of an mbox file one after the other, and holds one of them in memory.
type Mbox struct {
	r      *bufio.Reader
	begun  bool
	kept   []byte // a line that was read and belongs to what follows
	blank  bool   // the line before was empty
	strict bool   // a Content-Length was wrong: none of the file is believed any more
}

// NewMbox returns a reader of the mails in r. What stands before the first line that begins a mail is passed over.
func NewMbox(r io.Reader) *Mbox { return &Mbox{r: bufio.NewReaderSize(r, 64<<10), blank: true} }

// fromLine is a line between mails: it has a time, or nothing behind From, as old versions of Thunderbird write it.
var fromLine = regexp.MustCompile(`^From (?:.*\d:\d\d.*|- ?|)\r?\n?$`)

// fieldLine is what a header begins with: a field, or the quoted line of another mbox.
var fieldLine = regexp.MustCompile(`^(?:>From |[!-9;-~]+[ \t]*:)`)

// quotedLine is a line of a mail as an mbox has it.
var quotedLine = regexp.MustCompile(`(?m)^>+From `)

// IsMbox reports whether a file that begins so is an mbox.
func IsMbox(begin []byte) bool {
	line, _, _ := bytes.Cut(begin, []byte("\n"))
	return fromLine.Match(line)
}

// body is a mail while it is read.
type body struct {
	data   []byte
	large  bool
	header bool // it has not ended
	from   int  // where the body begins
	length int  // that its header tells, -1: none
	first  int  // where a line that ends a mail stood inside of that length; 0: none
}

// Next returns the next mail as it is, without the line before it. Its error is io.EOF at the end; after ErrLarge the next one can be
// read. The bytes are the caller's.
func (m *Mbox) Next() ([]byte, error) {
	if err := m.begin(); err != nil {
		return nil, err
	}
	b := body{header: true, length: -1}
	for {
		line, err := m.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(line) == 0 && err != nil {
			return m.end(&b)
		}
		if m.blank && !b.header && m.begins(line) {
			if !b.inside() {
				m.kept = line
				return m.end(&b)
			}
			if b.first == 0 {
				b.first = len(b.data)
			}
		}
		m.blank = len(bytes.TrimRight(line, "\r\n")) == 0
		b.add(line, m.blank, m.strict)
		if b.over() { // the mail goes on where it should have ended: its length is wrong
			m.rewind(&b)
		}
	}
}

// begin passes over the line before a mail.
func (m *Mbox) begin() error {
	for {
		line, err := m.line()
		if len(line) == 0 && err != nil {
			return err
		}
		if fromLine.Match(line) && (!m.begun || m.blank) {
			m.begun, m.blank = true, false
			return nil
		}
	}
}

// begins reports whether a line stands between two mails: a header follows it.
func (m *Mbox) begins(line []byte) bool {
	if !fromLine.Match(line) {
		return false
	}
	next, _ := m.r.Peek(256)
	return len(next) == 0 || fieldLine.Match(next)
}

func (m *Mbox) line() ([]byte, error) {
	if line := m.kept; line != nil {
		m.kept = nil
		return line, nil
	}
	var whole []byte
	for {
		part, err := m.r.ReadSlice('\n')
		if len(whole) <= MaxMail {
			whole = append(whole, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return whole, err
		}
	}
}

func (b *body) add(line []byte, blank, strict bool) {
	if b.large = b.large || len(b.data)+len(line) > MaxMail; b.large {
		b.data = nil
		b.length, b.first = -1, 0
	} else {
		b.data = append(b.data, line...)
	}
	if b.header && blank {
		b.header, b.from = false, len(b.data)
		if n, err := strconv.Atoi(parseHeader(b.data).get("Content-Length")); err == nil && n >= 0 && n <= MaxMail && !strict {
			b.length = n
		}
	}
}

// inside reports whether the length that the header tells has not been reached.
func (b *body) inside() bool { return b.length >= 0 && len(b.data)-b.from < b.length }

// over reports whether a mail has become longer than its header tells, by more than the empty line behind it, while a line in it may
// have ended it.
func (b *body) over() bool { return b.first > 0 && len(b.data)-b.from > b.length+2 }

// rewind has what stands behind the first line that may end a mail be read again, and believes no length of this file any more.
func (m *Mbox) rewind(b *body) {
	again := bytes.Clone(b.data[b.first:])
	b.data, b.length, b.first = b.data[:b.first], -1, 0
	m.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(again), m.r), 64<<10)
	m.strict, m.blank = true, true
}

// end returns a mail that has ended.
func (m *Mbox) end(b *body) ([]byte, error) {
	m.blank = true
	if b.first > 0 && len(b.data)-b.from < b.length { // it ended before its length: the file was cut, or the length is wrong
		m.rewind(b)
		return m.end(b)
	}
	if b.large {
		return nil, ErrLarge
	}
	data := b.data
	for _, ending := range []string{"\r\n\r\n", "\n\n"} { // the empty line between mails is not of the mail
		if bytes.HasSuffix(data, []byte(ending)) {
			data = data[:len(data)-len(ending)/2]
			break
		}
	}
	if b.first > 0 { // by its length it has lines that are not quoted: then none is
		return data, nil
	}
	return unquote(data), nil
}

// unquote takes off what an mbox writes before lines of a mail that begin with From.
func unquote(data []byte) []byte {
	if !quotedLine.Match(data) {
		return data
	}
	return quotedLine.ReplaceAllFunc(data, func(quoted []byte) []byte { return quoted[1:] })
}

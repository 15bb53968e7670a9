package mail

import (
	"strings"
	"time"
)

// noteLine is the first line of a mail that was imported, as a message has it. It never changes: by it such a message is known. [HIST-70]
const noteLine = "Imported mail (1), not verified"

// Note is a mail as a message of the account to itself has it. Its fields are one line each. [HIST-70]
type Note struct {
	From, To, Cc string
	Date         string // as RFC 3339; empty: it has none that can be believed
	ID           string
	Labels       string // apart by ", "
	Text         string
}

// NoteOf returns a mail as a note. The time is that of the mail, unless it is not between 1970 and the day behind now.
func NoteOf(m Mail, now time.Time) (note Note, at time.Time) {
	note = Note{From: m.From, To: m.To, Cc: m.Cc, ID: m.ID, Labels: strings.Join(m.Labels, ", "), Text: m.Text}
	if m.Date.Unix() <= 0 || m.Date.After(now.Add(24*time.Hour)) {
		return note, now
	}
	note.Date = m.Date.Format(time.RFC3339)
	return note, m.Date
}

// fields are those of a note in their order.
func (n *Note) fields() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{{"From: ", &n.From}, {"To: ", &n.To}, {"Cc: ", &n.Cc}, {"Date: ", &n.Date}, {"Message-ID: ", &n.ID}, {"Labels: ", &n.Labels}}
}

// Header returns the lines of a note before its text. [HIST-70]
func (n Note) Header() string {
	var b strings.Builder
	b.WriteString(noteLine + "\n")
	for _, f := range n.fields() {
		if *f.value != "" {
			b.WriteString(f.name + *f.value + "\n")
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// String returns a note as a message has it. [HIST-70]
func (n Note) String() string { return n.Header() + n.Text }

// ParseNote reads what String wrote. Fields stand in their order, each once. [HIST-70]
func ParseNote(text string) (n Note, ok bool) {
	rest, ok := strings.CutPrefix(text, noteLine+"\n")
	if !ok {
		return n, false
	}
	for _, f := range n.fields() {
		if value, is := strings.CutPrefix(rest, f.name); is {
			if *f.value, rest, ok = strings.Cut(value, "\n"); !ok || *f.value == "" {
				return Note{}, false
			}
		}
	}
	n.Text, ok = strings.CutPrefix(rest, "\n")
	if !ok {
		return Note{}, false
	}
	return n, true
}

package export

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// markdownFormat writes a folder for each conversation, with conversation.md, and files.
type markdownFormat struct {
	*exporter
	folderName string
	out        io.Writer
}

func (f *markdownFormat) path() string { return f.folderName }

func (f *markdownFormat) begin(c Conversation) (err error) {
	f.folderName = f.name(c, "")
	if f.out, err = f.folder.Create(f.folderName + "/conversation.md"); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f.out, "# %s\n\n%s\n", inert(c.Title), inert(c.OrgName))
	return err
}

func (f *markdownFormat) message(_ context.Context, m Message) error {
	f.missing(m)
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s, %s\n\n", inert(m.From), m.Time.UTC().Format(time.DateTime))
	if m.Subject != "" {
		fmt.Fprintf(&b, "**%s**\n\n", inert(m.Subject))
	}
	switch {
	case m.Deleted:
		b.WriteString("*deleted by its author*\n")
	case m.Text != "":
		for line := range strings.Lines(strings.ReplaceAll(m.Text, "\r\n", "\n")) {
			b.WriteString("> " + inert(strings.TrimSuffix(line, "\n")) + "  \n")
		}
	}
	for i, file := range m.Files {
		switch name := f.fileName(m, i); {
		case name != "":
			fmt.Fprintf(&b, "\n- [%s](<%s>) (%d bytes)\n", inert(file.Name), name, file.Size)
		default:
			fmt.Fprintf(&b, "\n- %s (%d bytes, not exported)\n", inert(file.Name), file.Size)
		}
	}
	_, err := io.WriteString(f.out, b.String())
	return err
}

// inert returns one line of text as Markdown that shows just it: no markup, no link, no picture that a viewer would fetch, nothing that
// steers a terminal.
func inert(line string) string {
	var b strings.Builder
	start := true
	for _, r := range line {
		switch {
		case r != '\t' && unicode.IsControl(r):
			r = unicode.ReplacementChar
		case r == '&':
			b.WriteString("&amp;")
			start = false
			continue
		case strings.ContainsRune("\\`*_[]<>!|~", r), start && strings.ContainsRune("#+-=", r):
			b.WriteByte('\\')
		}
		if !unicode.IsSpace(r) {
			start = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

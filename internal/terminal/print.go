package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
)

// Printf prints as fmt.Fprintf does. Numbers and Text are printed as they are, every other value as Plain shows it. The
// format is the program's own.
func Printf(w io.Writer, format string, args ...any) (int, error) {
	return fmt.Fprintf(w, format, safe(args)...)
}

// Println prints as fmt.Fprintln does, values as Printf.
func Println(w io.Writer, args ...any) (int, error) { return fmt.Fprintln(w, safe(args)...) }

// JSON writes value as one line of JSON, exactly. Characters that could change how a terminal shows the line are escaped,
// which JSON allows in every string.
func JSON(w io.Writer, value any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeJSON(text.String()))
	return err
}

// Table aligns rows of cells in columns.
type Table struct {
	aligned *tabwriter.Writer
}

// NewTable returns a table that is printed to w. Head is its first line, the names of its columns with tabs between them.
func NewTable(w io.Writer, head Text) *Table {
	t := &Table{aligned: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(t.aligned, head)
	return t
}

// Row adds a row. Cells are printed as by Printf.
func (t *Table) Row(cells ...any) {
	for i, cell := range safe(cells) {
		if i > 0 {
			fmt.Fprint(t.aligned, "\t")
		}
		fmt.Fprint(t.aligned, cell)
	}
	fmt.Fprintln(t.aligned)
}

// Flush prints the table.
func (t *Table) Flush() error { return t.aligned.Flush() }

// safe returns the values as they may be printed.
func safe(args []any) []any {
	shown := make([]any, len(args))
	for i, arg := range args {
		shown[i] = safeValue(arg)
	}
	return shown
}

func safeValue(arg any) any {
	switch arg.(type) {
	case nil, Text:
		return arg
	case fmt.Formatter, fmt.Stringer, error:
		return string(Plain(fmt.Sprint(arg)))
	}
	if v := reflect.ValueOf(arg); v.CanInt() || v.CanUint() || v.CanFloat() || v.Kind() == reflect.Bool {
		return arg
	}
	return string(Plain(fmt.Sprint(arg)))
}

// escapeJSON escapes deceptive characters in encoded JSON, where they occur only within strings.
func escapeJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || !Deceptive(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

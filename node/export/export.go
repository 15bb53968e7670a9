package export

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"muster.example/internal/filename"
)

// Format is how messages are written.
type Format string

// The formats.
const (
	JSON     Format = "json"
	Mbox     Format = "mbox"
	Maildir  Format = "maildir"
	Markdown Format = "markdown"
)

// Formats are all formats.
func Formats() []Format { return []Format{JSON, Mbox, Maildir, Markdown} }

// Options say what is exported and how.
type Options struct {
	Format  Format
	Since   time.Time // only what was written from then on; zero: all
	NoFiles bool      // names of files alone
	Flags   string    // what stands between name and flags in a Maildir: ":" but on Windows
	Now     time.Time // of the export
	Version string    // of the program
}

// Manifest is the file export.json, which is written last: an export that lacks it broke off.
type Manifest struct {
	Schema        int            `json:"schema"`
	Program       string         `json:"program"`
	Exported      time.Time      `json:"exported"`
	Format        Format         `json:"format"`
	Since         time.Time      `json:"since,omitzero"`
	Files         bool           `json:"files"`
	Messages      int            `json:"messages"`
	Attachments   int            `json:"attachments"`
	Missing       int            `json:"missing"` // attachments of which not all has arrived
	Conversations []ManifestLine `json:"conversations"`
}

// ManifestLine says where a conversation is.
type ManifestLine struct {
	Org          string `json:"org"`
	OrgName      string `json:"org_name"`
	Conversation string `json:"conversation"`
	Title        string `json:"title"`
	Messages     int    `json:"messages"`
	Path         string `json:"path"`
}

// schema is the version of the JSON forms. Fields are added to one, never taken away.
const schema = 1

// exporter writes one export.
type exporter struct {
	Options
	history History
	folder  Folder
	done    Manifest
	taken   map[string]bool // names of folders and files at the top
	several bool            // there are conversations of several organizations
}

// format writes one conversation under a name that is not taken.
type format interface {
	// begin begins a conversation. message writes a message. end writes what comes behind them.
	begin(c Conversation) error
	message(ctx context.Context, m Message) error
	path() string
}

// Write writes conversations into a folder, and closes it.
func Write(ctx context.Context, history History, folder Folder, o Options) (Manifest, error) {
	e := &exporter{Options: o, history: history, folder: folder, taken: map[string]bool{"export.json": true}}
	e.done = Manifest{
		Schema: schema, Program: "muster " + o.Version, Exported: o.Now.UTC().Truncate(time.Second), Format: o.Format, Since: o.Since, Files: !o.NoFiles,
		Conversations: []ManifestLine{},
	}
	all := history.Conversations()
	e.several = slices.ContainsFunc(all, func(c Conversation) bool { return c.Org != all[0].Org })
	for _, c := range all {
		if err := e.conversation(ctx, c); err != nil {
			return e.done, fmt.Errorf("exporting %q: %w", c.Title, err)
		}
	}
	w, err := folder.Create("export.json")
	if err != nil {
		return e.done, err
	}
	data, err := json.MarshalIndent(e.done, "", "  ")
	if err != nil {
		return e.done, err
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return e.done, err
	}
	return e.done, folder.Close()
}

func (e *exporter) conversation(ctx context.Context, c Conversation) error {
	f := e.formatOf()
	if err := f.begin(c); err != nil {
		return err
	}
	line := ManifestLine{Org: c.Org, OrgName: c.OrgName, Conversation: c.ID, Title: c.Title, Path: f.path()}
	files := false
	err := e.history.Messages(ctx, c.ID, func(m Message) error {
		if m.Time.Before(e.Since) {
			return nil
		}
		line.Messages++
		files = files || len(m.Files) > 0
		return f.message(ctx, m)
	})
	if err != nil {
		return err
	}
	if files && (e.Format == JSON || e.Format == Markdown) { // the others have files inside
		if err := e.beside(ctx, c, f.path()); err != nil {
			return err
		}
	}
	e.done.Messages += line.Messages
	e.done.Conversations = append(e.done.Conversations, line)
	return nil
}

// beside writes the files of a conversation beside its messages.
func (e *exporter) beside(ctx context.Context, c Conversation, path string) error {
	return e.history.Messages(ctx, c.ID, func(m Message) error {
		for i := range m.Files {
			if name := e.fileName(m, i); name != "" && !m.Time.Before(e.Since) {
				w, err := e.folder.Create(path + "/" + name)
				if err != nil {
					return err
				}
				if err := e.copyFile(ctx, w, m, i); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (e *exporter) copyFile(ctx context.Context, w io.Writer, m Message, index int) error {
	content, err := e.history.Open(ctx, m, index)
	if err != nil {
		return fmt.Errorf("reading %q of message %s: %w", m.Files[index].Name, m.ID, err)
	}
	defer content.Close()
	if _, err := io.Copy(w, content); err != nil {
		return fmt.Errorf("writing %q of message %s: %w", m.Files[index].Name, m.ID, err)
	}
	e.done.Attachments++
	return nil
}

// fileName returns where a file of a message is, from its conversation's folder; empty: it is not exported.
func (e *exporter) fileName(m Message, index int) string {
	file := m.Files[index]
	if e.NoFiles || !file.Here {
		return ""
	}
	return fmt.Sprintf("files/%s-%d-%s", m.ID[:min(16, len(m.ID))], index+1, filename.Safe(file.Name))
}

// missing counts files that cannot be exported, since not all of them is here.
func (e *exporter) missing(m Message) {
	for _, file := range m.Files {
		if !file.Here && !e.NoFiles {
			e.done.Missing++
		}
	}
}

func (e *exporter) formatOf() format {
	switch e.Format {
	case Mbox:
		return &mboxFormat{exporter: e}
	case Maildir:
		return &maildirFormat{exporter: e}
	case Markdown:
		return &markdownFormat{exporter: e}
	}
	return &jsonFormat{exporter: e}
}

// titleBytes is how long the title is in a conversation's name.
const titleBytes = 80

// name returns a name for a conversation that none has, with an end, and notes it. Names that differ in case alone are one on some systems.
func (e *exporter) name(c Conversation, end string) string {
	title := c.Title
	if len(title) > titleBytes {
		title = strings.ToValidUTF8(title[:titleBytes], "")
	}
	if e.several {
		title = c.OrgName + " - " + title
	}
	stem := filename.Safe(title)
	for n := 1; ; n++ {
		name := stem + end
		if n > 1 {
			name = fmt.Sprintf("%s (%d)%s", stem, n, end)
		}
		if key := strings.ToLower(name); !e.taken[key] {
			e.taken[key] = true
			return name
		}
	}
}

func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

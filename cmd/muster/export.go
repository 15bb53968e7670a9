package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// exported is what muster export answers.
type exported struct {
	To       string `json:"to"`
	Format   string `json:"format"`
	Files    int    `json:"files"` // in the folder; 0: it is a zip file
	Bytes    int64  `json:"bytes"`
	Messages int    `json:"messages"` // about how many
}

func (a *app) newExport() *cobra.Command {
	var request api.ExportRequest
	var to, since, attachments string
	c := a.command(manual{
		use:   "export [CONVERSATION]... --to DIR|FILE.zip",
		short: "copy your history into files that other programs read",
		about: `Writes messages and their files into a new folder, or a new zip file: of the conversations
named, or of all. json is a line of JSON a message, and the files beside; mbox and maildir
are mail as other programs read it, files inside; markdown is to be read. What is there
already is not overwritten, and a folder that is not whole is removed. What is exported is
no longer encrypted: keep it where nobody else reads.`,
		args: []string{"CONVERSATION   a member or group by name or id, or a conversation's id"},
		output: `The folder or file. How far it is goes to stderr. export.json in it says what is where, and is
written last.`,
		json:     `{"to", "format", "files", "bytes", "messages"}`,
		examples: []string{"muster export --to history", "muster export Bo --format mbox --to bo", "muster export --format markdown --since 2026-01-01 --to history.zip"},
		see:      []string{"retention", "search"},
	}, func(_ *cobra.Command, args []string) error {
		request.Conversations = args
		switch {
		case to == "":
			return usage("--to is missing").WithHint("name a new folder, or a new file that ends with .zip")
		case attachments != "yes" && attachments != "no":
			return usage("--attachments is yes or no")
		case since == "":
			return nil
		}
		var err error
		if request.Since, err = time.ParseInLocation(time.DateOnly, since, time.Local); err != nil {
			return usage("--since is a date like 2026-01-31")
		}
		return nil
	}, func(c *cobra.Command, _ []string) error {
		request.NoFiles, request.Zip = attachments == "no", strings.HasSuffix(strings.ToLower(to), ".zip")
		target, err := filepath.Abs(to)
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			done, err := a.export(c.Context(), client, request, target)
			if err != nil {
				return err
			}
			a.inform("What is in it is not encrypted: whoever has it can read it.")
			return a.answer(done, func(w io.Writer) { terminal.Println(w, terminal.Line(done.To)) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "only of this `ORG`, by name or id")
	c.Flags().StringVar(&request.Format, "format", "json", "`FORMAT`: json, mbox, maildir or markdown")
	c.Flags().StringVar(&to, "to", "", "write into this new folder, or new file that ends with .zip (`DIR|FILE.zip`)")
	c.Flags().StringVar(&since, "since", "", "only what was written from this `DATE` on, like 2026-01-31")
	c.Flags().StringVar(&attachments, "attachments", "yes", "`yes` or no: whether files are exported")
	return c
}

// export writes beside the target, under a name of its own, and renames that once it is whole.
func (a *app) export(ctx context.Context, client *apiclient.Client, request api.ExportRequest, target string) (done exported, err error) {
	if _, err := os.Lstat(target); err == nil {
		return done, usage("%s is there already", target).WithHint("name a folder or file that is not there")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return done, err
	}
	from, err := client.Export(ctx, request)
	if err != nil {
		return done, err
	}
	defer from.Close()
	beside, err := os.MkdirTemp(filepath.Dir(target), ".muster-export-*") // mode 0700
	if err != nil {
		return done, api.Errorf(api.CodeFailed, "making a folder for the export: %v", err).WithHint("name a place where you may write")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	done = exported{To: target, Format: request.Format, Messages: from.Messages}
	tell := a.meter(from.Messages)
	var whole string
	if request.Zip {
		whole = filepath.Join(beside, "export.zip")
		done.Bytes, err = writeNew(func() (*os.File, error) { return os.OpenFile(whole, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) }, from.Body, tell)
	} else {
		whole = filepath.Join(beside, "export")
		err = writeParts(from, whole, &done, tell)
	}
	if ctx.Err() != nil {
		return done, context.Cause(ctx)
	}
	if err != nil {
		return done, fmt.Errorf("writing the export: %w", err)
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		return done, usage("%s is there by now", target).WithHint("name a folder or file that is not there")
	}
	return done, os.Rename(whole, target)
}

// writeParts writes the files of an export into a new folder.
func writeParts(from *apiclient.Export, dir string, done *exported, tell func(int64)) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for {
		name, content, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		path := filepath.FromSlash(name)
		folder := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			folder = filepath.Clean(path)
		}
		if err := root.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		n, err := writeNew(func() (*os.File, error) { return root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) }, content, tell)
		if err != nil {
			return err
		}
		done.Files++
		done.Bytes += n
	}
}

func writeNew(open func() (*os.File, error), content io.Reader, tell func(int64)) (int64, error) {
	file, err := open()
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(file, &metered{content, tell})
	return n, errors.Join(err, file.Close())
}

// metered tells how much was read.
type metered struct {
	r    io.Reader
	tell func(int64)
}

// Read implements io.Reader.
func (m *metered) Read(data []byte) (int, error) {
	n, err := m.r.Read(data)
	m.tell(int64(n))
	return n, err
}

// meterTime is how often it is said how far an export is.
const meterTime = 2 * time.Second

// meter says on stderr, if a person sits there, how much was written.
func (a *app) meter(messages int) func(int64) {
	var total int64
	said := time.Now()
	_, person := a.terminal()
	return func(n int64) {
		total += n
		if person && time.Since(said) >= meterTime {
			said = time.Now()
			a.inform("%s so far, of about %s with their files", fileSize(total), plural(messages, "message"))
		}
	}
}

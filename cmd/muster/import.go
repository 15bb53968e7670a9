package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// imported is what muster import answers.
type imported struct {
	From        string                    `json:"from"`
	Files       int                       `json:"files"` // of mail, that were read
	Left        int                       `json:"left"`  // that are no mail by their names and beginnings
	Mails       int                       `json:"mails"`
	Imported    int                       `json:"imported"`
	Already     int                       `json:"already"`
	Damaged     int                       `json:"damaged"`
	Whole       int                       `json:"whole"`
	Attachments int                       `json:"attachments"`
	Problems    api.List[importedProblem] `json:"problems"`
}

// importedProblem is a mail that did not come in, or not read whole.
type importedProblem struct {
	File string `json:"file"`
	api.ImportProblem
}

func (a *app) newImport() *cobra.Command {
	var request api.ImportRequest
	c := a.command(manual{
		use:   "import FILE|DIR [--org ORG] [--as NAME]",
		short: "take in mail that other programs kept, to be read and found",
		about: `Takes mail into your history: an mbox file, a mail (.eml), a Maildir, or a folder of these, as
muster export and mail programs write them. It is marked as imported. Nobody named in it
is taken for a member, nothing in it is proven, and it is only read: not answered, edited,
forwarded or deleted. HTML is shown as text, and nothing is fetched. Files come along. It
is on all your devices, in backups and exports, sent to nobody, and kept as long as muster
retention says, counted from the import. What was imported before is left alone, so an
import that broke off goes on. Of a mail that cannot be read in part the mail itself is
attached, as mail.eml.`,
		args:   []string{"FILE|DIR   a file of mail, or a folder"},
		output: "How many mails came in, and those with which something is wrong. How far it is goes to stderr.",
		json: `{"from", "files", "left", "mails", "imported", "already", "damaged", "whole",
  "attachments", "problems": [{"file", "mail", "subject", "why"}]}`,
		examples: []string{"muster import takeout.mbox --as gmail", "muster import ~/Maildir", "muster import letter.eml --org Lighthouse"},
		see:      []string{"export", "search", "retention"},
	}, exactly("FILE|DIR"), func(c *cobra.Command, args []string) error {
		all, left, err := mailFiles(args[0])
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return usage("%s holds no mail", args[0]).WithHint("an mbox file, a .eml file, a Maildir, or a folder of these")
		}
		return a.withNode(func(client *apiclient.Client) error {
			done := imported{From: args[0], Left: left}
			if err := a.importAll(c.Context(), client, request, all, &done); err != nil {
				if done.Imported > 0 {
					a.inform("%s came in before that. The same command goes on from there.", plural(done.Imported, "mail"))
				}
				return err
			}
			return a.answer(done, func(w io.Writer) { printImported(w, done) })
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "into the history of this `ORG`, by name or id")
	c.Flags().StringVar(&request.As, "as", "", "tag what comes in with `NAME`")
	return c
}

func printImported(w io.Writer, done imported) {
	terminal.Printf(w, "%s imported, %s\n", plural(done.Imported, "mail"), plural(done.Attachments, "file"))
	if done.Already > 0 {
		terminal.Printf(w, "%s here already\n", plural(done.Already, "mail"))
	}
	if done.Damaged > 0 {
		terminal.Printf(w, "%s not imported\n", plural(done.Damaged, "mail"))
	}
	for _, p := range done.Problems {
		subject := ""
		if p.Subject != "" {
			subject = " (" + p.Subject + ")"
		}
		terminal.Printf(w, "  %s, mail %d%s: %s\n", terminal.Line(p.File), p.Mail, terminal.Plain(subject), terminal.Plain(p.Why))
	}
}

// importAll has the node take in one file after the other.
func (a *app) importAll(ctx context.Context, client *apiclient.Client, request api.ImportRequest, all []string, done *imported) error {
	tell := a.importMeter(all)
	for _, name := range all {
		file, err := openFile(name)
		if err != nil {
			return err
		}
		result, err := client.Import(ctx, request, &metered{file, tell})
		file.Close() //nolint:errcheck // it was read
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		done.Files++
		done.Mails += result.Mails
		done.Imported += result.Imported
		done.Already += result.Already
		done.Damaged += result.Damaged
		done.Whole += result.Whole
		done.Attachments += result.Attachments
		for _, p := range result.Problems {
			if len(done.Problems) < api.MaxProblems {
				done.Problems = append(done.Problems, importedProblem{File: name, ImportProblem: p})
			}
		}
	}
	return nil
}

// importMeter says on stderr, if a person sits there, how much was read.
func (a *app) importMeter(all []string) func(int64) {
	var read, total int64
	for _, name := range all {
		if info, err := os.Stat(name); err == nil {
			total += info.Size()
		}
	}
	said := time.Now()
	_, person := a.terminal()
	return func(n int64) {
		read += n
		if person && time.Since(said) >= meterTime {
			said = time.Now()
			a.inform("%s of %s read", fileSize(read), fileSize(total))
		}
	}
}

// mailFiles returns the files of mail in a folder, or the file that is named, and how many others there are. In a Maildir each file is
// a mail, the oldest first as their names begin with the time; elsewhere those that end with .eml or .mbox, or begin as an mbox.
func mailFiles(from string) (all []string, left int, err error) {
	info, err := os.Stat(from)
	if err != nil {
		return nil, 0, api.Errorf(api.CodeUsage, "reading %s: %v", from, errors.Unwrap(err)).WithHint("name a file of mail, or a folder")
	}
	if !info.IsDir() {
		return []string{from}, 0, nil
	}
	err = filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "tmp" && isMaildir(filepath.Dir(name)): // what is there was not delivered
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		is, err := isMail(name, entry)
		if is {
			all = append(all, name)
		} else {
			left++
		}
		return err
	})
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(mailOrder(a), mailOrder(b)) })
	return all, left, err
}

// mailOrder sorts the mails of a Maildir by their names, whether they were seen or not.
func mailOrder(name string) string {
	folder := filepath.Dir(name)
	if end := filepath.Base(folder); end == "cur" || end == "new" {
		folder = filepath.Dir(folder)
	}
	return path.Join(filepath.ToSlash(folder), filepath.Base(name))
}

func isMaildir(folder string) bool {
	for _, name := range []string{"cur", "new"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// isMail reports whether a file of a folder holds mail.
func isMail(name string, entry fs.DirEntry) (bool, error) {
	if !entry.Type().IsRegular() { // what a link leads to was not named
		return false, nil
	}
	folder := filepath.Dir(name)
	if end := filepath.Base(folder); (end == "cur" || end == "new") && isMaildir(filepath.Dir(folder)) {
		return !strings.HasPrefix(entry.Name(), "."), nil
	}
	if end := strings.ToLower(filepath.Ext(name)); end == ".eml" || end == ".mbox" {
		return true, nil
	}
	file, err := openFile(name)
	if err != nil {
		return false, err
	}
	defer file.Close()
	begin := make([]byte, len("From "))
	_, err = io.ReadFull(file, begin)
	return err == nil && string(begin) == "From ", nil
}

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
	"unicode/utf8"

	"github.com/spf13/cobra"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// maxSaveName is the longest name that a saved file gets, in bytes.
const maxSaveName = 200

func (a *app) newRead() *cobra.Command {
	var request api.ReadRequest
	var save string
	c := a.command(manual{
		use:   "read ID [--save DIR]",
		short: "show one message, save its files",
		about: `Shows one message, received or sent, and marks it read. Of a sent message it shows how
far it got with each device of each recipient.

With --save it writes the message's files into DIR, which is made if missing. Names are
made safe, and a file that is there already is never overwritten: the new one gets a
number.`,
		args:     []string{"ID   a message's id, or the start of one, at least eight characters"},
		output:   "Author, recipients, subject and text; states; where files were saved.",
		json:     `the object of muster inbox, with "states" of a sent message, and with --save "saved": [..]`,
		examples: []string{"muster read k3x9ab2cd4ef", "muster read k3x9ab2cd4ef --save ~/charts"},
		see:      []string{"inbox", "send"},
	}, exactly("ID"), func(c *cobra.Command, args []string) error {
		request.ID = args[0]
		return a.withNode(func(client *apiclient.Client) error {
			m, err := client.Read(c.Context(), request)
			if err != nil {
				return err
			}
			answer := struct {
				api.Message
				Saved []string `json:"saved,omitzero"`
			}{Message: m}
			if save != "" {
				if answer.Saved, err = saveFiles(c.Context(), client, m, save); err != nil {
					return err
				}
			}
			return a.answer(answer, func(w io.Writer) {
				printWhole(w, m)
				for _, path := range answer.Saved {
					fmt.Fprintf(w, "saved %s\n", clean(path))
				}
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	c.Flags().StringVar(&save, "save", "", "write the files into this `DIR`")
	return c
}

func printWhole(w io.Writer, m api.Message) {
	fmt.Fprintf(w, "Id:      %s\n", clean(m.ID))
	fmt.Fprintf(w, "From:    %s in %s (%s)\n", person(m.From, m.FromMember), clean(m.OrgName), shortID(m.Org))
	if len(m.To) > 0 {
		var to []string
		for _, p := range m.To {
			to = append(to, person(p.Name, p.Member))
		}
		fmt.Fprintf(w, "To:      %s\n", strings.Join(to, ", "))
	}
	fmt.Fprintf(w, "Time:    %s\n", moment(m.Time))
	if m.Subject != "" {
		fmt.Fprintf(w, "Subject: %s\n", clean(m.Subject))
	}
	for i, file := range m.Attachments {
		fmt.Fprintf(w, "File %d:  %s (%s)\n", i+1, clean(file.Name), fileSize(file.Size))
	}
	if m.Text != "" {
		fmt.Fprintf(w, "\n%s\n", cleanLines(m.Text, "    "))
	}
	if len(m.States) > 0 {
		fmt.Fprintln(w)
		printStates(w, m.States)
	}
}

// saveFiles writes every file of m into dir and returns the paths.
func saveFiles(ctx context.Context, client *apiclient.Client, m api.Message, dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	saved := make([]string, 0, len(m.Attachments))
	for i := range m.Attachments {
		name, err := saveFile(ctx, client, root, m, i)
		if err != nil {
			return saved, fmt.Errorf("saving file %d of %d: %w", i+1, len(m.Attachments), err)
		}
		saved = append(saved, filepath.Join(dir, name))
	}
	return saved, nil
}

// saveFile writes one file under a name that was free. What breaks off is removed.
func saveFile(ctx context.Context, client *apiclient.Client, root *os.Root, m api.Message, index int) (string, error) {
	_, content, err := client.Attachment(ctx, m.ID, index)
	if err != nil {
		return "", err
	}
	defer content.Close()
	file, name, err := createFree(root, safeName(m.Attachments[index].Name))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, content)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, root.Remove(name))
	}
	return name, nil
}

// createFree makes a file called name, or with a number before its extension if there is one: it overwrites nothing
// and follows no link out of the folder.
func createFree(root *os.Root, name string) (*os.File, string, error) {
	extension := filepath.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	for n := 1; n <= 10_000; n++ {
		try := name
		if n > 1 {
			try = fmt.Sprintf("%s (%d)%s", stem, n, extension)
		}
		file, err := root.OpenFile(try, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return file, try, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, "", err
		}
	}
	return nil, "", api.Errorf(api.CodeFailed, "there are too many files called %s", clean(name))
}

// safeName makes the sender's name for a file one that is a plain name on every system: no path, nothing invisible, no
// character that a shell or Windows gives a meaning, not hidden, not a device of Windows.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if deceptive(r) || r == utf8.RuneError || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimLeft(name, ". -"), ". ")
	if over := len(name) - maxSaveName; over > 0 {
		extension := filepath.Ext(name)
		if len(extension) > 20 {
			extension = ""
		}
		stem := name[:maxSaveName-len(extension)]
		for !utf8.ValidString(stem) {
			stem = stem[:len(stem)-1]
		}
		name = stem + extension
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch strings.TrimRight(stem, "0123456789 ") {
	case "CON", "PRN", "AUX", "NUL", "COM", "LPT", "CONIN$", "CONOUT$":
		name = "_" + name
	}
	if name == "" {
		return "attachment"
	}
	return name
}

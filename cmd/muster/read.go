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

	"github.com/spf13/cobra"

	"muster.example/internal/filename"
	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newRead() *cobra.Command {
	var request api.ReadRequest
	var save string
	c := a.command(manual{
		use:   "read ID [--save DIR] [--hidden]",
		short: "show one message, save its files",
		about: `Shows one message, received or sent, and marks it read. Of a sent message it shows how
far it got with each device of each recipient, by which way and when, and who read it, if both
of you take part in that (muster settings receipts on).

With --save it writes the message's files into DIR, which is made if missing. Names are
made safe, and a file that is there already is never overwritten: the new one gets a
number. None is made a program, and on macOS and Windows each gets the system's mark for
what comes from others (quarantine, the mark of the web), so that the system asks before
it opens one.

Of what a member wrote in a group whom you blocked, and of what others forward of them, it
shows only that it is there, and leaves it unread; with --hidden it shows all.`,
		args:   []string{"ID   a message's id, or the start of one, at least eight characters"},
		output: "Author, recipients, subject and text; states; where files were saved.",
		json: `the object of muster inbox, with "versions", of a sent message "states" and "delivery", and with
  --save "saved": [..]`,
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
					terminal.Printf(w, "saved %s\n", terminal.Line(path))
				}
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "look for ID in this `ORG`, by name or id")
	c.Flags().BoolVar(&request.Hidden, "hidden", false, "also what members wrote whom you blocked")
	c.Flags().StringVar(&save, "save", "", "write the files into this `DIR`")
	return c
}

func printWhole(w io.Writer, m api.Message) {
	voice := voiceOf(m)
	terminal.Printf(w, "Id:      %s\n", m.ID)
	if m.Imported != nil {
		printImportedHead(w, m, "")
	} else {
		terminal.Printf(w, "From:    %s in %s (%s)\n", person(m.From, m.FromMember), m.OrgName, shortID(m.Org))
	}
	if text := unconfirmedText(m.Unconfirmed); text != "" {
		terminal.Printf(w, "ROLL:    %s\n", text)
	}
	if len(m.To) > 0 && m.Imported == nil {
		var to []string
		for _, p := range m.To {
			to = append(to, person(p.Name, p.Member))
		}
		terminal.Printf(w, "To:      %s\n", strings.Join(to, ", "))
	}
	printPlace(w, m, "")
	if m.Hidden {
		terminal.Println(w, "HIDDEN:  from a member whom you blocked; muster read --hidden shows it")
	}
	doubt := ""
	if m.IsTimeDoubtful() {
		doubt = " by a clock that was wrong; it came " + moment(m.Received)
	}
	terminal.Printf(w, "Time:    %s%s\n", moment(m.Time), doubt)
	if m.Subject != "" {
		terminal.Printf(w, "Subject: %s\n", voice.line(m.Subject))
	}
	for i, file := range m.Attachments {
		mark := ""
		if filename.CanAct(file.Name) {
			mark = ", can act when it is opened"
		}
		if file.Locked {
			mark += ", locked: muster open"
		}
		terminal.Printf(w, "File %d:  %s (%s%s)\n", i+1, voice.line(file.Name), fileSize(file.Size), mark)
	}
	switch {
	case m.Locked != nil && m.Locked.Text:
		terminal.Printf(w, "\n    %s\n", lockedText(m))
	case m.Text != "":
		terminal.Printf(w, "\n%s\n", voice.lines(m.Text, "    "))
	}
	printMarks(w, m, "    ")
	for _, v := range m.Versions {
		terminal.Printf(w, "\nWritten %s:\n%s\n", moment(v.Time), voice.lines(v.Text, "    "))
	}
	if len(m.States) > 0 {
		terminal.Println(w)
		for _, r := range m.States {
			printState(w, r, sinceText(r))
		}
		printProgress(w, m.Delivery)
	}
	for _, s := range m.Seen {
		terminal.Printf(w, "  %s read it %s\n", person(s.Name, s.Member), moment(s.Time))
	}
}

// saveFiles writes every file of m into dir and returns the paths.
func saveFiles(ctx context.Context, client *apiclient.Client, m api.Message, dir string) ([]string, error) {
	return saveAll(dir, len(m.Attachments), func(root *os.Root, i int) (string, error) {
		_, content, err := client.Attachment(ctx, m.ID, i)
		if err != nil {
			return "", err
		}
		return saveContent(root, filename.Safe(m.Attachments[i].Name), content)
	})
}

// saveAll saves files into a folder, which is made if it is missing, and returns where they are, also those before one that failed.
func saveAll(dir string, count int, save func(root *os.Root, index int) (name string, err error)) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	saved := make([]string, 0, count)
	for i := range count {
		name, err := save(root, i)
		if err != nil {
			return saved, fmt.Errorf("saving file %d of %d: %w", i+1, count, err)
		}
		saved = append(saved, filepath.Join(dir, name))
	}
	return saved, nil
}

// saveContent writes a file under a name that was free, and closes where it comes from. What breaks off is removed.
func saveContent(root *os.Root, as string, content io.ReadCloser) (string, error) {
	defer content.Close()
	file, name, err := createFree(root, as)
	if err != nil {
		return "", err
	}
	if err = quarantine(root, file, name); err == nil { // before anything is in it that could be opened
		_, err = io.Copy(file, content)
	}
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
	return nil, "", api.Errorf(api.CodeFailed, "there are too many files called %s", name)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func (a *app) newAdminRoll() *cobra.Command {
	var query api.RollQuery
	var export string
	c := a.command(manual{
		use:   "roll",
		short: "print the roll: who signed what, and whether it still counts",
		about: `Prints the organization's log, of which every member's device has checked each entry. An
entry says what it did, who signed it and as what: a device, an admin, a recovery key or the
root key. "void since #N" means that a later bar took it back.

With --export it writes the whole roll into a file, with the checkpoint that covers it, for
anybody to fold again: muster check --roll FILE.`,
		output: "One line each: number, time, who signed, as what, and what it did.",
		json: `one object a line: {"index", "time", "kind", "what", "by": {"member", "name"}, "key", "as",
  "event", "void", "since", "detail"}. Kind "hidden" is an event for others.`,
		examples: []string{"muster admin roll", "muster admin roll --from 100 --json", "muster admin roll --export roll.cbor"},
		see:      []string{"check", "admin members"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			if c.Flags().Changed("export") {
				return a.exportRoll(c.Context(), client, query, export)
			}
			return a.printRoll(c.Context(), client, query)
		})
	})
	c.Flags().StringVar(&query.Org, "org", "", "the `ORG`, by name or id, if you are in several")
	c.Flags().Uint64Var(&query.From, "from", 0, "begin with entry number `N`")
	c.Flags().StringVar(&export, "export", "", "write the whole roll into this `FILE`, which must not be there")
	return c
}

func (a *app) printRoll(ctx context.Context, client *apiclient.Client, query api.RollQuery) error {
	for {
		page, err := client.Roll(ctx, query)
		if err != nil {
			return err
		}
		for _, entry := range page.Entries {
			if err := a.answer(entry, func(w io.Writer) { printEntry(w, entry) }); err != nil {
				return err
			}
		}
		query.From += uint64(len(page.Entries))
		if len(page.Entries) == 0 || query.From >= page.Size {
			return nil
		}
	}
}

func printEntry(w io.Writer, e api.RollEntry) {
	who := e.As
	switch {
	case e.By.Member != "" && isDevice(e):
		who = person(e.By.Name, e.By.Member) + ", " + e.As + " " + shortDevice(e.Key)
	case e.By.Member != "":
		who = person(e.By.Name, e.By.Member) + ", " + e.As
	case e.Kind == "hidden":
		who = "(hidden)"
	}
	void := ""
	switch {
	case e.Void && e.Since > 0:
		void = fmt.Sprintf("  [void since #%d]", e.Since)
	case e.Void:
		void = "  [void]"
	}
	terminal.Printf(w, "#%d  %s  %s: %s%s\n", e.Index, moment(e.Time), who, terminal.Diagnosis(e.What, policyKeys()...), void)
}

// isDevice reports whether a device signed, which is then named.
func isDevice(e api.RollEntry) bool {
	switch e.As {
	case "device", "new device", "admin":
		return true
	}
	return false
}

// rollFile is what --export answers.
type rollFile struct {
	File string `json:"file"`
	Size int64  `json:"size"`
}

func (a *app) exportRoll(ctx context.Context, client *apiclient.Client, query api.RollQuery, path string) error {
	size, content, err := client.ExportRoll(ctx, query)
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already", path).WithHint("name a file that is not there")
	} else if err != nil {
		return err
	}
	written, err := io.Copy(file, content)
	if err == nil && written != size {
		err = io.ErrUnexpectedEOF
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(path))
	}
	return a.answer(rollFile{File: path, Size: size}, func(w io.Writer) {
		terminal.Printf(w, "%s: %s. Anybody can verify it: muster check --roll %s\n",
			terminal.Line(path), fileSize(size), terminal.Line(path))
	})
}

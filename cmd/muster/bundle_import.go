package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// bundleRead is what muster bundle import answers for each file.
type bundleRead struct {
	File string `json:"file"`
	api.BundleImport
}

func (a *app) newBundleImport() *cobra.Command {
	var request api.BundleImportRequest
	c := a.command(manual{
		use:   "import FILE|DIR...",
		short: "take in what files carry",
		about: `Files, or all bundles in folders, in any order. Messages for you are opened and saved, and
their receipts kept for the way back. What is for others is carried on: it is handed to the
rendezvous node when that can be reached, and lies in your next bundle. A file that is damaged
gives what is whole; one that was imported before changes nothing.`,
		args:   []string{"FILE|DIR   a file, or a folder with files that end with .muster"},
		output: "For each file what came of it, and where it is damaged.",
		json: `[{"file", "org", "org_name", "maker", "made", "part", "last", "whole", "opened",
  "already", "unopened", "waiting", "carried", "receipts", "passed", "refused", "expired",
  "dropped", "entries", "behind", "bars", "prekeys", "unknown", "damage", "malformed",
  "damaged": [{"from", "to", "cut"}]}]`,
		examples: []string{"muster bundle import /media/ada/stick", "muster bundle import crew.1-of-3.muster"},
		see:      []string{"bundle"},
	}, func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("no file is named")
		}
		return nil
	}, func(c *cobra.Command, args []string) error {
		files, err := bundleFiles(args)
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			var all api.List[bundleRead]
			var first error
			for _, name := range files {
				read, err := importBundle(c.Context(), client, request, name)
				if c.Context().Err() != nil {
					return context.Cause(c.Context())
				}
				if err != nil {
					if len(files) > 1 {
						a.inform("%s: %v", terminal.Line(name), err)
					}
					if first == nil {
						first = err
					}
					continue
				}
				all = append(all, read)
			}
			if len(all) == 0 {
				return first
			}
			if err := a.answer(all, func(w io.Writer) {
				for _, read := range all {
					printBundle(w, read)
				}
			}); err != nil {
				return err
			}
			return first
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "of this `ORG`, by name or id")
	return c
}

// bundleFiles returns the files of a command line, those of folders by their ending.
func bundleFiles(args []string) (files []string, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil || !info.IsDir() {
			if _, err := plainFile(arg); err != nil {
				return nil, err
			}
			files = append(files, arg)
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), bundleEnding) && entry.Type().IsRegular() {
				files = append(files, filepath.Join(arg, entry.Name()))
			}
		}
	}
	if len(files) == 0 {
		return nil, api.Errorf(api.CodeNotFound, "there is no bundle: no file that ends with %s", bundleEnding)
	}
	return files, nil
}

func importBundle(ctx context.Context, client *apiclient.Client, request api.BundleImportRequest, name string) (bundleRead, error) {
	file, err := openFile(name)
	if err != nil {
		return bundleRead{}, err
	}
	defer file.Close()
	got, err := client.ImportBundle(ctx, request, file)
	return bundleRead{name, got}, err
}

func printBundle(w io.Writer, b bundleRead) {
	from := ""
	if b.Maker != "" {
		from = ", of " + b.Maker
	}
	terminal.Printf(w, "%s (%s%s): ", terminal.Line(b.File), b.OrgName, from)
	if b.Opened+b.Already+b.Carried+b.Receipts+b.Passed == 0 {
		terminal.Println(w, "no message or receipt that is new here")
	} else {
		terminal.Printf(w, "%s opened, %d here already, %d for others carried on, %s for you, %s for others carried on\n",
			plural(b.Opened, "envelope"), b.Already, b.Carried, plural(b.Receipts, "receipt"), plural(b.Passed, "receipt"))
	}
	for _, line := range []struct {
		count int
		text  string
	}{
		{b.Entries, "new events of the roll"},
		{b.Bars, "devices barred"},
		{b.Waiting, "that another file has to come for first"},
		{b.Unopened, "that do not open: their senders hear so, and send them again"},
		{b.Refused, "refused: of senders who are barred, or did not sign them"},
		{b.Expired, "expired"},
		{b.Dropped, "carried before that had to make room"},
		{b.Unknown, "of a kind that this version does not know"},
		{b.Malformed, "malformed"},
	} {
		if line.count > 0 {
			terminal.Printf(w, "  %d %s\n", line.count, terminal.Plain(line.text))
		}
	}
	if b.Behind {
		terminal.Println(w, "  it has newer events of the roll, which cannot be taken in before others came")
	}
	for _, d := range b.Damaged {
		what := "damaged"
		if d.Cut {
			what = "cut off"
		}
		terminal.Printf(w, "  %s from byte %d to %d: what is whole was taken\n", terminal.Plain(what), d.From, d.To)
	}
	if !b.Whole && b.Damage == 0 {
		terminal.Println(w, "  not all of the file is there: what is there was taken")
	}
}

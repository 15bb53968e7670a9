package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"muster.example/internal/durable"
	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

const longBundle = `A bundle is a file that carries sealed messages to where no server can be reached,
and back. import takes what members' devices wrote into a file: messages wait here as
if their senders had posted them, and receipts end what waited. export writes what
waits here for members who are cut off. What is exported goes on waiting: only a
receipt removes it. Importing a file twice does no harm.

  muster-rendezvous bundle import   take in what files carry
  muster-rendezvous bundle export   write what waits for members into a file`

const longBundleImport = `import asks the running node to take in what members' devices wrote into files. Each file is
named; folders are not gone through. What is taken is judged, and counts in its sender's
share, as if the sender had posted it.

With --json it prints for each file
  {"org", "org_name", "queued", "receipts", "prekeys", "bars", "refused", "full",
   "malformed", "unknown", "damage", "whole"}`

const longBundleExport = `export asks the running node for what waits for members, and writes it into FILE, which
must not be there yet. Without --for it is what waits for anybody.

With --json it prints {"org", "devices", "envelopes", "receipts", "bytes"}.`

func newBundle() *cobra.Command {
	c := &cobra.Command{
		Use: "bundle", Short: "carry messages in files, to and from where there is no connection", Long: longBundle,
		Args: usageArgs(cobra.NoArgs), RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBundleImport(), newBundleExport())
	return c
}

func newBundleImport() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE...", Short: "take in what files carry", Long: longBundleImport,
		Example: "muster-rendezvous bundle import from-the-hut.muster",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			for _, name := range args {
				taken, err := importOne(c.Context(), dir, name)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				if wantsJSON(c) {
					if err := terminal.JSON(os.Stdout, taken); err != nil {
						return err
					}
					continue
				}
				printTaken(os.Stdout, name, taken)
			}
			return nil
		},
	}
}

func importOne(ctx context.Context, dir, name string) (taken rendezvous.BundleTaken, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return taken, err
	}
	if !info.Mode().IsRegular() { // a pipe to which nobody writes would be waited for without an end
		return taken, errors.New("this is not a file")
	}
	file, err := os.Open(name)
	if err != nil {
		return taken, err
	}
	defer file.Close()
	return rendezvous.AskBundleImport(ctx, dir, file)
}

func printTaken(w io.Writer, name string, t rendezvous.BundleTaken) {
	terminal.Printf(w, "%s: %s, %s, %s\n", terminal.Line(name), plural(t.Queued, "envelope"), plural(t.Receipts, "receipt"), plural(t.Prekeys, "prekey"))
	for _, line := range []struct {
		count int
		text  string
	}{
		{t.Bars, "bars of devices put on the roll"},
		{t.Refused, "refused: of senders who may not send, or over"},
		{t.Full, "for which there is no room: import the file again later"},
		{t.Malformed, "malformed"},
		{t.Unknown, "of a kind that this version does not know"},
		{t.Damage, "damaged places: what is whole was taken"},
	} {
		if line.count > 0 {
			terminal.Printf(w, "  %d %s\n", line.count, terminal.Line(line.text))
		}
	}
	if !t.Whole {
		terminal.Println(w, "  not all of the file was there")
	}
}

func newBundleExport() *cobra.Command {
	var org string
	var members []string
	c := &cobra.Command{
		Use: "export FILE", Short: "write what waits for members into a file", Long: longBundleExport,
		Example: "muster-rendezvous bundle export --for Bo for-bo.muster",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			given, err := exportTo(c.Context(), dir, org, members, args[0])
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				return terminal.JSON(os.Stdout, given)
			}
			terminal.Printf(os.Stdout, "%s, %s for %s\n", plural(given.Envelopes, "envelope"), plural(given.Receipts, "receipt"), plural(given.Devices, "device"))
			return nil
		},
	}
	c.Flags().StringVar(&org, "org", "", "the `organization`, by name or id, where there are several")
	c.Flags().StringArrayVar(&members, "for", nil, "only what waits for this `member`, by name or id; may be repeated")
	return c
}

// plural returns a number of things.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// exportTo writes beside the file and renames that once it is whole.
func exportTo(ctx context.Context, dir, org string, members []string, name string) (given rendezvous.BundleGiven, err error) {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return given, usageError{fmt.Errorf("%s is there already", name)}
	}
	beside := name + ".part"
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return given, err
	}
	given, err = rendezvous.AskBundleExport(ctx, dir, org, members, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return given, errors.Join(err, os.Remove(beside))
	}
	if err := os.Rename(beside, name); err != nil {
		return given, err
	}
	return given, durable.Folder(filepath.Dir(name))
}

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/envelope"
	"muster.example/internal/terminal"
	"muster.example/rendezvous/archive"
)

const longArchive = `archive is the write-only store for what designated accounts send and are sent.
The service takes what a rendezvous node queues for it and appends it to a store
that it cannot read: what opens it is a private key that lies elsewhere, offline.

  muster-rendezvous archive keygen     make the archive's key, on an offline machine
  muster-rendezvous archive identity   the service's own key, by which the roll names it
  muster-rendezvous archive run        start the service
  muster-rendezvous archive status     what the service of a folder is like
  muster-rendezvous archive verify     hold a store against its chain; needs no key
  muster-rendezvous archive read       list, search, export and verify with the key

In this order: keygen, and keep the file; identity; then an admin says both keys on
the roll, muster admin archive set; then run.`

func newArchive() *cobra.Command {
	command := &cobra.Command{
		Use:     "archive",
		Short:   "the write-only store for designated accounts: its service, its reader",
		Example: "muster-rendezvous archive keygen --out archive.key\nmuster-rendezvous archive run --help",
		Long:    longArchive,
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(newArchiveKeygen(), newArchiveIdentity(), newArchiveRun(), newArchiveStatus(), newArchiveVerify(), newArchiveRead())
	return command
}

const longArchiveKeygen = `keygen makes the archive's key: a post-quantum key of age, as age-keygen -pq makes
too. It writes the private key to a file that it makes, mode 0600, and prints the
public key, which goes to the service (archive run --key) and on the roll (muster
admin archive set).

Do it on a machine that is on no network, and keep the file there, in more than one
copy: without it nobody ever reads the archive, and whoever has it reads all of it.

With --json it prints {"public", "file"}.`

func newArchiveKeygen() *cobra.Command {
	var out string
	command := &cobra.Command{
		Use:     "keygen",
		Short:   "make the archive's key",
		Example: "muster-rendezvous archive keygen --out archive.key > archive.pub",
		Long:    longArchiveKeygen,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" {
				return usageError{errors.New("--out FILE says where the private key goes")}
			}
			key, err := makeArchiveKey(out)
			if err != nil {
				return err
			}
			public := envelope.FormatArchivePublic(key.Public())
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), map[string]string{"public": public, "file": out})
			}
			terminal.Printf(c.ErrOrStderr(), "the private key is in %s: keep it offline, and a copy of it\n", terminal.Line(out))
			_, err = terminal.Println(c.OutOrStdout(), terminal.Line(public))
			return err
		},
	}
	command.Flags().StringVar(&out, "out", "", "the `file` for the private key, which must not be there yet")
	return command
}

const longArchiveIdentity = `identity prints the service's own key, and makes it if the folder has none. The roll
names the service by it: muster admin archive set. One such key goes with one
archive's key for ever: for another archive's key use another folder.

With --json it prints {"service"}.`

func newArchiveIdentity() *cobra.Command {
	return &cobra.Command{
		Use:     "identity",
		Short:   "the service's own key, by which the roll names it",
		Example: "muster-rendezvous archive identity --dir /srv/archive",
		Long:    longArchiveIdentity,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			key, err := archive.Identity(dir, true)
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), map[string]string{"service": key.Public().String()})
			}
			_, err = terminal.Println(c.OutOrStdout(), terminal.Line(key.Public().String()))
			return err
		},
	}
}

// maxKeyFile bounds a file with a key in bytes.
const maxKeyFile = 64 << 10

// archivePublic returns the archive's public key that a flag names: as text, or by a file that holds it on a line of its own.
func archivePublic(value string) ([]byte, error) {
	text := strings.TrimSpace(value)
	if !strings.HasPrefix(text, "age1pq1") {
		data, err := readSmall(value, maxKeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the archive's public key: %w", err)
		}
		text = ""
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				text += line
			}
		}
	}
	key, err := envelope.ParseArchivePublic(text)
	if err != nil {
		return nil, usageError{errors.New("--key is neither age1pq1… nor a file that holds that; the private key is not for the service")}
	}
	return key, nil
}

// archivePrivate reads files with private keys.
func archivePrivate(c *cobra.Command, paths []string) (all []envelope.ArchivePrivate, err error) {
	if len(paths) == 0 {
		return nil, usageError{errors.New("--key FILE names the archive's private key")}
	}
	for _, path := range paths {
		data, err := readSmall(path, maxKeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the archive's private key: %w", err)
		}
		key, err := envelope.ParseArchivePrivate(data)
		if err != nil {
			return nil, fmt.Errorf("the private key in %s: %w", path, err)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			terminal.Printf(c.ErrOrStderr(), "warning: others on this machine may read %s: chmod 600\n", terminal.Line(path))
		}
		all = append(all, key)
	}
	return all, nil
}

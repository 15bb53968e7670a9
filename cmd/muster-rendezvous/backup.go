package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"muster.example/internal/durable"
	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

const longBackup = `backup writes to FILE what the node is: its identity, and all that it keeps of its
organizations: rolls, prekeys, leave to write, claims. A running node goes on
serving meanwhile. FILE appears whole, or not at all, and takes the place of one
that was there.

The identity is a secret: who has it can pose as the node, though not read or
write a message. So say who can open the backup:
  --recipient KEY        the owner of this age key, age1...: the way for backups
                         that run by themselves, since the machine then holds
                         nothing that opens them. Make a key with age-keygen, and
                         keep its private half elsewhere
  --passphrase-fd N      who knows the passphrase, the first line that can be read
                         from descriptor N. It takes 64 MiB of memory for a moment
  --plain                everybody who gets hold of the file
Any program for age opens the first two, and finds the third inside.

The messages that wait are not in it: every sender keeps a message until each
device has it, and offers it again. Nor is the file config of the folder.

A node that is restored has forgotten what came after the backup. It notices, and
orders nothing before a member's device has shown it the rest of the roll.`

// scryptWork is the work that a passphrase takes to try: 64 MiB. age's own choice, 256 MiB, is too much beside a node on a
// machine of 512 MB.
const scryptWork = 16

// sealing says who can open a backup.
type sealing struct {
	recipients   []string
	passphraseFD int
	plain        bool
}

func newBackup() *cobra.Command {
	var how sealing
	command := &cobra.Command{
		Use:     "backup FILE",
		Short:   "write what the node is to a file",
		Example: "muster-rendezvous backup node.backup --recipient age1...\nmuster-rendezvous backup node.backup --passphrase-fd 3 3<passphrase.txt",
		Long:    longBackup,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			seal, err := how.open(c.InOrStdin())
			if err != nil {
				return err
			}
			if err := writeBackup(c.Context(), args[0], dir, seal); err != nil {
				return fmt.Errorf("backup to %s: %w", args[0], err)
			}
			if wantsJSON(c) {
				return terminal.JSON(c.OutOrStdout(), map[string]string{"file": args[0]})
			}
			_, err = terminal.Println(c.OutOrStdout(), "written and whole:", terminal.Line(args[0]))
			return err
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&how.recipients, "recipient", nil, "the owner of this age `key` can open it, and those of the others given")
	flags.IntVar(&how.passphraseFD, "passphrase-fd", -1, "read a passphrase from descriptor `N`, its first line")
	flags.BoolVar(&how.plain, "plain", false, "whoever gets hold of the file can open it")
	return command
}

// sealer wraps what is written; closing it ends the seal and not what is behind it.
type sealer func(w io.Writer) (io.WriteCloser, error)

// open makes the sealer, of exactly one kind.
func (s *sealing) open(stdin io.Reader) (sealer, error) {
	ways := 0
	for _, given := range []bool{len(s.recipients) > 0, s.passphraseFD >= 0, s.plain} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return nil, usageError{errors.New("say who can open the backup: one of --recipient KEY, --passphrase-fd N, and --plain")}
	}
	if s.plain {
		return func(w io.Writer) (io.WriteCloser, error) { return plainWriter{w}, nil }, nil
	}
	var recipients []age.Recipient
	for _, text := range s.recipients {
		recipient, err := parseRecipient(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--recipient %q is no age key: %w", text, err)}
		}
		recipients = append(recipients, recipient)
	}
	if s.passphraseFD >= 0 {
		passphrase, err := readPassphrase(stdin, s.passphraseFD)
		if err != nil {
			return nil, err
		}
		recipient, err := age.NewScryptRecipient(passphrase)
		if err != nil {
			return nil, usageError{err}
		}
		recipient.SetWorkFactor(scryptWork)
		recipients = append(recipients, recipient)
	}
	return func(w io.Writer) (io.WriteCloser, error) { return age.Encrypt(w, recipients...) }, nil
}

// parseRecipient reads one key of the classic or the post-quantum kind.
func parseRecipient(text string) (age.Recipient, error) {
	if recipient, err := age.ParseHybridRecipient(text); err == nil {
		return recipient, nil
	}
	return age.ParseX25519Recipient(text)
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// writeBackup writes the file beside its place and renames it once it is whole and on the disk.
func writeBackup(ctx context.Context, path, dir string, seal sealer) (err error) {
	draft := path + ".part"
	file, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(draft))
		}
	}()
	if err = errors.Join(file.Chmod(0o600), sealInto(ctx, file, dir, seal), file.Close()); err != nil {
		return err
	}
	if err = os.Rename(draft, path); err != nil {
		return err
	}
	if failed := durable.Folder(filepath.Dir(path)); failed != nil {
		return fmt.Errorf("it is written, but may not outlive a loss of power: %w", failed)
	}
	return nil
}

func sealInto(ctx context.Context, file *os.File, dir string, seal sealer) error {
	w, err := seal(file)
	if err != nil {
		return err
	}
	if err := errors.Join(rendezvous.Backup(ctx, dir, w), keepOwner(dir)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return file.Sync()
}

// maxPassphrase is the length of a passphrase in bytes that is read.
const maxPassphrase = 1024

// readPassphrase reads the first line of a descriptor; 0 is the program's stdin.
func readPassphrase(stdin io.Reader, fd int) (string, error) {
	source := stdin
	if fd != 0 {
		file := os.NewFile(uintptr(fd), "passphrase")
		if file == nil {
			return "", usageError{fmt.Errorf("descriptor %d is not open", fd)}
		}
		defer file.Close()
		source = file
	}
	line, err := firstLine(source)
	if err != nil {
		return "", usageError{fmt.Errorf("descriptor %d cannot be read: %w", fd, err)}
	}
	if line == "" {
		return "", usageError{fmt.Errorf("descriptor %d holds no passphrase", fd)}
	}
	return line, nil
}

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

const longRestore = `restore makes a node's folder of a backup: the same node, with the same identity. The
folder must be empty or not there. A backup that is damaged or breaks off leaves
it so. Then it checks what it made, every signature included.

  --identity FILE        opens a backup for a --recipient: the private half of the
                         key, as age-keygen wrote it
  --passphrase-fd N      opens one with a passphrase

Run the node in one folder only: of two with one identity each would order a roll
of its own, which members' devices see as a lie.

Members reach a restored node where they reached it before: restore it at the
same addresses. At others, have a new node take over:
  muster admin rendezvous move LINK`

func newRestore() *cobra.Command {
	var identity string
	var passphraseFD int
	command := &cobra.Command{
		Use:     "restore FILE",
		Short:   "make a node's folder of a backup",
		Example: "muster-rendezvous restore node.backup --identity key.txt\nmuster-rendezvous restore node.backup --passphrase-fd 3 3<passphrase.txt",
		Long:    longRestore,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := folder(c)
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			plain, err := openBackup(c.InOrStdin(), file, identity, passphraseFD)
			if err == nil {
				err = rendezvous.Restore(dir, plain)
			}
			if err != nil {
				return fmt.Errorf("restoring %s: %w", args[0], err)
			}
			found, err := rendezvous.CheckFolder(c.Context(), dir)
			if err = errors.Join(err, keepOwner(dir)); err != nil {
				return err
			}
			return answerChecked(c, found)
		},
	}
	flags := command.Flags()
	flags.StringVar(&identity, "identity", "", "the private age key is in this `file`")
	flags.IntVar(&passphraseFD, "passphrase-fd", -1, "read the passphrase from descriptor `N`, its first line")
	return command
}

// sealedLine is how what age has sealed begins.
const sealedLine = "age-encryption.org/"

// openBackup returns what is in a backup.
func openBackup(stdin io.Reader, file io.Reader, identity string, passphraseFD int) (io.Reader, error) {
	r := bufio.NewReader(file)
	begin, err := r.Peek(len(sealedLine))
	if err != nil || string(begin) != sealedLine {
		return r, nil // what is not a backup either is told by who reads it
	}
	var identities []age.Identity
	switch {
	case (identity == "") == (passphraseFD < 0):
		return nil, usageError{errors.New("it is sealed: give one of --identity FILE and --passphrase-fd N")}
	case identity != "":
		data, err := os.ReadFile(identity)
		if err != nil {
			return nil, err
		}
		if identities, err = age.ParseIdentities(bytes.NewReader(data)); err != nil {
			return nil, usageError{fmt.Errorf("--identity %s: %w", identity, err)}
		}
	default:
		passphrase, err := readPassphrase(stdin, passphraseFD)
		if err != nil {
			return nil, err
		}
		one, err := age.NewScryptIdentity(passphrase)
		if err != nil {
			return nil, usageError{err}
		}
		identities = append(identities, one)
	}
	plain, err := age.Decrypt(r, identities...)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, errWrongKey
	}
	return plain, err
}

var errWrongKey = errors.New("it was not sealed for this key or passphrase")

// firstLine reads a line, without its end.
func firstLine(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPassphrase+2))
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r"))), err
}

// answerChecked prints what a check found. What is wrong is an error.
func answerChecked(c *cobra.Command, found rendezvous.Checked) (err error) {
	if wantsJSON(c) {
		err = terminal.JSON(c.OutOrStdout(), found)
	} else {
		err = printChecked(c.OutOrStdout(), found)
	}
	if err == nil && !found.Good() {
		err = errFound
	}
	return err
}

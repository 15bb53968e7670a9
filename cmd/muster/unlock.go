package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/vault"
)

// terminal returns the file descriptor of stdin if a person sits there.
func (a *app) terminal() (int, bool) {
	file, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	return int(file.Fd()), true
}

// confirm asks a yes-or-no question. With --yes or MUSTER_YES=1 the answer is yes; with no terminal nobody is asked
// and the answer is no.
func (a *app) confirm(question string) bool {
	if a.yes || os.Getenv("MUSTER_YES") == "1" {
		return true
	}
	if _, person := a.terminal(); !person {
		return false
	}
	terminal.Printf(a.stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return err == nil && (answer == "y" || answer == "yes")
}

// unlock returns how to open the folder, from --key-file, --passphrase-fd or a prompt. The passphrase comes from no
// argument and no environment variable, where other programs could read it.
func (a *app) unlock(ctx context.Context, keyFile string, passphraseFD int) (vault.Unlock, error) {
	u := vault.Unlock{KeyFile: keyFile}
	if passphraseFD >= 0 {
		u.Passphrase = func(bool) ([]byte, error) { return a.passphraseFrom(passphraseFD) }
		return u, nil
	}
	if keyFile != "" {
		return u, nil
	}
	fd, person := a.terminal()
	if !person {
		return u, usage("no passphrase: there is no terminal to ask on").
			WithHint("use --key-file FILE, or --passphrase-fd N with the passphrase on descriptor N")
	}
	u.Passphrase = func(first bool) ([]byte, error) { return a.askPassphrase(ctx, fd, first) }
	return u, nil
}

// descriptorGiven checks what was given for --passphrase-fd.
func descriptorGiven(fd *int) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("passphrase-fd") && *fd < 0 {
			return usage("--passphrase-fd %d is not a descriptor", *fd)
		}
		return nil
	}
}

// passphraseFrom reads the first line from a descriptor; 0 is the program's stdin.
func (a *app) passphraseFrom(fd int) ([]byte, error) {
	source := a.stdin
	if fd != 0 {
		file := os.NewFile(uintptr(fd), "passphrase")
		if file == nil {
			return nil, usage("descriptor %d is not open", fd)
		}
		defer file.Close()
		source = file
	}
	text, err := io.ReadAll(io.LimitReader(source, vault.MaxPassphrase+2))
	if err != nil {
		return nil, usage("descriptor %d cannot be read: %v", fd, err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// askSecret asks on the terminal without showing what is typed.
func (a *app) askSecret(ctx context.Context, fd int, prompt string) ([]byte, error) {
	state, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("preparing the terminal: %w", err)
	}
	// Reading from a terminal cannot be cancelled: a signal puts the terminal right and ends the program here.
	stop := context.AfterFunc(ctx, func() {
		term.Restore(fd, state) //nolint:errcheck // it ends now in any case
		terminal.Println(a.stderr)
		os.Exit(api.ExitInterrupted)
	})
	defer stop()
	terminal.Printf(a.stderr, "%s", prompt)
	typed, err := term.ReadPassword(fd)
	terminal.Println(a.stderr)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	return typed, nil
}

// askPassphrase asks on the terminal; twice when a folder is new.
func (a *app) askPassphrase(ctx context.Context, fd int, first bool) ([]byte, error) {
	if !first {
		return a.askSecret(ctx, fd, "Passphrase: ")
	}
	a.inform("This folder is new. Choose a passphrase: what is in the folder cannot be read without it.")
	return a.askTwice(ctx, fd)
}

// askTwice asks for a new passphrase.
func (a *app) askTwice(ctx context.Context, fd int) ([]byte, error) {
	typed, err := a.askSecret(ctx, fd, "New passphrase: ")
	if err != nil {
		return nil, err
	}
	again, err := a.askSecret(ctx, fd, "The same again: ")
	if err != nil {
		return nil, err
	}
	defer clear(again)
	if !bytes.Equal(typed, again) {
		return nil, api.Errorf(api.CodeFailed, "the two passphrases differ").WithHint("start again")
	}
	return typed, nil
}

// explain gives the errors of the vault the hint that a person needs.
func explain(err error) error {
	hint := ""
	switch {
	case errors.Is(err, vault.ErrWrongPassphrase):
		hint = "try again: letter case and spaces count. There is no way around a lost passphrase"
	case errors.Is(err, vault.ErrWrongKeyFile), errors.Is(err, vault.ErrNoKeyFile):
		hint = "give the key file that the folder was made with"
	case errors.Is(err, vault.ErrNoSlot):
		hint = "unlock it as it was made: with --key-file, or with a passphrase"
	case errors.Is(err, vault.ErrKeyFile):
		hint = "a key file is made by muster if there is none, and must be readable by its owner only (mode 600)"
	case errors.Is(err, vault.ErrInUse):
		hint = "stop the muster that runs there, or use another folder with --dir"
	case errors.Is(err, vault.ErrDamaged):
		hint = "nothing was changed: put the file back from a copy of the folder"
	case errors.Is(err, vault.ErrNewer):
		hint = "use the version that made it, or a newer one"
	case errors.Is(err, vault.ErrFolder):
		hint = "name another folder with --dir"
	case errors.Is(err, vault.ErrPassphrase):
		hint = "the passphrase is the first line that is read"
	default:
		return err
	}
	return fmt.Errorf("%w", api.Errorf(api.CodeFailed, "%v", err).WithHint("%s", hint))
}

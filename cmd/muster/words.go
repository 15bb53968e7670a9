package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster.example/internal/keys"
	"muster.example/internal/terminal"
	"muster.example/node/api"
)

// maxWords is how much is read for 24 words.
const maxWords = 4 << 10

// wordsFlag adds the flag by which words come without a terminal. Words are in no argument and no environment variable,
// where other programs could read them.
func wordsFlag(c *cobra.Command, fd *int) {
	c.Flags().IntVar(fd, "words-fd", -1, "read the recovery words from descriptor `N`")
}

// recoveryWords asks for 24 words on the terminal, without showing them, or reads them from a descriptor. It returns them
// only if their checksum fits; else it says which word is wrong.
func (a *app) recoveryWords(ctx context.Context, fd int, given bool) (string, error) {
	switch {
	case given && fd < 0:
		return "", usage("--words-fd %d is not a descriptor", fd)
	case given:
		text, err := a.readDescriptor(fd)
		if err != nil {
			return "", err
		}
		return checkWords(text)
	}
	terminal, person := a.terminal()
	if !person {
		return "", usage("no recovery words: there is no terminal to ask on").
			WithHint("use --words-fd N with the 24 words on descriptor N, such as 0 for stdin")
	}
	for attempt := 1; ; attempt++ {
		text, err := a.askHidden(ctx, terminal, "The 24 recovery words (not shown): ")
		if err != nil {
			return "", err
		}
		words, err := checkWords(text)
		if err == nil || attempt == 3 {
			return words, err
		}
		a.printError(api.AsError(err), false)
	}
}

// checkWords returns words in their plain form, or says what is wrong with them.
func checkWords(text string) (string, error) {
	if faults := keys.WordTypos(text); len(faults) > 0 {
		return "", usage("these are not the recovery words: %s", strings.Join(faults, "; ")).
			WithHint("24 words in their order, in any case; nothing was changed")
	}
	return strings.Join(strings.Fields(strings.ToLower(text)), " "), nil
}

// readDescriptor reads what a descriptor holds; 0 is the program's stdin.
func (a *app) readDescriptor(fd int) (string, error) {
	source := a.stdin
	if fd != 0 {
		file := os.NewFile(uintptr(fd), "words")
		if file == nil {
			return "", usage("descriptor %d is not open", fd)
		}
		defer file.Close()
		source = file
	}
	text, err := io.ReadAll(io.LimitReader(source, maxWords))
	if err != nil {
		return "", usage("descriptor %d cannot be read: %v", fd, err)
	}
	return string(text), nil
}

// askHidden asks for a line that is not shown.
func (a *app) askHidden(ctx context.Context, fd int, prompt string) (string, error) {
	state, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("preparing the terminal: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { // as in askPassphrase
		term.Restore(fd, state) //nolint:errcheck // it ends now in any case
		terminal.Println(a.stderr)
		os.Exit(api.ExitInterrupted)
	})
	defer stop()
	terminal.Printf(a.stderr, "%s", prompt)
	typed, err := term.ReadPassword(fd)
	terminal.Println(a.stderr)
	if err != nil {
		return "", fmt.Errorf("reading the words: %w", err)
	}
	return string(typed), nil
}

// newWords makes 24 words.
func newWords() ([]string, error) {
	seed, err := keys.NewRecoverySeed(rand.Reader)
	if err != nil {
		return nil, err
	}
	return seed.Words(), nil
}

// printCard prints the card that belongs beside recovery words.
func printCard(w io.Writer, card string) {
	if card != "" {
		terminal.Printf(w, "\nKeep this card beside the words. It is no secret; with the words it brings you back:\n%s\n", terminal.Line(card))
	}
}

// refusedUnlessYes is the answer to a command that must be confirmed, where nobody can be asked or the answer was no.
func (a *app) refusedUnlessYes() error {
	if _, person := a.terminal(); person {
		return api.Errorf(api.CodeInterrupted, "nothing was done")
	}
	return usage("there is no terminal to ask on: nothing was done").WithHint("add --yes, or set MUSTER_YES=1")
}

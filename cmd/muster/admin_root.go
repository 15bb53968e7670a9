package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/keys"
)

// rootFlags are the flags by which the root key signs.
type rootFlags struct {
	root bool
	fd   int
}

func (r *rootFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&r.root, "root", false, "sign with the organization's root key, from its 24 words")
	c.Flags().IntVar(&r.fd, "words-fd", -1, "with --root: read the words from descriptor `N`")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		switch {
		case c.Flags().Changed("words-fd") && r.fd < 0:
			return usage("--words-fd %d is not a descriptor", r.fd)
		case r.fd >= 0 && !r.root:
			return usage("--words-fd goes with --root")
		}
		return nil
	}
}

// rootWords reads the root words if they are asked for, else returns "". They come from no argument and no environment
// variable, where other programs could read them. What is mistyped is said before the node is asked.
func (a *app) rootWords(ctx context.Context, flags rootFlags) (string, error) {
	if !flags.root {
		return "", nil
	}
	text, err := a.readRootWords(ctx, flags.fd)
	if err != nil {
		return "", err
	}
	if faults := keys.WordTypos(text); len(faults) > 0 {
		return "", usage("these are not the root words: %s", strings.Join(faults, "; ")).
			WithHint("24 words in their order, in any case; nothing was changed")
	}
	return strings.Join(strings.Fields(strings.ToLower(text)), " "), nil
}

func (a *app) readRootWords(ctx context.Context, fd int) (string, error) {
	if fd >= 0 {
		return a.readDescriptor(fd)
	}
	terminal, person := a.terminal()
	if !person {
		return "", usage("no root words: there is no terminal to ask on").
			WithHint("use --words-fd N with the 24 words on descriptor N, such as 0 for stdin")
	}
	return a.askHidden(ctx, terminal, "The 24 root words of the organization (not shown): ")
}

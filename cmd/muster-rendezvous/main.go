// Command muster-rendezvous is the thin server of Muster: it turns flags into a rendezvous.Config and runs it, and asks
// a running one for its status or for a claim link. It must not know what the node does.
package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"muster.example/internal/kv"
	"muster.example/internal/terminal"
	"muster.example/rendezvous"
)

// The exit codes of both programs that this one can end with.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
)

// version is what status and version tell; releases set it with -ldflags.
var version = "dev"

func main() { os.Exit(Main()) }

// Main is the program, for tests that run it under its name.
func Main() int {
	command := newCommand()
	command.SetArgs(os.Args[1:])
	return report(command.ExecuteContext(context.Background()), slices.Contains(os.Args, "--json"))
}

// newCommand makes the command line.
func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "muster-rendezvous",
		Short:         "the meeting point of Muster organizations",
		Long:          longRoot,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.SetHelpFunc(printPage)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetOut(os.Stdout)
	root.SetErr(os.Stderr)
	root.PersistentFlags().String("dir", "", "the node's `folder` (default $MUSTER_DIR, or muster-rendezvous in the XDG data directory)")
	root.PersistentFlags().Bool("json", false, "answer in JSON")
	root.AddCommand(newRun(), newStatus(), newClaim(), newVersion())
	return root
}

const longRoot = `muster-rendezvous is where the devices of one or more Muster organizations meet.
It admits members only, keeps each organization's membership roll in order, and
holds sealed messages for devices that are offline until they have them. It can
read none of them and cannot make anybody a member.

  muster-rendezvous run        start the node; the first time it prints a claim
                               link, with which somebody founds an organization
  muster-rendezvous status     what a running node holds
  muster-rendezvous claim      a link to found one more organization
  muster-rendezvous version    the version of this program

Exit codes: 0 done, 1 failed, 2 usage, 3 no node is running.`

// usageError is a mistake in the command line.
type usageError struct{ error }

// usageArgs makes a cobra check of arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// report prints an error with a hint, in JSON if asked to, and returns the exit code.
func report(err error, asJSON bool) int {
	if err == nil {
		return 0
	}
	code, kind, hint := exitFailed, "failed", ""
	switch {
	case isUsage(err):
		code, kind, hint = exitUsage, "usage", "see muster-rendezvous --help"
	case errors.Is(err, rendezvous.ErrNotRunning):
		code, kind, hint = exitNotRunning, "not_running", "start it: muster-rendezvous run"
	case errors.Is(err, rendezvous.ErrListen):
		hint = "another program may have the port: choose other addresses with --listen"
	case errors.Is(err, rendezvous.ErrRunning):
		hint = "stop the other one, or give this one a folder of its own with --dir"
	case errors.Is(err, kv.ErrFull), errors.Is(err, syscall.ENOSPC):
		hint = "make room on the disk, and start it again: nothing is lost"
	case errors.Is(err, rendezvous.ErrIdentity):
		hint = "nothing was changed: put the file back from a copy of the folder"
	}
	text := strings.TrimPrefix(err.Error(), "rendezvous: ")
	if asJSON {
		terminal.JSON(os.Stderr, map[string]any{"code": kind, "error": text, "hint": hint, "exit": code}) //nolint:errcheck // nobody is left to tell
		return code
	}
	terminal.Printf(os.Stderr, "muster-rendezvous: error: %s\n", terminal.Diagnosis(text))
	if hint != "" {
		terminal.Printf(os.Stderr, "muster-rendezvous: hint: %s\n", terminal.Diagnosis(hint))
	}
	return code
}

func isUsage(err error) bool {
	_, usage := errors.AsType[usageError](err)
	return usage
}

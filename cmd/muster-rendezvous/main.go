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

	"muster.example/internal/coredump"
	"muster.example/internal/kv"
	"muster.example/internal/terminal"
	"muster.example/rendezvous"
	"muster.example/rendezvous/archive"
	"muster.example/rendezvous/enrolment"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/replicated"
)

// The exit codes of both programs that this one can end with.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
	exitStopped    = 130 // by a second signal
)

// version is what status and version tell; releases set it with -ldflags.
var version = "dev"

func main() {
	if err := coredump.Limit(); err != nil {
		terminal.Printf(os.Stderr, "warning: a crash may leave what this program knows on the disk: %v\n", err)
	}
	os.Exit(Main())
}

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
	root.PersistentFlags().String("dir", "", "the node's or service's `folder` (default $MUSTER_DIR, or muster-rendezvous, muster-archive or muster-enrolment in the XDG data directory)")
	root.PersistentFlags().Bool("json", false, "answer in JSON")
	root.AddCommand(newRun(), newStatus(), newCheck(), newBackup(), newRestore(), newClaim(), newBundle(), newArchive(), newQueue(), newEnrol(), newVersion())
	return root
}

const longRoot = `muster-rendezvous is where the devices of one or more Muster organizations meet.
It admits members only, keeps each organization's membership roll in order, and
holds sealed messages for devices that are offline until they have them. It can
read none of them and cannot make anybody a member.

  muster-rendezvous run        start the node; the first time it prints a claim
                               link, with which somebody founds an organization
  muster-rendezvous status     what a running node holds
  muster-rendezvous check      verify the rolls, count what waits, name damage
  muster-rendezvous backup     write what the node is to a file
  muster-rendezvous restore    make a node's folder of that file
  muster-rendezvous claim      a link to found one more organization
  muster-rendezvous bundle     carry messages in files: import, export
  muster-rendezvous archive    the write-only store for designated accounts
  muster-rendezvous queue      move what waits between the folder and a cluster
  muster-rendezvous enrol      the enrolment service, for joining by a login
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
	case errors.Is(err, archive.ErrNoStatus):
		code, kind, hint = exitNotRunning, "not_running", "start it: muster-rendezvous archive run"
	case errors.Is(err, enrolment.ErrNoStatus):
		code, kind, hint = exitNotRunning, "not_running", "start it: muster-rendezvous enrol run"
	case archiveHint(err) != "":
		hint = archiveHint(err)
	case errors.Is(err, rendezvous.ErrListen):
		hint = "another program may have the port: choose other addresses with --listen"
	case errors.Is(err, replicated.ErrCredentials):
		code, kind, hint = exitUsage, "usage", "see docs/cluster.md for what is in the file of --queue-credentials"
	case errors.Is(err, replicated.ErrOtherNode):
		hint = "copy the file identity of the first process into this folder, or give this node a prefix of its own: --queue nats://HOST:PORT/PREFIX"
	case errors.Is(err, rendezvous.ErrShared):
		hint = "run it with the --queue nats://... that it had, or take everything back first: muster-rendezvous queue move"
	case errors.Is(err, kv.ErrDiverged):
		hint = "to go on with what the cluster has, put the folder's store away; nothing was changed"
	case errors.Is(err, queue.ErrUnavailable):
		hint = "see whether most servers of the cluster run and can be reached; nothing is lost"
	case errors.Is(err, rendezvous.ErrRunning):
		hint = "stop the other one, or give this one a folder of its own with --dir"
	case errors.Is(err, kv.ErrFull), errors.Is(err, syscall.ENOSPC):
		hint = "make room on the disk, and start it again: nothing is lost"
	case errors.Is(err, syscall.EROFS):
		hint = "the log of the system says why the disk is read-only: mend it, mount it for writing, and start the node again: nothing is lost"
	case errors.Is(err, rendezvous.ErrIdentity):
		hint = "nothing was changed: put the file back from a copy of the folder"
	case errors.Is(err, rendezvous.ErrNotEmpty):
		hint = "give it another folder with --dir, or put this one away first"
	case errors.Is(err, rendezvous.ErrBackup):
		hint = "nothing was made: take another backup"
	case enrolHint(err) != "":
		hint = enrolHint(err)
	case errors.Is(err, errFound), errors.Is(err, errTroubled):
		kind = "found"
	case errors.Is(err, kv.ErrFormat), errors.Is(err, queue.ErrFormat):
		kind, hint = "format", "nothing was changed: run the version that wrote the folder, or a newer one; there is no way back to an older version"
	}
	text := err.Error()
	for _, room := range []string{"rendezvous: ", "archive: ", "bucket: ", "reader: ", "enrolment: "} {
		text = strings.TrimPrefix(text, room)
	}
	if asJSON {
		terminal.JSON(os.Stderr, map[string]any{"code": kind, "error": text, "hint": hint, "exit": code}) //nolint:errcheck // nobody is left to tell
		return code
	}
	terminal.Printf(os.Stderr, "muster-rendezvous: error: %s\n", terminal.Diagnosis(text, os.Args[1:]...))
	if hint != "" {
		terminal.Printf(os.Stderr, "muster-rendezvous: hint: %s\n", terminal.Line(hint)) // of constants alone
	}
	return code
}

func isUsage(err error) bool {
	_, usage := errors.AsType[usageError](err)
	return usage
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// app is one run of the program: its streams and the flags that every command takes.
type app struct {
	args           []string // the command line
	stdin          io.Reader
	stdout, stderr io.Writer

	dir  string // --dir
	json bool   // --json
	yes  bool   // --yes
}

// run is the whole program: it returns the exit status and leaves nothing running.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, signals := watchSignals(ctx)
	defer signals.stop()
	a := &app{args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if ctx.Err() != nil && (err == nil && signals.interrupted() ||
		errors.Is(err, context.Cause(ctx)) || errors.Is(err, context.Canceled)) {
		return api.ExitInterrupted
	}
	if err == nil {
		return api.ExitDone
	}
	known := api.AsError(err)
	if known.Code == api.CodeUsage && known.Hint == "" {
		known = known.WithHint("see: %s --help", command.CommandPath())
	}
	a.printError(known, wantsJSON(args))
	return known.Code.Exit()
}

// wantsJSON looks for --json by itself: a command line that does not parse has no flags yet.
func wantsJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case "--json", "--json=true":
			return true
		}
	}
	return false
}

func (a *app) printError(err *api.Error, asJSON bool) {
	if asJSON {
		terminal.JSON(a.stderr, struct { //nolint:errcheck // nobody is left to tell
			*api.Error
			Exit int `json:"exit"`
		}{err, err.Code.Exit()})
		return
	}
	terminal.Printf(a.stderr, "muster: error: %s\n", terminal.Diagnosis(err.Message, a.args...))
	if err.Hint != "" {
		terminal.Printf(a.stderr, "muster: hint: %s\n", terminal.Diagnosis(err.Hint, a.args...))
	}
}

// inform tells a person something that is no answer.
func (a *app) inform(format string, args ...any) { terminal.Printf(a.stderr, format+"\n", args...) }

// folder returns the node's folder: --dir, else MUSTER_DIR, else the one in the XDG data directory.
func (a *app) folder() (string, error) {
	dir := a.dir
	if dir == "" {
		dir = os.Getenv("MUSTER_DIR")
	}
	if dir == "" {
		dir = filepath.Join(xdg.DataHome, "muster")
	}
	return filepath.Abs(dir)
}

// withNode calls do with a client of the running node.
func (a *app) withNode(do func(*apiclient.Client) error) error {
	dir, err := a.folder()
	if err != nil {
		return err
	}
	client, err := apiclient.New(dir)
	if err != nil {
		return err
	}
	defer client.Close()
	return do(client)
}

// answer prints value as JSON with --json, else calls text to print it for a person.
func (a *app) answer(value any, text func(w io.Writer)) error {
	if a.json {
		return terminal.JSON(a.stdout, value)
	}
	w := &errorWriter{w: a.stdout}
	text(w)
	return w.err
}

// errorWriter keeps the first error, so that text is printed without a check a line.
type errorWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (e *errorWriter) Write(b []byte) (int, error) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
	return len(b), e.err
}

// usage returns an error of the command line itself.
func usage(format string, args ...any) *api.Error { return api.Errorf(api.CodeUsage, format, args...) }

// exactly makes cobra's count of arguments an error that names what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usage("%q is one argument too many", args[len(names)])
		}
		return nil
	}
}

// upTo takes at most the named arguments.
func upTo(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		return exactly(names[:min(len(args), len(names))]...)(c, args)
	}
}

// firstLine reads an INVITATION or LINK that was given as "-".
func (a *app) firstLine(argument, name string) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	text, err := io.ReadAll(io.LimitReader(a.stdin, 64<<10))
	if err != nil {
		return "", fmt.Errorf("reading %s from stdin: %w", name, err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", usage("%s is \"-\" and stdin holds none", name)
	}
	return line, nil
}

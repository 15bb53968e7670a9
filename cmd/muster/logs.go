package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/logfile"
	"muster.example/node/vault"
)

// followEvery is how often logs --follow looks for more.
const followEvery = 500 * time.Millisecond

// maxLogLines is the most that --lines takes: more than two full files hold.
const maxLogLines = 1 << 20

// newLog returns the log of start: to stderr, and in the folder what may be kept there. Under systemd stderr ends on the
// disk too, in the journal, which holds no more than the file. The first entry is for who has the folder's lock.
func (a *app) newLog(dir string) (log *slog.Logger, closeLog func() error) {
	file := logfile.New(dir)
	var stderr slog.Handler = slog.NewTextHandler(a.stderr, nil)
	if out, isFile := a.stderr.(*os.File); isFile && os.Getenv("JOURNAL_STREAM") != "" && !term.IsTerminal(int(out.Fd())) {
		stderr = logfile.Handler(a.stderr)
	}
	return slog.New(logfile.Both(stderr, logfile.Handler(file))), file.Close
}

func (a *app) newLogs() *cobra.Command {
	var follow bool
	var lines int
	c := a.command(manual{
		use:   "logs [--follow]",
		short: "show what the node logged",
		about: `Shows the last of the log that the node keeps in its folder, at most 2 MiB, whether it runs or
not. The log names nobody: of an id it has the beginning, of an error what is the same on
every machine. Texts, names, addresses and paths are "-". muster start shows more on stderr.`,
		output:   "The lines, oldest first.",
		json:     `{"line"}, one object a line`,
		examples: []string{"muster logs", "muster logs --follow", "muster logs --lines 1000"},
		see:      []string{"start", "status", "report", "service status"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		if lines < 0 || lines > maxLogLines {
			return usage("--lines %d is not between 0 and %d", lines, maxLogLines)
		}
		return a.logs(c.Context(), lines, follow)
	})
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until Ctrl-C")
	c.Flags().IntVarP(&lines, "lines", "n", 50, "the last `N` lines of it")
	return c
}

func (a *app) logs(ctx context.Context, max int, follow bool) error {
	dir, err := a.nodesFolder()
	if err != nil {
		return err
	}
	follower, err := logfile.Follow(dir) // before the last lines, so that none is missed: one may come twice
	if err != nil {
		return err
	}
	defer follower.Close()
	last, err := logfile.Tail(dir, max)
	if err != nil {
		return err
	}
	if len(last) == 0 && !follow {
		a.inform("The log is empty.")
	}
	if err := a.printLog(last); err != nil || !follow {
		return err
	}
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		more, err := follower.Next()
		if err != nil {
			return err
		}
		if err := a.printLog(more); err != nil {
			return err
		}
	}
}

func (a *app) printLog(lines []string) error {
	for _, line := range lines {
		err := a.answer(map[string]string{"line": line}, func(w io.Writer) { terminal.Println(w, terminal.Line(line)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// nodesFolder returns the folder if there is a node's.
func (a *app) nodesFolder() (string, error) {
	dir, err := a.folder()
	if err == nil && !vault.Exists(dir) {
		err = api.Errorf(api.CodeNotFound, "there is no node's folder %s", dir).WithHint("name it with --dir, or with MUSTER_DIR")
	}
	return dir, err
}

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/node/logfile"
)

// follower is a stdout that has more logged when it was told the first line, and ends the watch with the last.
type follower struct {
	bytes.Buffer
	log *logfile.File
	end context.CancelFunc
}

func (f *follower) Write(p []byte) (int, error) {
	switch {
	case bytes.Contains(p, []byte("first")):
		f.log.Write([]byte("last \x1b[2J\n")) //nolint:errcheck // the test sees that it is not there
	case bytes.Contains(p, []byte("last")):
		f.end()
	}
	return f.Buffer.Write(p)
}

// What is added while logs --follow runs is shown, and no terminal acts on it.
func TestLogsFollow(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"FORMAT", "keyslots"} { // what makes it a node's folder
		if err := os.WriteFile(filepath.Join(dir, name), []byte("muster node 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := logfile.New(dir)
	defer log.Close()
	if _, err := log.Write([]byte("first\n")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &follower{log: log, end: cancel}
	a := &app{dir: dir, stdout: out, stderr: out}
	if err := a.logs(ctx, 10, true); !errors.Is(err, context.Canceled) {
		t.Fatalf("following ended with %v", err)
	}
	if got := out.String(); !strings.HasPrefix(got, "first\nlast ") || strings.Contains(got, "\x1b") {
		t.Errorf("printed %q", got)
	}
}

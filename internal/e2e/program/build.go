package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// folder is where the programs lie.
var folder string

// Build builds the programs, runs the tests, removes the programs and ends the process.
func Build(m *testing.M) {
	dir, err := os.MkdirTemp("", "muster-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	folder = dir
	build := exec.Command("go", "build", "-o", dir, "muster.example/cmd/muster", "muster.example/cmd/muster-rendezvous")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// Path returns where a program lies: muster or muster-rendezvous.
func Path(name string) string { return filepath.Join(folder, name) }

// InCI reports whether what cannot be tested is a failure.
func InCI() bool { return os.Getenv("CI") != "" }

// Need skips a test that lacks something of the machine, and says so loudly; where everything must be tested it fails.
func Need(t *testing.T, there bool, what string) {
	t.Helper()
	switch {
	case there:
	case InCI():
		t.Fatalf("this test needs %s", what)
	default:
		t.Skipf("NOT TESTED: this test needs %s", what)
	}
}

//go:build crash

package crash

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
)

// dumped starts a command that may leave a core of any size in an empty folder, aborts it once it is ready, and reports whether the
// system wrote one, or handed it to a program.
func dumped(t *testing.T, ready func() bool, command ...string) bool {
	t.Helper()
	folder := t.TempDir()
	aborted := exec.Command("sh", append([]string{"-c", `ulimit -c unlimited && exec "$@"`, "sh"}, command...)...)
	aborted.Dir = folder
	aborted.Env = append(os.Environ(), "GOTRACEBACK=crash") // Go then ends as a program in C does
	if err := aborted.Start(); err != nil {
		t.Fatal(err)
	}
	program.Await(t, program.StartTime, "it is ready", ready)
	if err := aborted.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := aborted.Wait(); !errors.As(err, &exit) {
		t.Fatalf("it ended with %v", err)
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGABRT {
		t.Fatalf("it ended with %v, not aborted", exit)
	}
	left, err := filepath.Glob(filepath.Join(folder, "*core*"))
	if err != nil {
		t.Fatal(err)
	}
	return status.CoreDump() || len(left) > 0
}

// A node that crashes leaves no core, however the system is set.
func TestCrashLeavesNoCore(t *testing.T) {
	began := time.Now()
	control := dumped(t, func() bool { return time.Since(began) > 200*time.Millisecond }, "sleep", "60")
	program.Need(t, control && runtime.GOOS == "linux", "a system that writes cores: see ulimit -c and /proc/sys/kernel/core_pattern")
	for name, of := range map[string]struct {
		flags []string
		made  string
	}{
		"muster":            {[]string{"start", "--key-file", filepath.Join(t.TempDir(), "key")}, "keyslots"},
		"muster-rendezvous": {[]string{"run", "--listen", "/ip4/127.0.0.1/tcp/0"}, "rendezvous.sock"},
	} {
		dir := filepath.Join(t.TempDir(), "node")
		command := append([]string{program.Path(name)}, append(of.flags, "--dir", dir)...)
		ready := func() bool {
			_, err := os.Stat(filepath.Join(dir, of.made))
			return err == nil
		}
		if dumped(t, ready, command...) {
			t.Errorf("%s left a core", name)
		}
	}
}

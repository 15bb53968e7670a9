//go:build browser && linux

package browser

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"muster.example/internal/e2e/program"
)

// insideNetwork says to a run of a test that it is in a network of its own.
const insideNetwork = "MUSTER_INSIDE_NETWORK"

// alone runs the test again, browser and all, in a network of its own: loopback, and what a script of the shell makes. It reports
// whether it did, which it does not in that run.
func alone(t *testing.T, script string) bool {
	t.Helper()
	if os.Getenv(insideNetwork) != "" {
		return false
	}
	script = "set -e\nip link set lo up\n" + script + "\n"
	made := os.Geteuid() == 0 && exec.Command("unshare", "--net", "sh", "-c", script).Run() == nil
	program.Need(t, made, "root, unshare (util-linux) and ip (iproute2), for a network of its own")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", script+`exec "$@"`, "sh", self, "-test.run", "^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), insideNetwork+"=1")
	out, err := again.CombinedOutput()
	if strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Skipf("in a network of its own:\n%s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a network of its own: %v\n%s", err, out)
	}
	return true
}

//go:build crash

package crash

import (
	"os/exec"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// TestCrashOfALockedNodeTellsNothing has a person write and search, and locks their node: its process goes on, and its memory, which is
// what a dump of it would hold, has nothing of what was written, nor has its folder.
func TestCrashOfALockedNodeTellsNothing(t *testing.T) {
	program.Need(t, exec.Command(program.Path("muster"), "lock", "--help").Run() == nil, "a program that can be locked")
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	m := markers{}
	node := program.StartRendezvous(t, nil, "/ip4/127.0.0.1/tcp/0")
	alice, bob := startPerson(t, "alice"), startPerson(t, "bob")
	acquaintAll(t, node.Claim, []*person{alice, bob})
	writeEverywhere(t, m, alice, bob)
	for _, p := range []*person{alice, bob} {
		process := p.ID()
		if held := inMemory(t, process, m); len(held) == 0 {
			t.Errorf("nothing is found in the memory of %s: it is not looked at right", p.Name)
		}
		if out, err := exec.Command(program.Path("muster"), "lock", "--dir", p.Dir).CombinedOutput(); err != nil {
			t.Fatalf("locking the node of %s: %v\n%s", p.Name, err, out)
		}
		program.Await(t, 2*time.Minute, p.Name+" is locked", func() bool {
			_, err := p.Client.Inbox(t.Context(), api.InboxQuery{})
			return err != nil
		})
		if p.ID() != process {
			t.Fatalf("%s is another process now", p.Name)
		}
		for name := range inMemory(t, process, m) {
			t.Errorf("the memory of %s, locked, holds the %s", p.Name, name)
		}
	}
	m.in(t, "locked", node.Dir, alice.Dir, bob.Dir, temporary)
}

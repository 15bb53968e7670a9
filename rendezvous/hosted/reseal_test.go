package hosted

import (
	"os"
	"path/filepath"
	"testing"
)

// A node whose seal is replaced is the same node for its organizations, and nothing opens under the old seal. [STO-29]
func TestNodeUnderAnotherSeal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendezvous")
	old, next := [32]byte{7}, [32]byte{8}
	if err := Reseal(dir, "identity", old, "identity-1", next); err != nil {
		t.Fatalf("without a node: %v", err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("a folder was made for a node that is not there")
	}
	s, end := begin(t, dir)
	claimed := claim(t, s, loopback)
	org, _, client := found(t, claimed)
	end()
	if err := Reseal(dir, "identity", next, "identity-1", old); err == nil {
		t.Error("it opens under a seal that is not its own")
	}
	if err := Reseal(dir, "identity", old, "identity-1", next); err != nil {
		t.Fatal(err)
	}
	// Before the old file goes, the old seal still counts.
	s, end = begin(t, dir)
	s.until(t, func() bool { return s.Status().Running })
	end()
	if err := os.Remove(filepath.Join(dir, "identity")); err != nil {
		t.Fatal(err)
	}
	s, end = beginAs(t, Config{Dir: dir, Seal: next, Identity: "identity-1"})
	s.until(t, func() bool { return s.Status().Running })
	status := s.Status()
	if status.Key != claimed.Node || len(status.Node.Orgs) != 1 || status.Node.Orgs[0].Org != org {
		t.Errorf("under the new seal: %+v", status)
	}
	client.Addresses = s.Status().Local
	if _, err := client.Fetch(t.Context(), 0); err != nil {
		t.Errorf("its organization is served nothing: %v", err)
	}
	end()
	for name, cfg := range map[string]Config{
		"the old seal":                 {Dir: dir, Seal: old, Identity: "identity-1"},
		"the old seal by the old name": {Dir: dir, Seal: old},
		"the new seal by the old name": {Dir: dir, Seal: next},
	} {
		s, end := beginAs(t, cfg)
		s.until(t, func() bool { return s.Status().Failed != nil })
		if status := s.Status(); status.Running || !status.Key.IsZero() {
			t.Errorf("%s: %+v", name, status)
		}
		end()
	}
}

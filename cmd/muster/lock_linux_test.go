package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// memoryHolds reports whether the memory of a process holds a text.
func memoryHolds(t *testing.T, pid int, text string) bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatalf("reading the memory of another process, which needs the right to trace it: %v", err)
	}
	defer memory.Close()
	read := 0
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || mode[0] != 'r' || strings.Contains(line, "[v") {
			continue
		}
		for at := from; at < to; at += 1 << 20 {
			piece := make([]byte, min(1<<20+uint64(len(text)), to-at))
			n, _ := memory.ReadAt(piece, int64(at)) //nolint:errcheck // pages that are not there hold nothing
			read += n
			if bytes.Contains(piece[:n], []byte(text)) {
				return true
			}
		}
	}
	if read < 1<<20 {
		t.Fatalf("only %d bytes of memory were read", read)
	}
	return false
}

// Nothing that a person wrote, and nothing of the passphrase, is left in the memory of a node that was locked. Its process is the
// same: who watches over it sees no end.
func TestLockedNodeRemembersNothing(t *testing.T) {
	base := t.TempDir()
	binary, dir := filepath.Join(base, "muster"), filepath.Join(base, "node")
	if out, err := exec.Command("go", "build", "-o", binary, "muster.example/cmd/muster").CombinedOutput(); err != nil {
		t.Fatalf("building muster: %v\n%s", err, out)
	}
	node := exec.Command(binary, "start", "--dir", dir, "--passphrase-fd", "0", "--no-direct")
	node.Stdin = strings.NewReader("five lamps under the old bridge\n")
	var log safeBuffer
	node.Stderr = &log
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		node.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		node.Wait()                          //nolint:errcheck // as above
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var client *apiclient.Client
	until(t, ctx, func() (err error) {
		if client, err = apiclient.New(dir); err == nil {
			_, err = client.Status(ctx)
		}
		return err
	})
	defer client.Close()
	// The folder of a node alone has no messages: an organization's name stands for what it holds.
	const marker = "Heliotrope Observatory 8817"
	if _, err := client.CreateOrg(ctx, api.CreateOrgRequest{Here: true, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Name: marker, As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	if !memoryHolds(t, node.Process.Pid, marker) {
		t.Fatal("the memory of the unlocked node does not hold what it shows: the search is no good")
	}
	if _, err := lockNow(ctx, client); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	for _, secret := range []string{marker, "five lamps under"} {
		if memoryHolds(t, node.Process.Pid, secret) {
			t.Errorf("the locked node still remembers %q", secret)
		}
	}
	if _, err := client.Orgs(ctx); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("the locked node answers: %v", err)
	}
	if _, err := client.Unlock(ctx, api.Key{Passphrase: []byte("five lamps under the old bridge")}); err != nil {
		t.Fatal(err)
	}
	if orgs, err := client.Orgs(ctx); err != nil || len(orgs) != 1 || orgs[0].Name != marker {
		t.Errorf("unlocked again it has %+v, %v", orgs, err)
	}
}

// until calls do again and again until it succeeds.
func until(t *testing.T, ctx context.Context, do func() error) {
	t.Helper()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"muster.example/rendezvous"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"muster-rendezvous": func() { os.Exit(Main()) }})
}

func TestScript(t *testing.T) {
	packaged, err := filepath.Abs("../../internal/packaging/files/rendezvous.toml")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"agekey":       ageKey,
			"archived":     archived,
			"await":        await,
			"awaitarchive": awaitArchive,
			"exits":        exits,
			"manager":      manager,
			"port":         port,
			"told":         told,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_RUNTIME_DIR", e.WorkDir)
			e.Setenv("PACKAGED", packaged)
			return nil
		},
	})
}

// await waits until the node of a folder answers: await DIR; or, negated, until it does not.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] await DIR")
	}
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := rendezvous.AskStatus(context.Background(), ts.MkAbs(args[0]))
		if (err == nil) != neg {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("waiting for the node of %s: %v", args[0], err)
		}
	}
}

// exits runs a program and checks its exit code: exits CODE PROGRAM ARGUMENT…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// port sets PORT to the TCP port of the node whose status is in a file: port FILE.
func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port FILE")
	}
	var status rendezvous.Status
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &status); err != nil {
		ts.Fatalf("%v", err)
	}
	if len(status.Addresses) == 0 {
		ts.Fatalf("no address")
	}
	ts.Setenv("PORT", status.Addresses[0][strings.LastIndex(status.Addresses[0], "/")+1:])
}

// manager plays a service manager that listens at a socket: manager SOCKET. It sets NOTIFY_SOCKET.
func manager(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: manager SOCKET")
	}
	name := args[0]
	if !strings.HasPrefix(name, "@") {
		name = ts.MkAbs(name)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		ts.Fatalf("%v", err)
	}
	ts.Defer(func() { conn.Close() })
	managers.Store(ts.Getenv("WORK"), conn)
	ts.Setenv("NOTIFY_SOCKET", name)
}

// ageKey makes a key of age's: agekey FILE. It sets RECIPIENT.
func ageKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: agekey FILE")
	}
	key, err := age.GenerateHybridIdentity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# a key\n"+key.String()+"\n"), 0o600))
	ts.Setenv("RECIPIENT", key.Recipient().String())
}

// managers are the sockets of scripts, by their folders.
var managers sync.Map

// told waits until the manager was told lines, a datagram that is nothing else: told LINE…
func told(ts *testscript.TestScript, neg bool, args []string) {
	conn, ok := managers.Load(ts.Getenv("WORK"))
	if neg || len(args) == 0 || !ok {
		ts.Fatalf("usage: told LINE... behind manager SOCKET")
	}
	socket := conn.(*net.UnixConn)
	if err := socket.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		ts.Fatalf("%v", err)
	}
	want, data := strings.Join(args, "\n"), make([]byte, 4096)
	for {
		n, err := socket.Read(data)
		if err != nil {
			ts.Fatalf("waiting for %q: %v", want, err)
		}
		if string(data[:n]) == want {
			return
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"muster.example/rendezvous"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"muster-rendezvous": func() { os.Exit(Main()) }})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await": await,
			"exits": exits,
			"port":  port,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_RUNTIME_DIR", e.WorkDir)
			return nil
		},
	})
}

// await waits until the node of a folder answers: await DIR; or, negated, until it does not.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] await DIR")
	}
	deadline := time.After(30 * time.Second)
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

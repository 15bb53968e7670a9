package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var updateScripts = flag.Bool("update", false, "write what programs print into the scripts")

// waitLimit is how long a script's waitfor or waitok may take before the script fails.
const waitLimit = 60 * time.Second

// TestMain makes this test binary the program muster when a script calls it so. MUSTER_AHEAD is how far the person's clock is
// ahead, as a script sets it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"muster": func() {
		if ahead, err := time.ParseDuration(os.Getenv("MUSTER_AHEAD")); err == nil {
			testOnlyClock = func() time.Time { return time.Now().Add(ahead) }
		}
		main()
	}})
}

// buildRendezvous builds the other program, with the go command's cache, and returns its folder. It is a program of its
// own rather than a second name of this test binary: a main package cannot be imported, and scripts kill the very program that is
// shipped.
func buildRendezvous(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	command := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "muster.example/cmd/muster-rendezvous")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building muster-rendezvous: %v\n%s", err, out)
	}
	return dir
}

// TestScript runs the scripts. The story shows [API-12] and [API-13] from end to end.
func TestScript(t *testing.T) {
	dir := buildRendezvous(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *updateScripts,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", dir+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
			env.Setenv("XDG_RUNTIME_DIR", filepath.Join(env.WorkDir, "run"))
			env.Setenv("TZ", "UTC")
			env.Values[signalledKey{}] = make(map[string]*exec.Cmd)
			return os.Mkdir(filepath.Join(env.WorkDir, "run"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  exitStatus,
			"signal":  signalBackground,
			"waitfor": waitFor,
			"waitok":  waitOK,
			"jsonget": jsonGet,
			"jsonis":  jsonIs,
			"lines":   countLines,
			"mode":    fileMode,
			"fill":    fillFile,

			"found":    foundOrganization,
			"acquaint": acquaint,
			"exitcode": exitCode,
			"waiterr":  waitError,
			"shape":    jsonShape,
			"nowhere":  nowhere,
			"tmpfs":    mountTmpfs,
			"volume":   mountVolume,
			"insert":   insertVolume,
			"spoil":    spoilVolume,
			"remount":  remountVolume,
			"swamp":    swampFile,
			"sparse":   sparseFile,
			"garbage":  sendGarbage,
			"pages":    helpPages,
			"words":    wordsFile,
			"typo":     typoFile,
			"unzip":    unzipFile,
			"without":  withoutWords,
			"agekey":   ageKey,

			"specvector": specVector,
		},
		Condition: func(name string) (bool, error) {
			var there bool
			switch name {
			case "tmpfs":
				there = canMount()
			case "volume":
				there = canMount() && canMakeVolumes()
			default:
				return false, fmt.Errorf("unknown condition %q", name)
			}
			if !there && os.Getenv("CI") != "" {
				return false, fmt.Errorf("%s: everything must be tried here, and this machine mounts none", name)
			}
			return there, nil
		},
	})
}

// exitStatus is `status NUMBER PROGRAM ARGUMENT...`: it fails unless the program exits with NUMBER.
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status number program argument...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err, got := ts.Exec(args[1], args[2:]...), 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// signalBackground is `signal INT|TERM|KILL ARGUMENT`: it sends the signal to the program in the background that has
// the argument, such as the name of its folder.
func signalBackground(ts *testscript.TestScript, neg bool, args []string) {
	known := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}
	if neg || len(args) != 2 || known[args[0]] == nil {
		ts.Fatalf("usage: signal INT|TERM|KILL argument")
	}
	for _, command := range ts.BackgroundCmds() {
		if command.ProcessState == nil && slices.Contains(command.Args, args[1]) {
			ts.Check(command.Process.Signal(known[args[0]]))
			ts.Value(signalledKey{}).(map[string]*exec.Cmd)[args[1]] = command
			return
		}
	}
	ts.Fatalf("no program in the background has the argument %s", args[1])
}

// waitFor is `waitfor ARGUMENT... -- PATH VALUE`: it runs `muster ARGUMENT... --json` until the value at PATH of the
// answer is VALUE. Its stdout is that of the last run. If the first ARGUMENT is muster-rendezvous, that program runs.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 || args[len(args)-3] != "--" {
		ts.Fatalf("usage: waitfor argument... -- path value")
	}
	path, want := args[len(args)-2], args[len(args)-1]
	program, arguments := "muster", append(args[:len(args)-3:len(args)-3], "--json")
	if arguments[0] == "muster-rendezvous" {
		program, arguments = arguments[0], arguments[1:]
	}
	last := ""
	poll(ts, func() bool {
		if err := ts.Exec(program, arguments...); err != nil {
			last = err.Error() + ": " + ts.ReadFile("stderr")
			return false
		}
		last = ts.ReadFile("stdout")
		got, err := lookUp([]byte(last), path)
		return err == nil && got == want
	}, func() string { return fmt.Sprintf("%s is not %q: %s", path, want, last) })
}

// waitOK is `waitok PROGRAM ARGUMENT...`: it runs the program until it exits with 0; with `!`, until it does not.
func waitOK(ts *testscript.TestScript, neg bool, args []string) {
	poll(ts, func() bool { return (ts.Exec(args[0], args[1:]...) == nil) != neg }, func() string {
		return fmt.Sprintf("%s: %s", strings.Join(args, " "), ts.ReadFile("stderr"))
	})
}

func poll(ts *testscript.TestScript, done func() bool, complaint func() string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(waitLimit)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("after %s: %s", waitLimit, complaint())
		}
	}
}

// jsonGet is `jsonget FILE PATH VARIABLE`: it sets the environment variable to the value at PATH. FILE may be stdout
// or stderr. PATH is keys and places with dots between; len stands for the length of a list: orgs.0.name, orgs.len
func jsonGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: jsonget file path variable")
	}
	value, err := lookUp([]byte(ts.ReadFile(args[0])), args[1])
	ts.Check(err)
	ts.Setenv(args[2], value)
}

// jsonIs is `jsonis FILE PATH VALUE`: it fails unless (with `!`: if) the value at PATH is VALUE.
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] jsonis file path value")
	}
	got, err := lookUp([]byte(ts.ReadFile(args[0])), args[1])
	ts.Check(err)
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %q", args[1], got)
	}
}

// lookUp returns the text of the value at path: a string as it is, anything else as JSON.
func lookUp(data []byte, path string) (string, error) {
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return "", fmt.Errorf("%w in %.200q", err, data)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch parent := value.(type) {
		case map[string]any:
			child, found := parent[step]
			if !found {
				return "", fmt.Errorf("there is no %s of %s", step, path)
			}
			value = child
		case []any:
			if step == "len" {
				value = len(parent)
				continue
			}
			at, err := strconv.Atoi(step)
			if err != nil || at < 0 || at >= len(parent) {
				return "", fmt.Errorf("there is no %s of %s", step, path)
			}
			value = parent[at]
		default:
			return "", fmt.Errorf("there is no %s of %s", step, path)
		}
	}
	if text, ok := value.(string); ok {
		return text, nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}

// countLines is `lines FILE MIN MAX`.
func countLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: lines file min max")
	}
	least, err := strconv.Atoi(args[1])
	ts.Check(err)
	most, err := strconv.Atoi(args[2])
	ts.Check(err)
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); n < least || n > most {
		ts.Fatalf("%s has %d lines, want %d to %d", args[0], n, least, most)
	}
}

// fileMode is `mode FILE 0600`.
func fileMode(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mode file permissions")
	}
	info, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[1]) == neg {
		ts.Fatalf("%s has mode %s", args[0], got)
	}
}

// fillFile is `fill FILE BYTES`: it writes so many bytes that hold no line twice.
func fillFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill file bytes")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := make([]byte, 0, size+32)
	for n := 0; len(text) < size; n++ {
		text = fmt.Appendf(text, "line %d of %s\n", n, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text[:size], 0o600))
}

package linkcost

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// inSession is set in the process that runs with a bus of its own.
const inSession = "MUSTER_TEST_BUS"

// What NetworkManager says on a real bus is told: when it starts, whenever it says otherwise, and when it has gone.
func TestNetworkManager(t *testing.T) {
	if os.Getenv(inSession) != "" {
		heard(t)
		return
	}
	if _, err := exec.LookPath("dbus-run-session"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no bus: %v", err)
		}
		t.Skipf("NOT TESTED: no bus on this machine (Debian: apt-get install dbus): %v", err)
	}
	script := `DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" exec "$0" -test.run '^TestNetworkManager$' -test.v`
	session := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "-c", script, os.Args[0])
	session.Env = append(os.Environ(), inSession+"=1")
	if out, err := session.CombinedOutput(); err != nil {
		t.Fatalf("in the session: %v\n%s", err, out)
	}
}

func heard(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	words, stop, err := listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	expect := func(what string, want bool) {
		t.Helper()
		select {
		case word, open := <-words:
			if !open || word != want {
				t.Fatalf("%s: the link is metered: %t (open: %t)", what, word, open)
			}
		case <-ctx.Done():
			t.Fatalf("%s: nothing is told", what)
		}
	}
	expect("before NetworkManager runs", false)

	bus, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	exported, err := prop.Export(bus, path, prop.Map{manager: {
		property:       {Value: uint32(meteredGuess), Emit: prop.EmitTrue},
		"Connectivity": {Value: uint32(4), Emit: prop.EmitTrue},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := bus.RequestName(manager, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("taking NetworkManager's name: %v, %v", reply, err)
	}
	expect("when it has started, and guesses so", true)
	for _, c := range []struct {
		what  string
		value uint32
		want  bool
	}{{"a guess of no", 4, false}, {"yes", meteredYes, true}, {"no", 2, false}, {"yes again", meteredYes, true}, {"unknown", 0, false}} {
		exported.SetMust(manager, "Connectivity", c.value) // concerns nobody
		exported.SetMust(manager, property, c.value)
		expect(c.what, c.want)
	}
	exported.SetMust(manager, property, uint32(meteredYes))
	expect("at last", true)
	if _, err := bus.ReleaseName(manager); err != nil {
		t.Fatal(err)
	}
	expect("when it has gone", false)
}

// Without a bus Watch says so, and ends with its context.
func TestNoBus(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+t.TempDir()+"/none")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	Watch(ctx, slog.New(slog.NewTextHandler(&log, nil)), func(bool) { t.Error("something is told") })
	if !strings.Contains(log.String(), "does not say") {
		t.Errorf("it says %q", &log)
	}
}

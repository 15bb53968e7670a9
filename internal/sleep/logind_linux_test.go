package sleep

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// inSession is set in the process that runs with a bus of its own.
const inSession = "MUSTER_TEST_BUS"

// played stands for logind's manager: it hands out inhibitors, and keeps them open.
type played struct{ asked chan *os.File }

// Inhibit is logind's method.
func (p *played) Inhibit(what, _, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || mode != "delay" {
		return 0, dbus.MakeFailedError(os.ErrInvalid)
	}
	inhibitor, err := os.Open(os.DevNull)
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	p.asked <- inhibitor
	return dbus.UnixFD(inhibitor.Fd()), nil
}

// A sleep that logind announces on a real bus is told, and logind is asked to wait with each.
func TestLogind(t *testing.T) {
	if os.Getenv(inSession) != "" {
		announced(t)
		return
	}
	if _, err := exec.LookPath("dbus-run-session"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no bus: %v", err)
		}
		t.Skipf("NOT TESTED: no bus on this machine (Debian: apt-get install dbus): %v", err)
	}
	script := `DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" exec "$0" -test.run '^TestLogind$' -test.v`
	session := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "-c", script, os.Args[0])
	session.Env = append(os.Environ(), inSession+"=1")
	if out, err := session.CombinedOutput(); err != nil {
		t.Fatalf("in the session: %v\n%s", err, out)
	}
}

func announced(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	bus, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	server := &played{asked: make(chan *os.File, 4)}
	if err := bus.Export(server, path, manager); err != nil {
		t.Fatal(err)
	}
	if reply, err := bus.RequestName(logind, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("taking logind's name: %v, %v", reply, err)
	}
	var inhibitors []*os.File // kept from the collector, which would close them
	defer func() { runtime.KeepAlive(inhibitors) }()
	slept, ended := make(chan struct{}, 4), make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	go func() {
		Watch(watching, slog.New(slog.DiscardHandler), func() { slept <- struct{}{} })
		close(ended)
	}()
	for _, what := range []bool{true, false, true} { // to sleep, awake, to sleep
		if what {
			select {
			case inhibitor := <-server.asked: // it asked to be waited for
				inhibitors = append(inhibitors, inhibitor)
			case <-ctx.Done():
				t.Fatal("it takes no inhibitor")
			}
		}
		// The match is made just after the inhibitor is taken: what is not heard is said again.
		for heard := !what; ; {
			if err := bus.Emit(path, manager+"."+signal, what); err != nil {
				t.Fatal(err)
			}
			if heard {
				break
			}
			select {
			case <-slept:
				heard = true
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				t.Fatal("the sleep is not told")
			}
			break
		}
	}
	stop()
	<-ended
}

package notify

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// listen plays the manager at a socket.
func listen(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestTellsTheManager(t *testing.T) {
	names := map[string]string{"a socket": filepath.Join(t.TempDir(), "s")}
	if runtime.GOOS == "linux" {
		names["an abstract socket"] = "@muster-notify-test-" + strconv.Itoa(os.Getpid())
	}
	for what, name := range names {
		t.Run(what, func(t *testing.T) {
			manager := listen(t, name)
			t.Setenv("NOTIFY_SOCKET", name)
			if err := FromEnvironment().Tell(Ready, Status("two\nlines")); err != nil {
				t.Fatal(err)
			}
			if err := manager.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			data := make([]byte, 200)
			n, err := manager.Read(data)
			if err != nil || string(data[:n]) != "READY=1\nSTATUS=two lines" {
				t.Errorf("%q, %v", data[:n], err)
			}
			if value, set := os.LookupEnv("NOTIFY_SOCKET"); set {
				t.Errorf("programs started from here get %q", value)
			}
		})
	}
}

func TestWithoutAManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "1000000")
	m := FromEnvironment()
	if err := m.Tell(Ready); err != nil {
		t.Error(err)
	}
	if m.Every() != 0 {
		t.Errorf("nobody is to be told every %v", m.Every())
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if err := FromEnvironment().Tell(Ready); err == nil {
		t.Error("a socket that is not there took it")
	}
}

func TestWatchdog(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		micros, pid string
		want        time.Duration
	}{
		{"3000000", own, 1500 * time.Millisecond},
		{"3000000", "", 1500 * time.Millisecond},
		{"3000000", "1", 0}, // meant for the process around this one
		{"", own, 0},
		{"-1", own, 0},
		{"nonsense", own, 0},
		{"99999999999999999", own, 0},
	} {
		t.Setenv("NOTIFY_SOCKET", "/x")
		t.Setenv("WATCHDOG_USEC", c.micros)
		t.Setenv("WATCHDOG_PID", c.pid)
		if got := FromEnvironment().Every(); got != c.want {
			t.Errorf("%q for %q: every %v, want %v", c.micros, c.pid, got, c.want)
		}
	}
}

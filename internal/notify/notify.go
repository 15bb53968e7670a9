// Package notify tells the service manager that started the process what becomes of it, by systemd's protocol:
// a datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)).
//
// It must not know what the process does. On systems without such a manager nothing is told, and that is no error.
package notify

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// What a process says of itself. Several go into one datagram, a line each.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Alive    = "WATCHDOG=1"
)

// Status is a line that people read in the manager's answers. Control characters become spaces.
func Status(text string) string {
	return "STATUS=" + strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
}

// Manager is who started the process. The zero value is nobody.
type Manager struct {
	socket   string
	patience time.Duration
}

// FromEnvironment returns the manager that the environment names. It takes the variables out of the environment, so that
// no program started from here speaks in this one's name.
func FromEnvironment() Manager {
	m := Manager{socket: os.Getenv("NOTIFY_SOCKET"), patience: patience()}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name)
	}
	return m
}

// patience returns how long the manager waits for Alive, 0 for ever.
func patience() time.Duration {
	micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || micros <= 0 || micros > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}

// Tell sends lines. It does nothing if nobody listens.
func (m Manager) Tell(lines ...string) error {
	if m.socket == "" {
		return nil
	}
	// A name that begins with @ is in the abstract namespace, here as there.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}

// Every is how often Alive is to be told: twice in the time after which the manager gives the process up. 0 stands for never.
func (m Manager) Every() time.Duration {
	if m.socket == "" {
		return 0
	}
	return m.patience / 2
}

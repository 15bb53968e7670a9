package sleep

import (
	"context"
	"fmt"
	"syscall"

	"github.com/godbus/dbus/v5"

	"muster.example/internal/task"
)

// Names of logind on the system's bus.
const (
	logind  = "org.freedesktop.login1"
	path    = "/org/freedesktop/login1"
	manager = "org.freedesktop.login1.Manager"
	signal  = "PrepareForSleep"
)

// announcements asks logind to wait for this program with each sleep, and returns a channel on which each is told before. stop ends
// it, but for the inhibitor of a sleep that was told: the system gives it back when the program ends or another takes its place.
func announcements(ctx context.Context) (_ <-chan struct{}, stop func(), err error) {
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, nil, fmt.Errorf("reaching the system's bus: %w", err)
	}
	held, err := inhibit(ctx, bus)
	if err == nil {
		err = bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface(manager), dbus.WithMatchMember(signal), dbus.WithMatchObjectPath(path))
	}
	if err != nil {
		bus.Close()
		return nil, nil, err
	}
	signals := make(chan *dbus.Signal, 8)
	bus.Signal(signals)
	told := make(chan struct{}, 1)
	group := task.New(ctx)
	group.Go("sleep", func(ctx context.Context) error {
		defer close(told)
		defer func() { held.release() }()
		for {
			select {
			case <-ctx.Done():
				return nil
			case s, open := <-signals:
				if !open {
					return nil
				}
				begins, ok := about(s)
				switch {
				case !ok:
				case begins:
					held = -1 // kept: see above
					select {
					case told <- struct{}{}:
					default:
					}
				case held < 0: // it woke, and nobody ended the program
					if held, err = inhibit(ctx, bus); err != nil {
						return nil
					}
				}
			}
		}
	})
	return told, func() {
		group.Stop()
		group.Wait() //nolint:errcheck // it returns none
		bus.Close()
	}, nil
}

// about reports what a signal says: whether a sleep begins, else it has ended.
func about(s *dbus.Signal) (begins, ok bool) {
	if s == nil || s.Name != manager+"."+signal || len(s.Body) != 1 {
		return false, false
	}
	begins, ok = s.Body[0].(bool)
	return begins, ok
}

// inhibitor is a descriptor whose being open holds up a sleep; negative for none.
type inhibitor int

func inhibit(ctx context.Context, bus *dbus.Conn) (inhibitor, error) {
	var fd dbus.UnixFD
	call := bus.Object(logind, path).CallWithContext(ctx, manager+".Inhibit", 0, "sleep", "Muster", "locks its folder", "delay")
	if err := call.Store(&fd); err != nil {
		return -1, fmt.Errorf("asking logind to wait with a sleep: %w", err)
	}
	syscall.CloseOnExec(int(fd))
	return inhibitor(fd), nil
}

func (i inhibitor) release() {
	if i >= 0 {
		syscall.Close(int(i)) //nolint:errcheck // nothing can be done about it
	}
}

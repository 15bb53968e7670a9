package linkcost

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"muster.example/internal/task"
)

// Names of NetworkManager on the system's bus, and of the bus itself.
const (
	manager    = "org.freedesktop.NetworkManager"
	path       = "/org/freedesktop/NetworkManager"
	property   = "Metered"
	busName    = "org.freedesktop.DBus"
	properties = "org.freedesktop.DBus.Properties"
)

// The values of the property that stand for a metered link (NMMetered); 0 is unknown, 2 no, and 4 a guess of no.
const (
	meteredYes   = 1
	meteredGuess = 3
)

// listen returns a channel on which NetworkManager's word comes: the first at once, and one after each change, or when NetworkManager
// comes or goes. The channel is closed if the bus goes away. stop ends it.
func listen(ctx context.Context) (_ <-chan bool, stop func(), err error) {
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, nil, fmt.Errorf("reaching the system's bus: %w", err)
	}
	err = bus.AddMatchSignalContext(ctx, dbus.WithMatchObjectPath(path), dbus.WithMatchInterface(properties), dbus.WithMatchMember("PropertiesChanged"))
	if err == nil {
		err = bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface(busName), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, manager))
	}
	if err != nil {
		bus.Close()
		return nil, nil, fmt.Errorf("asking to hear of NetworkManager: %w", err)
	}
	signals := make(chan *dbus.Signal, 8)
	bus.Signal(signals)
	words := make(chan bool)
	group := task.New(ctx)
	group.Go("link cost", func(ctx context.Context) error {
		defer close(words)
		for {
			select {
			case words <- ask(ctx, bus):
			case <-ctx.Done():
				return nil
			}
			if !next(ctx, signals) {
				return nil
			}
		}
	})
	return words, func() {
		group.Stop()
		group.Wait() //nolint:errcheck // it returns none
		bus.Close()
	}, nil
}

// next waits for a signal that may bring another word. false: none will come.
func next(ctx context.Context, signals <-chan *dbus.Signal) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case s, open := <-signals:
			if !open {
				return false
			}
			if concerns(s) {
				return true
			}
		}
	}
}

// concerns reports whether a signal says that the property changed, or who is NetworkManager.
func concerns(s *dbus.Signal) bool {
	if s == nil || s.Name != properties+".PropertiesChanged" {
		return s != nil && s.Name == busName+".NameOwnerChanged"
	}
	if len(s.Body) != 3 || s.Body[0] != manager {
		return false
	}
	changed, _ := s.Body[1].(map[string]dbus.Variant)
	_, ok := changed[property]
	return ok
}

// answerTime is how long NetworkManager has to answer: one that hangs says nothing, and is heard again when it says that something changed.
const answerTime = 25 * time.Second

// ask asks NetworkManager, without having the bus start it. Where it does not run, or does not know, the link is not metered.
func ask(ctx context.Context, bus *dbus.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var word dbus.Variant
	call := bus.Object(manager, path).CallWithContext(ctx, properties+".Get", dbus.FlagNoAutoStart, manager, property)
	if call.Store(&word) != nil {
		return false
	}
	value, _ := word.Value().(uint32)
	return value == meteredYes || value == meteredGuess
}

package sim

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/node/api"
)

// told is a system that says when its networks change.
type told chan struct{}

// watch is what a node has for netwatch.Watch.
func (s told) watch(ctx context.Context, _ *slog.Logger, changed func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s:
			changed()
		}
	}
}

// A network comes after half an hour, when a device dials every other minute: what waits goes at once. [RV-205]
func TestSimNetworkComes(t *testing.T) {
	simulate(t, 75, func(w *world) {
		system := make(told)
		w.change = func(p *person, config *node.Config) {
			if p.name == "alice" {
				config.Networks = system.watch
			}
		}
		alice, bob := w.person("alice"), w.person("bob")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		time.Sleep(time.Minute)
		here, there := testnet.Address(serverPlace), alice.address()
		for round := range 5 {
			w.net.Cut(here, there)
			w.net.Cut(there, here)
			time.Sleep(30 * time.Minute)
			text := "waits " + string(rune('a'+round))
			id := alice.send(text, bob)
			w.net.Heal()
			system <- struct{}{}
			w.await(3*time.Second, "bob has it", func() bool { return slices.Contains(bob.inbox(), text) })
			w.await(3*time.Second, "it is delivered", func() bool { return alice.delivered(id) })
		}
	})
}

// failing is a host whose dials fail at once, as without a route.
type failing struct {
	host.Host
	dials *atomic.Int64
}

// Connect implements host.Host.
func (f failing) Connect(context.Context, peer.AddrInfo) error {
	f.dials.Add(1)
	return errors.New("no route")
}

// However often the networks change, and however soon dials fail, they are few. [RV-205]
func TestSimFlapping(t *testing.T) {
	simulate(t, 76, func(w *world) {
		var dials atomic.Int64
		system := make(told)
		w.change = func(p *person, config *node.Config) {
			if p.name != "alice" {
				return
			}
			config.Networks = system.watch
			if p.host == nil {
				return
			}
			make := config.NewHost
			config.NewHost = func(cfg p2p.Config) (host.Host, error) {
				h, err := make(cfg)
				return failing{h, &dials}, err
			}
		}
		alice := w.person("alice")
		alice.found("Harbour")
		alice.stop()
		alice.start()
		time.Sleep(10 * time.Minute)
		quiet := dials.Swap(0)
		const minutes = 30
		for range minutes * 6 { // as often as netwatch tells
			system <- struct{}{}
			time.Sleep(10 * time.Second)
		}
		if n := dials.Load(); quiet == 0 || n < minutes || n > 12*minutes {
			t.Errorf("%d dials in %d minutes of flapping, %d in ten before", n, minutes, quiet)
		}
	})
}

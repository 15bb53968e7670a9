package sim

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/node/api"
	"muster.example/rendezvous"
)

// aboard is a rendezvous node in the program of a person: it listens at the person's own place, and can go to another port there.
type aboard struct {
	world *world
	place int

	mu    sync.Mutex // guards the following
	port  string
	node  *rendezvous.Node
	end   context.CancelFunc
	begun chan struct{} // closed when the node listens
}

func newAboard(w *world, place int) *aboard {
	return &aboard{world: w, place: place, port: "4747", begun: make(chan struct{})}
}

// Run implements node.Server.
func (a *aboard) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		a.mu.Lock()
		at := strings.Replace(testnet.Address(a.place), "/8000/", "/"+a.port+"/", 1)
		running, end := context.WithCancel(ctx)
		a.end = end
		begun := a.begun
		a.mu.Unlock()
		n, err := rendezvous.New(rendezvous.Config{
			Dir: filepath.Join(a.world.dir, "aboard"), Listen: []string{at}, QUIC: a.world.net.QUICOptions(at), NoControl: true,
			Seal: &[32]byte{1}, Logger: a.world.log.With("node", "aboard"),
		})
		if err != nil {
			return err
		}
		ready := run("ready", func(ctx context.Context) error {
			select {
			case <-n.Ready():
				a.mu.Lock()
				a.node = n
				a.mu.Unlock()
				close(begun)
			case <-ctx.Done():
			}
			return nil
		})
		err = n.Run(running)
		end()
		if err := ready.end(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *aboard) await(ctx context.Context) (*rendezvous.Node, error) {
	a.mu.Lock()
	begun := a.begun
	a.mu.Unlock()
	select {
	case <-begun:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.node, nil
}

// Claim implements node.Server.
func (a *aboard) Claim(ctx context.Context, _ node.ServerPlaces) (string, error) {
	n, err := a.await(ctx)
	if err != nil {
		return "", err
	}
	return n.NewClaim()
}

// Move implements node.Server: to a port.
func (a *aboard) Move(ctx context.Context, to node.ServerPlaces) error {
	a.mu.Lock()
	a.port, a.node, a.begun = to.Listen[0], nil, make(chan struct{})
	a.end()
	a.mu.Unlock()
	_, err := a.await(ctx)
	return err
}

// At implements node.Server.
func (a *aboard) At() (key keys.PublicKey, local, addresses []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.node == nil {
		return key, nil, nil
	}
	return a.node.Key(), a.node.Addresses(), a.node.Addresses()
}

// Status implements node.Server.
func (a *aboard) Status() node.ServerStatus { return node.ServerStatus{Running: true} }

// TestSimNodeAboardGoesElsewhere has the rendezvous node in a member's program go to another place, of which nobody is told but by what
// is announced there: members find it, and later the roll says where it is.
func TestSimNodeAboardGoesElsewhere(t *testing.T) {
	simulate(t, 41, func(w *world) {
		t := w.t
		w.near = true
		server := newAboard(w, 1)
		w.change = func(p *person, c *node.Config) {
			if p.place == server.place {
				c.Server = server
			}
		}
		alice, bob := w.person("alice"), w.person("bob")
		founded, err := alice.node.CreateOrg(t.Context(), api.CreateOrgRequest{Here: true, Name: "harbour", As: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		alice.id = founded.Member
		bob.join(alice.invite(api.InviteRequest{}))
		bob.acquaint(alice)
		alice.send("before", bob)
		w.await(time.Minute, "it came", func() bool { return slices.Contains(bob.inbox(), "before") })

		if err := server.Move(t.Context(), node.ServerPlaces{Listen: []string{"4748"}}); err != nil {
			t.Fatal(err)
		}
		bob.send("where are you", alice)
		w.await(2*time.Minute, "bob finds it", func() bool { return slices.Contains(alice.inbox(), "where are you") })
		w.await(10*time.Minute, "the roll says where it is", func() bool {
			return bob.connected() && strings.Contains(bob.status().Rendezvous[0].Address, "4748")
		})
		carol := w.person("carol")
		carol.join(bob.invite(api.InviteRequest{}))
		alice.send("after", bob)
		w.await(time.Minute, "messages go on", func() bool { return slices.Contains(bob.inbox(), "after") })
		for _, p := range []*person{alice, bob, carol} {
			if alarms := p.status().Alarms; len(alarms) > 0 {
				t.Errorf("%s is alarmed: %q", p.name, alarms)
			}
		}
	})
}

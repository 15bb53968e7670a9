package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/transport"
	circuit "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	circuitrelay "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
)

// Circuits says for whom a host is a relay (libp2p's circuit relay v2): it passes on the bytes of a connection between two
// peers of its own, which is encrypted from end to end, and sees who talks with whom, when and how much.
type Circuits struct {
	// Wait reports whether a peer may wait here for others to call it.
	Wait func(peer keys.PublicKey) bool
	// Call reports whether a peer may call another. It is asked once for each call.
	Call func(from, to keys.PublicKey) bool
	// Limit says what a call of one peer to another may take, before it is known whether there will be one. Nil: there are no limits.
	Limit func(from, to keys.PublicKey) CallLimit
	// Cut is told of each call that was ended since it had taken that. Nil: nobody is.
	Cut func(from, to keys.PublicKey)
	// Most is how many may wait at once.
	Most int
}

// circuitTime is how long a place at a relay is held for a peer that does not ask again.
const circuitTime = time.Hour

// circuitsPerPeer is how many calls of one peer, and to one, a relay passes on at once.
const circuitsPerPeer = 8

// serveCircuits makes a host a relay, until the relay is closed.
func serveCircuits(h host.Host, c Circuits) (*circuitrelay.Relay, error) {
	may := func(id peer.ID) bool { return c.AllowReserve(id, nil) }
	return circuitrelay.New(chosen{h, may, c.begin},
		circuitrelay.WithResources(circuitrelay.Resources{
			ReservationTTL: circuitTime, MaxReservations: c.Most, MaxCircuits: circuitsPerPeer, BufferSize: 16 << 10,
			// One office has one address.
			MaxReservationsPerIP: c.Most, MaxReservationsPerASN: c.Most,
		}),
		circuitrelay.WithReservationAddressFilter(func(ma.Multiaddr) bool { return true }),
		circuitrelay.WithACL(c))
}

// chosen is a host that resets streams of those for whom it does not do what it is handed to, before a byte of theirs is read.
type chosen struct {
	host.Host
	may func(id peer.ID) bool
	// begin, if not nil, returns the stream that is handled in the place of one; none if it is done with.
	begin func(s network.Stream) (network.Stream, error)
}

// SetStreamHandler implements host.Host.
func (c chosen) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	c.Host.SetStreamHandler(id, func(s network.Stream) {
		if !c.may(s.Conn().RemotePeer()) {
			_ = s.Reset()
			return
		}
		if c.begin != nil {
			begun, err := c.begin(s)
			if err != nil {
				_ = s.Reset()
			}
			if err != nil || begun == nil {
				return
			}
			s = begun
		}
		handle(s)
	})
}

// AllowReserve implements relay.ACLFilter.
func (c Circuits) AllowReserve(id peer.ID, _ ma.Multiaddr) bool {
	key, err := Key(id)
	return err == nil && c.Wait(key)
}

// AllowConnect implements relay.ACLFilter: begin has asked.
func (c Circuits) AllowConnect(peer.ID, ma.Multiaddr, peer.ID) bool { return true }

// addCircuits lets a host call others, and be called, through relays.
func addCircuits(h host.Host, upgrade transport.Upgrader) error {
	return circuit.AddTransport(h, upgrade)
}

// ErrNotThere means that a peer does not wait at the relay, or that the relay does not let one call it.
var ErrNotThere = errors.New("p2p: the peer does not wait at the relay")

// WaitAt asks a relay, to which the host is connected, to pass on calls to it, and returns until when it does. The host has to
// be Relayed.
func WaitAt(ctx context.Context, h host.Host, relay keys.PublicKey) (until time.Time, err error) {
	place, err := circuit.Reserve(ctx, h, peer.AddrInfo{ID: PeerID(relay)})
	if err != nil {
		return time.Time{}, fmt.Errorf("asking for a place at the relay: %w", err)
	}
	return place.Expiration, nil
}

// Call connects to a peer through a relay, to which the host is connected, unless there is a connection already. Errors are
// ErrNotThere, or the network's. The host has to be Relayed.
func Call(ctx context.Context, h host.Host, relay, to keys.PublicKey) error {
	id := PeerID(to)
	if h.Network().Connectedness(id) == network.Connected {
		return nil
	}
	through, err := ma.NewMultiaddr("/p2p/" + PeerID(relay).String() + "/p2p-circuit")
	if err != nil {
		return err
	}
	CallAnew(h, to)
	if err := h.Connect(ctx, peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{through}}); err != nil {
		return fmt.Errorf("%w: %w", ErrNotThere, err)
	}
	return nil
}

// IsRelayed reports whether a connection comes through a relay.
func IsRelayed(address ma.Multiaddr) bool {
	_, err := address.ValueForProtocol(ma.P_CIRCUIT)
	return err == nil
}

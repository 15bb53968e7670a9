package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	multistream "github.com/multiformats/go-multistream"

	"muster.example/internal/keys"
)

// Knows reports whether a peer said on an earlier connection, or on this one, that it has a protocol.
func Knows(h host.Host, to keys.PublicKey, id protocol.ID) bool {
	return knownOf(h, PeerID(to), id) != ""
}

// mostRemembered is of how many peers a host remembers protocols, the latest it spoke to: libp2p forgets them a minute after a connection
// ends.
const mostRemembered = 64

// remembered is which protocols peers had on earlier connections.
type remembered struct {
	mu  sync.Mutex // guards the following
	all map[peer.ID][]protocol.ID
}

func (r *remembered) note(of peer.ID, id protocol.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.all[of], id) {
		return
	}
	if _, there := r.all[of]; !there && len(r.all) >= mostRemembered {
		clear(r.all)
	}
	if r.all == nil {
		r.all = make(map[peer.ID][]protocol.ID)
	}
	r.all[of] = append(r.all[of], id) // the caller offers few
}

func (r *remembered) forget(of peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, of)
}

// first returns the first of some protocols that a peer had.
func (r *remembered) first(of peer.ID, ids []protocol.ID) protocol.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if slices.Contains(r.all[of], id) {
			return id
		}
	}
	return ""
}

// memory returns what a host remembers, nil if it is not one of NewHost.
func memory(h host.Host) *remembered {
	if parts, ok := h.(*hostParts); ok {
		return &parts.remembered
	}
	return nil
}

// knownOf returns the first of some protocols that a peer said it has, or had when a stream of it was opened last; none for a host that is
// not one of NewHost.
func knownOf(h host.Host, to peer.ID, ids ...protocol.ID) protocol.ID {
	m := memory(h)
	if m == nil {
		return ""
	}
	if known, err := h.Peerstore().SupportsProtocols(to, ids...); err == nil && len(known) > 0 {
		return known[0]
	}
	return m.first(to, ids)
}

// Connect has a connection to a peer stand. With one of which a protocol is known from before it does not wait until that has said anew
// which it has, as libp2p does: that is a round trip, and goes on beside what follows.
func Connect(ctx context.Context, h host.Host, to peer.AddrInfo, id protocol.ID) error {
	if knownOf(h, to.ID, id) == "" {
		return h.Connect(ctx, to)
	}
	return written(to, func() error {
		h.Peerstore().AddAddrs(to.ID, to.Addrs, peerstore.TempAddrTTL)
		if h.Network().Connectedness(to.ID) == network.Connected {
			return nil
		}
		_, err := h.Network().DialPeer(ctx, to.ID)
		return err
	})
}

// NewStream opens a stream of the first of some protocols that a peer has. If it is known from before which, it does not wait for the
// peer's word: the choice goes with the first bytes that are written, and a peer that has the protocol no more shows as an error of the
// first read. By then, or the next time, it is known what the peer has.
func NewStream(ctx context.Context, h host.Host, to peer.ID, ids ...protocol.ID) (network.Stream, error) {
	id := knownOf(h, to, ids...)
	if id == "" || h.Network().Connectedness(to) != network.Connected {
		s, err := h.NewStream(ctx, to, ids...)
		if m := memory(h); m != nil && err == nil {
			m.note(to, s.Protocol())
		}
		return s, err
	}
	m := memory(h)
	m.note(to, id)
	s, err := h.Network().NewStream(network.WithNoDial(ctx, "it is connected"), to)
	if err != nil {
		return nil, err
	}
	if err := s.SetProtocol(id); err != nil {
		_ = s.Reset()
		return nil, fmt.Errorf("opening a stream: %w", err)
	}
	return &assumed{Stream: s, inner: multistream.NewMSSelect(s, id), memory: m}, nil
}

// assumed is a stream whose protocol this side has chosen and the other has not confirmed yet. It is as libp2p's own.
type assumed struct {
	network.Stream
	inner  multistream.LazyConn
	memory *remembered
	// confirmed: something came.
	confirmed atomic.Bool
}

// Read implements io.Reader. It sends the choice if nothing was written yet. A peer that ends the stream before anything came may have
// the protocol no more: it is asked the next time.
func (c *assumed) Read(b []byte) (int, error) {
	n, err := c.inner.Read(b)
	if err == nil {
		c.confirmed.Store(true)
	} else if !c.confirmed.Load() && isRefusal(err) {
		c.memory.forget(c.Conn().RemotePeer())
	}
	return n, err
}

// isRefusal reports whether a stream ended by the other side's will, not with its connection.
func isRefusal(err error) bool {
	_, gone := errors.AsType[multistream.ErrNotSupported[protocol.ID]](err)
	end, ended := errors.AsType[*network.StreamError](err)
	return gone || ended && end.Remote
}

// Write implements io.Writer. The choice goes with the first bytes.
func (c *assumed) Write(b []byte) (int, error) { return c.inner.Write(b) }

// Close ends both directions, and does not wait for the confirmation.
func (c *assumed) Close() error {
	if err := c.CloseWrite(); err != nil {
		_ = c.Stream.Reset()
		return err
	}
	return c.Stream.Close()
}

// CloseWrite ends the own direction. What is wrong with the choice shows when the stream is read.
func (c *assumed) CloseWrite() error {
	if flusher, ok := c.inner.(interface{ Flush() error }); ok {
		_ = flusher.Flush()
	}
	return c.Stream.CloseWrite()
}

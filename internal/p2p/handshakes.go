package p2p

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
)

// errHandshakes means that too many connections have not said yet whose they are.
var errHandshakes = errors.New("p2p: too many handshakes are under way")

// errStreams means that a peer opens streams too fast.
var errStreams = errors.New("p2p: the peer opens streams too fast")

// handshakes is a resource manager that bounds the inbound connections whose other side has not proved yet who it is. Who dials and then
// says nothing, or a byte a second, holds one until the handshake's time is over: one site holds few, and sites from which nobody
// came that is welcome leave half to those from which somebody did.
type handshakes struct {
	network.ResourceManager
	most     int                          // under way at once
	site     int                          // of one site
	familiar func(from ma.Multiaddr) bool // nil: nowhere
	mayOpen  func(keys.PublicKey) bool    // nil: everybody may open streams
	failed   func(from ma.Multiaddr)      // nil: nobody wants to know

	mu     sync.Mutex // guards the following
	sites  map[netip.Prefix]int
	all    int
	strict int // from sites that are not familiar
}

func newHandshakes(resources network.ResourceManager, most int, familiar func(ma.Multiaddr) bool) *handshakes {
	return &handshakes{
		ResourceManager: resources, most: most, site: max(leastOfSite, most/siteHandshakes), familiar: familiar,
		sites: make(map[netip.Prefix]int),
	}
}

// OpenConnection implements network.ResourceManager.
func (h *handshakes) OpenConnection(dir network.Direction, usefd bool, endpoint ma.Multiaddr) (network.ConnManagementScope, error) {
	if dir != network.DirInbound {
		return h.ResourceManager.OpenConnection(dir, usefd, endpoint)
	}
	known := h.familiar != nil && h.familiar(endpoint)
	site, placed := Site(endpoint)
	if !h.begin(site, placed, known) {
		return nil, errHandshakes
	}
	end := sync.OnceFunc(func() { h.end(site, placed, known) })
	scope, err := h.ResourceManager.OpenConnection(dir, usefd, endpoint)
	if err != nil {
		end()
		return nil, err
	}
	failed := func() {
		if h.failed != nil {
			h.failed(endpoint)
		}
	}
	return &handshake{ConnManagementScope: scope, end: end, failed: sync.OnceFunc(failed)}, nil
}

// VerifySourceAddress implements network.ResourceManager: while many handshakes are under way nothing is kept for a packet before its
// sender has shown that it hears what is sent to its address. Any number of addresses can be made up.
func (h *handshakes) VerifySourceAddress(address net.Addr) bool {
	h.mu.Lock()
	busy := h.all >= provenAbove
	h.mu.Unlock()
	return busy || h.ResourceManager.VerifySourceAddress(address)
}

// OpenStream implements network.ResourceManager.
func (h *handshakes) OpenStream(id peer.ID, dir network.Direction) (network.StreamManagementScope, error) {
	if h.mayOpen != nil && dir == network.DirInbound {
		if key, err := Key(id); err != nil || !h.mayOpen(key) {
			return nil, errStreams
		}
	}
	return h.ResourceManager.OpenStream(id, dir)
}

func (h *handshakes) begin(site netip.Prefix, placed, known bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all >= h.most || !known && h.strict >= h.most/2 || placed && h.sites[site] >= h.site {
		return false
	}
	h.all++
	if !known {
		h.strict++
	}
	if placed {
		h.sites[site]++
	}
	return true
}

func (h *handshakes) end(site netip.Prefix, placed, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all--
	if !known {
		h.strict--
	}
	if !placed {
		return
	}
	if h.sites[site]--; h.sites[site] <= 0 {
		delete(h.sites, site)
	}
}

// handshake is a connection whose other side may not be known yet.
type handshake struct {
	network.ConnManagementScope
	end    func()
	failed func()
	known  atomic.Bool
}

// SetPeer implements network.ConnManagementScope: now it is known.
func (s *handshake) SetPeer(id peer.ID) error {
	s.known.Store(true)
	s.end()
	return s.ConnManagementScope.SetPeer(id)
}

// Done implements network.ResourceScopeSpan.
func (s *handshake) Done() {
	s.end()
	if !s.known.Load() {
		s.failed()
	}
	s.ConnManagementScope.Done()
}

package p2p

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	identifypb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	ma "github.com/multiformats/go-multiaddr"
	multistream "github.com/multiformats/go-multistream"
	"google.golang.org/protobuf/proto"
)

const (
	// punchTime is how long one try to open a direct path takes; there are three.
	punchTime = 5 * time.Second
	// punchedTime is for how long a peer may call from the addresses that it told for that.
	punchedTime = time.Minute
	// observeTime is how long asking from where the host is seen may take.
	observeTime = 3 * time.Second
	// maxPunched is how many addresses of a peer are tried, and told to it. [NEAR-14]
	maxPunched = 4
	// maxIdentify is the size of the longest answer about it, in bytes: libp2p's own limit.
	maxIdentify = 8 << 10
)

// puncher opens direct paths through NAT (libp2p's DCUtR) to peers with which a relayed connection stands. libp2p would know the own
// public address from four peers that agree on it; a device has one, which is asked each time, from the socket that the path is for:
// the way through a router may have another port after a minute.
type puncher struct {
	*holepunch.Service
	host  *hostParts
	life  context.Context // of the host: what asks for addresses has none
	end   context.CancelFunc
	tries punchTries
	seen  atomic.Pointer[netip.Addr] // from where the host was seen at the last try; nil: that is not known
}

func newPuncher(h *hostParts) (*puncher, error) {
	p := &puncher{host: h}
	p.life, p.end = context.WithCancel(context.Background())
	may := func(id peer.ID) bool { return p.may(id) }
	var err error
	p.Service, err = holepunch.NewService(chosen{Host: h.BasicHost, may: may}, h.IDService(), p.local,
		holepunch.WithAddrFilter(p), holepunch.DirectDialTimeout(punchTime))
	if err != nil {
		p.end()
	}
	return p, err
}

// Close ends all tries.
func (p *puncher) Close() error {
	p.end()
	return p.Service.Close()
}

func (p *puncher) may(id peer.ID) bool {
	key, err := Key(id)
	return err == nil && p.host.direct.Punch(key)
}

// local returns the addresses of the host on its own networks.
func (p *puncher) local() []ma.Multiaddr {
	addresses, err := p.host.Network().InterfaceListenAddresses()
	if err != nil {
		return nil
	}
	return addresses
}

// FilterLocal implements holepunch.AddrFilter, and begins each try: a peer is told from where the host is seen, and those of its own
// addresses that mean the same everywhere. Others would have it call somebody who has nothing to do with it. [NEAR-14] [NEAR-15]
func (p *puncher) FilterLocal(to peer.ID, own []ma.Multiaddr) (told []ma.Multiaddr) {
	key, err := Key(to)
	if err != nil || !p.may(to) || !p.tries.take(key, time.Now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.life, observeTime)
	defer cancel()
	p.seen.Store(nil)
	if address, err := p.observe(ctx); err == nil {
		at, _ := UDPOf(address)
		p.seen.Store(new(at.Addr()))
		told = append(told, address)
	}
	networks := ownNetworks()
	for _, address := range own {
		if at, ok := UDPOf(address); ok && networks.callableAfar(at, netip.Addr{}) && len(told) < maxPunched {
			told = append(told, address)
		}
	}
	return told
}

// FilterRemote implements holepunch.AddrFilter: the peer may call from where it says that it is, and is called there. [NEAR-15]
func (p *puncher) FilterRemote(from peer.ID, told []ma.Multiaddr) (kept []ma.Multiaddr) {
	key, err := Key(from)
	if err != nil || !p.may(from) {
		return nil
	}
	var seen netip.Addr
	if last := p.seen.Load(); last != nil {
		seen = *last
	}
	networks := ownNetworks()
	for _, address := range told {
		at, ok := UDPOf(address)
		if !ok || !networks.callableAfar(at, seen) || parseAddressOf(address) != nil || len(kept) == maxPunched {
			continue
		}
		p.host.direct.Callers.Expect(punchedTime, at.Addr())
		p.host.direct.Callers.name(key, at)
		kept = append(kept, address)
	}
	return kept
}

func parseAddressOf(address ma.Multiaddr) error { return CheckAddress(address.String()) }

var errUnobserved = errors.New("p2p: nobody says from where the host is seen")

// observe asks the observer from where it sees the socket that others are to call.
func (p *puncher) observe(ctx context.Context) (ma.Multiaddr, error) {
	key, texts := p.host.direct.Observer()
	err := errUnobserved
	for _, text := range texts {
		address, parseErr := parseAddress(text)
		if parseErr != nil {
			continue
		}
		if _, ok := UDPOf(address); !ok || !ownNetworks().isOneHost(address) {
			continue
		}
		var seen ma.Multiaddr
		if seen, err = p.ask(ctx, PeerID(key), address); err == nil {
			return seen, nil
		}
	}
	return nil, err
}

// ask makes a connection of its own beside that which stands, which may be of TCP, and reads what libp2p's identify says.
func (p *puncher) ask(ctx context.Context, id peer.ID, at ma.Multiaddr) (ma.Multiaddr, error) {
	s, ok := p.host.Network().(*swarm.Swarm)
	if !ok {
		return nil, errUnobserved
	}
	transport := s.TransportForDialing(at)
	if transport == nil {
		return nil, errUnobserved
	}
	connection, err := transport.Dial(ctx, at, id)
	if err != nil {
		return nil, fmt.Errorf("asking from where the host is seen: %w", err)
	}
	defer connection.Close()
	stream, err := connection.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	defer stream.Reset() //nolint:errcheck // nothing more comes
	if deadline, ok := ctx.Deadline(); ok {
		if err := stream.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if err := multistream.SelectProtoOrFail(identify.ID, stream); err != nil {
		return nil, err
	}
	return readObserved(bufio.NewReader(stream))
}

// readObserved reads the first message of an identify answer.
func readObserved(r *bufio.Reader) (ma.Multiaddr, error) {
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if size > maxIdentify {
		return nil, errUnobserved
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	var said identifypb.Identify
	if err := proto.Unmarshal(data, &said); err != nil {
		return nil, err
	}
	seen, err := ma.NewMultiaddrBytes(said.GetObservedAddr())
	if err != nil {
		return nil, err
	}
	at, ok := UDPOf(seen)
	if !ok || !ownNetworks().callableAfar(at, at.Addr()) || parseAddressOf(seen) != nil {
		return nil, errUnobserved
	}
	return seen, nil
}

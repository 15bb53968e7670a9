package p2p

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	identifypb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	manet "github.com/multiformats/go-multiaddr/net"
	"google.golang.org/protobuf/proto"

	"muster.example/internal/keys"
)

// A peer that says by identify that it listens where somebody else does has nobody call there, now or with the next call of it. [NEAR-12]
func TestIdentifyIsNotDialled(t *testing.T) {
	victim, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	called := make(chan struct{}, 100)
	go func() {
		for {
			c, err := victim.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			called <- struct{}{}
		}
	}()
	elsewhere, err := manet.FromNetAddr(victim.Addr())
	if err != nil {
		t.Fatal(err)
	}
	liar := newHost(t, Config{Identity: keys.Generate(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	said := make(chan struct{}, 100)
	liar.SetStreamHandler(identify.ID, func(s network.Stream) {
		defer s.Close()
		data, err := proto.Marshal(&identifypb.Identify{ListenAddrs: [][]byte{elsewhere.Bytes()}, Protocols: []string{string(identify.ID)}})
		if err != nil {
			t.Error(err)
		}
		_, _ = s.Write(append(binary.AppendUvarint(nil, uint64(len(data))), data...))
		said <- struct{}{}
	})
	caller := newHost(t, Config{Identity: keys.Generate()})
	info := peer.AddrInfo{ID: liar.ID(), Addrs: liar.Network().ListenAddresses()}
	for range 2 {
		if err := caller.Connect(t.Context(), info); err != nil {
			t.Fatal(err)
		}
		<-said
		if err := caller.Network().ClosePeer(liar.ID()); err != nil {
			t.Fatal(err)
		}
	}
	// Where it was it is no more: all that is known of it is tried.
	if err := liar.Close(); err != nil {
		t.Fatal(err)
	}
	CallAnew(caller, mustKey(t, liar.ID()))
	if err := caller.Connect(t.Context(), info); err == nil {
		t.Error("somebody answers")
	}
	select {
	case <-called:
		t.Error("somebody else is called")
	default:
	}
	for _, address := range caller.Peerstore().Addrs(liar.ID()) {
		if address.Equal(elsewhere) {
			t.Errorf("the book has %v", address)
		}
	}
}

func mustKey(t *testing.T, id peer.ID) keys.PublicKey {
	t.Helper()
	key, err := Key(id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Who is called finds what the caller has written down, though what identify does for an earlier connection to that peer came between.
func TestAddressesAreWrittenDownAgain(t *testing.T) {
	caller, to := newHost(t, Config{Identity: keys.Generate()}), PeerID(keys.Generate().Public())
	info := peer.AddrInfo{ID: to, Addrs: multiaddrs("/ip4/192.0.2.7/tcp/4747")}
	calls := 0
	err := written(info, func() error {
		if calls++; calls < callTimes {
			return caller.Connect(t.Context(), peer.AddrInfo{ID: to}) // there are none
		}
		return nil
	})
	if err != nil || calls != callTimes {
		t.Errorf("after %d calls: %v", calls, err)
	}
	calls = 0
	if err := written(peer.AddrInfo{ID: to}, func() error { calls++; return caller.Connect(t.Context(), peer.AddrInfo{ID: to}) }); err == nil || calls != 1 {
		t.Errorf("of nobody who has addresses: %d calls, %v", calls, err)
	}
}

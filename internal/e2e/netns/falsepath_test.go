//go:build netns && linux

package netns

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	libp2phost "github.com/libp2p/go-libp2p/core/host"
	libp2pnet "github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	punchpb "github.com/libp2p/go-libp2p/p2p/protocol/holepunch/pb"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	identifypb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/rendezvous/rvclient"
)

const (
	// falseCalls is how often who says false addresses calls, and falseTime for how long that one is called.
	falseCalls = 4
	falseTime  = 40 * time.Second
	// callTries is how long the tries of one call take.
	callTries = 17 * time.Second
	// mostPlaces is how many false places packets go to, and mostFalse how many packets in all: in each of three minutes 6 tries, each with 4
	// addresses, at each of which a router is tried with up to 60 packets. [NEAR-14]
	mostPlaces = 3 * 6 * 4
	mostFalse  = mostPlaces * 60
)

// forbidden are places that nobody has a device send anything to from afar: of its own network, of everybody's, of many, of a service.
var forbidden = []string{
	"10.0.1.77:5000", "10.0.1.255:5000", "10.0.1.0:5000", "10.0.2.9:5000", "192.168.5.5:5000", "172.16.0.9:5000", "100.64.1.9:5000", "169.254.9.9:5000",
	"127.0.0.1:5000", "239.1.2.3:5000", "255.255.255.255:5000", "192.0.0.140:53", "192.0.0.140:1023",
}

// falsePath is somebody who says false addresses of theirs, in each way that libp2p has.
type falsePath struct {
	local      libp2phost.Host
	node, to   keys.PublicKey
	identified atomic.Int64 // how often it said where it listens
	asked      atomic.Int64 // how often it was asked for its addresses, and how often it told its own accord
	told       atomic.Int64
	place      atomic.Int64
}

// places are what it says: all that are forbidden, and many public ones, which are others each time.
func (f *falsePath) places(t *testing.T) (all [][]byte) {
	texts := append([]string{}, forbidden...)
	for range 16 {
		number := f.place.Add(1)
		texts = append(texts, fmt.Sprintf("192.0.0.%d:%d", 200+number%50, 5000+number))
	}
	for _, text := range texts {
		at := netip.MustParseAddrPort(text)
		address, err := ma.NewMultiaddr(fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", at.Addr(), at.Port()))
		if err != nil {
			t.Error(err)
			return nil
		}
		all = append(all, address.Bytes())
	}
	return all
}

func writeDelimited(w io.Writer, m proto.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.AppendUvarint(nil, uint64(len(data))), data...))
	return err
}

func skipDelimited(r *bufio.Reader) error {
	size, err := binary.ReadUvarint(r)
	if err == nil {
		_, err = io.CopyN(io.Discard, r, int64(min(size, 1<<16)))
	}
	return err
}

func (f *falsePath) connect(t *testing.T) *punchpb.HolePunch {
	return &punchpb.HolePunch{Type: punchpb.HolePunch_CONNECT.Enum(), ObsAddrs: f.places(t)}
}

// serve answers whoever asks where it is.
func (f *falsePath) serve(t *testing.T) {
	f.local.SetStreamHandler(identify.ID, func(s libp2pnet.Stream) {
		defer s.Close()
		key, err := f.local.Peerstore().PubKey(f.local.ID()).Raw()
		if err != nil {
			t.Error(err)
			return
		}
		said := &identifypb.Identify{PublicKey: append([]byte{8, 1, 18, 32}, key...), ListenAddrs: f.places(t), Protocols: []string{string(holepunch.Protocol), string(identify.ID)}}
		if writeDelimited(s, said) == nil && s.Conn().RemotePeer() == p2p.PeerID(f.to) {
			f.identified.Add(1)
		}
	})
	f.local.SetStreamHandler(holepunch.Protocol, func(s libp2pnet.Stream) {
		defer s.Close()
		r := bufio.NewReader(s)
		if skipDelimited(r) == nil && writeDelimited(s, f.connect(t)) == nil && skipDelimited(r) == nil {
			f.asked.Add(1)
		}
	})
	f.local.Network().Notify(&libp2pnet.NotifyBundle{ConnectedF: func(_ libp2pnet.Network, c libp2pnet.Conn) {
		if c.RemotePeer() == p2p.PeerID(f.to) && c.Stat().Direction == libp2pnet.DirInbound {
			go f.tell(t, c)
		}
	}})
}

// tell has one who called open a path, again and again: libp2p asks three times, and answers as often as it is asked.
func (f *falsePath) tell(t *testing.T, c libp2pnet.Conn) {
	for !c.IsClosed() {
		ctx, cancel := context.WithTimeout(libp2pnet.WithAllowLimitedConn(t.Context(), "a lie"), 5*time.Second)
		s, err := f.local.NewStream(ctx, c.RemotePeer(), holepunch.Protocol)
		cancel()
		if err != nil {
			return
		}
		_ = s.SetDeadline(time.Now().Add(5 * time.Second))
		if writeDelimited(s, f.connect(t)) == nil && skipDelimited(bufio.NewReader(s)) == nil &&
			writeDelimited(s, &punchpb.HolePunch{Type: punchpb.HolePunch_SYNC.Enum()}) == nil {
			f.told.Add(1)
		}
		_ = s.Close()
		<-time.After(500 * time.Millisecond)
	}
}

// playFalsePath is told an invitation, which says where the node is, its own key and whom it is after; it calls that one, and then waits to be called.
func playFalsePath(t *testing.T) {
	p := play(t)
	invitation, err := membership.ParseInvitation(<-p.lines)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := hex.DecodeString(<-p.lines)
	if err != nil {
		t.Fatal(err)
	}
	to, err := keys.ParsePublicKey(<-p.lines)
	if err != nil {
		t.Fatal(err)
	}
	local, err := p2p.NewHost(p2p.Config{Identity: keys.FromSeed([keys.SeedSize]byte(seed)), Relayed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	node := invitation.Nodes[0]
	f := &falsePath{local: local, node: node.Key, to: to}
	f.serve(t)
	client := rvclient.Client{Host: local, Node: node.Key, Addresses: node.Addresses, Org: invitation.Org}
	ctx, cancel := context.WithTimeout(p.ctx, falseCalls*30*time.Second)
	defer cancel()
	for calls := 0; calls < falseCalls && ctx.Err() == nil; {
		if err := client.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		if p2p.Call(ctx, local, f.node, f.to) != nil { // that one may not have its place at the relay yet
			<-time.After(time.Second)
			continue
		}
		calls++
		<-time.After(callTries)
		p2p.EndCircuits(local, f.to)
	}
	if _, err := p2p.WaitAt(ctx, local, f.node); err != nil {
		t.Fatal(err)
	}
	p.says("waiting")
	<-p.ctx.Done()
	p.says(fmt.Sprint(f.identified.Load(), " ", f.asked.Load(), " ", f.told.Load()))
}

// A contact who says false addresses by libp2p's identify and DCUtR, as the one that calls and as the one that is called, has a device behind
// a router send nothing to its own network, to any private address, to many or to a service, and a bounded number of packets elsewhere.
// [NEAR-12] [NEAR-14] [NEAR-15]
func TestHostileHolePunch(t *testing.T) {
	if host() != "" {
		playFalsePath(t)
		return
	}
	t.Parallel() // it waits for most of its time
	c := crewInHomes(t, cone, cone)
	ada, mal := c.people[0], c.people[1]
	mal.device.End(syscall.SIGTERM)
	_, org, done := openStore(t, mal.device)
	seed := org.Identity
	done()
	liar := c.plays(mal.host)
	c.counts(ada.host, leaving)
	liar.tells(ada.invites(1))
	liar.tells(hex.EncodeToString(seed[:]))
	liar.tells(ada.deviceKey())
	liar.expects("waiting")
	for began := time.Now(); time.Since(began) < falseTime; <-time.After(5 * time.Second) {
		c.writes(ada, mal, time.Now().String(), 0) // so that there is something for it
	}
	said := liar.ends()
	var identified, asked, told int
	if _, err := fmt.Sscan(said, &identified, &asked, &told); err != nil || identified == 0 || asked == 0 || told == 0 {
		t.Errorf("it said %q: it was not asked in every way", said)
	}
	packets, places := 0, 0
	for f, some := range c.flows(ada.host) {
		at := netip.AddrPortFrom(f.to, uint16(f.port))
		for _, text := range forbidden {
			if at == netip.MustParseAddrPort(text) {
				t.Errorf("%d packets go to %v", some, at)
			}
		}
		if strings.HasPrefix(f.to.String(), "192.0.0.") && f.to != netip.MustParseAddr(publicAddress) {
			packets, places = packets+some, places+1
		}
	}
	t.Logf("identify, answers and questions: %s; %d packets to %d public places", said, packets, places)
	if packets > mostFalse || places > mostPlaces {
		t.Errorf("more than %d packets, or %d places", mostFalse, mostPlaces)
	}
	if packets == 0 {
		t.Error("no packet at all: nothing was tried, or nothing was seen")
	}
}

// deviceKey returns the public key of a person's device, which runs.
func (p person) deviceKey() string {
	p.t.Helper()
	accounts, err := p.device.Client.Devices(p.t.Context(), api.DevicesQuery{})
	if err != nil || len(accounts) != 1 || len(accounts[0].Devices) != 1 {
		p.t.Fatalf("devices of %s: %+v, %v", p.device.Name, accounts, err)
	}
	return accounts[0].Devices[0].Device
}

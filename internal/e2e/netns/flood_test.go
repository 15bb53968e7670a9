//go:build netns && linux

package netns

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	_ "embed"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// far is a host of the public segment that has all addresses that begin with 10.66.
const far = "far"

//go:embed far.sh
var farScript string

// addFar adds the host far to two homes.
func (n network) addFar() {
	n.t.Helper()
	n.build(farScript)
}

// nodePort is where the node under attack listens.
var nodePort = netip.AddrPortFrom(netip.MustParseAddr(publicAddress), 4001)

// rounds calls work side by side until the part is over, each after a pause, and returns how often it did. Once it did so
// often that it is a flood, it says so.
func (p part) rounds(workers int, pause time.Duration, flood int64, begun func(), work func(ctx context.Context)) int64 {
	var wait sync.WaitGroup
	var done atomic.Int64
	for range workers {
		wait.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for {
				select {
				case <-p.ctx.Done():
					return
				case <-tick.C:
					work(p.ctx)
					if done.Add(1) == flood {
						begun()
					}
				}
			}
		})
	}
	wait.Wait()
	return done.Load()
}

// floodWithCalls is what a hostile address does over TCP: it connects without end, and begins handshakes that it does not end.
func floodWithCalls(t *testing.T) {
	const calls = 100
	p := play(t)
	p.says(p.rounds(48, 25*time.Millisecond, calls, func() { p.says("begun") }, func(ctx context.Context) {
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, "tcp4", nodePort.String())
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte("\x13/multistream/1.0.0\n\x0b/tls")) // the beginning of what would be the handshake's name
		for err == nil {
			_, err = c.Read(make([]byte, 256))
		}
	}) >= calls)
}

// floodWithInitials is what comes from many addresses over QUIC: first packets of connections, most of them noise that only an
// attempt to decrypt tells from sound ones, the others whole greetings of somebody who then hears nothing.
func floodWithInitials(t *testing.T) {
	const leastGreetings, leastPackets = 50, 500
	p := play(t)
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		both.Wait()
		p.says("begun")
	}()
	var greetings int64
	var wait sync.WaitGroup
	wait.Go(func() { greetings = p.rounds(16, 100*time.Millisecond, leastGreetings, both.Done, greet) })
	packets := p.rounds(4, 4*time.Millisecond, leastPackets, both.Done, func(context.Context) {
		if c, err := net.DialUDP("udp4", farAddress(), net.UDPAddrFromAddrPort(nodePort)); err == nil {
			defer c.Close()
			for range 4 {
				_, _ = c.Write(initial())
			}
		}
	})
	wait.Wait()
	p.says(packets >= leastPackets && greetings >= leastGreetings)
}

// farAddress returns a random one of far's addresses.
func farAddress() *net.UDPAddr {
	var b [2]byte
	_, _ = rand.Read(b[:])
	return &net.UDPAddr{IP: net.IPv4(10, 66, b[0], b[1])}
}

// initial returns a packet of the form of an Initial (RFC 9000, section 17.2.2), with noise for what is encrypted.
func initial() []byte {
	const size, header = 1200, 26
	packet := make([]byte, size)
	_, _ = rand.Read(packet)
	packet[0] = 0xc3
	binary.BigEndian.PutUint32(packet[1:], uint32(quic.Version1))
	packet[5], packet[14] = 8, 8 // lengths of the two connection ids
	packet[23] = 0               // no token
	binary.BigEndian.PutUint16(packet[24:], 0x4000|(size-header))
	return packet
}

// greet begins a connection and does not hear what is answered.
func greet(ctx context.Context) {
	socket, err := net.ListenUDP("udp4", farAddress())
	if err != nil {
		return
	}
	defer socket.Close()
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	transport := quic.Transport{Conn: deaf{socket}}
	defer transport.Close()
	_, _ = transport.Dial(ctx, net.UDPAddrFromAddrPort(nodePort), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"libp2p"}}, nil)
}

// deaf is a socket that hears nothing.
type deaf struct{ net.PacketConn }

// ReadFrom implements net.PacketConn.
func (d deaf) ReadFrom(p []byte) (n int, from net.Addr, err error) {
	for err == nil {
		_, _, err = d.PacketConn.ReadFrom(p)
	}
	return 0, nil, err
}

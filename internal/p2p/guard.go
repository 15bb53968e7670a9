package p2p

import (
	"net"

	"golang.org/x/net/ipv4"
)

// Guard returns a UDP socket that reads only what comes from expected addresses, or from where it wrote to lately.
func (c *Callers) Guard(socket net.PacketConn) net.PacketConn {
	if udp, ok := socket.(*net.UDPConn); ok {
		return &guardedUDP{UDPConn: udp, callers: c, batch: ipv4.NewPacketConn(udp)}
	}
	return &guarded{PacketConn: socket, callers: c}
}

// guarded is a socket of a simulation.
type guarded struct {
	net.PacketConn
	callers *Callers
}

func (g *guarded) ReadFrom(p []byte) (int, net.Addr, error) {
	return readFrom(g.PacketConn, g.callers, p)
}

func (g *guarded) WriteTo(p []byte, to net.Addr) (int, error) {
	g.callers.wroteTo(to)
	return g.PacketConn.WriteTo(p, to)
}

// guardedUDP is a socket of the system, by which quic-go reads and writes several packets at a time where it can.
type guardedUDP struct {
	*net.UDPConn
	callers *Callers
	batch   *ipv4.PacketConn // of either IP version: what it reads is the same
}

// ReadBatch is what quic-go reads with, but on Windows.
func (g *guardedUDP) ReadBatch(messages []ipv4.Message, flags int) (int, error) {
	for {
		n, err := g.batch.ReadBatch(messages, flags)
		if err != nil {
			return n, err
		}
		some := false
		for i := range messages[:n] {
			if g.callers.expects(messages[i].Addr) {
				some = true
			} else {
				messages[i].N, messages[i].NN = 0, 0 // quic-go passes over what is empty
			}
		}
		if some {
			return n, nil
		}
	}
}

func (g *guardedUDP) ReadFrom(p []byte) (int, net.Addr, error) {
	return readFrom(g.UDPConn, g.callers, p)
}

func (g *guardedUDP) WriteTo(p []byte, to net.Addr) (int, error) {
	g.callers.wroteTo(to)
	return g.UDPConn.WriteTo(p, to)
}

func (g *guardedUDP) WriteMsgUDP(p, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	g.callers.wroteTo(to)
	return g.UDPConn.WriteMsgUDP(p, oob, to)
}

// readFrom reads the next packet from an address that is expected.
func readFrom(socket net.PacketConn, callers *Callers, p []byte) (int, net.Addr, error) {
	for {
		n, from, err := socket.ReadFrom(p)
		if err != nil || callers.expects(from) {
			return n, from, err
		}
	}
}

func (c *Callers) expects(from net.Addr) bool {
	udp, ok := from.(*net.UDPAddr)
	return ok && c.Expected(udp.AddrPort().Addr())
}

func (c *Callers) wroteTo(to net.Addr) {
	if udp, ok := to.(*net.UDPAddr); ok {
		c.wrote(udp.AddrPort().Addr())
	}
}

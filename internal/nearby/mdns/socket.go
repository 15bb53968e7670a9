package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

var (
	group4 = netip.MustParseAddr("224.0.0.251")
	group6 = netip.MustParseAddr("ff02::fb")
)

// hopLimit is that of every packet (RFC 6762 section 11).
const hopLimit = 255

// controls tells whether the system says by which interface a packet comes and goes.
const controls = runtime.GOOS != "windows"

// socket is the one socket of an IP version, on all links.
type socket struct {
	conn net.PacketConn
	four *ipv4.PacketConn // one of both is set
	six  *ipv6.PacketConn
}

// listen opens the socket of an IP version. Other programs may have the port too: the system gives each of them what comes.
func listen(ctx context.Context, group netip.Addr) (*socket, error) {
	network := "udp4"
	if group.Is6() {
		network = "udp6"
	}
	var config net.ListenConfig
	conn, err := config.ListenPacket(ctx, network, netip.AddrPortFrom(group, port).String()) // a group's address: it shares the port
	if err != nil {
		return nil, fmt.Errorf("listening on %s port %d: %w", network, port, err)
	}
	s := &socket{conn: conn}
	if group.Is4() {
		s.four = ipv4.NewPacketConn(conn)
		err = errors.Join(s.four.SetMulticastTTL(hopLimit), s.four.SetMulticastLoopback(true))
		if controls {
			err = errors.Join(err, s.four.SetControlMessage(ipv4.FlagInterface, true))
		}
	} else {
		s.six = ipv6.NewPacketConn(conn)
		err = errors.Join(s.six.SetMulticastHopLimit(hopLimit), s.six.SetMulticastLoopback(true))
		if controls {
			err = errors.Join(err, s.six.SetControlMessage(ipv6.FlagInterface, true))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing a socket of %s: %w", network, err), conn.Close())
	}
	return s, nil
}

// join has the socket hear what is sent to the group on a link. To join twice is no error that matters.
func (s *socket) join(l link) error {
	at := &net.Interface{Index: l.index, Name: l.name}
	if s.four != nil {
		return s.four.JoinGroup(at, &net.UDPAddr{IP: group4.AsSlice()})
	}
	return s.six.JoinGroup(at, &net.UDPAddr{IP: group6.AsSlice()})
}

// send sends to the group on a link.
func (s *socket) send(p packet, name string) error {
	at := &net.Interface{Index: p.link, Name: name}
	if s.four != nil {
		control := &ipv4.ControlMessage{IfIndex: p.link}
		if !controls {
			control = nil
			if err := s.four.SetMulticastInterface(at); err != nil {
				return err
			}
		}
		_, err := s.four.WriteTo(p.data, control, &net.UDPAddr{IP: group4.AsSlice(), Port: port})
		return err
	}
	control := &ipv6.ControlMessage{IfIndex: p.link}
	if !controls {
		control = nil
		if err := s.six.SetMulticastInterface(at); err != nil {
			return err
		}
	}
	_, err := s.six.WriteTo(p.data, control, &net.UDPAddr{IP: group6.AsSlice(), Port: port, Zone: name})
	return err
}

// arrival is a packet that came.
type arrival struct {
	link int // 0: the system does not say
	from netip.AddrPort
	data []byte
}

// receive waits for the next packet.
func (s *socket) receive(buffer []byte) (arrival, error) {
	var (
		n, index int
		from     net.Addr
		err      error
	)
	if s.four != nil {
		var control *ipv4.ControlMessage
		if n, control, from, err = s.four.ReadFrom(buffer); control != nil {
			index = control.IfIndex
		}
	} else {
		var control *ipv6.ControlMessage
		if n, control, from, err = s.six.ReadFrom(buffer); control != nil {
			index = control.IfIndex
		}
	}
	if err != nil {
		return arrival{}, err
	}
	at, ok := from.(*net.UDPAddr)
	if !ok {
		return arrival{}, errPacket
	}
	whole := at.AddrPort()
	return arrival{index, netip.AddrPortFrom(whole.Addr().Unmap(), whole.Port()), append([]byte(nil), buffer[:n]...)}, nil
}

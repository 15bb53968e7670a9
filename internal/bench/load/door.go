package main

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync/atomic"

	"muster.example/internal/task"
)

// door is a forwarder to the node that gives each connection a source address of its own. A node lets strangers in one
// a second from one address, and here all who join come from one machine.
type door struct {
	listener net.Listener
	node     int // port
	count    atomic.Uint32
}

// openDoor listens on loopback and forwards until the group ends.
func openDoor(group *task.Group, node int) (*door, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &door{listener: listener, node: node}
	group.Go("door", func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
		defer stop()
		for {
			outer, err := listener.Accept()
			if err != nil {
				return err
			}
			group.Go("guest", func(ctx context.Context) error {
				d.forward(ctx, outer)
				return nil
			})
		}
	})
	return d, nil
}

// address returns where to dial instead of the node.
func (d *door) address() string {
	return "/ip4/127.0.0.1/tcp/" + strconv.Itoa(d.listener.Addr().(*net.TCPAddr).Port)
}

// forward carries one connection until either side ends it.
func (d *door) forward(ctx context.Context, outer net.Conn) {
	defer outer.Close()
	number := d.count.Add(1)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(number>>8), byte(number))}}
	inner, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.node)))
	if err != nil {
		return
	}
	defer inner.Close()
	stop := context.AfterFunc(ctx, func() { _ = outer.Close(); _ = inner.Close() })
	defer stop()
	both := task.New(ctx)
	both.Go("in", func(context.Context) error {
		_, _ = io.Copy(inner, outer)
		return inner.Close()
	})
	_, _ = io.Copy(outer, inner)
	_ = outer.Close()
	_ = both.Wait()
}

package rvclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// Sizes of the buffers of a long-lived stream in bytes.
const (
	bulkBuffer  = 64 << 10 // the way that envelopes take
	smallBuffer = 8 << 10  // the way of the answers
	chunk       = 16 << 10 // written under one deadline, so that a slow link has its time for each
)

// link is one long-lived stream: frames both ways, a hello at its start, pings while it lasts.
type link struct {
	stream network.Stream
	hello  rvproto.HelloFrame
	unhook func() bool // ends the context's hold on the stream
	frames *wire.FrameReader
	end    context.CancelFunc
	ended  <-chan struct{} // closed by end: by close, or by the end of the context
	pace   pace

	mu     sync.Mutex // guards the following
	writer *wire.FrameWriter
	sent   time.Time // last write
	buffer []byte    // the frame being encoded
}

// open opens a stream and reads the node's hello.
func (c *Client) open(ctx context.Context, ids []protocol.ID, readBuffer, writeBuffer, maxFrame int) (*link, error) {
	l, err := c.begin(ctx, ids, readBuffer, writeBuffer, maxFrame)
	if err != nil {
		return nil, err
	}
	if err := l.greeted(ctx, c); err != nil {
		return nil, err
	}
	return l, nil
}

// begin opens a stream whose life ctx bounds, of the first of some protocols that the node has. The hello is to be read.
func (c *Client) begin(ctx context.Context, ids []protocol.ID, readBuffer, writeBuffer, maxFrame int) (*link, error) {
	if err := c.Connect(ctx); err != nil {
		return nil, err
	}
	opening, cancel := context.WithTimeout(ctx, c.times(rvproto.RequestTime))
	defer cancel()
	s, err := p2p.NewStream(opening, c.Host, p2p.PeerID(c.Node), ids...)
	if err != nil {
		return nil, fmt.Errorf("opening a stream of %s: %w", ids[0], err)
	}
	life, end := context.WithCancel(ctx)
	l := &link{stream: s, sent: time.Now(), end: end, ended: life.Done()}
	l.pace.stream, l.pace.rests, l.pace.asked = s, ids[0] == rvproto.PostPieces, time.Now() // the hello is asked for
	l.pace.patience = c.times(rvproto.Patience)
	l.unhook = context.AfterFunc(ctx, func() { _ = s.Reset() })
	l.writer = wire.NewFrameWriter(chunked{s, c.times(rvproto.WriteTime)}, writeBuffer)
	l.frames = wire.NewFrameReader(reader{l}, readBuffer, maxFrame)
	return l, nil
}

// greeted reads the hello, and closes the stream if it is not a good one.
func (l *link) greeted(ctx context.Context, c *Client) error {
	err := l.greet(c)
	if err != nil {
		l.close()
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
	}
	return err
}

// greet reads the hello. Reading also sends off the stream's negotiation, which libp2p delays.
func (l *link) greet(c *Client) error {
	frame, err := l.frames.Read()
	if err != nil {
		return fmt.Errorf("waiting for the hello: %w", err)
	}
	l.hello, err = rvproto.ParseHello(frame)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	if l.hello.Status != wire.StatusOK && l.hello.Status != wire.StatusMoved {
		return l.hello.Status
	}
	if l.hello.Org != c.Org {
		return ErrOrg
	}
	return nil
}

// Moved returns the signed event by which another node has taken over the organization, not verified; nil if the node
// still has it.
func (l *link) Moved() []byte { return l.hello.Move }

// Checkpoint returns the checkpoint of the node's hello: a signed note, not verified.
func (l *link) Checkpoint() []byte { return l.hello.Checkpoint }

// Close ends the stream: what is under way returns an error. It may be called more than once and at any time.
func (l *link) Close() { l.close() }

func (l *link) close() {
	l.unhook()
	l.end()
	_ = l.stream.Reset()
}

func (l *link) isEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// next returns the next frame that is not a pong.
func (l *link) next() ([]byte, error) {
	for {
		frame, err := l.frames.Read()
		if err != nil || !rvproto.IsPong(frame) {
			return frame, err
		}
	}
}

// write encodes frames with build, one a call until it returns false, and sends them together.
func (l *link) write(build func(b []byte) (frame []byte, more bool)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for more := true; more; {
		l.buffer, more = build(l.buffer[:0])
		if err := l.writer.Write(l.buffer); err != nil {
			return err
		}
	}
	if cap(l.buffer) > 4*chunk {
		l.buffer = nil
	}
	l.sent = time.Now()
	return l.writer.Flush()
}

func (l *link) ping() error {
	l.pace.ask(0)
	return l.write(func(b []byte) ([]byte, bool) { return rvproto.AppendPing(b), false })
}

// keepAlive pings if nothing was written for a while. A writer at work is sign of life enough.
func (l *link) keepAlive() error {
	if !l.mu.TryLock() {
		return nil
	}
	due := time.Since(l.sent) >= l.pace.every()
	l.mu.Unlock()
	if !due {
		return nil
	}
	return l.ping()
}

// reader reads from the stream, pings meanwhile, and gives up when the node does not answer for rvproto.Patience.
type reader struct{ l *link }

func (r reader) Read(b []byte) (int, error) {
	for {
		r.l.pace.wait()
		n, err := r.l.stream.Read(b)
		if n > 0 {
			r.l.pace.hear()
		}
		if n > 0 || !isTimeout(err) {
			if err == nil {
				err = r.l.keepAlive()
			}
			return n, err
		}
		if r.l.pace.over() {
			return 0, ErrSilent
		}
		if err := r.l.keepAlive(); err != nil {
			return 0, err
		}
	}
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// chunked writes in pieces, each under a deadline of its own: where many packets are lost, QUIC sends nothing for up to a minute.
type chunked struct {
	stream   network.Stream
	patience time.Duration // that the node has to take one
}

func (c chunked) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		piece := b[:min(len(b), chunk)]
		_ = c.stream.SetWriteDeadline(time.Now().Add(c.patience))
		n, err := c.stream.Write(piece)
		written += n
		if err != nil {
			if isTimeout(err) {
				err = fmt.Errorf("%w: %w", ErrSilent, err)
			}
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

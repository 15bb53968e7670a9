package node

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
)

const (
	// meshIdle is after how long without a byte a stream ends, and meshPing after how long the other side is asked whether it is
	// there. [MSH-6]
	meshIdle = time.Minute
	meshPing = 20 * time.Second
	// meshUse is how often it is looked whether the connection is in use.
	meshUse = 10 * time.Second
	// meshPiece is how many bytes of a stream are written at once, each within meshIdle: a slow link is not one that stands still.
	meshPiece = 16 << 10
	// smallQueue and largeQueue are how many frames wait to be written: small ones go first.
	smallQueue = 64
	largeQueue = 8
)

// meshPeer is one live stream to another member's device.
type meshPeer struct {
	streams *meshStreams
	key     keys.PublicKey
	opened  bool // by this device
	began   time.Time
	end     context.CancelCauseFunc
	done    chan struct{} // closed when it has ended

	small, large chan mesh.Frame // to be written
	greeted      chan struct{}   // closed once the other side has said hello
	inStep       chan struct{}   // closed once what the other side knows was taken in
	toldKnown    chan struct{}   // closed once what this one knows is ahead of all else: nothing else may come before it. [MSH-9]
	telling      chan struct{}   // capacity 1: there is something to tell
	handing      chan struct{}   // capacity 1: there may be something to hand
	carries      *carrierTalk    // what is said as carriers

	// Guarded by streams.mu.
	hello   mesh.Hello // of the other side
	owed    owed
	heard   time.Time // when the last byte came
	counted time.Time // when it was looked last whether the connection is in use
	direct  delivery
	patient tolerance         // what it may still ask for
	inHand  []envelope.Prekey // the other side's own that it handed over last: one, or none [MSH-70]
}

func newMeshPeer(m *meshStreams, device keys.PublicKey, opened bool, end context.CancelCauseFunc) *meshPeer {
	now := time.Now()
	p := &meshPeer{
		streams: m, key: device, opened: opened, began: now, end: end, done: make(chan struct{}),
		small: make(chan mesh.Frame, smallQueue), large: make(chan mesh.Frame, largeQueue),
		greeted: make(chan struct{}), inStep: make(chan struct{}), toldKnown: make(chan struct{}), telling: make(chan struct{}, 1), handing: make(chan struct{}, 1),
		heard: now, patient: newTolerance(now), direct: newDelivery(),
	}
	p.carries = newCarrierTalk(p)
	return p
}

// can reports whether the other side said that it is able to do something. Ask it only once the stream has begun.
func (p *meshPeer) can(ability mesh.Ability) bool {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	return p.hello.Can&ability != 0
}

// send puts a frame behind those that wait to be written, and waits until there is room for it. An error is the end of the stream or
// of the context.
func (p *meshPeer) send(ctx context.Context, f mesh.Frame) error {
	queue := p.large
	switch f.Kind {
	case mesh.KindHello, mesh.KindReceipt, mesh.KindPing, mesh.KindPresence, mesh.KindAsk:
		queue = p.small // they depend on nothing that comes before
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.done:
		return errNewerStream
	case queue <- f:
		if f.Kind == mesh.KindKnown && !isClosed(p.toldKnown) { // of the teller alone
			close(p.toldKnown)
		}
		return nil
	}
}

// begin waits until both sides know the same, and the other one can tell.
func (p *meshPeer) begin(ctx context.Context) error {
	for _, done := range []<-chan struct{}{p.inStep, p.toldKnown} {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
		}
	}
	return nil
}

// carry runs what carriers do on the stream, once both sides know the same.
func (p *meshPeer) carry(ctx context.Context) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	return p.streams.began(ctx, p)
}

// write writes what waits, small frames first, and everything out when nothing more waits.
func (p *meshPeer) write(ctx context.Context, s network.Stream) error {
	handing := false // what is written is an envelope
	wrote := func(now time.Time) {
		if handing {
			p.wrote(now)
		}
	}
	out := bufio.NewWriterSize(paced{s, wrote}, meshPiece)
	for {
		f, ok := p.next()
		if !ok {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("writing: %w", err)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case f = <-p.small:
			case f = <-p.large:
			}
		}
		handing = f.Kind == mesh.KindEnvelope
		var head [binary.MaxVarintLen64 + 1]byte
		n := binary.PutUvarint(head[:], uint64(len(f.Body))+1) // [WIRE-4]
		head[n] = byte(f.Kind)
		if _, err := out.Write(head[:n+1]); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if _, err := out.Write(f.Body); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
}

// next returns a frame that waits, a small one if there is any.
func (p *meshPeer) next() (f mesh.Frame, ok bool) {
	select {
	case f = <-p.small:
		return f, true
	default:
	}
	select {
	case f = <-p.small:
		return f, true
	case f = <-p.large:
		return f, true
	default:
		return f, false
	}
}

// paced is a stream of which each piece that is read or written has a deadline of its own. [MSH-6]
type paced struct {
	network.Stream
	wrote func(now time.Time) // called for each piece; nil: nobody wants to know
}

// Write implements io.Writer.
func (p paced) Write(data []byte) (written int, err error) {
	for len(data) > 0 {
		if err := p.SetWriteDeadline(time.Now().Add(meshIdle)); err != nil {
			return written, err
		}
		n, err := p.Stream.Write(data[:min(len(data), meshPiece)])
		written += n
		if err != nil {
			return written, err
		}
		if p.wrote != nil {
			p.wrote(time.Now())
		}
		data = data[n:]
	}
	return written, nil
}

// Read implements io.Reader.
func (p paced) Read(data []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(meshIdle)); err != nil {
		return 0, err
	}
	return p.Stream.Read(data)
}

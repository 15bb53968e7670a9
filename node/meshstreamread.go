package node

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/wire"
	"muster.example/node/mesh"
)

// meshReadBuffer is the read buffer of a stream in bytes.
const meshReadBuffer = 32 << 10

// read takes what the other side sends, in order: hello, what it knows, and then whatever it likes. [MSH-2] [MSH-4]
func (p *meshPeer) read(ctx context.Context, s network.Stream) error {
	in := wire.NewFrameReader(paced{Stream: s}, meshReadBuffer, mesh.MaxFrame)
	take := newMeshTaking(p)
	total := 0
	for {
		data, err := in.Read()
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		if total += len(data); total > mostStream {
			return errNewerStream
		}
		f, err := mesh.Parse(data)
		if err != nil {
			return fmt.Errorf("%w: %w", errMisbehaved, err)
		}
		if err := p.spend(costFrame*float64(cheap(f.Kind)), "frames"); err != nil {
			return err
		}
		if p.hearOf(time.Now()) && (cheap(f.Kind) == 0 || p.streams.o.connection() == nil) {
			p.use() // without a rendezvous node one stays, to see who is there
		}
		if err := p.takeFrame(ctx, take, f); err != nil {
			return err
		}
		if take.full() || in.Buffered() == 0 {
			if err := take.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// cheap is 0 for frames that bring something, which are judged by that, and 1 for others.
func cheap(kind mesh.Kind) int {
	if kind == mesh.KindEnvelope || kind == mesh.KindReceipt || kind.OfCarriers() {
		return 0
	}
	return 1
}

// hearOf notes that the other side is there, and reports whether it is time to look whether the connection is in use.
func (p *meshPeer) hearOf(now time.Time) bool {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	p.heard = now
	if now.Sub(p.counted) < meshUse {
		return false
	}
	p.counted = now
	return true
}

// use says that the connection is in use.
func (p *meshPeer) use() {
	if paths := p.streams.paths; paths != nil {
		paths.used(p.key)
	}
}

// takeFrame takes one frame. An error ends the stream.
func (p *meshPeer) takeFrame(ctx context.Context, take *meshTaking, f mesh.Frame) error {
	if p.greetedYet() == (f.Kind == mesh.KindHello) {
		return fmt.Errorf("%w: a frame of kind %d out of turn", errMisbehaved, f.Kind)
	}
	var err error
	switch f.Kind {
	case mesh.KindHello:
		var hello mesh.Hello
		if hello, err = mesh.ReadHello(f); err == nil {
			p.takeHello(hello)
		}
	case mesh.KindKnown:
		var known mesh.Known
		if known, err = mesh.ReadKnown(f); err == nil {
			return p.takeKnown(known)
		}
	case mesh.KindPrekeys:
		var prekeys mesh.Prekeys
		if prekeys, err = mesh.ReadPrekeys(f); err == nil {
			return p.takePrekeys(prekeys)
		}
	case mesh.KindAsk:
		var ask mesh.Ask
		if ask, err = mesh.ReadAsk(f); err == nil {
			return p.takeAsk(ask)
		}
	case mesh.KindPing:
		var ping mesh.Ping
		if ping, err = mesh.ReadPing(f); err == nil && !ping.Answer {
			p.owe(func(owed *owed) { owed.ponged, owed.pong = true, ping.Number })
		}
	case mesh.KindPresence:
		var presence mesh.Presence
		if presence, err = mesh.ReadPresence(f); err == nil {
			p.hearNear(presence.State)
		}
	case mesh.KindEnvelope, mesh.KindReceipt:
		if !p.inStepYet() {
			return fmt.Errorf("%w: an envelope or receipt before it said what it knows", errMisbehaved)
		}
		return take.add(ctx, f)
	default:
		return p.takeOther(ctx, take, f)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errMisbehaved, err)
	}
	return nil
}

// takeOther hands carriers their frames, and passes over what is not known. [MSH-23]
func (p *meshPeer) takeOther(ctx context.Context, take *meshTaking, f mesh.Frame) error {
	if !f.Kind.OfCarriers() {
		return nil
	}
	if p.streams.took == nil {
		return p.spend(costFrame, "frames of carriers")
	}
	if !p.inStepYet() {
		return fmt.Errorf("%w: a frame of carriers before it said what it knows", errMisbehaved)
	}
	if err := take.flush(ctx); err != nil { // in the order in which they came
		return err
	}
	return p.streams.took(ctx, p, f)
}

func (p *meshPeer) greetedYet() bool { return isClosed(p.greeted) }

func (p *meshPeer) inStepYet() bool { return isClosed(p.inStep) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (p *meshPeer) takeHello(hello mesh.Hello) {
	p.streams.mu.Lock()
	p.hello, p.owed.theirs = hello, hello.Size
	p.streams.mu.Unlock()
	close(p.greeted)
	p.streams.o.reckoning.Heard(p.key.String(), time.Unix(hello.Clock, 0)) // [MSH-65]
	p.hearNear(hello.State)
}

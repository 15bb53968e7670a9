package rendezvous

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// slots are the places where devices of members let strangers speak to them, to be paired. [RV-121]
type slots struct {
	mu      sync.Mutex // guards the following
	all     map[uint32]*slot
	openers map[keys.PublicKey]*slot
}

// slot is one of them. The handler of the stream that opened it passes on what its device says, that of the visitor's what
// the visitor says.
type slot struct {
	number uint32
	opener keys.PublicKey
	ends   time.Time
	device *pairEnd

	mu      sync.Mutex // guards the following
	visitor *pairEnd   // nil: nobody is there
	visits  int        // so far
	closed  bool
}

// pairEnd is one side of a slot, as the node writes to it.
type pairEnd struct {
	stream network.Stream

	mu   sync.Mutex // guards the following, and writes
	left int        // bytes of data that may still be passed on to it in this visit
}

func newSlots() *slots {
	return &slots{all: make(map[uint32]*slot), openers: make(map[keys.PublicKey]*slot)}
}

// open makes a slot of a number that no other has, in the place of one that the device has open. nil: there are too many.
func (t *slots) open(random io.Reader, opener keys.PublicKey, device *pairEnd, ends time.Time) (*slot, error) {
	t.mu.Lock()
	before := t.openers[opener]
	if before == nil && len(t.all) >= maxSlots {
		t.mu.Unlock()
		return nil, nil
	}
	s := &slot{opener: opener, ends: ends, device: device}
	for {
		var raw [4]byte
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			t.mu.Unlock()
			return nil, fmt.Errorf("drawing a slot: %w", err)
		}
		s.number = binary.BigEndian.Uint32(raw[:]) & (1<<17 - 1)
		if s.number > 0 && s.number < rvproto.PairSlots && t.all[s.number] == nil {
			break
		}
	}
	t.all[s.number], t.openers[opener] = s, s
	t.mu.Unlock()
	if before != nil {
		t.close(before)
	}
	return s, nil
}

// find returns a slot, nil if it is not there.
func (t *slots) find(number uint32) *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[number]
}

// close ends a slot, and both streams.
func (t *slots) close(s *slot) {
	t.mu.Lock()
	if t.all[s.number] == s {
		delete(t.all, s.number)
	}
	if t.openers[s.opener] == s {
		delete(t.openers, s.opener)
	}
	t.mu.Unlock()
	s.mu.Lock()
	s.closed = true
	visitor := s.visitor
	s.mu.Unlock()
	_ = s.device.stream.Reset()
	if visitor != nil {
		_ = visitor.stream.Reset()
	}
}

// enter lets a visitor in: the status says why not.
func (s *slot) enter(visitor *pairEnd) wire.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || s.visits >= rvproto.PairVisits:
		return wire.StatusNotFound
	case s.visitor != nil:
		return wire.StatusFull
	}
	s.visitor, s.visits = visitor, s.visits+1
	s.device.allow()
	return wire.StatusOK
}

// leave ends a visit, and says whether there can be another.
func (s *slot) leave(visitor *pairEnd) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visitor == visitor {
		s.visitor = nil
	}
	return s.visits < rvproto.PairVisits
}

func (s *slot) visitorNow() *pairEnd {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visitor
}

// allow grants what may be passed on in one visit.
func (e *pairEnd) allow() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left = rvproto.MaxPairData
}

// write sends a frame within slotTime. Data beyond what one visit may carry is an error.
func (e *pairEnd) write(f rvproto.PairFrame) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(f.Data) > e.left {
		return fmt.Errorf("more than %d bytes in one visit", rvproto.MaxPairData)
	}
	e.left -= len(f.Data)
	if err := e.stream.SetWriteDeadline(time.Now().Add(slotTime)); err != nil {
		return err
	}
	_, err := e.stream.Write(wire.AppendFrame(nil, wire.Encode(f)))
	return err
}

// servePair answers /muster/pair/1: who opens a slot, and who visits one. [RV-120]
func (n *Node) servePair(ctx context.Context, from keys.PublicKey, s network.Stream) error {
	limit := n.cfg.Strangers.JoinTime
	if err := s.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	frames := wire.NewFrameReader(s, exchangeBuffer, rvproto.MaxPairFrame)
	data, err := frames.Read()
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	request, err := rvproto.Parse[rvproto.PairRequest](data)
	switch {
	case err != nil:
		n.strangers.charge(s.Conn().RemoteMultiaddr())
		return writeAnswer(s, limit, wire.Encode(rvproto.PairAnswer{Status: wire.StatusMalformed}))
	case request.Open != nil:
		return n.serveOpener(from, s, frames)
	default:
		return n.serveVisitor(s, frames, request.Visit.Slot)
	}
}

// serveOpener keeps a slot open for a member's device, and passes on what it says to whoever visits. [RV-121]
func (n *Node) serveOpener(from keys.PublicKey, s network.Stream, frames *wire.FrameReader) error {
	limit := n.cfg.Strangers.JoinTime
	o, no := n.admits(from)
	if no.status == wire.StatusOK && o.isGuest(from) && !n.guests.mayAsk(from, n.cfg.Now()) {
		no.status = wire.StatusFull
	}
	if no.status != wire.StatusOK {
		if o == nil {
			n.strangers.charge(s.Conn().RemoteMultiaddr())
		}
		n.counters.refusedStreams.Add(1)
		return writeAnswer(s, limit, wire.Encode(rvproto.PairAnswer{Status: no.status, Move: no.move}))
	}
	ends := time.Now().Add(rvproto.PairTime)
	opened, err := n.slots.open(n.cfg.Random, from, &pairEnd{stream: s}, ends)
	if err != nil {
		return err
	}
	if opened == nil {
		return writeAnswer(s, limit, wire.Encode(rvproto.PairAnswer{Status: wire.StatusFull}))
	}
	defer n.slots.close(opened)
	if err := writeAnswer(s, limit, wire.Encode(rvproto.PairAnswer{Slot: opened.number})); err != nil {
		return err
	}
	for {
		f, err := nextPairFrame(s, frames, ends)
		if err != nil {
			return err
		}
		if _, no := n.admits(from); no.status != wire.StatusOK {
			return no.status
		}
		visitor := opened.visitorNow()
		switch {
		case visitor == nil: // who it is for has gone meanwhile
		case f.Event == rvproto.PairGone:
			_ = visitor.stream.Reset()
		case f.Event != 0:
			return fmt.Errorf("event %d from a device", f.Event)
		default:
			if visitor.write(f) != nil {
				_ = visitor.stream.Reset()
			}
		}
	}
}

// nextPairFrame reads a frame, until the slot ends.
func nextPairFrame(s network.Stream, frames *wire.FrameReader, ends time.Time) (rvproto.PairFrame, error) {
	if err := s.SetReadDeadline(ends); err != nil {
		return rvproto.PairFrame{}, err
	}
	data, err := frames.Read()
	if err != nil {
		return rvproto.PairFrame{}, err
	}
	return rvproto.Parse[rvproto.PairFrame](data)
}

// serveVisitor passes on what a stranger says to the device that opened a slot. [RV-122]
func (n *Node) serveVisitor(s network.Stream, frames *wire.FrameReader, number uint32) error {
	limit, from := n.cfg.Strangers.JoinTime, s.Conn().RemoteMultiaddr()
	refuse := func(status wire.Status) error {
		n.counters.refusedStreams.Add(1)
		return writeAnswer(s, limit, wire.Encode(rvproto.PairAnswer{Status: status}))
	}
	if !n.strangers.charge(from) {
		return refuse(wire.StatusLimit)
	}
	found := n.slots.find(number)
	if found == nil {
		return refuse(wire.StatusNotFound)
	}
	visitor := &pairEnd{stream: s, left: rvproto.MaxPairData}
	if status := found.enter(visitor); status != wire.StatusOK {
		return refuse(status)
	}
	defer n.strangers.visits(s.Conn(), found.ends)()
	err := n.passOn(found, visitor, frames)
	told := found.device.write(rvproto.PairFrame{Event: rvproto.PairGone}) // before another can come
	if more := found.leave(visitor); !more || told != nil {
		n.slots.close(found) // its third visit was this one, or its device is deaf
	}
	return err
}

// passOn is a visit.
func (n *Node) passOn(in *slot, visitor *pairEnd, frames *wire.FrameReader) error {
	visitor.mu.Lock() // so that nothing of the device's comes before the answer
	err := writeAnswer(visitor.stream, n.cfg.Strangers.JoinTime, wire.Encode(rvproto.PairAnswer{}))
	visitor.mu.Unlock()
	if err != nil {
		return err
	}
	if err := in.device.write(rvproto.PairFrame{Event: rvproto.PairCame}); err != nil {
		return err
	}
	for {
		f, err := nextPairFrame(visitor.stream, frames, in.ends)
		if err != nil {
			return err
		}
		if f.Event != 0 {
			return fmt.Errorf("event %d from a visitor", f.Event)
		}
		if err := in.device.write(f); err != nil {
			return err
		}
	}
}

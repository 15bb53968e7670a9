package rvclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// Slot is a stream to a slot, of the device that opened it or of a visitor. One goroutine reads, another may write.
type Slot struct {
	stream network.Stream
	frames *wire.FrameReader
	unhook func() bool
	number uint32
}

// OpenSlot opens a slot, which lasts until Close, the end of ctx, or rvproto.PairTime.
func (c *Client) OpenSlot(ctx context.Context) (*Slot, error) {
	return c.slot(ctx, rvproto.PairRequest{Open: &rvproto.PairOpen{}})
}

// VisitSlot lets this device, which need not be a member's, speak to the one that opened a slot. wire.StatusNotFound: there
// is none of this number; wire.StatusFull: it has a visitor.
func (c *Client) VisitSlot(ctx context.Context, number uint32) (*Slot, error) {
	return c.slot(ctx, rvproto.PairRequest{Visit: &rvproto.PairVisit{Slot: number}})
}

func (c *Client) slot(ctx context.Context, request rvproto.PairRequest) (*Slot, error) {
	opening, cancel := context.WithTimeout(ctx, rvproto.RequestTime)
	defer cancel()
	if err := c.Connect(opening); err != nil {
		return nil, err
	}
	stream, err := c.Host.NewStream(opening, p2p.PeerID(c.Node), rvproto.Pair)
	if err != nil {
		return nil, fmt.Errorf("opening a stream of %s: %w", rvproto.Pair, err)
	}
	s := &Slot{stream: stream, frames: wire.NewFrameReader(stream, smallBuffer, rvproto.MaxPairFrame)}
	s.unhook = context.AfterFunc(ctx, func() { _ = stream.Reset() })
	answer, err := s.begin(request)
	if err == nil {
		err = refusal(answer.Status, answer.Move)
	}
	if err != nil {
		s.Close()
		return nil, errors.Join(ctx.Err(), err)
	}
	s.number = answer.Slot
	return s, nil
}

func (s *Slot) begin(request rvproto.PairRequest) (answer rvproto.PairAnswer, err error) {
	if err := s.stream.SetDeadline(time.Now().Add(rvproto.RequestTime)); err != nil {
		return answer, err
	}
	if _, err := s.stream.Write(wire.AppendFrame(nil, wire.Encode(request))); err != nil {
		return answer, err
	}
	data, err := s.frames.Read()
	if err != nil {
		return answer, fmt.Errorf("waiting for the answer: %w", err)
	}
	if answer, err = rvproto.Parse[rvproto.PairAnswer](data); err != nil {
		return answer, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	return answer, s.stream.SetDeadline(time.Time{})
}

// Number returns the number of a slot that was opened.
func (s *Slot) Number() uint32 { return s.number }

// Send passes data on to the other side: at most rvproto.MaxPairData bytes in one visit.
func (s *Slot) Send(data []byte) error { return s.write(rvproto.PairFrame{Data: data}) }

// Dismiss sends the visitor away.
func (s *Slot) Dismiss() error { return s.write(rvproto.PairFrame{Event: rvproto.PairGone}) }

func (s *Slot) write(f rvproto.PairFrame) error {
	if err := s.stream.SetWriteDeadline(time.Now().Add(rvproto.WriteTime)); err != nil {
		return err
	}
	_, err := s.stream.Write(wire.AppendFrame(nil, wire.Encode(f)))
	return err
}

// Next waits for what comes next: until the slot ends, which is an error.
func (s *Slot) Next() (rvproto.PairFrame, error) {
	data, err := s.frames.Read()
	if err != nil {
		return rvproto.PairFrame{}, err
	}
	f, err := rvproto.Parse[rvproto.PairFrame](data)
	if err != nil {
		return f, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	return f, nil
}

// Close leaves the slot, or ends it. It may be called more than once and at any time.
func (s *Slot) Close() {
	s.unhook()
	_ = s.stream.Reset()
}

package rvclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// DeliverStream brings what is queued for this device, and news of the roll. One goroutine calls Next, and must do so
// at least every few seconds, since reading keeps the stream alive; Ack may be called from any.
type DeliverStream struct {
	*link
	partial Partial // what has come of a body
	coming  rvproto.ComingFrame
	slow    bool // bodies came in pieces
	owed    bool // the node is to be told how much has come, once nothing more is here to be read
}

// Partial is what has come of a body that is delivered in pieces: a later stream goes on from there. The zero value is nothing.
type Partial struct {
	ID   keys.EnvelopeID // as the node says
	Data []byte
}

// Incoming is one of the things that the node says.
type Incoming struct {
	Deliver *rvproto.DeliverFrame // a body, to be acknowledged when it is safe
	Head    []byte                // a newer checkpoint: signed note, not verified
	Parked  *rvproto.ParkedFrame  // this device was parked and has come back

	Presence *rvproto.PresenceFrame // what a watched member is
	Typist   keys.MemberID          // who is typing to this member
}

// OpenDeliver opens the device's deliver stream; the node ends an older one of this device and begins anew with
// everything that is not acknowledged. ctx bounds the stream's whole life: its end is like Close. A device that is not
// admitted gets the node's wire.Status. If another node has taken over the organization, the stream's Moved says so; it
// brings what the node still holds for the device, and Next ends with io.EOF when that is all.
func (c *Client) OpenDeliver(ctx context.Context) (*DeliverStream, error) {
	return c.ResumeDeliver(ctx, Partial{}, false)
}

// ResumeDeliver is OpenDeliver for a device that has something of a body from an earlier stream. If small, large bodies stay at the node
// while this stream lasts.
func (c *Client) ResumeDeliver(ctx context.Context, partial Partial, small bool) (*DeliverStream, error) {
	l, err := c.open(ctx, []protocol.ID{rvproto.DeliverPieces, rvproto.Deliver, rvproto.DeliverOne}, bulkBuffer, smallBuffer, rvproto.MaxDeliverFrame)
	if err != nil {
		return nil, err
	}
	s := &DeliverStream{link: l, partial: partial}
	if l.stream.Protocol() == rvproto.DeliverPieces && !small {
		err = s.tellHeld()
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return s, nil
}

// Partial returns what has come of a body that is not whole. It is for the goroutine that calls Next.
func (s *DeliverStream) Partial() Partial { return s.partial }

// tellHeld says how much has come of a body. [RV-204]
func (s *DeliverStream) tellHeld() error {
	s.owed = false
	held := rvproto.HeldFrame{ID: s.partial.ID, Bytes: len(s.partial.Data)}
	if err := s.write(func(b []byte) ([]byte, bool) { return rvproto.AppendHeld(b, held), false }); err != nil {
		return fmt.Errorf("saying what has come: %w", err)
	}
	return nil
}

// heardComing begins a body in pieces. [RV-204]
func (s *DeliverStream) heardComing(frame []byte) error {
	coming, err := rvproto.ParseComing(frame)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	if coming.Offset > 0 && (coming.ID != s.partial.ID || coming.Offset > len(s.partial.Data)) {
		return fmt.Errorf("%w: the end of a body whose beginning is not here", ErrProtocol)
	}
	s.slow = true
	if s.coming = coming; coming.Offset == 0 {
		s.partial = Partial{ID: coming.ID}
	}
	s.partial.Data = s.partial.Data[:coming.Offset]
	return nil
}

// heardPiece takes the next bytes of a body, and returns it when it is whole. [RV-204]
func (s *DeliverStream) heardPiece(frame []byte) (*rvproto.DeliverFrame, error) {
	piece, err := rvproto.ParsePiece(frame)
	if err == nil && len(s.partial.Data)+len(piece) > s.coming.Size {
		err = errHeld
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	s.partial.Data = append(s.partial.Data, piece...)
	s.owed = true
	if len(s.partial.Data) < s.coming.Size {
		return nil, nil
	}
	if err := s.tellHeld(); err != nil {
		return nil, err
	}
	whole := &rvproto.DeliverFrame{Number: s.coming.Number, Kind: s.coming.Kind, Body: s.partial.Data}
	s.partial, s.coming = Partial{}, rvproto.ComingFrame{}
	return whole, nil
}

// Next returns what the node says next, waiting for it. At most rvproto.DeliverWindow deliveries, of
// rvproto.DeliverWindowBytes, come without an Ack. An Incoming that says nothing means that a part of a body came and that the rest has to
// be waited for: a caller with deliveries in hand is done with them first. After an error the stream is ended.
func (s *DeliverStream) Next() (Incoming, error) {
	in, err := s.incoming()
	for errors.Is(err, errPart) && s.Buffered() {
		in, err = s.incoming()
	}
	if errors.Is(err, errPart) {
		return Incoming{}, nil
	}
	if err != nil {
		s.close()
	}
	return in, err
}

// errPart means that a frame was a part of what is delivered.
var errPart = errors.New("rvclient: a part of a body")

func (s *DeliverStream) incoming() (Incoming, error) {
	if s.owed && !s.Buffered() {
		if err := s.tellHeld(); err != nil {
			return Incoming{}, err
		}
	}
	frame, err := s.next()
	if err != nil {
		return Incoming{}, fmt.Errorf("waiting for a delivery: %w", err)
	}
	kind, err := rvproto.TypeOf(frame)
	if err != nil {
		return Incoming{}, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	if s.stream.Protocol() == rvproto.DeliverPieces {
		switch kind {
		case rvproto.FrameComing:
			if err = s.heardComing(frame); err == nil {
				err = errPart
			}
			return Incoming{}, err
		case rvproto.FramePiece:
			whole, err := s.heardPiece(frame)
			if err == nil && whole == nil {
				err = errPart
			}
			return Incoming{Deliver: whole}, err
		}
	}
	switch kind {
	case rvproto.FrameDeliver:
		deliver, err := rvproto.ParseDeliver(frame)
		if err != nil {
			return Incoming{}, fmt.Errorf("%w: %v", ErrProtocol, err)
		}
		return Incoming{Deliver: &deliver}, nil
	case rvproto.FrameHead:
		head, err := rvproto.ParseHead(frame)
		if err != nil {
			return Incoming{}, fmt.Errorf("%w: %v", ErrProtocol, err)
		}
		return Incoming{Head: head.Checkpoint}, nil
	case rvproto.FrameParked:
		parked, err := rvproto.ParseParked(frame)
		if err != nil {
			return Incoming{}, fmt.Errorf("%w: %v", ErrProtocol, err)
		}
		return Incoming{Parked: &parked}, nil
	}
	in, ok, err := presenceIn(kind, frame)
	if err == nil && ok {
		return in, nil
	}
	return Incoming{}, fmt.Errorf("%w: a frame of type %d", ErrProtocol, kind)
}

// Buffered reports whether more has arrived already: a caller without more to read acknowledges what it has. Of a frame a part is enough,
// since the rest follows at once, but not once bodies came in pieces: on a slow link it may follow in minutes. [RV-204]
func (s *DeliverStream) Buffered() bool {
	if s.slow {
		return s.frames.Ready()
	}
	return s.frames.Buffered() > 0
}

// Ack gives back what is safe: signed receipts for envelopes, and the ids of delivered receipts (rvproto.ReceiptID) and
// returns (rvproto.ReturnID).
// When it returns, the acknowledgement is handed to the network; one that is lost leads to a second delivery.
func (s *DeliverStream) Ack(ack rvproto.AckFrame) error {
	err := s.write(func(b []byte) ([]byte, bool) { return rvproto.AppendAck(b, ack), false })
	if err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	return nil
}

// Signed hands a signed acknowledgement to the node, for the organization's other nodes.
func (s *DeliverStream) Signed(ack []byte) error {
	if err := s.write(func(b []byte) ([]byte, bool) { return rvproto.AppendSigned(b, ack), false }); err != nil {
		return fmt.Errorf("acknowledging to the other nodes: %w", err)
	}
	return nil
}

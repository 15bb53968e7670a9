package rvclient

import (
	"context"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// DeliverStream brings what is queued for this device, and news of the roll. One goroutine calls Next, and must do so
// at least every few seconds, since reading keeps the stream alive; Ack may be called from any.
type DeliverStream struct{ *link }

// Incoming is one of the things that the node says.
type Incoming struct {
	Deliver *rvproto.DeliverFrame // a body, to be acknowledged when it is safe
	Head    []byte                // a newer checkpoint: signed note, not verified

	Presence *rvproto.PresenceFrame // what a watched member is
	Typist   keys.MemberID          // who is typing to this member
}

// OpenDeliver opens the device's deliver stream; the node ends an older one of this device and begins anew with
// everything that is not acknowledged. ctx bounds the stream's whole life: its end is like Close. A device that is not
// admitted gets the node's wire.Status. If another node has taken over the organization, the stream's Moved says so; it
// brings what the node still holds for the device, and Next ends with io.EOF when that is all.
func (c *Client) OpenDeliver(ctx context.Context) (*DeliverStream, error) {
	l, err := c.open(ctx, rvproto.Deliver, bulkBuffer, smallBuffer, rvproto.MaxDeliverFrame)
	if err != nil {
		return nil, err
	}
	return &DeliverStream{l}, nil
}

// Next returns what the node says next, waiting for it. At most rvproto.DeliverWindow deliveries, of
// rvproto.DeliverWindowBytes, come without an Ack. After an error the stream is ended.
func (s *DeliverStream) Next() (Incoming, error) {
	in, err := s.incoming()
	if err != nil {
		s.close()
	}
	return in, err
}

func (s *DeliverStream) incoming() (Incoming, error) {
	frame, err := s.next()
	if err != nil {
		return Incoming{}, fmt.Errorf("waiting for a delivery: %w", err)
	}
	kind, err := rvproto.TypeOf(frame)
	if err != nil {
		return Incoming{}, fmt.Errorf("%w: %v", ErrProtocol, err)
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
	}
	in, ok, err := presenceIn(kind, frame)
	if err == nil && ok {
		return in, nil
	}
	return Incoming{}, fmt.Errorf("%w: a frame of type %d", ErrProtocol, kind)
}

// Buffered reports whether more has arrived already, at least in part: a caller without more to read acknowledges what
// it has.
func (s *DeliverStream) Buffered() bool { return s.frames.Buffered() > 0 }

// Ack gives back what is safe: signed receipts for envelopes, and the ids of delivered receipts (rvproto.ReceiptID).
// When it returns, the acknowledgement is handed to the network; one that is lost leads to a second delivery.
func (s *DeliverStream) Ack(ack rvproto.AckFrame) error {
	err := s.write(func(b []byte) ([]byte, bool) { return rvproto.AppendAck(b, ack), false })
	if err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	return nil
}

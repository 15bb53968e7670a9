package node

import (
	"context"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/pairing"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// talk is the way to the other device of a pairing.
type talk struct {
	send   func(frame []byte) error
	leave  func()         // ends it
	frames <-chan []byte  // what the other says; closed when it has gone
	path   keys.PublicKey // the rendezvous node that passes it on; zero if none does
	peer   keys.PublicKey // who the other is, as the connection proves; zero if it does not
}

// waitingFrames is how many frames of the other device may wait: it speaks when it is asked, so that there is one at most.
const waitingFrames = 2

// receive returns the other device's next frame.
func (t *talk) receive(ctx context.Context, limit time.Duration) ([]byte, error) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case frame, ok := <-t.frames:
		if !ok {
			return nil, errOtherGone
		}
		return frame, nil
	case <-timeout.C:
		return nil, errOtherGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// exchange sends a frame and returns the answer.
func (t *talk) exchange(ctx context.Context, frame []byte, limit time.Duration) ([]byte, error) {
	if err := t.send(frame); err != nil {
		return nil, errOtherGone
	}
	return t.receive(ctx, limit)
}

// readVisits reads from an open slot, and hands out each visit.
func readVisits(ctx context.Context, slot *rvclient.Slot, path keys.PublicKey, visits chan<- *talk) error {
	var frames chan []byte
	hangUp := func() {
		if frames != nil {
			close(frames)
			frames = nil
		}
	}
	defer func() { hangUp() }()
	for {
		f, err := slot.Next()
		if err != nil {
			return nil // the slot is over
		}
		switch {
		case f.Event == rvproto.PairCame:
			hangUp()
			frames = make(chan []byte, waitingFrames)
			select {
			case visits <- &talk{send: slot.Send, leave: func() { _ = slot.Dismiss() }, frames: frames, path: path}:
			case <-ctx.Done():
				return nil
			}
		case f.Event == rvproto.PairGone:
			hangUp()
		case frames != nil && len(frames) < waitingFrames && len(f.Data) <= pairing.MaxFrame:
			frames <- f.Data
		default: // who says so much unasked is not talked to
			hangUp()
			_ = slot.Dismiss()
		}
	}
}

// readVisit reads what comes in a visited slot.
func readVisit(ctx context.Context, slot *rvclient.Slot, frames chan<- []byte) error {
	defer close(frames)
	for {
		f, err := slot.Next()
		if err != nil || f.Event != 0 {
			return nil // the end of frames says so
		}
		select {
		case frames <- f.Data:
		case <-ctx.Done():
			return nil
		}
	}
}

package rvclient

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// parcel is the envelope that goes in pieces.
type parcel struct {
	room chan struct{} // capacity 1: there may be room for a piece, or something has to be sent again

	mu    sync.Mutex // guards the following
	flow  rvproto.Flow
	id    keys.EnvelopeID
	data  []byte // nil: there is none
	next  int    // of the bytes, the first that was not sent
	held  int    // that the node has
	began bool   // the node was told that it comes
	shut  bool   // the node does not keep its pieces
	kept  rvproto.HeldFrame
}

// Bring makes an envelope the one that goes in pieces, from where an earlier stream of this device broke. It takes the place of one that
// has not been posted: what the node has of that is lost. The envelope must not be changed until it is posted. [RV-200]
func (s *PostStream) Bring(id keys.EnvelopeID, envelope []byte) {
	p := &s.parcel
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data != nil && p.id == id {
		return
	}
	p.id, p.data, p.next, p.held, p.began, p.shut = id, envelope, 0, 0, false, false
	if p.kept.ID == id && p.kept.Bytes <= len(envelope) {
		p.next, p.held = p.kept.Bytes, p.kept.Bytes
	}
	p.flow.Begin()
}

// Pieces reports whether the node takes an envelope of a size in pieces, and whether that is of use.
func (s *PostStream) Pieces(size int) bool {
	return s.stream.Protocol() == rvproto.PostPieces && !s.quick.Load() && rvproto.WholeEnvelope < size && size <= rvproto.MaxInPieces
}

// Room tells when Piece should be called again after it had no room.
func (s *PostStream) Room() <-chan struct{} { return s.parcel.room }

// Piece sends the next piece of the envelope, if there is room for one. whole means that all of it is sent: PostBrought may follow.
func (s *PostStream) Piece() (sent, whole bool, err error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.isEnded() {
		return false, false, fmt.Errorf("posting: %w", io.ErrClosedPipe)
	}
	begin, piece := s.parcel.take(time.Now())
	if begin == nil && piece == nil {
		return false, s.parcel.isWhole(), nil
	}
	s.pace.ask(0)
	err = s.write(func(b []byte) ([]byte, bool) {
		if begin != nil {
			b, begin = rvproto.AppendBegin(b, *begin), nil
			return b, true
		}
		return rvproto.AppendPiece(b, piece), false
	})
	if err != nil {
		return false, false, fmt.Errorf("posting in pieces: %w", err)
	}
	return true, s.parcel.isWhole(), nil
}

// PostBrought posts the envelope that was brought to devices. It is answered as any.
func (s *PostStream) PostBrought(to []keys.PublicKey) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	p := &s.parcel
	p.mu.Lock()
	id := p.id
	p.data, p.kept = nil, rvproto.HeldFrame{}
	p.mu.Unlock()
	if _, err := s.reserve([]rvproto.PostFrame{{}}); err != nil {
		return err
	}
	s.pace.ask(1)
	err := s.write(func(b []byte) ([]byte, bool) {
		return rvproto.AppendBrought(b, rvproto.BroughtFrame{Recipients: to, ID: id}), false
	})
	if err != nil {
		return fmt.Errorf("posting what was brought: %w", err)
	}
	return nil
}

// take returns what is to be sent next, nil if nothing now.
func (p *parcel) take(now time.Time) (begin *rvproto.BeginFrame, piece []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := 0
	if p.data != nil && !p.shut {
		size = p.flow.Piece(len(p.data)-p.next, p.next-p.held)
	}
	if size == 0 {
		return nil, nil
	}
	if !p.began {
		p.began = true
		begin = &rvproto.BeginFrame{ID: p.id, Size: len(p.data), Offset: p.next}
	}
	piece = p.data[p.next : p.next+size]
	p.next += size
	p.flow.Note(p.next, size, now)
	return begin, piece
}

func (p *parcel) isWhole() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data != nil && p.next == len(p.data)
}

// Refused reports whether the node has no room for the pieces of the envelope: it goes in one frame then.
func (s *PostStream) Refused() bool {
	s.parcel.mu.Lock()
	defer s.parcel.mu.Unlock()
	return s.parcel.data != nil && s.parcel.shut
}

// errHeld means that the node says it has what was never sent.
var errHeld = errors.New("more of an envelope than was sent")

// hearHeld takes a frame that says how much the node has of an envelope; false for another one.
func (s *PostStream) hearHeld(frame []byte) (heard bool, err error) {
	if kind, err := rvproto.TypeOf(frame); err != nil || kind != rvproto.FrameHeld || s.stream.Protocol() != rvproto.PostPieces {
		return false, nil //nolint:nilerr // who reads it as an answer says what is wrong
	}
	held, err := rvproto.ParseHeld(frame)
	if err == nil {
		err = s.parcel.hear(held, time.Now())
		s.quick.Store(s.parcel.isQuick())
	}
	if err != nil {
		return true, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	return true, nil
}

func (p *parcel) hear(held rvproto.HeldFrame, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.data == nil || held.ID != p.id:
		p.kept = held // of an earlier stream
		return nil
	case held.Bytes > p.next:
		return errHeld
	case held.Bytes < p.held: // it was dropped there, to make room
		p.next, p.held, p.began = held.Bytes, held.Bytes, false
		p.flow.Begin()
	case held.Bytes == p.held && p.began: // pieces came, and nothing of them is there
		p.shut = true
	default:
		p.flow.Heard(held.Bytes, now)
		p.held = held.Bytes
	}
	select {
	case p.room <- struct{}{}:
	default:
	}
	return nil
}

// isQuick reports whether the link carries so much that pieces are of no use.
func (p *parcel) isQuick() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flow.Quick()
}

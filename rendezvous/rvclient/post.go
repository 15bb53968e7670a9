package rvclient

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/p2p"
	"muster.example/rendezvous/rvproto"
)

// PostStream sends envelopes and gets an answer for each, in order. One goroutine, or several, call Send; one must be
// in Answer all the time, because answers make room in the window and reading them keeps the stream alive.
type PostStream struct {
	*link

	mu      sync.Mutex    // guards the following
	waiting []posted      // the posts without an answer, oldest first
	bytes   int           // their sum
	room    chan struct{} // capacity 1: an answer has come

	greetings func() error // hears the hello

	sending sync.Mutex // held by Send, so that batches do not mix; taken before any other

	parcel parcel      // the envelope that goes in pieces
	quick  atomic.Bool // the link carries so much that there is no need of pieces
}

// posted is a post without an answer.
type posted struct {
	size int
	at   time.Time
}

// OpenPost opens the device's post stream; the node ends an older one of this device. ctx bounds the stream's whole
// life: its end is like Close. A device that is not admitted gets the node's wire.Status, and a *MovedError if another node
// has taken over.
func (c *Client) OpenPost(ctx context.Context) (*PostStream, error) {
	s, err := c.BeginPost(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Greet(); err != nil {
		return nil, err
	}
	return s, nil
}

// BeginPost is OpenPost without its end: what the node says at first is not waited for. What is posted then goes with the stream's first
// bytes, and nothing is known of it before Greet. [RV-206]
func (c *Client) BeginPost(ctx context.Context) (*PostStream, error) {
	l, err := c.begin(ctx, []protocol.ID{rvproto.PostPieces, rvproto.Post}, smallBuffer, bulkBuffer, rvproto.MaxAnswerFrame)
	if err != nil {
		return nil, err
	}
	s := &PostStream{link: l, room: make(chan struct{}, 1)}
	s.greetings = func() error { return l.greeted(ctx, c) }
	s.parcel.room = make(chan struct{}, 1)
	return s, nil
}

// KnowsPieces reports whether the node is known to take posts as this version makes them, so that BeginPost does not wait to learn it.
func (c *Client) KnowsPieces() bool { return p2p.Knows(c.Host, c.Node, rvproto.PostPieces) }

// Greet hears what the node says at first. It comes before Answer. An error is one of OpenPost, and ends the stream: what was posted
// before counts as not posted.
func (s *PostStream) Greet() error {
	if err := s.greetings(); err != nil {
		return err
	}
	if move := s.Moved(); move != nil {
		s.close()
		return &MovedError{Event: move}
	}
	if s.stream.Protocol() != rvproto.PostPieces {
		return nil
	}
	frame, err := s.next()
	if err == nil {
		s.parcel.kept, err = rvproto.ParseHeld(frame)
	}
	if err != nil {
		s.close()
		return fmt.Errorf("waiting for what the node has in pieces: %w", err)
	}
	return nil
}

// Send posts each envelope to its recipients. It waits while the window is full (rvproto.PostWindow posts,
// rvproto.PostWindowBytes bytes), and until everything is handed to the network, not for the answers. A post beyond
// rvproto.MaxRecipients or rvproto.MaxEnvelope is the caller's fault: the node ends the stream. The envelopes may be
// reused when it returns.
func (s *PostStream) Send(posts []rvproto.PostFrame) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	for len(posts) > 0 {
		n, err := s.reserve(posts)
		if err != nil {
			return err
		}
		s.pace.ask(n)
		batch := posts[:n]
		i := 0
		err = s.write(func(b []byte) ([]byte, bool) {
			b = rvproto.AppendPost(b, batch[i])
			i++
			return b, i < len(batch)
		})
		if err != nil {
			return fmt.Errorf("posting: %w", err)
		}
		posts = posts[n:]
	}
	return nil
}

// reserve takes room in the window for one post or more from the front, waiting for it, at most until the stream ends.
func (s *PostStream) reserve(posts []rvproto.PostFrame) (n int, err error) {
	for {
		if s.isEnded() {
			return 0, fmt.Errorf("posting: %w", io.ErrClosedPipe)
		}
		s.mu.Lock()
		for n < len(posts) && len(s.waiting) < rvproto.PostWindow {
			size := len(posts[n].Envelope)
			if len(s.waiting) > 0 && s.bytes+size > rvproto.PostWindowBytes {
				break
			}
			s.waiting = append(s.waiting, posted{size, time.Now()})
			s.bytes += size
			n++
		}
		s.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		select {
		case <-s.room:
		case <-s.ended:
		}
	}
}

// Answer returns the answer to the oldest post without one. It waits for it; after an error the stream is ended and
// nothing is known about the posts without an answer.
func (s *PostStream) Answer() (rvproto.AnswerFrame, error) {
	answer, err := s.answer()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(s.waiting) == 0 {
		err = fmt.Errorf("%w: an answer to nothing", ErrProtocol)
	}
	if err != nil {
		s.close()
	} else {
		s.bytes -= s.waiting[0].size
		if time.Since(s.waiting[0].at) > rvproto.Late {
			s.quick.Store(false)
		}
		s.waiting = s.waiting[1:]
		s.pace.answered()
	}
	select {
	case s.room <- struct{}{}:
	default:
	}
	return answer, err
}

func (s *PostStream) answer() (rvproto.AnswerFrame, error) {
	frame, err := s.next()
	for ; err == nil; frame, err = s.next() {
		if heard, fault := s.hearHeld(frame); fault != nil {
			return rvproto.AnswerFrame{}, fault
		} else if !heard {
			break
		}
	}
	if err != nil {
		return rvproto.AnswerFrame{}, fmt.Errorf("waiting for an answer: %w", err)
	}
	answer, err := rvproto.ParseAnswer(frame)
	if err != nil {
		return rvproto.AnswerFrame{}, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	return answer, nil
}

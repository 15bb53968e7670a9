package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
)

// meetingSearch looks on the local networks for who shows a code, and calls each that says it is the one.
type meetingSearch struct {
	host   host.Host
	place  meetingPlace
	who    keys.PublicKey // who it must be; zero: anybody who announces the place
	group  *task.Group
	heard  chan keys.PublicKey // capacity meetingCalls: those that were called and answered, who are to be talked to
	failed chan error          // capacity 1: why nobody can be heard

	mu     sync.Mutex // guards the following
	called map[keys.PublicKey]bool
}

// errNobodyNear means that nobody on the local networks waits for this code.
var errNobodyNear = errors.New("nobody on the local network waits for this code")

// searchMeeting begins to look. The caller closes it.
func (n *Node) searchMeeting(ctx context.Context, local host.Host, place meetingPlace, who keys.PublicKey) *meetingSearch {
	s := &meetingSearch{
		host: local, place: place, who: who, group: task.New(ctx),
		heard: make(chan keys.PublicKey, meetingCalls), failed: make(chan error, 1), called: make(map[keys.PublicKey]bool),
	}
	s.group.Go("browser", func(ctx context.Context) error {
		err := n.config.Nearby.Browse(ctx, nearby.Meetings, s.found)
		if err != nil && ctx.Err() == nil {
			s.failed <- err
		}
		return nil
	})
	return s
}

// close ends the search and every talk that came of it.
func (s *meetingSearch) close() {
	s.group.Stop()
	_ = s.group.Wait() // its goroutines fail by themselves, and say so in other ways
}

// found calls who announces the meeting that is looked for.
func (s *meetingSearch) found(f nearby.Found) {
	notice, err := readNotice(f.Payload)
	if err == nil && notice.meetingPlace == s.place && (s.who.IsZero() || notice.key == s.who) {
		s.call(notice.key, localInfo(notice.key, f.Addresses))
	}
}

// call connects to somebody, once at a time and to meetingCalls in all.
func (s *meetingSearch) call(who keys.PublicKey, info peer.AddrInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(info.Addrs) == 0 || s.called[who] || len(s.called) == meetingCalls {
		return
	}
	s.called[who] = true
	s.group.Go("call", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		if err := s.host.Connect(ctx, info); err != nil {
			s.mu.Lock()
			delete(s.called, who) // it may be announced again, with other addresses
			s.mu.Unlock()
			return nil
		}
		s.heard <- who
		return nil
	})
}

// next returns a talk with one of those who were called and answered, each once: errNobodyNear if there is none in some time.
// Others say why there can be none. The caller leaves a talk before it asks for the next.
func (s *meetingSearch) next(ctx context.Context, limit time.Duration) (*talk, error) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		select {
		case who := <-s.heard:
			if t, err := s.talk(ctx, who); err == nil {
				return t, nil
			}
		case err := <-s.failed:
			return nil, err
		case <-timeout.C:
			return nil, errNobodyNear
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// talk visits who was called.
func (s *meetingSearch) talk(ctx context.Context, who keys.PublicKey) (*talk, error) {
	opening, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	stream, err := s.host.NewStream(opening, p2p.PeerID(who), protocolMeet)
	if err != nil {
		return nil, err
	}
	visit, err := newVisit(stream, meetingBytes+askBytes, meetingBytes+rollBytes)
	if err != nil {
		_ = stream.Reset()
		return nil, err
	}
	s.group.Go("visit", func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() { _ = stream.Reset() })()
		_ = visit.read() // the end of the frames says so
		return nil
	})
	return visit.talk(who), nil
}

package replicated

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/rendezvous/queue"
)

// follow applies what is appended to the log, by whatever process, until ctx ends. The servers send each record on once it is
// stored; what is missed of them is read. Nobody else applies anything while it runs.
func (s *shard) follow(ctx context.Context) error {
	live := make(chan *nats.Msg, livePending)
	sub, err := s.link.nc.ChanSubscribe(s.liveSubject(), live)
	if err != nil {
		return unavailable("subscribing to the log", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // it goes with the connection
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m, ok := <-live:
			if !ok {
				return nil
			}
			seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
			if err == nil && s.next(logged{seq, m.Data}) {
				continue
			}
		case read := <-s.anew:
			read <- s.reload(ctx)
			continue
		case <-s.want:
		case <-poll.C:
		}
		if err := s.catchUp(ctx); err != nil && ctx.Err() == nil {
			s.engine.troubles.warn("following the log", err)
		}
	}
}

// next applies a record if it is the next one, or known.
func (s *shard) next(m logged) bool {
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.seq == s.applied+1 {
		s.applyLocked(m.seq, s.parse(m))
	}
	return m.seq <= s.applied
}

// catchUp applies what a server has of the log beyond what is known. If the log does not go on where it was known to end, its
// beginning was purged or it was lost: it is read anew.
func (s *shard) catchUp(ctx context.Context) error {
	for {
		page, err := s.page(ctx, s.known()+1)
		for _, m := range page {
			if !s.next(m) {
				return s.reload(ctx)
			}
		}
		if err != nil || len(page) == 0 {
			return err
		}
	}
}

// known returns the last record of the log that is known here.
func (s *shard) known() uint64 {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.applied
}

// readAnew has the follower read the log from its beginning, and waits until it has.
func (s *shard) readAnew(ctx context.Context) error {
	read := make(chan error, 1)
	select {
	case s.anew <- read:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-read:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reached waits until a record of the log is known here. Errors: the context's, ErrUnavailable when the log was lost meanwhile: its numbers are given
// once more.
func (s *shard) reached(ctx context.Context, seq uint64) error {
	s.engine.mu.Lock()
	losses := s.losses
	s.engine.mu.Unlock()
	missed := time.NewTimer(wantPause)
	defer missed.Stop()
	for {
		s.engine.mu.Lock()
		known, same, progress := s.applied >= seq, s.losses == losses, s.progress
		s.engine.mu.Unlock()
		switch {
		case known && same:
			return nil
		case !same:
			return fmt.Errorf("%w: the log in the cluster was lost", queue.ErrUnavailable)
		}
		select {
		case <-progress:
		case <-missed.C:
			poke(s.want)
			missed.Reset(wantPause)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

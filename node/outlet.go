package node

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// outlet is what goes out on one post stream: what goes in one frame as it comes, and between that, one after the other, the envelopes
// that go in pieces.
type outlet struct {
	o          *organization
	stream     *rvclient.PostStream
	poster     *poster
	unanswered chan<- offer
	under      *underWay
	settled    <-chan struct{} // closed when what is large may go; nil: it may

	after  uint64    // the number of the last small envelope that was posted
	passed uint64    // the same of the large ones
	looked bool      // nothing small waits, as far as is known
	large  *outgoing // what goes in pieces now
}

// again has everything that waits be looked at from the first on.
func (u *outlet) again() { u.after, u.passed, u.looked = 0, 0, false }

// isLarge reports whether an envelope waits until nothing small does.
func isLarge(w store.Waiting) bool { return w.Size > rvproto.WholeEnvelope }

func isSmall(w store.Waiting) bool { return !isLarge(w) }

// next posts some of what waits. wait means that there is nothing now, or no room for more.
func (u *outlet) next(ctx context.Context, t turn) (wait bool, err error) {
	if !u.looked {
		batch, err := u.o.toPost(u.after, u.o.now(), t, u.under.but(isSmall))
		if err != nil {
			return false, err
		}
		if len(batch) > 0 {
			u.after = batch[len(batch)-1].Number
			return false, u.post(ctx, batch, t)
		}
		u.looked = true
	}
	if !u.isSettled() {
		return true, nil
	}
	if u.large != nil {
		return u.bring(ctx, t)
	}
	batch, err := u.o.toPost(u.passed, u.o.now(), t, u.under.but(func(w store.Waiting) bool { return isLarge(w) && u.o.mayTravel(w) }))
	if err != nil || len(batch) == 0 {
		return true, err
	}
	if one := batch[0]; u.stream.Pieces(len(one.envelope)) && len(offers(one.Waiting)) == 1 {
		u.large, u.passed = &one, one.Number
		u.stream.Bring(one.ID, one.envelope)
		return false, nil
	}
	u.passed = batch[len(batch)-1].Number
	return false, u.post(ctx, batch, t)
}

// isSettled reports whether what is large may go: at first it would be in the way of what the session begins with.
func (u *outlet) isSettled() bool {
	select {
	case <-u.settled:
		return true
	default:
		return u.settled == nil
	}
}

// bring sends the next piece of a large envelope, and posts it behind the last one.
func (u *outlet) bring(ctx context.Context, t turn) (wait bool, err error) {
	if u.stream.Refused() {
		whole := []outgoing{*u.large}
		u.large = nil
		return false, u.post(ctx, whole, t)
	}
	sent, whole, err := u.stream.Piece()
	if err == nil && whole {
		return false, u.postLarge(ctx, t)
	}
	return !sent, err
}

// post posts envelopes in one frame each.
func (u *outlet) post(ctx context.Context, batch []outgoing, t turn) error {
	posts := make([]rvproto.PostFrame, 0, len(batch))
	for _, w := range batch {
		for _, one := range offers(w.Waiting) {
			if err := u.promise(ctx, one, t); err != nil {
				return err
			}
			posts = append(posts, rvproto.PostFrame{Recipients: one.to, Envelope: w.envelope})
		}
	}
	u.o.fleet.asked(u.poster.node)
	if err := u.stream.Send(posts); err != nil {
		return fmt.Errorf("posting: %w", err)
	}
	return nil
}

// postLarge posts the envelope of which all pieces are on their way. To whom is asked anew: the pieces may have taken an hour.
func (u *outlet) postLarge(ctx context.Context, t turn) error {
	id := u.large.ID
	u.large = nil
	var w store.Waiting
	err := u.o.node.store.View(func(tx *store.Tx) (err error) {
		w, err = tx.WaitingByID(u.o.org, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // it was taken back
	} else if err != nil {
		return err
	}
	if len(w.Pending) == 0 {
		return nil
	}
	for _, one := range offers(w) {
		if err := u.promise(ctx, one, t); err != nil {
			return err
		}
		u.o.fleet.asked(u.poster.node)
		if err := u.stream.PostBrought(one.to); err != nil {
			return err
		}
	}
	return nil
}

// promise tells the reader of answers of a post, before the node can answer it.
func (u *outlet) promise(ctx context.Context, one offer, t turn) error {
	one.node, one.second, one.poster = u.poster.node, t.which == second, u.poster
	u.under.add(one.ID)
	select {
	case u.unanswered <- one:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// underWay are the envelopes that were posted on a stream and have no answer: they are not posted again on it, which over a slow link
// would be most of what it carries.
type underWay struct {
	mu    sync.Mutex // guards the following
	posts map[keys.EnvelopeID]int
}

// but returns which of some envelopes are not under way.
func (u *underWay) but(of func(store.Waiting) bool) func(store.Waiting) bool {
	return func(w store.Waiting) bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.posts[w.ID] == 0 && of(w)
	}
}

func (u *underWay) add(id keys.EnvelopeID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.posts[id]++
}

// answered forgets posts whose answers are stored.
func (u *underWay) answered(batch []answered) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range batch {
		if u.posts[a.waiting.ID]--; u.posts[a.waiting.ID] <= 0 {
			delete(u.posts, a.waiting.ID)
		}
	}
}

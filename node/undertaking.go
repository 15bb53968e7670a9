package node

import (
	"context"
	"time"

	"muster.example/internal/task"
	"muster.example/node/api"
)

// undertaking is what one person has their device do with another device beside it, and what is told of that: a pairing, a meeting. Of
// each kind one is under way at a time, or was last.
type undertaking[T any] struct {
	node    *Node
	name    string             // of its goroutine
	event   api.EventKind      // says that there is news of it
	version func(*T) *uint64   // grows with each change
	ending  func(*T, error)    // says how it ended, if that was not said
	said    *bulletin[T]       // what is told
	end     context.CancelFunc // ends it
	over    chan struct{}      // closed once all of it has ended
}

// undertaken is a kind of undertaking.
type undertaken[T any] interface {
	comparable
	base() *undertaking[T]
}

func (u *undertaking[T]) base() *undertaking[T] { return u }

// undertake makes room for an undertaking at its place: what was under way ends. The context is the whole undertaking's. Callers call
// start, or abort. busy: another was begun at the same time.
func undertake[T any, U undertaken[T]](ctx context.Context, place *U, next U, limit time.Duration, busy error) (context.Context, error) {
	u, none := next.base(), *new(U)
	n := u.node
	select {
	case <-n.running:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	before := *place
	n.mu.Unlock()
	if before != none {
		last := before.base()
		last.end()
		select {
		case <-last.over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		was := last.said.now()
		u.said.change(func(now *T) { *u.version(now) = *u.version(&was) + 1 })
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.group == nil {
		return nil, errNotRunning
	}
	if *place != before {
		return nil, busy
	}
	life, end := context.WithTimeout(n.group.Context(), limit)
	*place, u.end = next, end
	return life, nil
}

// start runs it in goroutines of its own. Whatever comes of it ends it, and nothing else of the node.
func (u *undertaking[T]) start(ctx context.Context, parts map[string]func(ctx context.Context) error) error {
	u.node.mu.Lock()
	defer u.node.mu.Unlock()
	if u.node.group == nil {
		u.abort(errNotRunning)
		return errNotRunning
	}
	u.node.group.Go(u.name, func(context.Context) error {
		group := task.New(ctx)
		for part, run := range parts {
			group.Go(part, run)
		}
		u.abort(group.Wait())
		return nil
	})
	return nil
}

// abort ends what has not come to an end of its own. It is called once.
func (u *undertaking[T]) abort(err error) {
	u.end()
	u.tell(func(said *T) { u.ending(said, err) })
	close(u.over)
}

// tell changes what is told.
func (u *undertaking[T]) tell(change func(*T)) {
	u.said.change(func(said *T) {
		change(said)
		*u.version(said)++
	})
	u.node.hub.publish(api.Event{Kind: u.event, Time: time.Now().UTC()})
}

// awaitEnd waits until all of it has ended, and returns what is told then.
func (u *undertaking[T]) awaitEnd(ctx context.Context) (said T, err error) {
	select {
	case <-u.over:
		return u.said.now(), nil
	case <-ctx.Done():
		return said, ctx.Err()
	}
}

package node

import (
	"context"
	"sync"
	"time"
)

// bulletin is what is told of something under way, to requests that wait for a change of it.
type bulletin[T any] struct {
	mu      sync.Mutex // guards the following
	value   T
	changed chan struct{} // closed and replaced at each change
}

func newBulletin[T any](first T) *bulletin[T] {
	return &bulletin[T]{value: first, changed: make(chan struct{})}
}

func (t *bulletin[T]) now() T {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}

func (t *bulletin[T]) change(how func(*T)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	how(&t.value)
	close(t.changed)
	t.changed = make(chan struct{})
}

// await returns the value as soon as it is as wanted, or as it is when the time is over.
func (t *bulletin[T]) await(ctx context.Context, limit time.Duration, wanted func(T) bool) (T, error) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		t.mu.Lock()
		value, changed := t.value, t.changed
		t.mu.Unlock()
		if wanted(value) {
			return value, nil
		}
		select {
		case <-changed:
		case <-timeout.C:
			return t.now(), nil
		case <-ctx.Done():
			return value, ctx.Err()
		}
	}
}

package node

import (
	"context"
	"sync"

	"muster.example/node/api"
)

// watchBuffer is how many events a watcher may lag behind before it is given up.
const watchBuffer = 256

// hub hands events to watchers. It never waits for one: a watcher whose buffer is full is closed.
type hub struct {
	mu       sync.Mutex // guards the following
	watchers map[*watcher]struct{}
	closed   bool
}

type watcher struct {
	org    string // empty: all
	events chan api.Event
}

func newHub() *hub { return &hub{watchers: make(map[*watcher]struct{})} }

// watch returns the events of an organization id, or of all, from now until ctx ends.
func (h *hub) watch(ctx context.Context, org string) <-chan api.Event {
	w := &watcher{org: org, events: make(chan api.Event, watchBuffer)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(w.events)
		return w.events
	}
	h.watchers[w] = struct{}{}
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.dropLocked(w)
	})
	return w.events
}

// publish hands out an event.
func (h *hub) publish(event api.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		if w.org != "" && w.org != event.Org {
			continue
		}
		select {
		case w.events <- event:
		default:
			h.dropLocked(w)
		}
	}
}

// close ends every watcher.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for w := range h.watchers {
		h.dropLocked(w)
	}
}

func (h *hub) dropLocked(w *watcher) {
	if _, ok := h.watchers[w]; ok {
		delete(h.watchers, w)
		close(w.events)
	}
}

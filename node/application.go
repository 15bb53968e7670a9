package node

import (
	"context"
	"errors"
	"sync"

	"muster.example/node/store"
)

// application is a request for re-admission of this device that has not taken effect.
type application struct {
	node *Node
	gate *gate // of its host

	mu       sync.Mutex // guards the following
	kept     store.Application
	replaced bool               // a newer request took its place
	end      context.CancelFunc // ends its run
}

func newApplication(n *Node, kept store.Application) *application {
	return &application{node: n, gate: n.newGate(), kept: kept, end: func() {}}
}

// errReplaced means that a newer request took the place of this one.
var errReplaced = errors.New("a newer request took its place")

// begin returns the context of a run, which replace ends.
func (a *application) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ctx, a.end = context.WithCancel(ctx)
	if a.replaced {
		a.end()
	}
	return ctx, a.end
}

// replace ends the request: a newer one takes its place.
func (a *application) replace() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.replaced = true
	a.end()
}

// ended returns the error to end a run with: nil if a newer request took its place.
func (a *application) ended(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.replaced {
		return nil
	}
	return err
}

func (a *application) snapshot() store.Application {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept
}

func (a *application) promised() bool {
	kept := a.snapshot()
	return kept.Promised && !kept.Refused
}

// keep stores how the request stands.
func (a *application) keep(kept store.Application) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.replaced {
		return errReplaced
	}
	err := a.node.store.Update(func(tx *store.Tx) error { return tx.PutApplication(kept) })
	if err == nil {
		a.kept = kept
	}
	return err
}

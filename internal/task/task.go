// Package task runs the goroutines of a part and waits for them: nothing outlives the Run that started it.
//
// It owns every `go` statement outside tests (internal/repotest enforces that). It must not know what the goroutines
// do.
package task

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Group is a set of named goroutines with one context. The first that fails, or a cancelled parent, ends them all.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wait   sync.WaitGroup

	mu      sync.Mutex // guards the following
	err     error
	running map[string]int
}

// New returns a group whose goroutines run under parent.
func New(parent context.Context) *Group {
	ctx, cancel := context.WithCancelCause(parent)
	return &Group{ctx: ctx, cancel: cancel, running: make(map[string]int)}
}

// Context returns the context that the group's goroutines get: done when the parent is, when one of them failed, or
// after Stop.
func (g *Group) Context() context.Context { return g.ctx }

// Go starts run in a goroutine of the group. An error other than the end of the context ends the group and is what
// Wait returns. name appears in Running and in errors.
func (g *Group) Go(name string, run func(ctx context.Context) error) {
	g.note(name, 1)
	g.wait.Add(1)
	go func() {
		defer g.wait.Done()
		defer g.note(name, -1)
		if err := run(g.ctx); err != nil && g.ctx.Err() == nil {
			g.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
}

// Stop asks the goroutines to end. It does not wait.
func (g *Group) Stop() { g.cancel(nil) }

// Wait returns after every goroutine has ended: the first error of one, or nil when they ended because they were done
// or were asked to.
func (g *Group) Wait() error {
	g.wait.Wait()
	g.cancel(nil)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// Running returns the names of the goroutines that have not ended, sorted: who holds up a stop.
func (g *Group) Running() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	names := make([]string, 0, len(g.running))
	for name := range g.running {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (g *Group) note(name string, change int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running[name] += change; g.running[name] == 0 {
		delete(g.running, name)
	}
}

func (g *Group) fail(err error) {
	g.mu.Lock()
	if g.err == nil {
		g.err = err
	}
	g.mu.Unlock()
	g.cancel(err)
}

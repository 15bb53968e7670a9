package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals tells how the program was asked to end.
type signals struct {
	terminate context.Context //nolint:containedctx // it is the signal itself, not a caller's
	interrupt context.Context //nolint:containedctx // as above
	stop      func()
}

// watchSignals returns a context that ends at the first SIGINT or SIGTERM. After it the signals have their usual
// effect again: a second one ends the program at once.
func watchSignals(ctx context.Context) (context.Context, *signals) {
	terminate, stopTerminate := signal.NotifyContext(ctx, syscall.SIGTERM)
	interrupt, stopInterrupt := signal.NotifyContext(terminate, os.Interrupt)
	stop := func() { stopInterrupt(); stopTerminate() }
	context.AfterFunc(interrupt, stop)
	return interrupt, &signals{terminate: terminate, interrupt: interrupt, stop: stop}
}

// interrupted reports whether a SIGINT came.
func (s *signals) interrupted() bool {
	return s.interrupt.Err() != nil && context.Cause(s.interrupt) != context.Cause(s.terminate)
}

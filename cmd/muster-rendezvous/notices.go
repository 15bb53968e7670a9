package main

import (
	"context"
	"log/slog"
	"time"

	"muster.example/internal/notify"
	"muster.example/rendezvous"
)

// tellManager tells the service manager that the node serves and, as often as it wants to hear that, that it lives. The
// node lives if it can say what it is like: that takes the locks that serving takes.
func tellManager(ctx context.Context, manager notify.Manager, node *rendezvous.Node) error {
	return tellServing(ctx, manager, node.Ready(), func() { _ = node.Status() })
}

// tellServing does it for any service, which lives if look returns.
func tellServing(ctx context.Context, manager notify.Manager, ready <-chan struct{}, look func()) error {
	select {
	case <-ctx.Done():
		return nil
	case <-ready:
	}
	tell(manager, notify.Ready, notify.Status("serving"))
	period := manager.Every()
	if period == 0 {
		return nil
	}
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			look()
			tell(manager, notify.Alive)
		}
	}
}

// tell tells the manager. That it does not hear is worth a line, and no reason to stop.
func tell(manager notify.Manager, lines ...string) {
	if err := manager.Tell(lines...); err != nil {
		slog.Error("the service manager hears nothing", "error", err)
	}
}

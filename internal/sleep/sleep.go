// Package sleep tells when the computer goes to sleep.
//
// On Linux it asks logind to wait with it (an inhibitor lock, systemd's org.freedesktop.login1) and hears of it before. Where there
// is no logind, and on other systems, whose word needs a window or a C library, it sees afterwards that the clocks jumped. It must
// not know what is done then.
package sleep

import (
	"context"
	"log/slog"
	"time"
)

// How a sleep is seen afterwards.
const (
	look = 10 * time.Second // between two looks at the clocks
	jump = 60 * time.Second // that a look comes late by, at least, after a sleep: no busy machine is that late
)

// Watch calls asleep when the computer is about to sleep, or has slept, each time until ctx ends. What asleep does holds the sleep up
// for as long as logind lets it, five seconds unless set otherwise: until asleep has returned and the program has ended, or another
// has taken its place. Without a word of the system Watch says so to log, once, and watches the clocks alone.
func Watch(ctx context.Context, log *slog.Logger, asleep func()) {
	announced, stop, err := announcements(ctx)
	if err != nil {
		log.Info("the system does not say when it sleeps: it is seen afterwards", "error", err)
	} else {
		defer stop()
	}
	watch(ctx, announced, time.Now, asleep)
}

// watch is Watch with given announcements, nil for none, and a given clock of the wall.
func watch(ctx context.Context, announced <-chan struct{}, wall func() time.Time, asleep func()) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	lastWall, last := wall().Round(0), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-announced:
			if !open { // the system went away
				announced = nil
				continue
			}
			asleep()
		case <-ticker.C:
			nowWall, now := wall().Round(0), time.Now()
			// One clock stands still during a sleep on some systems, the other on none.
			if nowWall.Sub(lastWall) > look+jump || now.Sub(last) > look+jump {
				asleep()
			}
			lastWall, last = nowWall, now
		}
	}
}

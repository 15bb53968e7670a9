// Package linkcost tells whether the computer's link to the network is metered, as the system reckons: that it costs by the byte.
//
// On Linux NetworkManager says it, by what its user set for the connection or else by what it guesses: a phone that shares its own
// says so, for one. Where there is no NetworkManager, and on other systems, whose word needs a C library or a window, nobody says it. It
// must not know what is done then.
package linkcost

import (
	"context"
	"log/slog"
	"time"
)

const (
	// rest is for how long the system must say nothing else before a change is told, but for the first.
	rest = 2 * time.Second
	// apart is how long after one change the next is told at the earliest: an interface may come and go.
	apart = 30 * time.Second
)

// Watch calls changed each time the system reckons otherwise than before, until ctx ends. It begins with a link that is not metered, which
// is also what counts where the system does not know. Without a word of the system Watch says so to log, and returns when ctx ends.
// changed must not wait long.
func Watch(ctx context.Context, log *slog.Logger, changed func(metered bool)) {
	words, stop, err := listen(ctx)
	if err != nil {
		log.Info("the system does not say whether its link is metered", "error", err)
		<-ctx.Done()
		return
	}
	defer stop()
	watch(ctx, words, changed)
}

// watch is Watch with given words of the system, each of which may be the same as before.
func watch(ctx context.Context, words <-chan bool, changed func(metered bool)) {
	told, now := false, false
	var last time.Time // when something was told, the zero value if nothing was
	for {
		var due <-chan time.Time
		if now != told {
			due = time.After(wait(last))
		}
		select {
		case <-ctx.Done():
			return
		case word, open := <-words:
			now = word // false if the system says no more: what it said may not hold for long
			if !open {
				words = nil
			}
		case <-due:
			told, last = now, time.Now()
			changed(told)
		}
	}
}

// wait returns for how long a change is not told yet.
func wait(last time.Time) time.Duration {
	if last.IsZero() {
		return 0
	}
	return max(rest, time.Until(last.Add(apart)))
}

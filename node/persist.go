package node

import (
	"context"
	"time"
)

// keepAtIt tries what was begun and is left, at once when woken and otherwise after a pause that doubles up to longestPause while
// anything is left, until ctx ends. try returns how many are left that may succeed later; its error ends it.
func keepAtIt(ctx context.Context, first time.Duration, woken <-chan struct{}, try func(context.Context) (left int, err error)) error {
	pause := first
	for {
		left, err := try(ctx)
		if err != nil {
			return err
		}
		var wait <-chan time.Time // for ever while nothing is left
		if left > 0 {
			wait = time.After(jitter(pause))
			pause = min(2*pause, longestPause)
		} else {
			pause = first
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-woken:
			pause = first
		case <-wait:
		}
	}
}

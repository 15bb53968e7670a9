package drive

import (
	"context"
	"time"
)

// pollTime is how often the list of volumes is read where the system does not tell of changes.
const pollTime = 3 * time.Second

// Watch calls changed once when it has begun to look, and then whenever the volumes of the machine may be others than at the
// call before, until ctx ends. It calls from its own goroutine, and may call for nothing. An error other than ctx's means that the system cannot be
// asked.
func Watch(ctx context.Context, changed func()) error { return watch(ctx, changed) }

// List returns the volumes that are mounted now, but for those that hold no files of a person: what the kernel shows of
// itself as files.
func List() ([]Volume, error) { return list() }

// poll watches by reading the list every few seconds.
func poll(ctx context.Context, list func() ([]Volume, error), changed func()) error {
	before, err := list()
	if err != nil {
		return err
	}
	changed()
	ticker := time.NewTicker(pollTime)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		now, err := list()
		if err != nil {
			return err
		}
		if appeared, gone := Compare(before, now); len(appeared)+len(gone) > 0 {
			changed()
		}
		before = now
	}
}

// System is List and Watch of this machine, for whoever takes them as an interface.
type System struct{}

// List is the function List.
func (System) List() ([]Volume, error) { return List() }

// Watch is the function Watch.
func (System) Watch(ctx context.Context, changed func()) error { return Watch(ctx, changed) }

package audit

import (
	"context"
	"errors"

	"muster.example/internal/task"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
)

// readers is how many objects are read at once: a far storage answers each after a while.
const readers = 4

// held is an object on its way, or there.
type held struct {
	storage.Object
	data []byte
	err  error
	done chan struct{} // closed when data or err is there
}

// inOrder reads the objects behind a name and has visit see them in order, while the next ones are being read.
func inOrder(parent context.Context, s storage.Storage, prefix, after string, visit func(*held) error) error {
	group := task.New(parent)
	order, work := make(chan *held, readers), make(chan *held, readers)
	group.Go("list", func(ctx context.Context) error {
		defer close(work)
		defer close(order)
		return s.List(ctx, prefix, after, func(o storage.Object) error {
			next := &held{Object: o, done: make(chan struct{})}
			for _, queue := range []chan *held{order, work} {
				select {
				case queue <- next:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range readers {
		group.Go("read", func(ctx context.Context) error {
			for next := range work {
				next.data, next.err = s.Read(ctx, next.Name, segment.MaxBytes)
				close(next.done)
			}
			return nil
		})
	}
	group.Go("visit", func(ctx context.Context) error {
		for next := range order {
			select {
			case <-next.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if next.err != nil && !errors.Is(next.err, storage.ErrNotFound) {
				return next.err
			}
			if err := visit(next); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(group.Wait(), parent.Err())
}

package exchange_test

import (
	"context"
	"net"
	"slices"
	"testing"

	"muster.example/internal/task"
	"muster.example/sync/exchange"
	"muster.example/sync/reconcile"
)

// forgetful is a history that gives nothing old any more once it was given something.
type forgetful struct {
	*memory
	until uint64
	taken bool
}

func (f *forgetful) Take(ctx context.Context, records [][]byte) ([]reconcile.Item, error) {
	f.taken = true
	return f.memory.Take(ctx, records)
}

func (f *forgetful) Records(missing reconcile.Missing, visit func(reconcile.Item, []byte) (bool, error)) error {
	return f.memory.Records(missing, func(item reconcile.Item, record []byte) (bool, error) {
		if f.taken && item.Time < f.until {
			return true, nil
		}
		return visit(item, record)
	})
}

// What is older than some time is asked for once the other side has what it lacked, by which it may give less of that. [HIST-62]
func TestWhatIsOldIsAskedForLast(t *testing.T) {
	for _, later := range []uint64{0, 5000} {
		a := newMemory(slices.Concat(many(200, 9000, "both"), many(1, 9900, "a choice"))...)
		b := &forgetful{memory: newMemory(slices.Concat(many(2000, 1, "old"), many(200, 9000, "both"), many(50, 9500, "new"))...), until: 5000}
		here, there := net.Pipe()
		group := task.New(t.Context())
		group.Go("answer", func(ctx context.Context) error {
			defer there.Close()
			_, err := exchange.Answer(ctx, there, b)
			return err
		})
		done, err := exchange.Begin(t.Context(), here, a, exchange.Options{Later: later})
		here.Close()
		if err != nil || group.Wait() != nil {
			t.Fatal(err)
		}
		old := uint64(2000)
		if later > 0 {
			old = 0
		}
		if done.Given != 1 || done.Taken < old+50 || done.Taken > old+60 || done.Missing != 2050 {
			t.Errorf("later %d: %+v", later, done)
		}
	}
}

package sim

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster.example/rendezvous"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// receiptless is a queue that has no room for receipts.
type receiptless struct{ rendezvous.Queue }

// Put implements queue.Engine.
func (q receiptless) Put(ctx context.Context, items []queue.Item) []error {
	if slices.ContainsFunc(items, func(item queue.Item) bool { return item.Kind == queue.Receipt }) {
		return slices.Repeat([]error{queue.ErrFull}, len(items))
	}
	return q.Queue.Put(ctx, items)
}

// TestSimNoRoomForReceipts has the queue of the senders full: those they write to must get everything all the same.
func TestSimNoRoomForReceipts(t *testing.T) {
	simulate(t, 1, func(w *world) {
		alice, bob, _ := w.trio()
		w.node.stop()
		w.node.change = func(cfg *rendezvous.Config) {
			dir := filepath.Join(cfg.Dir, "queue")
			cfg.OpenQueue = func() (rendezvous.Queue, error) {
				engine, err := queue.Open(dir, queue.Options{})
				return receiptless{engine}, err
			}
		}
		w.node.start()
		w.await(10*time.Minute, "everybody is back", func() bool { return alice.connected() && bob.connected() })
		var sent []string
		for n := range rvproto.DeliverWindow + 20 {
			sent = append(sent, fmt.Sprintf("number %03d", n))
			alice.send(sent[n], bob)
		}
		w.await(10*time.Minute, "more than one window has come", func() bool { return slices.Equal(bob.inbox(), sent) })
	})
}

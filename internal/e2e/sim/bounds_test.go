package sim

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

// TestSimManyMiddlingMessages has texts under way whose envelopes together are far more than one transaction of a
// device's store holds: as answers to posts, as deliveries and as receipts that pile up while their author is away.
func TestSimManyMiddlingMessages(t *testing.T) {
	simulate(t, 1, func(w *world) {
		const messages, size = 30, 40 << 10
		alice, bob, carol := w.trio()
		alice.follow(carol)
		w.node.stop()
		var ids []string
		for i := range messages {
			result, err := alice.node.Send(context.Background(), api.SendRequest{
				To: []string{bob.id, carol.id}, Text: fmt.Sprint(i, strings.Repeat(" text", size/5)),
			})
			if err != nil {
				w.t.Fatal(err)
			}
			ids = append(ids, result.ID)
		}
		w.node.start()
		bob.stop()
		carol.stop()
		w.await(time.Hour, "everything is queued", func() bool {
			for _, id := range ids {
				for _, state := range alice.states(id) {
					if state != api.StateQueued && state != api.StateDelivered {
						return false
					}
				}
			}
			return true
		})
		alice.stop()
		bob.start()
		carol.start()
		for _, p := range []*person{bob, carol} {
			w.await(time.Hour, p.name+" has everything", func() bool { return len(p.inbox()) == messages })
		}
		alice.start()
		w.await(time.Hour, "every receipt is in", func() bool { return alice.status().Outbox == 0 })
		w.await(time.Hour, "nothing is left in the queue", func() bool { return w.node.queued() == 0 })
	})
}

package sim

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/rendezvous/rvproto"
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

// TestSimRefusalsHoldNothingUp has a rendezvous node refuse a prekey and a grant for good, as one does that was put back
// from a copy and knows neither: messages among contacts go on.
func TestSimRefusalsHoldNothingUp(t *testing.T) {
	simulate(t, 1, func(w *world) {
		alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		carol.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		alice.stop()
		w.node.stop()
		l := w.node.corrupt()
		w.node.start()
		alice.start()
		refused := 0
		l.say(func(on protocol.ID, to keys.PublicKey, frame []byte) []byte {
			switch on {
			case rvproto.Grant:
				refused++
				return wire.Encode(rvproto.GrantAnswer{Status: wire.StatusNotFound})
			case rvproto.Prekey:
				if answer, err := rvproto.Parse[rvproto.PrekeyAnswer](frame); err == nil && len(answer.Prekeys) == 0 {
					refused++
					return wire.Encode(rvproto.PrekeyAnswer{Status: wire.StatusMalformed})
				}
			}
			return frame
		})
		alice.follow(carol)
		if _, err := alice.node.Introduce(context.Background(), api.IntroduceRequest{Member: carol.id, Text: "it is me"}); err != nil {
			w.t.Error(err)
		}
		alice.stop()
		alice.start()
		alice.send("hello", bob)
		w.await(10*time.Minute, "the message has come", func() bool { return len(bob.inbox()) == 1 })
		if refused < 2 {
			w.t.Fatalf("%d requests were refused", refused)
		}
	})
}

package sim

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous"
	"muster.example/rendezvous/queue"
)

// hostileQueue is the queue of an operator who tampers with what is queued.
type hostileQueue struct {
	rendezvous.Queue
	put  func(items []queue.Item) []queue.Item // what is really stored
	next func(deliveries []queue.Delivery) []queue.Delivery
}

// Put implements queue.Engine: everything is said to be stored.
func (q *hostileQueue) Put(ctx context.Context, items []queue.Item) []error {
	if q.put == nil {
		return q.Queue.Put(ctx, items)
	}
	if kept := q.put(items); len(kept) > 0 {
		q.Queue.Put(ctx, kept)
	}
	return make([]error, len(items))
}

// Next implements queue.Engine.
func (q *hostileQueue) Next(ctx context.Context, device keys.PublicKey, after uint64, items, bytes int) ([]queue.Delivery, error) {
	deliveries, err := q.Queue.Next(ctx, device, after, items, bytes)
	if q.next != nil && err == nil {
		deliveries = q.next(deliveries)
	}
	return deliveries, err
}

// TestSimHostileQueue has the operator drop, repeat, reorder and misdirect what is queued. Each is harmless: every
// message comes once, to those it is for and to nobody else.
func TestSimHostileQueue(t *testing.T) {
	tests := []struct {
		name    string
		tamper  func(q *hostileQueue)
		patient bool // it takes the senders' custody to make good
	}{
		{name: "drops envelopes and says that they are stored", patient: true, tamper: func(q *hostileQueue) {
			count := 0
			q.put = func(items []queue.Item) []queue.Item {
				return slices.DeleteFunc(slices.Clone(items), func(queue.Item) bool { count++; return count < 12 && count%2 == 0 })
			}
		}},
		{name: "repeats every delivery", tamper: func(q *hostileQueue) {
			q.next = func(deliveries []queue.Delivery) []queue.Delivery {
				return append(slices.Clone(deliveries), deliveries...)
			}
		}},
		{name: "reorders", tamper: func(q *hostileQueue) {
			q.next = func(deliveries []queue.Delivery) []queue.Delivery {
				reversed := slices.Clone(deliveries)
				slices.Reverse(reversed)
				return reversed
			}
		}},
		{name: "gives every envelope to everybody", tamper: func(q *hostileQueue) {
			var everybody []keys.PublicKey
			q.put = func(items []queue.Item) []queue.Item {
				items = slices.Clone(items)
				for i, item := range items {
					for _, device := range item.Recipients {
						if !slices.Contains(everybody, device) {
							everybody = append(everybody, device)
						}
					}
					items[i].Recipients = slices.Clone(everybody)
				}
				return items
			}
		}},
		{name: "gives each envelope to somebody else", patient: true, tamper: func(q *hostileQueue) {
			var last []keys.PublicKey
			swaps := 0
			q.put = func(items []queue.Item) []queue.Item {
				items = slices.Clone(items)
				for i := range items {
					if items[i].Kind == queue.Envelope && last != nil && swaps < 6 {
						items[i].Recipients, last = last, items[i].Recipients
						swaps++
					} else if last == nil {
						last = items[i].Recipients
					}
				}
				return items
			}
		}},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			simulate(t, uint64(i), func(w *world) {
				alice, bob, carol := w.trio()
				w.node.stop()
				w.node.change = func(cfg *rendezvous.Config) {
					dir := filepath.Join(cfg.Dir, "queue")
					cfg.OpenQueue = func() (rendezvous.Queue, error) {
						engine, err := queue.Open(dir, queue.Options{})
						tampered := &hostileQueue{Queue: engine}
						test.tamper(tampered)
						return tampered, err
					}
				}
				w.node.start()
				w.await(10*time.Minute, "everybody is back", func() bool {
					return alice.connected() && bob.connected() && carol.connected()
				})
				bob.stop()
				var toBob, toBoth []string
				for n := range 8 {
					text := fmt.Sprintf("for bob, %d", n)
					alice.send(text, bob)
					toBob = append(toBob, text)
					text = fmt.Sprintf("for bob and carol, %d", n)
					alice.send(text, bob, carol)
					toBoth = append(toBoth, text)
				}
				bob.start()
				limit := 10 * time.Minute
				if test.patient {
					limit = time.Hour
				}
				wantBob := slices.Sorted(slices.Values(append(toBob, toBoth...)))
				w.await(limit, "everything has come", func() bool {
					return slices.Equal(bob.inbox(), wantBob) && slices.Equal(carol.inbox(), toBoth)
				})
				time.Sleep(10 * time.Minute)
				if !slices.Equal(bob.inbox(), wantBob) || !slices.Equal(carol.inbox(), toBoth) {
					t.Errorf("something came twice or astray: %q, %q", bob.inbox(), carol.inbox())
				}
				for _, p := range []*person{bob, carol} {
					if status := p.status(); status.Missing != 0 || len(status.Alarms) != 0 {
						t.Errorf("%s: %d messages missing, alarms %q", p.name, status.Missing, status.Alarms)
					}
				}
			})
		})
	}
}

func (p *person) connected() bool { return p.status().Rendezvous[0].Connected }

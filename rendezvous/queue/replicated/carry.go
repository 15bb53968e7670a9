package replicated

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

var _ queue.Carrier = (*Engine)(nil)

// waiting is entries of one item with one number.
type waiting struct {
	*sought
	devices []keys.PublicKey
}

// Carry implements queue.Carrier. What is lost is passed over: its senders offer it again.
func (e *Engine) Carry(ctx context.Context, visit func(items []queue.Item) error) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	for all := e.inOrder(); len(all) > 0; {
		n, size := 0, 0
		for n < len(all) && n < queue.CarryItems && (n == 0 || size < queue.CarryBytes) {
			size += int(all[n].item.size)
			n++
		}
		if err := e.carry(ctx, all[:n], visit); err != nil {
			return err
		}
		all = all[n:]
	}
	for _, s := range e.shards {
		if err := s.settle(ctx); err != nil {
			return fmt.Errorf("noting what was carried away: %w", err)
		}
	}
	return nil
}

func (e *Engine) carry(ctx context.Context, some []waiting, visit func(items []queue.Item) error) error {
	wants := make([]*sought, len(some))
	for i := range some {
		wants[i] = some[i].sought
	}
	if err := e.fetch(ctx, wants); err != nil {
		return err
	}
	var items []queue.Item
	for i, w := range wants {
		if errors.Is(w.err, errLost) || errors.Is(w.err, errMoved) {
			continue
		}
		it := w.item
		for devices := range slices.Chunk(some[i].devices, queue.MaxRecipients) {
			items = append(items, queue.Item{
				ID: w.id, Org: it.payer.org.org, Kind: w.kind, Body: w.body, Recipients: devices,
				Expires: time.Unix(it.expires, 0), Payer: it.payer.payer,
			})
		}
	}
	if len(items) == 0 {
		return nil
	}
	if err := visit(items); err != nil {
		return err
	}
	for i := range items {
		for _, device := range items[i].Recipients {
			if err := e.Ack(ctx, device, []keys.EnvelopeID{items[i].ID}); err != nil {
				return err
			}
		}
		items[i].Body = nil
	}
	return nil
}

// inOrder returns all that waits in the order of acceptance.
func (e *Engine) inOrder() (all []waiting) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.shards {
		for it := range s.items {
			for _, number := range it.numbers {
				w := waiting{sought: seek(it, number)}
				for _, h := range it.holders {
					if at := h.device.at(number); h.number == number && h.waiting(it) && !at.hidden {
						w.devices = append(w.devices, h.device.key)
					}
				}
				if len(w.devices) > 0 {
					all = append(all, w)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b waiting) int { return cmp.Compare(a.number, b.number) })
	return all
}

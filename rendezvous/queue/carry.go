package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
)

// Carrier is an engine whose contents can be taken elsewhere.
type Carrier interface {
	Engine
	// Carry visits all that waits, in the order of acceptance, some at a time. What visit returned nil for is acknowledged. Nobody
	// else may use the engine meanwhile.
	Carry(ctx context.Context, visit func(items []Item) error) error
}

// How much is carried at once.
const (
	CarryItems = 256
	CarryBytes = 4 << 20
)

// Carried is how much was moved.
type Carried struct {
	Entries, Bodies int
}

// Move takes everything from one engine to another, in order. It can be interrupted anywhere, and begun again: what is in both then
// is put once more, which changes nothing. progress is told how far it is.
func Move(ctx context.Context, from Carrier, to Engine, progress func(Carried)) (moved Carried, err error) {
	err = from.Carry(ctx, func(items []Item) error {
		for i, err := range to.Put(ctx, items) {
			if err != nil {
				return fmt.Errorf("putting %s: %w", items[i].ID.Short(), err)
			}
		}
		for i := range items {
			moved.Entries += len(items[i].Devices())
		}
		moved.Bodies += len(items)
		progress(moved)
		return nil
	})
	return moved, err
}

// waiting is one entry, by what it is to be sorted.
type waiting struct {
	number uint64
	ref    ref
	device keys.PublicKey
}

// Carry implements Carrier. What cannot be read stays, and is damage.
func (e *Embedded) Carry(ctx context.Context, visit func(items []Item) error) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	all := e.inOrder()
	var reader logReader
	defer reader.close()
	var items []Item
	size := 0
	give := func() error {
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
		}
		items, size = nil, 0
		return e.settle()
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].number == all[0].number && all[n].ref == all[0].ref && n < MaxRecipients {
			n++
		}
		item, err := e.itemOf(&reader, all[:n])
		switch {
		case errors.Is(err, ErrCorrupt), errors.Is(err, errMoved):
		case err != nil:
			return err
		default:
			items = append(items, item)
			size += len(item.Body)
		}
		all = all[n:]
		if len(items) >= CarryItems || size >= CarryBytes {
			if err := give(); err != nil {
				return err
			}
		}
	}
	return give()
}

// inOrder returns all entries in the order of acceptance.
func (e *Embedded) inOrder() (all []waiting) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.devices {
		e.eachLocked(d, func(_ entry, r ref) bool {
			all = append(all, waiting{e.numberOf(r), r, d.key})
			return true
		})
	}
	slices.SortFunc(all, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.ref, b.ref), a.device.Compare(b.device))
	})
	return all
}

// itemOf makes an item of entries of one message.
func (e *Embedded) itemOf(reader *logReader, entries []waiting) (item Item, err error) {
	e.mu.Lock()
	h := e.messageOf(entries[0].ref)
	c := e.table.at(h)
	account := e.accounts[c.account()]
	item = Item{
		Org: account.org.org, Kind: c.kind(), Expires: time.Unix(int64(c.expires()), 0), Payer: account.payer,
	}
	at := e.bodyLocked(h, entries[0].number)
	e.mu.Unlock()
	for i := range entries {
		item.Recipients = append(item.Recipients, entries[i].device)
	}
	body, err := e.fetch(reader, []place{at})
	item.ID, item.Body = body.id, body.data
	return item, err
}

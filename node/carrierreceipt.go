package node

import (
	"bytes"
	"context"
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// mostTold is how many receipts wait to be told on one stream; what is beyond goes with a later summary.
const mostTold = 2048

// tellSummary tells which receipts there are. [MSH-50]
func (c *carriers) tellSummary(ctx context.Context, t *carrierTalk) error {
	summary, _, err := c.summary(func(keys.EnvelopeID) bool { return false })
	if err != nil || t.summary != nil && *t.summary == summary {
		return err
	}
	t.summary = &summary
	return t.p.send(ctx, summary.Frame())
}

// summary sums up the receipts that are kept, and names those that are asked for, in their order.
func (c *carriers) summary(named func(id keys.EnvelopeID) bool) (summary mesh.ReceiptSummary, names []mesh.ReceiptName, err error) {
	o := c.o
	err = o.node.store.View(func(tx *store.Tx) error {
		summary, names = mesh.ReceiptSummary{}, nil
		return tx.CarriedReceipts(o.org, func(id keys.EnvelopeID, _ store.CarriedReceipt) (bool, error) {
			summary.Add(id)
			name := mesh.ReceiptName(id[:8])
			if named(id) && len(names) < mesh.MostListed && (len(names) == 0 || names[len(names)-1] != name) {
				names = append(names, name)
			}
			return true, nil
		})
	})
	return summary, names, err
}

// takeSummary answers which receipts of the groups that differ there are here. [MSH-50]
func (c *carriers) takeSummary(t *carrierTalk, theirs *mesh.ReceiptSummary) error {
	ours, _, err := c.summary(func(keys.EnvelopeID) bool { return false })
	if err != nil {
		return err
	}
	groups := ours.Differs(theirs)
	if groups.Len() == 0 {
		return nil
	}
	_, names, err := c.summary(func(id keys.EnvelopeID) bool { return groups.Has(id[0]) })
	if err != nil {
		return err
	}
	return c.reply(t, mesh.ReceiptList{Groups: groups, Names: names}.Frame())
}

// takeList has the other side told what it lacks. [MSH-50]
func (c *carriers) takeList(t *carrierTalk, list mesh.ReceiptList) error {
	o := c.o
	var lacks [][]byte
	err := o.node.store.View(func(tx *store.Tx) error {
		lacks = nil
		return tx.CarriedReceipts(o.org, func(id keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
			if list.Groups.Has(id[0]) {
				name := mesh.ReceiptName(id[:8])
				if _, has := slices.BinarySearchFunc(list.Names, name, func(a, b mesh.ReceiptName) int { return bytes.Compare(a[:], b[:]) }); !has {
					lacks = append(lacks, bytes.Clone(r.Bytes))
				}
			}
			return len(lacks) < mostTold, nil
		})
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.receipts = lacks // what an earlier list asked for, and was not told yet, is lacking still
	wake(t.wake)
	return nil
}

// keepVaccine keeps a receipt for this device itself, so that those who carry what it ends hear of it, and so that nobody brings it
// again: if they may. Callers have verified it. [MSH-50]
func (o *organization) keepVaccine(signed []byte, r envelope.Receipt, brought bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.updateReceipts(func(tx *store.Tx) (kept bool, err error) {
		keep := brought
		for _, id := range slices.Concat(r.Opened, r.Failed) {
			if w, err := tx.WaitingByID(o.org, id); err == nil && len(w.Carriers) > 0 {
				keep = true
			}
		}
		if !keep {
			return false, nil
		}
		return o.keepReceiptAs(tx, signed, store.CarriedReceipt{Sender: r.Sender, Kept: o.now().UnixMilli(), Landed: true})
	})
}

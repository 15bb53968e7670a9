package node

import (
	"context"
	"slices"
	"time"

	"muster.example/internal/bundle"
	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

// maxBundles is how many bundles are remembered until they are said to be kept.
const maxBundles = 8

// madeBundle is a bundle that was made and may be written by now.
type madeBundle struct {
	id       string
	org      *organization
	messages map[keys.MessageID][]keys.PublicKey // with the devices for which they lie in it
}

// bundleKey returns what the organization's bundles are sealed under. [CAR-12]
func (o *organization) bundleKey() (key bundle.Key, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		founding, err := tx.Entry(o.org, 0)
		if err == nil {
			key, err = bundle.NewKey(o.org, founding)
		}
		return err
	})
	return key, err
}

// BundleKept notes that a bundle is written durably: what of it is still held here is carried. [API-161]
func (n *Node) BundleKept(_ context.Context, request api.BundleKeptRequest) (api.BundleKept, error) {
	n.bundles.Lock()
	at := slices.IndexFunc(n.written, func(w madeBundle) bool { return w.id == request.Bundle })
	var w madeBundle
	if at >= 0 {
		w = n.written[at]
		n.written = slices.Delete(n.written, at, at+1)
	}
	n.bundles.Unlock()
	if at < 0 {
		return api.BundleKept{}, api.Errorf(api.CodeNotFound, "no such bundle was made lately").WithHint("make it again; what is in it twice does no harm")
	}
	return api.BundleKept{Messages: len(w.messages)}, w.org.noteBundled(w.messages)
}

// remember keeps what lies in a bundle until it is said to be kept; the oldest is forgotten.
func (n *Node) remember(w madeBundle) {
	n.bundles.Lock()
	defer n.bundles.Unlock()
	if n.written = append(n.written, w); len(n.written) > maxBundles {
		n.written = slices.Delete(n.written, 0, 1)
	}
}

// noteBundled notes that messages lie in a bundle, for the devices that are still without them.
func (o *organization) noteBundled(messages map[keys.MessageID][]keys.PublicKey) error {
	type one struct {
		message keys.MessageID
		device  keys.PublicKey
	}
	var all []one
	for message, devices := range messages {
		for _, device := range devices {
			all = append(all, one{message, device})
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now().UnixMilli()
	return inParts(all, func(part []one) error {
		var changes []change
		err := o.node.store.Update(func(tx *store.Tx) error {
			changes = nil
			for _, m := range part {
				d, err := tx.Delivery(o.org, m.message, m.device)
				if err != nil || d.State != store.StateHeld {
					continue // it has come, or is erased
				}
				d.Bundled, d.Changed = now, now
				if err := tx.PutDelivery(o.org, m.message, d); err != nil {
					return err
				}
				changes = append(changes, change{m.message, d, true})
			}
			return nil
		})
		if err == nil {
			o.publishLocked(changes)
		}
		return err
	})
}

// Carrying tells what this device carries for others, and what of its own waits. [API-163] [API-180]
func (n *Node) Carrying(_ context.Context) ([]api.Carrying, error) {
	var all []api.Carrying
	for _, o := range n.all() {
		c := api.Carrying{Org: o.org.String(), OrgName: o.name()}
		waits := newWaitsFor(o)
		err := n.store.View(func(tx *store.Tx) error {
			carries, err := tx.Carries(o.org)
			if err != nil {
				return err
			}
			for i, carry := range carries {
				if i == 0 {
					c.Oldest = time.UnixMilli(carry.Taken).UTC()
				}
				c.Envelopes, c.Bytes = c.Envelopes+1, c.Bytes+int64(carry.Size)
			}
			waits.carried = carries
			err = tx.CarriedReceipts(o.org, func(_ keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
				if !r.Landed {
					c.Receipts++
				}
				return true, nil
			})
			if err != nil {
				return err
			}
			err = tx.Jobs(o.org, func(job store.Job) (bool, error) {
				c.Unsealed++
				return true, waits.message(tx, job.Message)
			})
			if err != nil {
				return err
			}
			return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
				if len(w.Pending) == 0 {
					return true, nil
				}
				c.Pending++
				return true, waits.message(tx, w.Message)
			})
		})
		if err != nil {
			return nil, err
		}
		c.For = waits.all()
		all = append(all, c)
	}
	return all, nil
}

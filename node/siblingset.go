package node

import (
	"context"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/node/store"
)

// noteSiblingsLocked lets the account's other active devices call, and ends what another was let do. Callers hold mu.
func (o *organization) noteSiblingsLocked() {
	now := make(map[keys.PublicKey]struct{})
	self, _ := o.roll.State().Member(o.member)
	active := func(device keys.PublicKey) bool {
		_, ok := o.roll.State().MemberOf(device)
		return ok && !o.endedEarlyLocked(device)
	}
	for _, d := range self.Devices {
		if d.Key != o.device && active(d.Key) && active(o.device) {
			now[d.Key] = struct{}{}
		}
	}
	before := o.gate.siblings.Swap(&now)
	if before == nil {
		return
	}
	for device := range *before {
		if _, still := now[device]; still {
			continue
		}
		if o.host != nil {
			_ = o.host.Network().ClosePeer(p2p.PeerID(device))
		}
		wake(o.wakeSiblings) // the others may not know
	}
	for device := range now {
		if _, had := (*before)[device]; !had {
			wake(o.wakeSiblings)
			wake(o.wakePlace)
			wake(o.neighbours.direct)
			wake(o.neighbours.admitted)
		}
	}
}

// refoldLocked makes the view anew, of what counts now. Callers hold mu.
func (o *organization) refoldLocked() {
	err := o.node.store.View(func(tx *store.Tx) error {
		view, err := tx.Fold(o.org, o.member, o.countsLocked)
		if err == nil {
			o.view, o.blocked = view, nil
			err = o.readUndelivered(tx)
		}
		return err
	})
	if err != nil {
		o.log.Error("making the view anew", "error", err)
	}
}

// awaitContacts lets a device that has just been added, and knows nobody yet, hear from another device of the account first who may
// write to it: what came before that it could only refuse. It does not wait for long.
func (o *organization) awaitContacts(ctx context.Context) {
	o.mu.Lock()
	known := len(o.view.Contacts()) > 0
	o.mu.Unlock()
	if known || len(o.siblingsNow()) == 0 || !isWithin(o.joined, o.now(), newTime) {
		return
	}
	select {
	case <-ctx.Done():
	case <-o.met:
	case <-time.After(meetTime):
	}
}

func (o *organization) siblingsNow() []keys.PublicKey {
	all := o.gate.siblings.Load()
	if all == nil {
		return nil
	}
	found := make([]keys.PublicKey, 0, len(*all))
	for device := range *all {
		found = append(found, device)
	}
	slices.SortFunc(found, keys.PublicKey.Compare)
	return found
}

// takeHost gives the organization the host by which it was entered.
func (o *organization) takeHost(local host.Host, gate *gate) {
	gate.siblings.Store(o.gate.siblings.Load())
	gate.members.Store(o.gate.members.Load())
	o.local, o.gate = local, gate
}

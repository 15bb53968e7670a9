package rendezvous

import (
	"bytes"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/membership"
)

// informed is which devices a node that gave the duty up has told so: once all know, and nothing waits here, nobody needs it any
// more. [RV-73]
type informed struct {
	org   keys.OrgID
	store *kv.Store

	mu      sync.Mutex // guards the following
	devices map[keys.PublicKey]struct{}
}

func openInformed(store *kv.Store, org keys.OrgID) (*informed, error) {
	t := &informed{org: org, store: store, devices: make(map[keys.PublicKey]struct{})}
	err := store.View(func(tx *kv.Tx) error {
		return visitAll(tx, kv.Key(tableTold, org[:]), keys.PublicKeySize, func(last, _ []byte) error {
			t.devices[keys.PublicKey(bytes.Clone(last))] = struct{}{}
			return nil
		})
	})
	return t, err
}

// note keeps that a device was told.
func (t *informed) note(device keys.PublicKey) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.devices[device]; known {
		return nil
	}
	if err := t.store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(tableTold, t.org[:], device[:]), nil) }); err != nil {
		return err
	}
	t.devices[device] = struct{}{}
	return nil
}

// knows reports whether a device was told.
func (t *informed) knows(device keys.PublicKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.devices[device]
	return known
}

// inform notes that a device is being told of a move. That it cannot be noted has the node stay for longer, and nothing else.
func (n *Node) inform(o *org, device keys.PublicKey) {
	if err := o.informed.note(device); err != nil {
		n.fault("noting who knows of a move", err)
	}
}

// untold counts the active devices that were not told of a move.
func (o *org) untold() (count int) {
	o.roll.read(func(state *membership.State) {
		for device, c := range conditionsIn(state) {
			if c.standing == membership.StandingActive && !o.informed.knows(device) {
				count++
			}
		}
	})
	return count
}

// movedAt returns when another node took over; zero while none has, or if that is not known.
func (o *org) movedAt() time.Time {
	if at := o.given.Load(); at != 0 {
		return time.Unix(at, 0)
	}
	return time.Time{}
}

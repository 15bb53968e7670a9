package node

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// handAgain is how long what the rendezvous node has no room for is kept back.
const handAgain = 10 * time.Minute

// keepHandingOn hands the rendezvous node what this device carries for others, and receipts that came in no session, for as long
// as the connection stands. A node that does not know how is left alone: the next bundle, or another connection, takes it. [RV-190]
func (o *organization) keepHandingOn(ctx context.Context, client *rvclient.Client) error {
	again := time.NewTicker(jitter(handAgain))
	defer again.Stop()
	for {
		_, err := o.handOn(ctx, client)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, wire.StatusMoved):
			return err
		case err != nil:
			o.log.Info("what is carried was not handed on", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeCarried:
		case <-again.C:
		}
	}
}

// handing is one thing that is handed on.
type handing struct {
	carry   store.Carry
	receipt keys.EnvelopeID
	bytes   []byte
}

// handOn hands over all that can be, and returns how many of these the node took.
func (o *organization) handOn(ctx context.Context, client *rvclient.Client) (taken int, err error) {
	receipts, err := o.receiptsToHand()
	if err != nil {
		return 0, err
	}
	carries, err := o.carriesToHand()
	if err != nil {
		return 0, err
	}
	all := slices.Concat(receipts, carries)
	for len(all) > 0 {
		var some []handing
		size := 0
		for len(all) > 0 && len(some) < rvproto.MaxCarryItems {
			next := all[0]
			if next.bytes == nil {
				c, ok, err := o.readCarried(next.carry)
				if err != nil {
					return taken, err
				}
				if !ok {
					all = all[1:]
					continue
				}
				if !next.carry.Whole {
					c = c.For(difference(next.carry.Wanted, []keys.PublicKey{o.device}))
				}
				next.bytes = c.Bytes()
			}
			if len(next.bytes) > rvproto.MaxCarryBytes {
				all = all[1:] // only a bundle takes it
				continue
			}
			if size+len(next.bytes) > rvproto.MaxCarryBytes {
				break
			}
			some, size, all = append(some, next), size+len(next.bytes), all[1:]
		}
		if len(some) == 0 {
			break
		}
		took, err := o.handSome(ctx, client, some)
		taken += took
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// handSome hands over one request's worth and notes what became of it.
func (o *organization) handSome(ctx context.Context, client *rvclient.Client, some []handing) (taken int, err error) {
	request := rvproto.CarryRequest{Carried: [][]byte{}, Receipts: [][]byte{}}
	var carries, receipts []handing
	for _, h := range some {
		if h.carry.ID.IsZero() {
			request.Receipts, receipts = append(request.Receipts, h.bytes), append(receipts, h)
		} else {
			request.Carried, carries = append(request.Carried, h.bytes), append(carries, h)
		}
	}
	answer, err := client.Carry(ctx, request)
	if err != nil {
		return 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	err = o.node.store.Update(func(tx *store.Tx) error {
		taken = 0
		for i, h := range receipts {
			if status := answer.Receipts[i]; !status.Retryable() {
				if err := tx.LandCarriedReceipt(o.org, h.receipt); err != nil {
					return err
				}
				taken++
			}
		}
		for i, h := range carries {
			if status := answer.Carried[i]; !status.Retryable() {
				if err := tx.DeleteCarry(o.org, h.carry); err != nil {
					return err
				}
				taken++
			}
		}
		return nil
	})
	return taken, err
}

func (o *organization) receiptsToHand() (all []handing, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.CarriedReceipts(o.org, func(id keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
			if !r.Landed {
				all = append(all, handing{receipt: id, bytes: bytes.Clone(r.Bytes)})
			}
			return true, nil
		})
	})
	return all, err
}

// carriesToHand returns what is carried for others than this device, in the order in which it came.
func (o *organization) carriesToHand() (all []handing, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		carries, err := tx.Carries(o.org)
		for _, c := range carries {
			if c.Whole || len(difference(c.Wanted, []keys.PublicKey{o.device})) > 0 {
				all = append(all, handing{carry: c})
			}
		}
		return err
	})
	return all, err
}

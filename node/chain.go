package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// readyChain makes sure that the job's conversation has a chain that every device of its members knows, and returns
// the devices that cannot have it yet because they have published no prekey.
func (o *organization) readyChain(ctx context.Context, client *rvclient.Client, job store.Job) (absent []keys.PublicKey, err error) {
	conversation := envelope.ConversationID(o.org, job.Members)
	for {
		o.mu.Lock()
		devices := o.devicesLocked(job.Members)
		out, err := o.outgoing(conversation)
		o.mu.Unlock()
		if err != nil {
			return nil, err
		}
		lacking := difference(devices, out.Devices)
		worn, err := o.worn(out, devices)
		if err != nil {
			return nil, err
		}
		if !worn && len(lacking) == 0 {
			return nil, nil
		}
		ask := lacking
		if worn {
			ask = devices
		}
		prekeys, err := o.fetchPrekeys(ctx, client, ask)
		if err != nil {
			return nil, err
		}
		if !worn && len(prekeys) == 0 {
			return lacking, nil
		}
		if !worn { // the set of devices has grown: a new chain for all of them
			if prekeys, err = o.fetchPrekeys(ctx, client, devices); err != nil {
				return nil, err
			}
		}
		again, err := o.startChain(job, conversation, devices, prekeys)
		if err != nil {
			return nil, err
		}
		if !again {
			return slices.DeleteFunc(devices, func(d keys.PublicKey) bool { _, ok := prekeys[d]; return ok }), nil
		}
	}
}

// worn reports whether a conversation needs a new chain whoever is lacking: there is none, it is due by count or age, or
// one of those who know it is to get no more.
func (o *organization) worn(out store.Outgoing, devices []keys.PublicKey) (bool, error) {
	if len(out.Chain) == 0 || len(difference(out.Devices, devices)) > 0 {
		return true, nil
	}
	chain, err := envelope.UnmarshalChain(out.Chain)
	if err != nil {
		return false, fmt.Errorf("reading a chain: %w", err)
	}
	return chain.Due(time.Now()), nil
}

func (o *organization) outgoing(conversation keys.ConversationID) (out store.Outgoing, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		out, err = tx.Outgoing(o.org, conversation)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return out, err
}

// startChain begins a chain and announces it to each device with a prekey. It reports whether to try again because the
// set of devices has changed meanwhile.
func (o *organization) startChain(job store.Job, conversation keys.ConversationID, devices []keys.PublicKey, prekeys map[keys.PublicKey]envelope.Prekey) (again bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(devices, o.devicesLocked(job.Members)) {
		return true, nil
	}
	out, err := o.outgoing(conversation)
	if err != nil {
		return false, err
	}
	chain, err := envelope.NewChain(rand.Reader, o.org, job.Members, o.device, time.Now(), o.roll.Size())
	if err != nil {
		return false, err
	}
	out.Members, out.Devices, out.Chain = job.Members, nil, chain.Marshal()
	able := filter(devices, func(d keys.PublicKey) bool { _, ok := prekeys[d]; return ok })
	for {
		// A crash between two of these transactions leaves a chain that some devices lack: the next job starts another.
		next := able[:min(len(able), announcedAtOnce)]
		able = able[len(next):]
		err = o.node.store.Update(func(tx *store.Tx) error {
			for _, device := range next {
				sealed, err := chain.Announce(rand.Reader, o.self, prekeys[device], o.metaLocked(job))
				if err != nil {
					return err
				}
				err = o.addWaiting(tx, store.Waiting{
					Pending: []keys.PublicKey{device}, Members: job.Members, Kind: uint8(envelope.KindAnnounce), Expires: job.Expires,
				}, sealed)
				if err != nil {
					return err
				}
			}
			out.Devices = append(out.Devices, next...)
			return tx.PutOutgoing(o.org, conversation, out)
		})
		if err != nil || len(able) == 0 {
			return false, err
		}
	}
}

package node

import (
	"context"
	"errors"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// tellNewer has a message sealed for devices that a group has and the own roll did not know of: the rendezvous node names
// them in its answer to what it was to spread. That is a hint: who gets it is settled by the own roll, when it is sealed.
// [ENV-25]
func (o *organization) tellNewer(tx *store.Tx, w store.Waiting, newer []keys.PublicKey, effects *effects) error {
	newer = difference(difference(newer, w.Pending), []keys.PublicKey{o.device})
	if len(newer) == 0 || !w.Spread || envelope.Kind(w.Kind) != envelope.KindMessage || w.Written.Roll == 0 {
		return nil
	}
	wake(o.wakeRoll)
	effects.seal = true
	job := store.Job{
		Place: w.Place, Only: newer, Expires: w.Expires, Message: w.Message, Next: w.Part, Last: w.Part + 1,
		Kind: w.BodyKind, Body: w.Body, Anew: w.At, Written: w.Written,
	}
	if job.Message == nil {
		job.Next, job.Last = 0, 1
	}
	return tx.AddJob(o.org, job)
}

// noteNewer tracks the message of a job for devices that it was not tracked for yet.
func (o *organization) noteNewer(tx *store.Tx, job store.Job, devices []keys.PublicKey) error {
	if job.Message == nil {
		return nil
	}
	record, err := tx.Message(o.org, *job.Message)
	if err != nil {
		return err
	}
	return o.noteDevices(tx, *job.Message, partsOf(record.Message.Text), devices)
}

// knowNewer fetches the roll if a job is for devices that it lacks.
func (o *organization) knowNewer(ctx context.Context, client *rvclient.Client, job store.Job) error {
	o.mu.Lock()
	unknown := filter(o.membersDevicesLocked(job.Only), func(d keys.PublicKey) bool { _, known := o.roll.State().AccountOf(d); return !known })
	o.mu.Unlock()
	if len(unknown) == 0 || client == nil {
		return nil
	}
	return o.catchUp(ctx, client)
}

// dropUnwritten gives up a job at a place where this account may write no more. It reports whether it did.
func (o *organization) dropUnwritten(job store.Job) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.mayTellLocked(job.Place); ok {
		return false, nil
	}
	var changes []change
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		changes, err = o.endJob(tx, job, store.StateRefused, store.ReasonRules)
		return err
	})
	o.publishLocked(changes)
	return true, err
}

// endJob removes a job and sets the state of its message for the devices that it was for.
func (o *organization) endJob(tx *store.Tx, job store.Job, state store.State, reason store.Reason) (changes []change, err error) {
	if job.Message != nil {
		all, err := tx.Deliveries(o.org, *job.Message)
		if err != nil {
			return nil, err
		}
		only := keySet(job.Only)
		for _, d := range all {
			if len(only) > 0 && !only[d.Device] || d.State.Final() {
				continue
			}
			c, err := o.setState(tx, *job.Message, d, state, reason)
			if err != nil {
				return nil, err
			}
			changes = append(changes, c)
		}
	}
	return changes, tx.DeleteJob(o.org, job)
}

// settlePlaces gives up what waits for devices at places where their members take no part any more. Callers hold mu.
func (o *organization) settlePlaces() (changes []change, err error) {
	type leaving struct {
		waiting store.Waiting
		gone    []keys.PublicKey
	}
	var due []leaving
	there := make(map[keys.ConversationID]map[keys.PublicKey]bool)
	archives := isArchive(o.roll.State())
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			if w.Place.Group.IsZero() && w.Place.Guest.IsZero() {
				return true, nil
			}
			id := w.Place.ID(o.org)
			if there[id] == nil {
				there[id] = keySet(o.devicesLocked(w.Place))
			}
			if gone := filter(w.Pending, func(d keys.PublicKey) bool { return !there[id][d] && !archives(d) }); len(gone) > 0 {
				due = append(due, leaving{w, gone})
			}
			return true, nil
		})
	})
	for _, l := range due {
		if err != nil {
			break
		}
		err = o.node.store.Update(func(tx *store.Tx) error {
			w, err := tx.WaitingByID(o.org, l.waiting.ID)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			} else if err != nil {
				return err
			}
			made, err := o.giveUp(tx, w, l.gone, store.ReasonLeft)
			changes = append(changes, made...)
			return err
		})
	}
	return changes, err
}

package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// sealedForBundle is how many bytes of envelopes may lie unposted for a bundle: more than for a connection, since all is
	// to go at once.
	sealedForBundle = 256 << 20
	// sealTurn is how long is waited for the sealer of a connection, which does the same.
	sealTurn = 5 * time.Second
)

// sealForBundle seals what can be sealed without a rendezvous node: messages and acts to devices that know their chain, or whose
// prekey came by some way. It returns how many jobs are left.
func (o *organization) sealForBundle(ctx context.Context) (left int, err error) {
	if err := o.releaseMessages(); err != nil {
		return 0, fmt.Errorf("sealing for a bundle: %w", err)
	}
	if o.connection() == nil {
		wait, cancel := context.WithTimeout(ctx, sealTurn)
		defer cancel()
		select {
		case o.sealing <- struct{}{}:
			_, err = o.sealApartFromNode(ctx, sealedForBundle)
			<-o.sealing
		case <-wait.Done(): // the connection is coming back
		}
	}
	if err != nil {
		return 0, fmt.Errorf("sealing for a bundle: %w", err)
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Jobs(o.org, func(store.Job) (bool, error) { left++; return true, nil })
	})
	return left, err
}

// sealApartFromNode works on each job in turn, until so many bytes lie unposted. A place whose first job for all of its devices cannot be
// done waits with all of its jobs: what is said there keeps its order. It returns the devices whose prekeys are missing. Callers hold sealing.
func (o *organization) sealApartFromNode(ctx context.Context, most uint64) (lacking []keys.PublicKey, err error) {
	stuck := make(map[keys.ConversationID]bool)
	for after := uint64(0); ; {
		if err := ctx.Err(); err != nil {
			return lacking, err
		}
		job, ok, err := o.jobBehind(after, most)
		if err != nil || !ok {
			return lacking, err
		}
		after = job.Number
		place := job.Place.ID(o.org)
		if stuck[place] {
			continue
		}
		done, without, err := o.sealWhole(job, most)
		if err != nil {
			return lacking, err
		}
		stuck[place] = !done && len(job.Only) == 0 // what is for a few that lack something holds up nobody else
		lacking = append(lacking, without...)
	}
}

// jobBehind returns the first job behind a number, if there is room for what it seals.
func (o *organization) jobBehind(after, most uint64) (job store.Job, ok bool, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		ahead, err := tx.Unposted(o.org, most)
		if err != nil || ahead >= most {
			return err
		}
		return tx.Jobs(o.org, func(j store.Job) (bool, error) {
			if j.Number > after {
				job, ok = j, true
			}
			return !ok, nil
		})
	})
	return job, ok, err
}

// sealWhole does one job until nothing of it is left; false if that needs a rendezvous node, or the prekeys of devices that it returns.
func (o *organization) sealWhole(job store.Job, most uint64) (done bool, lacking []keys.PublicKey, err error) {
	if o.needsNode(job) {
		return false, nil, nil
	}
	if job.Expires < o.sober().Unix() || job.Written.Roll == 0 {
		return false, nil, nil
	}
	for {
		able, without, err := o.canSeal(job)
		lacking = without
		if err != nil || !able {
			return false, lacking, err
		}
		if err := o.sealJob(job, o.knownPrekeys); err != nil {
			return false, lacking, err
		}
		again, ok, err := o.sameJob(job.Number)
		switch {
		case err != nil:
			return false, lacking, err
		case !ok:
			return true, lacking, nil
		case again.Next == job.Next && len(again.PutOff) == len(job.PutOff):
			return false, lacking, nil
		}
		job = again
		if ahead, err := o.unposted(most); err != nil || ahead >= most {
			return false, lacking, err
		}
	}
}

// needsNode reports whether a rendezvous node has to hear of a job first. While there is none, of leave for a conversation of several those who
// take part hear as they can: the node hears of it in the next session, before anything of the conversation is posted.
func (o *organization) needsNode(job store.Job) bool {
	kind := history.Kind(job.Kind)
	switch {
	case job.Kind == jobIntroduction || job.Kind == jobReport:
		return true
	case job.Message != nil || kind.IsAct() || kind.IsAside():
		return false
	}
	return kind != history.KindLeave || !several(job.Place) || o.connection() != nil
}

func (o *organization) unposted(most uint64) (ahead uint64, err error) {
	err = o.node.store.View(func(tx *store.Tx) (err error) { ahead, err = tx.Unposted(o.org, most); return err })
	return ahead, err
}

func (o *organization) sameJob(number uint64) (job store.Job, ok bool, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Jobs(o.org, func(j store.Job) (bool, error) {
			if j.Number == number {
				job, ok = j, true
			}
			return j.Number < number, nil
		})
	})
	return job, ok, err
}

// canSeal reports whether a device of somebody else that is to have a job's message knows its chain, or has a prekey here: else the
// job waits as it is. It returns the devices that have neither.
func (o *organization) canSeal(job store.Job) (able bool, without []keys.PublicKey, err error) {
	o.mu.Lock()
	devices := difference(o.devicesForLocked(job), job.PutOff)
	if len(job.Only) > 0 {
		devices = intersection(devices, job.Only)
	}
	others := filter(devices, func(d keys.PublicKey) bool { m, _ := o.memberOfLocked(d); return m != o.member })
	out, err := o.outgoing(job.Place.ID(o.org))
	o.mu.Unlock()
	if err != nil {
		return false, nil, err
	}
	if len(others) == 0 {
		others = devices
	}
	lacking, err := o.chainless(out, devices, o.now())
	if err != nil {
		return false, nil, err
	}
	prekeys, err := o.knownPrekeys(lacking)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, nil, err
	}
	without = filter(lacking, func(d keys.PublicKey) bool { _, known := prekeys[d]; return !known })
	able = len(others) == 0
	for _, device := range others {
		able = able || len(intersection(without, []keys.PublicKey{device})) == 0
	}
	return able, without, nil
}

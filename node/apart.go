package node

import (
	"crypto/rand"
	"errors"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
)

// apartAtOnce is for how many devices a job is sealed apart at once: each takes an announcement in one transaction.
const apartAtOnce = 64

// isApart reports whether a job is for just some devices at a place whose people come and go.
func isApart(job store.Job) bool {
	return len(job.Only) > 0 && (!job.Place.Group.IsZero() || !job.Place.Guest.IsZero() || several(job.Place))
}

// sealApart seals a job for just some devices on a chain that nobody else is told. The one that stands for the place is
// known by now to those who came since the job's message was written, and is not to open it for them. [ENV-25]
func (o *organization) sealApart(job store.Job, fetch prekeySource) error {
	o.mu.Lock()
	devices := o.membersDevicesLocked(intersection(o.devicesForLocked(job), job.Only))
	first := o.withArchiveLocked(job.Place, devices[:min(len(devices), apartAtOnce)])
	o.mu.Unlock()
	prekeys, err := fetch(first)
	if err != nil {
		return err
	}
	return o.sealInParts(func(tx *store.Tx, limit int) error { return o.sealPartsApart(tx, job, devices, prekeys, limit) })
}

// sealPartsApart is sealParts on a chain of its own, which goes with what is sealed. Callers hold mu.
func (o *organization) sealPartsApart(tx *store.Tx, job store.Job, devices []keys.PublicKey, prekeys map[keys.PublicKey]envelope.Prekey, limit int) error {
	if gone, err := o.isGone(tx, job); err != nil || gone {
		return err
	}
	if len(devices) > apartAtOnce {
		rest := job
		rest.Only = devices[apartAtOnce:]
		if err := tx.AddJob(o.org, rest); err != nil {
			return err
		}
		devices = devices[:apartAtOnce]
		job.Only = devices
	}
	devices = intersection(devices, o.devicesForLocked(job))
	if len(devices) > 0 { // the archive gets that too
		devices = o.withArchiveLocked(job.Place, devices)
	}
	pending := filter(devices, func(d keys.PublicKey) bool { _, able := prekeys[d]; return able })
	if err := o.putOff(tx, &job, difference(devices, pending)); err != nil {
		return err
	}
	if len(pending) == 0 {
		return tx.DeleteJob(o.org, job)
	}
	job.Only, job.PutOff = pending, nil
	if err := o.noteNewer(tx, job, pending); err != nil {
		return err
	}
	out, err := tx.Outgoing(o.org, job.Place.ID(o.org))
	if errors.Is(err, store.ErrNotFound) {
		out.Place = job.Place
	} else if err != nil {
		return err
	}
	chain, err := envelope.NewChain(rand.Reader, o.org, job.Place, o.device, o.now(), o.roll.Size())
	if err != nil {
		return err
	}
	if err := o.announceTo(tx, job, chain, pending, prekeys); err != nil {
		return err
	}
	return o.sealOn(tx, job, chain, out, sealing{pending: pending, limit: limit})
}

package node

import (
	"errors"
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
)

// momentLocked returns the moment for what is written at a place now. Callers hold mu.
func (o *organization) momentLocked(place envelope.Place) store.Moment {
	now := store.Moment{Roll: o.roll.Size()}
	if o.isPair(place) {
		_, now.Ahead = o.aheadAtLocked(place)
	}
	for _, member := range place.Members {
		if member != o.member && o.hasLeftLocked(place, member) {
			now.Left = append(now.Left, member)
		}
	}
	return now
}

// addJob stores a job for what is written now, or was at the moment that the job names. Callers hold mu.
func (o *organization) addJob(tx *store.Tx, job store.Job) error {
	if job.Written.Roll == 0 {
		job.Written = o.momentLocked(job.Place)
	}
	return tx.AddJob(o.org, job)
}

// entitledLocked reports whether a device may be given the key of what was written at a place at a moment: if it is an
// active one of a member who took part then, and has without a break since. Which of their devices that is does not matter:
// what a member may read comes to those added later, too. The own roll decides, whatever the rendezvous node names. [ENV-25]
// Callers hold mu.
func (o *organization) entitledLocked(place envelope.Place, written store.Moment, device keys.PublicKey) bool {
	state := o.roll.State()
	member, active := o.personOfLocked(device)
	if !active || !state.StoodAt(member, written.Roll) && !o.stoodAheadLocked(place, written, member) {
		return false
	}
	switch {
	case !place.Group.IsZero():
		since, in := state.InGroup(place.Group, member)
		return in && since < written.Roll
	case !place.Guest.IsZero():
		since, in := state.DeskSince(place.Guest, member)
		return in && since < written.Roll
	}
	return place.Has(member) && !slices.Contains(written.Left, member) && !o.hasLeftLocked(place, member)
}

// stoodAheadLocked reports whether something was written to a member before the roll had them: while they joined ahead of it, to the
// two of them alone. It is for the same member once the roll has them, unless another was let into the account since. [MSH-25] Callers
// hold mu.
func (o *organization) stoodAheadLocked(place envelope.Place, written store.Moment, member keys.MemberID) bool {
	m, known := o.allPeopleLocked().Member(member)
	return known && written.Ahead && o.isPair(place) && m.Entered == 0
}

// devicesForLocked returns the devices of a job's place but this one to which what it seals may be sealed, and the archive if it is
// to have it, sorted. Callers hold mu.
func (o *organization) devicesForLocked(job store.Job) []keys.PublicKey {
	devices := filter(o.devicesLocked(job.Place), func(d keys.PublicKey) bool { return o.entitledLocked(job.Place, job.Written, d) })
	return o.withArchiveLocked(job.Place, devices)
}

// cutMoments has what was written on a larger roll than one of that size count as written on that: what a move left behind of
// a roll is no measure on the one that goes on, and who entered there later was not there. [ENV-25]
func (o *organization) cutMoments(size uint64) error {
	var jobs []store.Job
	var waiting []store.Waiting
	err := o.node.store.View(func(tx *store.Tx) error {
		return errors.Join(
			tx.Jobs(o.org, func(j store.Job) (bool, error) {
				if j.Written.Roll > size {
					jobs = append(jobs, j)
				}
				return true, nil
			}),
			tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
				if w.Written.Roll > size {
					waiting = append(waiting, w)
				}
				return true, nil
			}))
	})
	if err != nil {
		return err
	}
	err = inParts(jobs, func(part []store.Job) error {
		return o.node.store.Update(func(tx *store.Tx) error {
			for _, j := range part {
				j.Written.Roll = size
				if err := tx.PutJob(o.org, j); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return inParts(waiting, func(part []store.Waiting) error {
		return o.node.store.Update(func(tx *store.Tx) error {
			for _, w := range part {
				w.Written.Roll = size
				if err := tx.PutWaiting(o.org, w); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

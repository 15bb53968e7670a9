package node

import (
	"maps"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// recordCut says from which of its records on those of a barred device count no more; 0: all count, 1: none.
type recordCut uint64

// cutOf returns where the records of one of the account's devices end to count. One that was added no earlier than what it did is
// void has none that counts: who had taken the device that added it made them. [HIST-27]
func cutOf(d membership.MemberDevice) recordCut {
	switch {
	case !d.Barred:
		return 0
	case d.Cut <= d.Since:
		return 1
	}
	return recordCut(d.Records)
}

// countsLocked reports whether a record counts: what its author signed counts whoever noted it, else one of a device that was barred
// since counts up to where the bar says. [HIST-27] Callers hold mu.
func (o *organization) countsLocked(r history.Record) bool {
	if r.Device == o.device || r.ProvesItself() {
		return true
	}
	self, _ := o.roll.State().Member(o.member)
	for _, d := range self.Devices {
		if d.Key == r.Device {
			cut := cutOf(d)
			return cut == 0 || r.Sequence < uint64(cut)
		}
	}
	return false
}

// noteBarsLocked takes back what counts no more if the roll says so otherwise than before, and gives it to no other device. Callers
// hold mu.
func (o *organization) noteBarsLocked() {
	now := make(map[keys.PublicKey]recordCut)
	self, _ := o.roll.State().Member(o.member)
	for _, d := range self.Devices {
		if cut := cutOf(d); cut != 0 {
			now[d.Key] = cut
		}
	}
	before := o.cuts
	if o.cuts = now; before == nil || maps.Equal(before, now) {
		return
	}
	for device, cut := range now {
		for next := uint64(cut); next > 0; {
			err := o.node.store.Update(func(tx *store.Tx) (err error) {
				next, err = tx.UnshareFrom(o.org, device, next, takenAtOnce)
				return err
			})
			if err != nil {
				o.log.Error("taking back what a barred device noted", "error", err)
				break
			}
		}
	}
	o.refoldLocked()
}

// cutFor returns what a bar says of the records of a device: those that are known here count, if they were made before a time (Unix
// milliseconds; 0: all). Where none is known it says nothing, since others may know some.
func (o *organization) cutFor(device keys.PublicKey, since int64) (cut uint64, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		last, first, err := tx.RecordsSince(o.org, device, since)
		switch {
		case first > 0:
			cut = first
		case last > 0:
			cut = last + 1
		}
		return err
	})
	return cut, err
}

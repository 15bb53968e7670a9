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
	// settingRetention is for how long the account keeps history, as history.Retention has it. It is chosen by SetRetention alone, which
	// asks before anything goes. [HIST-60]
	settingRetention = "retention"
	// heedTime is how long a shorter choice of another device of the account waits here: that device may be stolen. [HIST-61]
	heedTime = 72 * time.Hour
	// unheard is how long after the newest checkpoint of the roll this device's clock is believed, when it says that something is past.
	unheard = 62 * 24 * time.Hour
	// marginTime is how much younger than the horizon a record must be to be given to another device: clocks differ, and who is ahead
	// would have it erased or refuse it. [HIST-62]
	marginTime = 48 * time.Hour
	// fadingAtOnce is how many records that are past one transaction takes away, if it holds as much.
	fadingAtOnce = 64
)

// retentionLocked returns for how long the account keeps history, as was chosen last. What another version chose and this one does not
// understand takes nothing away. Callers hold mu.
func (o *organization) retentionLocked() history.Retention {
	value, ok := o.view.Setting(settingRetention)
	if !ok {
		return history.Forever
	}
	keeps, err := history.ParseRetention(value)
	if err != nil {
		return history.Forever
	}
	return keeps
}

// horizonLocked returns the time before which records are neither taken nor given, unix milliseconds. [HIST-62] Callers hold mu.
func (o *organization) horizonLocked() int64 {
	return o.retentionLocked().Horizon(o.reckoning.Sober(unheard).UnixMilli())
}

func (o *organization) horizon() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.horizonLocked()
}

// givenFrom returns the time before which records of kinds that fade are not given, unix milliseconds. [HIST-62]
func (o *organization) givenFrom() int64 {
	horizon := o.horizon()
	if horizon == 0 {
		return 0
	}
	return horizon + marginTime.Milliseconds()
}

// letGo erases what is older than the account keeps history, and returns when something is to be done again; the zero time if nothing
// is. [HIST-60]
func (o *organization) letGo(ctx context.Context, now time.Time) (next time.Time, err error) {
	keeping, err := o.settleKeeping(now)
	if err != nil {
		return next, err
	}
	if keeping.At > 0 {
		next = time.UnixMilli(keeping.At)
	}
	horizon := history.Retention(keeping.Months).Horizon(o.reckoning.Sober(unheard).UnixMilli())
	if horizon == 0 || horizon == o.faded {
		return next, nil
	}
	for _, past := range []func(*store.Tx, keys.OrgID, int64, []byte, int) ([]history.Record, []byte, error){
		(*store.Tx).PastShared, (*store.Tx).PastNumbered,
	} {
		if err := o.fade(ctx, horizon, past); err != nil {
			return next, err
		}
		if err := o.node.store.EraseRemains(o.org); err != nil { // what acts leave goes in the second turn
			return next, err
		}
	}
	o.faded = horizon
	return next, nil
}

// settleKeeping notes what is in force here: a longer choice, and one made here, at once, a shorter one of another device after heedTime,
// of which the person is told. [HIST-61]
func (o *organization) settleKeeping(now time.Time) (store.Keeping, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	chosen := o.retentionLocked()
	by, _ := o.view.ChosenBy(settingRetention)
	var before, keeping store.Keeping
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		if before, err = tx.Keeping(o.org); err != nil {
			return err
		}
		keeping = heed(before, chosen, by == o.device, now)
		if keeping == before {
			return nil
		}
		return tx.PutKeeping(o.org, keeping)
	})
	if err == nil && keeping.At > 0 && (before.At == 0 || keeping.Coming != before.Coming) {
		o.alarmLocked(store.Alarm{Kind: "retention", Text: fmt.Sprintf(
			"device %s has chosen to keep history for %s: what is older goes from this device on %s. If that was not you, choose anew with "+
				"`muster retention forever`, and bar that device", by.Short(), howLong(chosen), time.UnixMilli(keeping.At).UTC().Format(time.DateOnly))})
	}
	return keeping, err
}

// heed returns what is in force after a choice.
func heed(k store.Keeping, chosen history.Retention, own bool, now time.Time) store.Keeping {
	inForce := store.Keeping{Months: uint64(chosen)}
	switch {
	case own || !chosen.Shorter(history.Retention(k.Months)):
		return inForce
	case k.At == 0 || k.Coming != uint64(chosen):
		return store.Keeping{Months: k.Months, Coming: uint64(chosen), At: now.Add(heedTime).UnixMilli()}
	case now.UnixMilli() >= k.At:
		return inForce
	}
	return k
}

func howLong(keeps history.Retention) string {
	switch keeps {
	case history.Forever:
		return "ever"
	case 1:
		return "a month"
	}
	return fmt.Sprintf("%d months", uint16(keeps))
}

// fade takes away the records that past finds.
func (o *organization) fade(ctx context.Context, horizon int64,
	past func(*store.Tx, keys.OrgID, int64, []byte, int) ([]history.Record, []byte, error)) error {
	var after []byte
	for ctx.Err() == nil {
		var found []history.Record
		var next []byte
		err := o.node.store.View(func(tx *store.Tx) (err error) {
			found, next, err = past(tx, o.org, horizon, after, fadingAtOnce)
			return err
		})
		if err != nil {
			return fmt.Errorf("looking for what is older than is kept: %w", err)
		}
		for left := found; len(left) > 0 && err == nil; {
			var rest []history.Record
			err = inParts(left, func(part []history.Record) error {
				more, err := o.fadeSome(part)
				rest = append(rest, more...)
				return err
			})
			left = rest
		}
		if err != nil || next == nil {
			return err
		}
		after = next
	}
	return ctx.Err()
}

// fadeSome takes records away in one transaction, and returns those of which something is left.
func (o *organization) fadeSome(found []history.Record) (left []history.Record, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var effects effects
	err = o.node.store.Update(func(tx *store.Tx) error {
		effects, left = newEffects(), nil
		for _, r := range found {
			if r.Message == nil {
				if err := tx.Forget(o.org, r); err != nil {
					return err
				}
				continue
			}
			gone, err := o.forgetMessage(tx, r, &effects)
			if err != nil {
				return err
			}
			if !gone {
				left = append(left, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	o.applyLocked(effects)
	return left, nil
}

// forgetMessage erases a message and what says that there was one, as far as one transaction can.
func (o *organization) forgetMessage(tx *store.Tx, r history.Record, effects *effects) (gone bool, err error) {
	id := r.Message.ID()
	stands, err := tx.Message(o.org, id)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	if stands.Device != r.Device || stands.Sequence != r.Sequence { // another took its place meanwhile
		return true, nil
	}
	if err := o.erase(tx, stands, history.ErasedExpired, effects); err != nil {
		return false, err
	}
	return tx.ForgetMessage(o.org, id)
}

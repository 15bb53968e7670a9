package node

import (
	"fmt"
	"time"

	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// givenDays is of how many days it is counted at most what other devices of the account gave since the start.
const givenDays = 4096

// parkedFor is how long it is shown that this device was parked.
const parkedFor = 30 * 24 * time.Hour

// heardParked notes that this device was parked, as the rendezvous node says on the day that it comes back, and asks the account's
// other devices for what it missed. It is said again on each stream of that day. [RV-57]
func (o *organization) heardParked(frame rvproto.ParkedFrame) error {
	p := store.Parked{From: int64(frame.From), Until: int64(frame.Until)}
	if off := o.now().Sub(time.Unix(p.Until, 0)); off < -parkLeeway || off > parkLeeway {
		o.log.Warn("the rendezvous node says that this device was parked until another day", "until", p.Until)
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known := false
	err := o.node.store.Update(func(tx *store.Tx) error {
		before, err := tx.Parked(o.org)
		if known = before.Until == p.Until; err != nil || known {
			return err
		}
		for day, count := range o.given {
			if p.Covers(day * 24 * 3600) {
				p.Came += count
			}
		}
		return tx.PutParked(o.org, p)
	})
	if err != nil || known {
		return err
	}
	how := "your other devices are asked for what came meanwhile"
	if len(o.roll.State().Devices(o.member)) < 2 {
		how = "there is no other device of yours to ask: what later messages show to be missing is asked of who wrote it"
	}
	o.noticeLocked(o.member, fmt.Sprintf("this device was away since %s, so that the rendezvous node kept nothing for it any more: %s",
		time.Unix(p.From, 0).UTC().Format("2 Jan 2006"), how))
	wake(o.siblings.now)
	return nil
}

// countCaughtUp counts messages that other devices of the account gave, of a time in which this one was parked. Callers hold mu.
func (o *organization) countCaughtUp(tx *store.Tx, effects effects) error {
	p, err := tx.Parked(o.org)
	if err != nil || p.Until == 0 || o.now().Sub(time.Unix(p.Until, 0)) > parkedFor {
		return err
	}
	before := p.Came
	for _, at := range effects.given {
		if p.Covers(at / 1000) {
			p.Came++
		}
	}
	if p.Came == before {
		return nil
	}
	return tx.PutParked(o.org, p)
}

// noteGivenLocked counts by their days the messages that other devices of the account gave since the start: they may do so before the
// rendezvous node has said that this device was parked. Callers hold mu.
func (o *organization) noteGivenLocked(effects effects) {
	for _, at := range effects.given {
		day := at / (24 * 3600 * 1000)
		if _, known := o.given[day]; known || len(o.given) < givenDays {
			o.given[day]++
		}
	}
}

// parkedNow describes when this device was parked, nil if that is long ago.
func (o *organization) parkedNow(tx *store.Tx, now time.Time) (*api.Parked, error) {
	p, err := tx.Parked(o.org)
	if err != nil || p.Until == 0 || now.Sub(time.Unix(p.Until, 0)) > parkedFor {
		return nil, err
	}
	described := &api.Parked{From: time.Unix(p.From, 0).UTC(), Until: time.Unix(p.Until, 0).UTC(), Came: int(p.Came)}
	for _, device := range o.roll.State().Devices(o.member) {
		if h := o.siblings.describe(device, now); h != nil && !h.Equal.IsZero() && h.Equal.After(described.Until) {
			described.CaughtUp = true
		}
	}
	return described, nil
}

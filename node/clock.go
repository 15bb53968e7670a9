package node

import (
	"context"
	"time"

	"muster.example/internal/beacon"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/orgtime"
	"muster.example/node/store"
)

// now is the organization's time: what is written, sent and expected is dated by it, whatever the device's clock shows. [MSH-62]
func (o *organization) now() time.Time { return o.reckoning.Now() }

// sober is the time by which something may be given up or destroyed for good. A clock that is ahead by years must not end every
// message and key. [MSH-63]
func (o *organization) sober() time.Time { return o.reckoning.Sober(orgtime.Slack) }

// isWithin reports whether what was noted at a time, unix milliseconds, was less than so long ago. What is yet to come was noted by a
// clock that was ahead, and holds nobody up.
func isWithin(at int64, now time.Time, long time.Duration) bool {
	passed := now.Sub(time.UnixMilli(at))
	return passed > -orgtime.Slack && passed < long
}

// rollTime is the time by which events are judged before they are sequenced: not before the roll's last stamp, unix milliseconds.
func (o *organization) rollTime(state *membership.State) int64 {
	return max(o.now().UnixMilli(), state.Time())
}

// now is the time for what is of no organization: the clock's, if an organization agrees to it, else that of the one which is nearest
// to it. An organization whose node lies moves nothing of the others. Callers do not hold n.mu.
func (n *Node) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	shown := n.config.Clock()
	now, least := shown, time.Duration(-1)
	for _, o := range n.organizations {
		if off := o.reckoning.Off().Abs(); least < 0 || off < least {
			least, now = off, o.now()
		}
	}
	if least <= orgtime.Lag {
		return shown
	}
	return now
}

// sober is the time by which something may be destroyed for good that is of no organization: the latest of what the organizations take
// for it, since one whose node is gone knows least; the clock's without any.
func (n *Node) sober() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	var latest time.Time
	for _, o := range n.organizations {
		if sober := o.sober(); sober.After(latest) {
			latest = sober
		}
	}
	if latest.IsZero() {
		return n.config.Clock()
	}
	return latest
}

// timeOf returns the time of an organization that is about to be kept, by the checkpoint that its sequencer has just shown.
func (n *Node) timeOf(note []byte, org keys.OrgID, sequencer keys.PublicKey) time.Time {
	r := orgtime.New(orgtime.Kept{}, n.config.Clock, time.Now)
	if newest, err := membership.OpenCheckpoint(note, org, sequencer); err == nil {
		r.Answered(newest.Time.UnixMilli())
	}
	return r.Now()
}

// readTime begins to reckon the organization's time, from what was kept of it, or from the roll if nothing was.
func (o *organization) readTime(tx *store.Tx) error {
	kept, err := tx.Reckoning(o.org)
	if err != nil {
		return err
	}
	o.reckoning = orgtime.New(kept, func() time.Time { return o.node.config.Clock() }, time.Now)
	o.reckoning.Signed(o.checkpoint.Time.UnixMilli())
	return nil
}

// keepTime has what is known of the time outlast the program. It is best effort: a floor that is lost is measured anew.
func (o *organization) keepTime() {
	err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutReckoning(o.org, o.reckoning.Keep()) })
	if err != nil {
		o.log.Warn("keeping what is known of the time", "error", err)
	}
}

// heardTimeLocked takes in when the newest checkpoint was signed that a node shows of itself. Callers hold mu.
func (o *organization) heardTimeLocked(note []byte) {
	newest, err := membership.OpenCheckpoint(note, o.org, o.at.Key)
	if err != nil || newest.Time.Before(o.checkpoint.Time) { // one that another node has kept says nothing of now
		return
	}
	if o.reckoning.Answered(newest.Time.UnixMilli()) {
		o.noticeOfLocked(api.NoticeClock, 0, "this device's clock is wrong, by what the rendezvous node says: messages are dated, and come to their end, by "+
			"the organization's time; set the clock")
	}
	o.keepTime()
}

// openBeacon returns the device that a beacon names, if it is one of now, and heeds what it says of the time. [NEAR-3] [MSH-65]
func (o *organization) openBeacon(key beacon.Key, payload []byte) (keys.PublicKey, error) {
	from, until := o.reckoning.Audible()
	device, made, err := key.Open(payload, from, until)
	if err == nil && device != o.device && o.takesPart(device) {
		o.reckoning.Heard(device.String(), made)
	}
	return device, err
}

// staleBeacon is how far what a beacon says of the time may become another than what it would say now.
const staleBeacon = time.Hour

// awaitOtherTime ends the turn of a beacon when a device that does not know the time has heard what it is elsewhere. [MSH-66]
func (o *organization) awaitOtherTime(ctx context.Context, said time.Time, end func()) error {
	begun := time.Now()
	tick := time.NewTicker(networksTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if off := o.reckoning.Announced().Sub(said) - time.Since(begun); off.Abs() > staleBeacon {
			end()
			return nil
		}
	}
}

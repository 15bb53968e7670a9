package node

import (
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

const (
	// returnLeeway is how far before the time of an envelope a return of it is believed: clocks differ.
	returnLeeway = time.Hour
	// parkLeeway is how much shorter than the policy says a device may have been silent to this one, to be believed that it is
	// parked: both count by the day, and a receipt travels.
	parkLeeway = 2 * 24 * time.Hour
	// heardEvery is how often it is noted that another member's device was heard of.
	heardEvery = 24 * time.Hour
)

// earlyReturn is the alarm about a node that returns what is not over.
const earlyReturn = "the rendezvous node says that messages were not delivered in time, and by this device's clock their time is not over: " +
	"they are offered again"

// lot is what one device did not get, as a rendezvous node says.
type lot struct {
	node keys.PublicKey
	rvproto.Lot
}

// returnUnits reads a return and cuts it into what one transaction takes at most. One that does not verify is dropped.
// [RV-54]
func (o *organization) returnUnits(data []byte) (units []unit) {
	r, err := rvproto.OpenReturn(data, o.org)
	if err != nil || r.Sender != o.device {
		o.log.Warn("a return that is not for this device, or not signed by its node, was ignored", "error", err)
		return nil
	}
	for _, l := range r.Lots {
		for ids := range slices.Chunk(l.IDs, receiptedAtOnce) {
			units = append(units, unit{returned: &lot{r.Node, rvproto.Lot{Device: l.Device, Reason: l.Reason, IDs: ids}}})
		}
	}
	return units
}

// takeReturn ends what a node of the organization says that a device did not get, as far as that can be true. What waits no
// more changes nothing, and what is said too early neither: it is offered again in its turn. [RV-54]
func (o *organization) takeReturn(tx *store.Tx, r lot, effects *effects) error {
	if !o.isNodeLocked(r.node) {
		o.log.Warn("a return by a node that has never had this organization was ignored", "node", r.node)
		return nil
	}
	for _, id := range r.IDs {
		w, waits, err := o.waitingFor(tx, id, r.Device)
		if err != nil {
			return err
		}
		if !waits {
			continue
		}
		reason, believed, err := o.believes(tx, w, r)
		if err != nil {
			return err
		}
		if !believed {
			o.log.Info("a return that cannot be true yet", "device", r.Device.Short(), "reason", r.Reason)
			if r.Reason == rvproto.ReasonTime {
				effects.alarms = append(effects.alarms, store.Alarm{Kind: "returns", Text: earlyReturn})
			}
			continue
		}
		changes, err := o.giveUp(tx, w, []keys.PublicKey{r.Device}, reason)
		if err != nil {
			return err
		}
		effects.changes = append(effects.changes, changes...)
	}
	return nil
}

// isNodeLocked reports whether a key is that of a node that has, or had, the organization. Callers hold mu.
func (o *organization) isNodeLocked(node keys.PublicKey) bool {
	return node == o.at.Key || o.roll.State().Serves(node) || slices.ContainsFunc(o.roll.State().Terms(), func(t membership.Term) bool { return t.Node == node })
}

// believes reports whether what a node returns can be over, by what this device knows itself.
func (o *organization) believes(tx *store.Tx, w store.Waiting, r lot) (reason store.Reason, believed bool, err error) {
	switch r.Reason {
	case rvproto.ReasonTime:
		if len(w.Nodes) > 1 { // another of them may have delivered it: this device's clock says when it is over
			return store.ReasonTime, !o.sober().Before(o.dueLocked(w)), nil
		}
		return store.ReasonTime, !o.sober().Add(returnLeeway).Before(o.dueLocked(w)), nil
	case rvproto.ReasonParked:
		believed, err = o.isAway(tx, r.Device)
		return store.ReasonParked, believed, err
	}
	reason, believed = goneFor(o.roll.State(), r.Device)
	if !believed {
		wake(o.wakeRoll) // the node knows more of the roll, or lies
	}
	return reason, believed, nil
}

// dueLocked returns when a node that has an envelope returns it. Callers hold mu.
func (o *organization) dueLocked(w store.Waiting) time.Time {
	due := time.Unix(w.Expires, 0)
	if w.Accepted {
		held := time.UnixMilli(w.Offered).Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second)
		if held.Before(due) {
			return held
		}
	}
	return due
}

// isAway reports whether it can be that a device did not come for so long that it is parked: this device has heard nothing of
// it for as long, and it has been on the roll for as long.
func (o *organization) isAway(tx *store.Tx, device keys.PublicKey) (bool, error) {
	heard, err := tx.Sighting(o.org, device)
	if err != nil {
		return false, err
	}
	entered, err := o.enteredAt(tx, device)
	if err != nil {
		return false, err
	}
	limit := time.Duration(o.roll.State().Policy().ParkTime())*time.Second - parkLeeway
	since := time.UnixMilli(max(heard, entered))
	return o.sober().Sub(since) >= limit, nil
}

// enteredAt returns when the event was sequenced that added a device, in unix milliseconds.
func (o *organization) enteredAt(tx *store.Tx, device keys.PublicKey) (int64, error) {
	state := o.roll.State()
	member, _ := state.AccountOf(device)
	account, _ := state.Member(member)
	for _, d := range account.Devices {
		if d.Key != device {
			continue
		}
		data, err := tx.Entry(o.org, d.Since)
		if err != nil {
			return 0, err
		}
		entry, err := membership.ParseEntry(data)
		return entry.Time, err
	}
	return 0, nil
}

// goneFor says why a device can never receive anything again, false if it can.
func goneFor(state *membership.State, device keys.PublicKey) (store.Reason, bool) {
	if state.Standing(device) == membership.StandingRemoved {
		return store.ReasonRemoved, true
	}
	return store.ReasonBarred, gone(state, device)
}

// refusedFor is the reason that a state of refused has.
func refusedFor(status wire.Status) store.Reason {
	switch status {
	case wire.StatusNoLeave:
		return store.ReasonLeave
	case wire.StatusBarred:
		return store.ReasonBarred
	case wire.StatusNotMember, wire.StatusNotFound:
		return store.ReasonRemoved
	}
	return store.ReasonRules
}

// splitAway divides parked devices into those of which that can be true, and others, to which things are offered again.
func (o *organization) splitAway(tx *store.Tx, devices []keys.PublicKey) (away, doubted []keys.PublicKey, err error) {
	for _, device := range devices {
		is, err := o.isAway(tx, device)
		if err != nil {
			return nil, nil, err
		}
		if is {
			away = append(away, device)
		} else {
			doubted = append(doubted, device)
		}
	}
	return away, doubted, nil
}

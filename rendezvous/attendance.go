package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

const day = 24 * time.Hour

// attendance is which devices of one organization come, by the day, and which are parked: those that did not come for longer
// than the policy says. Days on which the node was not there, or over which its clock jumped, do not count. [RV-56]
type attendance struct {
	org   keys.OrgID
	store *kv.Store

	parked atomic.Pointer[map[keys.PublicKey]struct{}] // replaced as a whole, nil for nobody: asked for every recipient of a post

	mu      sync.Mutex // guards the following
	days    calendar
	dirty   bool // days is not on disk
	devices map[keys.PublicKey]visit
	changed map[keys.PublicKey]struct{} // not on disk
}

// calendar counts the days on which the node was there.
type calendar struct {
	Count uint64 `cbor:"1,keyasint"`
	Day   uint64 `cbor:"2,keyasint"` // the last one, in days since 1970, UTC
}

// visit is when a device last came.
type visit struct {
	Day    uint64 `cbor:"1,keyasint"`           // in days since 1970, UTC
	Count  uint64 `cbor:"2,keyasint"`           // of the calendar then
	Parked bool   `cbor:"3,keyasint,omitempty"` // nothing is kept for it until it comes
	From   uint64 `cbor:"4,keyasint,omitempty"` // if it was parked and has come back: the day that it last came before…
	Until  uint64 `cbor:"5,keyasint,omitempty"` // …and the day that it came back
}

func newAttendance(store *kv.Store, org keys.OrgID) *attendance {
	return &attendance{
		org: org, store: store,
		devices: make(map[keys.PublicKey]visit), changed: make(map[keys.PublicKey]struct{}),
	}
}

// open reads what is on disk.
func (a *attendance) open() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.store.View(func(tx *kv.Tx) error {
		return visitAll(tx, kv.Key(tableHere, a.org[:]), keys.PublicKeySize, func(last, value []byte) error {
			device := keys.PublicKey(last)
			if device.IsZero() {
				return wire.Decode(value, &a.days)
			}
			var r visit
			if err := wire.Decode(value, &r); err != nil {
				return err
			}
			a.devices[device] = r
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("reading when devices came: %w", err)
	}
	a.noteParkedLocked()
	return nil
}

// away returns the devices for which nothing is kept. Nobody changes the map.
func (a *attendance) away() map[keys.PublicKey]struct{} {
	if parked := a.parked.Load(); parked != nil {
		return *parked
	}
	return nil
}

// isParked reports whether nothing is kept for a device.
func (a *attendance) isParked(device keys.PublicKey) bool {
	_, is := a.away()[device]
	return is
}

// come notes that a device is there, which ends its being parked, and returns whether it is the first time today, and what
// to tell it of that it was parked: on the day that it
// comes back whatever it does, since it may go again before it has read it.
func (a *attendance) come(device keys.PublicKey, now time.Time) (parked rvproto.ParkedFrame, was, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passLocked(now)
	r := a.devices[device]
	first = r.Day != a.days.Day
	switch {
	case r.Parked:
		r = visit{From: r.Day, Until: a.days.Day}
	case r.Until > 0 && r.Until != a.days.Day:
		r.From, r.Until = 0, 0
	}
	unparked := a.devices[device].Parked
	a.putLocked(device, r)
	if unparked {
		a.noteParkedLocked()
	}
	if r.Until == 0 {
		return parked, false, first
	}
	seconds := uint64(day / time.Second)
	return rvproto.ParkedFrame{From: min(r.From, r.Until) * seconds, Until: r.Until * seconds}, true, first
}

// daysOf returns a time in days since 1970, UTC.
func daysOf(now time.Time) uint64 { return uint64(max(now.Unix(), 0)) / uint64(day/time.Second) }

// look counts the day, notes which of the devices are there, forgets those that are not devices any more, and parks those that
// did not come for longer than a time. It returns these.
func (a *attendance) look(now time.Time, limit time.Duration, devices []keys.PublicKey, there func(keys.PublicKey) bool) (parked []keys.PublicKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passLocked(now)
	current := make(map[keys.PublicKey]struct{}, len(devices))
	for _, device := range devices {
		current[device] = struct{}{}
		r, known := a.devices[device]
		switch {
		case !known, !r.Parked && there(device):
			a.putLocked(device, r)
		case !r.Parked && time.Duration(a.days.Count-min(r.Count, a.days.Count))*day > limit:
			r.Parked, r.From, r.Until = true, 0, 0
			a.devices[device] = r
			a.changed[device] = struct{}{}
			parked = append(parked, device)
		}
	}
	forgotten := false
	for device := range a.devices {
		if _, is := current[device]; !is {
			forgotten = true
			delete(a.devices, device)
			a.changed[device] = struct{}{}
		}
	}
	if len(parked) > 0 || forgotten {
		a.noteParkedLocked()
	}
	return parked
}

// passLocked counts the day.
func (a *attendance) passLocked(now time.Time) {
	today := daysOf(now)
	if today != a.days.Day {
		a.days = calendar{Count: a.days.Count + 1, Day: today}
		a.dirty = true
	}
}

// putLocked notes that a device came today.
func (a *attendance) putLocked(device keys.PublicKey, r visit) {
	r.Day, r.Count = a.days.Day, a.days.Count
	if before, known := a.devices[device]; !known || before != r {
		a.devices[device] = r
		a.changed[device] = struct{}{}
	}
}

func (a *attendance) noteParkedLocked() {
	parked := make(map[keys.PublicKey]struct{})
	for device, r := range a.devices {
		if r.Parked {
			parked[device] = struct{}{}
		}
	}
	if len(parked) == 0 {
		a.parked.Store(nil)
		return
	}
	a.parked.Store(&parked)
}

// save makes what has changed durable, some at a time. What a crash forgets is found again, at most a day late.
func (a *attendance) save() error {
	for {
		a.mu.Lock()
		some := make(map[keys.PublicKey]struct{})
		for device := range a.changed {
			if some[device] = struct{}{}; len(some) == seenAtOnce {
				break
			}
		}
		days, dirty, devices := a.days, a.dirty, a.records(some)
		if len(some) == 0 && !dirty {
			a.mu.Unlock()
			return nil
		}
		for device := range some {
			delete(a.changed, device)
		}
		a.dirty = false
		a.mu.Unlock()
		err := a.store.Update(func(tx *kv.Tx) error {
			var nobody keys.PublicKey
			if dirty {
				if err := tx.Put(kv.Key(tableHere, a.org[:], nobody[:]), wire.Encode(days)); err != nil {
					return err
				}
			}
			for device := range some {
				key := kv.Key(tableHere, a.org[:], device[:])
				var err error
				if r, kept := devices[device]; kept {
					err = tx.Put(key, wire.Encode(r))
				} else {
					err = tx.Delete(key)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			a.mu.Lock()
			maps.Copy(a.changed, some)
			a.dirty = a.dirty || dirty
			a.mu.Unlock()
			return fmt.Errorf("noting when devices came: %w", err)
		}
	}
}

// records returns what is known of some devices. Callers hold mu.
func (a *attendance) records(some map[keys.PublicKey]struct{}) map[keys.PublicKey]visit {
	found := make(map[keys.PublicKey]visit, len(some))
	for device := range some {
		if r, known := a.devices[device]; known {
			found[device] = r
		}
	}
	return found
}

// keepAttendance looks every hour who came, and parks who did not for longer than the policy says. [RV-56]
func (n *Node) keepAttendance(ctx context.Context) error {
	err := every(ctx, attendanceEvery, func() error {
		for _, o := range n.directory.all() {
			if err := n.park(o); err != nil {
				n.fault("parking devices", err)
			}
		}
		return nil
	})
	for _, o := range n.directory.all() {
		err = errors.Join(err, o.attendance.save())
	}
	return err
}

// park has the queues of devices emptied that are silent for too long. Those of suspended members cannot come, and that does
// not count against them.
func (n *Node) park(o *org) error {
	if o.move.Load() != nil || !n.inTouch(o) { // it may come to a node of which nothing is heard
		return nil
	}
	var devices []keys.PublicKey
	suspended := make(map[keys.PublicKey]bool)
	o.roll.read(func(state *membership.State) {
		for device, c := range conditionsIn(state) {
			switch c.standing {
			case membership.StandingActive:
				devices = append(devices, device)
			case membership.StandingSuspended:
				devices = append(devices, device)
				suspended[device] = true
			}
		}
	})
	parked := o.attendance.look(n.cfg.Now(), o.terms().park, devices, func(device keys.PublicKey) bool {
		return suspended[device] || o.sessions.has(device)
	})
	for _, device := range parked {
		n.returns.empty(o, device)
	}
	return o.attendance.save()
}

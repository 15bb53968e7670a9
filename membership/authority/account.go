package authority

import (
	"maps"
	"slices"

	"muster.example/internal/keys"
)

// Limits of an account. They are rules of the roll. [ROLL-40]
const (
	// MaxActive is the number of active devices to which a device may add another.
	MaxActive = 32
	// MaxDevices is the number of devices, active or not, to which a device may add another. Those do not count that a
	// bar with a position or a re-admission ended: what a thief used up is free again. The recovery key may always add.
	MaxDevices = 1024
	// MaxKeep is the number of devices in a bar's list.
	MaxKeep = 32
	// MaxBars is the number of bars with a position that one device signs. The recovery key is not limited.
	MaxBars = 256
	// MaxReadmissions is the number of re-admissions of one account that wait without the root key having signed.
	MaxReadmissions = 8
)

// Account is the state of one account. Its zero value is of no use; New makes one.
type Account struct {
	rules    *ruleset
	recovery Key
	devices  []Device    // in the order in which they were added
	places   map[Key]int // of devices
	kin      []kin       // of devices
	bars     []bar       // in the order of the roll
	folded   int         // bars that devices show; 0 if their seniority has changed
	visits   int         // of devices by folds, which tests of their cost ask for

	suspended   bool
	frozenUntil int64 // stamp
	coolUntil   int64 // stamp from which a device may freeze again
	freezer     Key
	waiting     []Readmission
}

// New returns the account of somebody who joined with a first device at an index of the roll.
func New(first, recovery Key, index uint64) *Account {
	a := &Account{rules: &strict, recovery: recovery, places: make(map[Key]int)}
	a.enrol(Device{Key: first, Since: index})
	return a
}

// Clone returns a copy that shares nothing that changes.
func (a *Account) Clone() *Account {
	clone := *a
	clone.devices = slices.Clone(a.devices)
	clone.places = maps.Clone(a.places)
	clone.kin = slices.Clone(a.kin)
	clone.bars = slices.Clone(a.bars)
	clone.waiting = slices.Clone(a.waiting)
	return &clone
}

// Recovery returns the recovery key that counts now.
func (a *Account) Recovery() Key { return a.recovery }

// Devices returns all devices in the order in which they were added. The slice is the caller's.
func (a *Account) Devices() []Device { return slices.Clone(a.devices) }

// Device returns one device, active or not.
func (a *Account) Device(key Key) (Device, bool) {
	i, ok := a.places[key]
	if !ok {
		return Device{}, false
	}
	return a.devices[i], true
}

// Void reports whether what a device signed at a position of the roll counts no more, because of a bar with a position.
// [ROLL-74]
func (a *Account) Void(device Key, index uint64) bool {
	d, ok := a.Device(device)
	return ok && d.Barred && index >= d.Cut
}

// Senior reports whether one device stands above another: it introduced it, directly or not, or a new order says so.
// [ROLL-71]
func (a *Account) Senior(above, below Key) bool {
	for range a.devices { // no chain is longer
		d, ok := a.Device(below)
		if !ok || d.Elder.IsZero() {
			return false
		}
		if d.Elder == above {
			return true
		}
		below = d.Elder
	}
	return false
}

// Suspended reports whether the member is suspended.
func (a *Account) Suspended() bool { return a.suspended }

// SetSuspended suspends or reinstates the member. Whether somebody may do so is the organization's affair.
func (a *Account) SetSuspended(suspended bool) { a.suspended = suspended }

// SetExpelled bars a device in an admin's name, or takes that back because the admin's act has become void. An unknown
// device is left alone.
func (a *Account) SetExpelled(device Key, expelled bool) {
	if i, ok := a.places[device]; ok {
		a.devices[i].Expelled = expelled
	}
}

// Frozen returns the stamp until which the account is frozen, and which device froze it; false if it is not at now.
func (a *Account) Frozen(now int64) (until int64, by Key, frozen bool) {
	if now >= a.frozenUntil {
		return 0, Key{}, false
	}
	return a.frozenUntil, a.freezer, true
}

// Readmissions returns those that wait, in the order of the roll. The slice is the caller's.
func (a *Account) Readmissions() []Readmission { return slices.Clone(a.waiting) }

// Readmission returns the one that waits under a name.
func (a *Account) Readmission(event keys.EventID) (Readmission, bool) {
	i := slices.IndexFunc(a.waiting, func(r Readmission) bool { return r.Event == event })
	if i < 0 {
		return Readmission{}, false
	}
	return a.waiting[i], true
}

// Check returns nil if the rules allow the act, else one of the errors of this package. It changes nothing.
func (a *Account) Check(act Act, at Moment) error {
	for _, allow := range a.rules.allow[act.Kind] {
		if err := allow(a, act, at); err != nil {
			return err
		}
	}
	return nil
}

// Apply does what an act that Check allowed says.
func (a *Account) Apply(act Act, at Moment) { a.rules.effect[act.Kind](a, act, at) }

// Outcome returns which active devices an act that Check allows would end, and which it would bring back.
func (a *Account) Outcome(act Act, at Moment) (ended, returned []Key) {
	after := a.Clone()
	after.Apply(act, at)
	for _, d := range a.devices {
		then, _ := after.Device(d.Key)
		switch {
		case d.Active() && !then.Active():
			ended = append(ended, d.Key)
		case !d.Active() && then.Active():
			returned = append(returned, d.Key)
		}
	}
	return ended, returned
}

func (a *Account) active() (n int) {
	for _, d := range a.devices {
		if d.Active() {
			n++
		}
	}
	return n
}

func (a *Account) enrol(d Device) {
	place := len(a.devices)
	a.places[d.Key] = place
	a.devices = append(a.devices, d)
	k := kin{child: none, sibling: none}
	if by, ok := a.places[d.By]; ok {
		k.sibling, a.kin[by].child = a.kin[by].child, place
	}
	a.kin = append(a.kin, k)
}

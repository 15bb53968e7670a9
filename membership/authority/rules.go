package authority

import "slices"

// rule refuses an act or lets it pass. It changes nothing.
type rule func(*Account, Act, Moment) error

// ruleset is what is allowed and what it does. There is one, strict; the proofs loosen copies of it.
type ruleset struct {
	allow  [kinds][]rule
	effect [kinds]func(*Account, Act, Moment)
	fold   func(*Account) // of bars into who is barred
}

const kinds = Refuse + 1

// strict are the rules of an account. [ROLL-70] to [ROLL-81]
var strict = ruleset{
	allow: [kinds][]rule{
		Add:     {byOwner, unsuspended, unfrozen, room, unknown},
		Bar:     {byOwnerOrAdmin, ofAccount, junior, unsuspended, unfrozenForBar, barsMore, keepsFew, fewBars},
		Freeze:  {byDevice, unsuspended, thawed, cooled},
		Lift:    {byRecovery, frozen},
		Order:   {byRecovery, listed},
		Replace: {byRecovery},
		Readmit: {byAdmin, fewReadmissions, unknown},
		Enter:   {byNewcomer, due},
		Refuse:  {waits, byRefuser},
	},
	effect: [kinds]func(*Account, Act, Moment){
		Add: applyAdd, Bar: applyBar, Freeze: applyFreeze, Lift: applyLift, Order: applyOrder,
		Replace: applyReplace, Readmit: applyReadmit, Enter: applyEnter, Refuse: applyRefuse,
	},
	fold: foldBars,
}

// signer checks that a key of the account is what it signs as. [ROLL-70]
func signer(a *Account, act Act) error {
	switch act.As {
	case AsDevice:
		if d, ok := a.Device(act.Signer); !ok || !d.Active() {
			return ErrSigner
		}
	case AsRecovery:
		if act.Signer != a.recovery {
			return ErrSigner
		}
	}
	return nil
}

// byDevice: an active device of the account signed.
func byDevice(a *Account, act Act, _ Moment) error {
	if act.As != AsDevice {
		return ErrCapacity
	}
	return signer(a, act)
}

// byRecovery: no device can do this, and nothing inherits the right to. [ROLL-77]
func byRecovery(a *Account, act Act, _ Moment) error {
	if act.As != AsRecovery {
		return ErrCapacity
	}
	return signer(a, act)
}

// byOwner: an active device or the recovery key signed; an admin adds nothing to an account. [ROLL-72]
func byOwner(a *Account, act Act, _ Moment) error {
	if act.As != AsDevice && act.As != AsRecovery {
		return ErrCapacity
	}
	return signer(a, act)
}

func byOwnerOrAdmin(a *Account, act Act, _ Moment) error {
	if act.As == AsNewcomer {
		return ErrCapacity
	}
	return signer(a, act)
}

func byAdmin(_ *Account, act Act, _ Moment) error {
	if act.As != AsAdmin {
		return ErrCapacity
	}
	return nil
}

// unsuspended: the devices of a suspended member do nothing; the recovery key and admins may. [ROLL-79]
func unsuspended(a *Account, act Act, _ Moment) error {
	if a.suspended && act.As == AsDevice {
		return ErrSuspended
	}
	return nil
}

// unfrozen: a freeze binds devices, and neither the recovery key nor admins. [ROLL-75]
func unfrozen(a *Account, act Act, at Moment) error {
	if _, _, frozen := a.Frozen(at.Time); frozen && act.As == AsDevice {
		return ErrFrozen
	}
	return nil
}

// unfrozenForBar: a device may always bar itself, and a senior always the one that froze. [ROLL-75]
func unfrozenForBar(a *Account, act Act, at Moment) error {
	if act.Device == act.Signer || act.Device == a.freezer {
		return nil
	}
	return unfrozen(a, act, at)
}

// thawed: who freezes what is frozen gains nothing.
func thawed(a *Account, _ Act, at Moment) error {
	if _, _, frozen := a.Frozen(at.Time); frozen {
		return ErrFrozen
	}
	return nil
}

// cooled: the account has been unfrozen for as long as a freeze lasts, so that its owner had time to bar. [ROLL-76]
func cooled(a *Account, _ Act, at Moment) error {
	if at.Time < a.coolUntil {
		return ErrCooling
	}
	return nil
}

func frozen(a *Account, _ Act, at Moment) error {
	if _, _, frozen := a.Frozen(at.Time); !frozen {
		return ErrNotFrozen
	}
	return nil
}

// room: devices add only so many; the recovery key is bound by nothing that a thief could use up. [ROLL-72]
func room(a *Account, act Act, _ Moment) error {
	if act.As == AsDevice && (a.active() >= MaxActive || a.counted() >= MaxDevices) {
		return ErrLimit
	}
	return nil
}

// counted is the number of devices that use up places: a thief's do no more as soon as the thief is barred. [ROLL-72]
func (a *Account) counted() (n int) {
	for _, d := range a.devices {
		if !d.Barred && !d.Ended {
			n++
		}
	}
	return n
}

func ofAccount(a *Account, act Act, _ Moment) error {
	if _, ok := a.places[act.Device]; !ok {
		return ErrUnknown
	}
	return nil
}

// unknown: no device comes back by being added again.
func unknown(a *Account, act Act, _ Moment) error {
	if _, ok := a.places[act.Device]; ok {
		return ErrAlready
	}
	return nil
}

// junior: a device bars itself and those below it. [ROLL-73]
func junior(a *Account, act Act, _ Moment) error {
	if act.As == AsDevice && act.Device != act.Signer && !a.Senior(act.Signer, act.Device) {
		return ErrSenior
	}
	return nil
}

// barsMore: a bar that changes nothing is refused. One with a position changes something unless the same signer, one above
// it or the recovery key has barred the device from there or from before, and keeps nothing that this one does not keep:
// any other bar may yet become void. [ROLL-74]
func barsMore(a *Account, act Act, at Moment) error {
	d, _ := a.Device(act.Device)
	switch {
	case !act.cuts() && !d.Active():
		return ErrAlready
	case act.cuts() && act.After > at.Index:
		return ErrPosition
	case act.cuts() && a.barredFor(act):
		return ErrAlready
	}
	return nil
}

// barredFor reports whether a bar that stands makes another, with a position, superfluous.
func (a *Account) barredFor(act Act) bool {
	above := newFold(a).above(act.Signer)
	return slices.ContainsFunc(a.bars, func(b bar) bool {
		if b.device != act.Device || !b.counts || !b.recovery && a.Void(b.signer, b.index) || !b.covers(act.After, act.Keep) {
			return false
		}
		return b.recovery || act.As == AsDevice && above[a.places[b.signer]]
	})
}

// fewBars: a device bars from a position only so often; a thief's bars use up nobody else's. [ROLL-74]
func fewBars(a *Account, act Act, _ Moment) error {
	if act.As != AsDevice || !act.cuts() {
		return nil
	}
	n := 0
	for _, b := range a.bars {
		if b.signer == act.Signer {
			n++
		}
	}
	if n >= MaxBars {
		return ErrLimit
	}
	return nil
}

func keepsFew(a *Account, act Act, _ Moment) error {
	if len(act.Keep) > MaxKeep || act.Keep != nil && !act.cuts() {
		return ErrList
	}
	return distinct(a, act.Keep)
}

// listed: a new order names active devices, each once. [ROLL-78]
func listed(a *Account, act Act, _ Moment) error {
	if len(act.Order) == 0 || len(act.Order) > MaxDevices {
		return ErrList
	}
	for _, key := range act.Order {
		if d, ok := a.Device(key); !ok || !d.Active() {
			return ErrUnknown
		}
	}
	return distinct(a, act.Order)
}

func distinct(a *Account, list []Key) error {
	seen := make(map[Key]bool, len(list))
	for _, key := range list {
		if _, ok := a.places[key]; !ok {
			return ErrUnknown
		}
		if seen[key] {
			return ErrList
		}
		seen[key] = true
	}
	return nil
}

// fewReadmissions: only so many by admins wait, and a new one by the same signer takes the place of its last. Admins use
// nothing up that the root key needs. [ROLL-80]
func fewReadmissions(a *Account, act Act, _ Moment) error {
	n := 0
	for _, r := range a.waiting {
		if !r.Rooted && r.By != act.Signer {
			n++
		}
	}
	if !act.Rooted && n >= MaxReadmissions {
		return ErrLimit
	}
	return nil
}

func waits(a *Account, act Act, _ Moment) error {
	if _, ok := a.Readmission(act.Event); !ok {
		return ErrUnknown
	}
	return nil
}

// byNewcomer: the device that the re-admission names enters, and nobody for it. [ROLL-80]
func byNewcomer(a *Account, act Act, _ Moment) error {
	waiting, ok := a.Readmission(act.Event)
	if !ok {
		return ErrUnknown
	}
	if act.As != AsNewcomer || act.Signer != waiting.Device {
		return ErrSigner
	}
	return nil
}

// due: the account had its time to refuse. [ROLL-80]
func due(a *Account, act Act, at Moment) error {
	if waiting, _ := a.Readmission(act.Event); at.Time < waiting.Due {
		return ErrEarly
	}
	return nil
}

// byRefuser: the recovery key refuses a re-admission, and so does every device that the account itself has not barred.
// What an admin barred may refuse too, unless the root key signed: then the organization has made up its mind. [ROLL-81]
func byRefuser(a *Account, act Act, at Moment) error {
	if act.As != AsDevice {
		return byRecovery(a, act, at)
	}
	waiting, _ := a.Readmission(act.Event)
	d, ok := a.Device(act.Signer)
	if !ok || d.Barred || d.Resigned || d.Ended || d.Expelled && waiting.Rooted {
		return ErrSigner
	}
	return nil
}

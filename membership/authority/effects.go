package authority

import (
	"slices"

	"muster.example/internal/keys"
)

func applyAdd(a *Account, act Act, at Moment) {
	d := Device{Key: act.Device, Since: at.Index}
	if act.As == AsDevice {
		d.By, d.Elder = act.Signer, act.Signer
	}
	a.enrol(d)
}

func applyBar(a *Account, act Act, at Moment) {
	d := &a.devices[a.places[act.Device]]
	switch {
	case act.As == AsAdmin:
		d.Expelled = true
	case !act.cuts():
		d.Resigned = true
	default:
		a.bars = append(a.bars, bar{
			signer: act.Signer, recovery: act.As == AsRecovery, device: act.Device,
			index: at.Index, after: act.After, keep: sorted(act.Keep),
		})
		a.rules.fold(a)
	}
}

// applyFreeze starts a freeze. Nothing that happens to the freezer ends it. [ROLL-75] [ROLL-76]
func applyFreeze(a *Account, act Act, at Moment) {
	a.freezer = act.Signer
	a.frozenUntil = at.Time + at.Freeze
	a.coolUntil = a.frozenUntil + at.Freeze
}

func applyLift(a *Account, _ Act, at Moment) { a.frozenUntil = at.Time }

// applyOrder makes a chain of the devices listed, above all others. Who introduced whom stays. [ROLL-78]
func applyOrder(a *Account, act Act, _ Moment) {
	last := act.Order[len(act.Order)-1]
	for i := range a.devices {
		a.devices[i].Elder = last
	}
	var elder Key
	for _, key := range act.Order {
		a.devices[a.places[key]].Elder = elder
		elder = key
	}
	a.folded = 0
	a.rules.fold(a) // which bars count, and they reach, depends on who stands above whom
}

func applyReplace(a *Account, act Act, _ Moment) { a.recovery = act.Recovery }

// applyReadmit lets a re-admission wait, in the place of an earlier one by the same signer. [ROLL-80]
func applyReadmit(a *Account, act Act, at Moment) {
	a.waiting = append(waitingWithout(a, act.Signer), Readmission{
		Event: act.Event, By: act.Signer, Device: act.Device, Recovery: act.Recovery,
		Index: at.Index, Due: at.Time + at.Readmit, Rooted: act.Rooted,
	})
}

// waitingWithout returns the re-admissions that wait and that others signed.
func waitingWithout(a *Account, signer Key) []Readmission {
	return slices.DeleteFunc(slices.Clone(a.waiting), func(r Readmission) bool { return r.By == signer })
}

// applyEnter ends all that the account had and gives it to the newcomer, who then has the whole delay to refuse what else
// waits. [ROLL-80]
func applyEnter(a *Account, act Act, at Moment) {
	entered, _ := a.Readmission(act.Event)
	for i := range a.devices {
		a.devices[i].Ended = true
	}
	a.drop(act.Event)
	for i := range a.waiting {
		a.waiting[i].Due = max(a.waiting[i].Due, at.Time+at.Readmit)
	}
	a.recovery = entered.Recovery
	a.frozenUntil, a.coolUntil, a.freezer = 0, 0, Key{}
	a.enrol(Device{Key: entered.Device, Since: at.Index})
}

func applyRefuse(a *Account, act Act, _ Moment) { a.drop(act.Event) }

func (a *Account) drop(event keys.EventID) {
	a.waiting = slices.DeleteFunc(slices.Clone(a.waiting), func(r Readmission) bool { return r.Event == event })
}

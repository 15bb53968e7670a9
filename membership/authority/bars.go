package authority

import (
	"bytes"
	"slices"
)

// bar is one with a position.
type bar struct {
	signer   Key
	recovery bool // the recovery key signed
	device   Key
	index    uint64
	after    uint64
	keep     []Key // sorted
	counts   bool  // by the last fold
}

// covers reports whether a bar does all that another by the same signer, or one below it, does to the same device.
func (b bar) covers(after uint64, keep []Key) bool {
	return b.after <= after && !slices.ContainsFunc(b.keep, func(k Key) bool { return !slices.Contains(keep, k) })
}

func sorted(keep []Key) []Key {
	return slices.SortedFunc(slices.Values(keep), func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
}

// kin are the places of the device that one introduced last, and of the one that its introducer introduced before it.
type kin struct{ child, sibling int }

const none = -1

// foldBars decides which bars count, who is barred, and from where. The later bars decide first: what a device signed from
// its cut on is void, its bars included, so that their victims return. Bars by the recovery key are never void; one of a
// device that stands above its signer by now does not count. [ROLL-74]
//
// What a counting bar does depends on no other bar, and cuts only fall. So a new bar, the last, changes which others count
// only if it cuts the signer of one that counts at or before that one; else its own effect is added to what is there.
func foldBars(a *Account) {
	if last := len(a.bars) - 1; a.folded == last && last >= 0 && a.addLast() {
		a.folded++
		return
	}
	for i := range a.devices {
		a.devices[i].Barred, a.devices[i].Cut = false, 0
	}
	f := newFold(a)
	for i := range slices.Backward(a.bars) {
		b := &a.bars[i]
		b.counts = b.recovery || !a.Void(b.signer, b.index) && !f.above(b.signer)[a.places[b.device]]
		if b.counts {
			f.bar(b)
		}
	}
	a.folded = len(a.bars)
	a.visits += f.visits
}

// addLast adds the effect of the last bar, if the others count as before; else it does nothing and returns false.
func (a *Account) addLast() bool {
	last := &a.bars[len(a.bars)-1]
	cuts := make(map[Key]uint64)
	f := newFold(a)
	f.sweep(last, func(place int, position uint64) { cuts[a.devices[place].Key] = position })
	a.visits += f.visits
	for _, b := range a.bars[:len(a.bars)-1] {
		if cut, ok := cuts[b.signer]; ok && b.counts && !b.recovery && b.index >= cut {
			return false
		}
	}
	for key, position := range cuts {
		a.devices[a.places[key]].cutAt(position)
	}
	last.counts = true
	return true
}

// fold is what one fold of bars remembers, so that its cost grows with devices and with bars, and not with their product.
type fold struct {
	account *Account
	seniors map[Key][]bool // by place: those above a device, and itself
	done    map[aim][]*bar // that were folded
	swept   []bool         // by place: all that the device introduced is cut, directly or not
	visits  int            // of devices
}

// aim is who bars whom.
type aim struct{ signer, device Key }

func newFold(a *Account) *fold {
	return &fold{account: a, seniors: make(map[Key][]bool), done: make(map[aim][]*bar), swept: make([]bool, len(a.devices))}
}

// above returns the set of a device and those above it. [ROLL-71]
func (f *fold) above(signer Key) []bool {
	set, ok := f.seniors[signer]
	if ok {
		return set
	}
	set = make([]bool, len(f.account.devices))
	for key := signer; ; {
		place, ok := f.account.places[key]
		if !ok || set[place] {
			break
		}
		set[place] = true
		key = f.account.devices[place].Elder
	}
	f.seniors[signer] = set
	return set
}

// bar cuts what a bar that counts cuts, unless one by the same signer has done all of that.
func (f *fold) bar(b *bar) {
	at := aim{b.signer, b.device}
	if slices.ContainsFunc(f.done[at], func(d *bar) bool { return d.covers(b.after, b.keep) }) {
		return
	}
	if len(f.done[at]) < MaxKeep { // more only cost time
		f.done[at] = append(f.done[at], b)
	}
	f.sweep(b, func(place int, position uint64) { f.account.devices[place].cutAt(position) })
}

// sweep calls cut for the barred device, and for what it introduced from the position on, directly or not. It stops at
// devices that the bar keeps, and reaches neither the one that signed nor one above it, which a new order may have put
// there; and it stops where an earlier sweep of the same fold that spared nothing has been. [ROLL-74] [ROLL-78]
func (f *fold) sweep(b *bar, cut func(place int, position uint64)) {
	a := f.account
	spared := f.above(b.signer)
	if len(b.keep) > 0 {
		spared = slices.Clone(spared)
		for _, key := range b.keep {
			spared[a.places[key]] = true
		}
	}
	clean := true
	var reached []int
	introduced := func(by int, after uint64) {
		for i := a.kin[by].child; i != none && a.devices[i].Since >= after; i = a.kin[i].sibling {
			f.visits++
			if spared[i] {
				clean = false
				continue
			}
			cut(i, a.devices[i].Since)
			if !f.swept[i] {
				reached = append(reached, i)
			}
		}
	}
	place := a.places[b.device]
	cut(place, b.after)
	introduced(place, b.after)
	for next := 0; next < len(reached); next++ {
		introduced(reached[next], a.devices[reached[next]].Since)
	}
	if clean {
		for _, i := range reached {
			f.swept[i] = true
		}
	}
}

// cutAt bars the device from a position on, or from an earlier one than before.
func (d *Device) cutAt(position uint64) {
	if !d.Barred || position < d.Cut {
		d.Barred, d.Cut = true, position
	}
}

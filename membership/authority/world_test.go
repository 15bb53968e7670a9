package authority

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster.example/internal/keys"
)

// The model. An account has up to five devices, of which any set is stolen from position start on; whoever stole them
// also has the sequencer: it chooses what is put on the roll, when, and how often. A compromised admin may work for the
// thief. The owner has the devices that are left and the recovery key, and there is an honest holder of the root key.
// Every key signs with its counter. A move is one signed event that is put on the roll, or a day's pause.

const (
	day     = int64(24 * 3600 * 1000)
	hold    = 3 * day // both a freeze and the delay of a re-admission
	created = 2       // devices that the thief makes, at most
)

// The names of keys in the model: devices from 1, then what the thief and the owner make.
var (
	evilDevices  = []Key{named("x"), named("y")}
	evilAdmin    = named("evil admin")
	evilNewcomer = named("evil newcomer")
	evilRecovery = named("evil recovery")
	ownRecovery  = named("recovery")
	nextRecovery = named("recovery 2")
	lastRecovery = named("recovery of the re-admitted")
	ownDevice    = named("own new device")
	lateDevice   = named("own last device")
	ownNewcomer  = named("re-admitted")
	root         = named("root")
	evilReadmit  = keys.EventID{1}
	ownReadmit   = keys.EventID{2}
)

func named(text string) Key { return Key(keys.Hash[keys.Event](keys.DomainEvent, []byte(text))) }

// devices are those that an account starts with.
var devices = func() (list [5]Key) {
	for i := range list {
		list[i] = named(fmt.Sprint("device ", i))
	}
	return list
}()

func device(i int) Key { return devices[i] }

// step is what happened: an act, or what text says.
type step struct {
	act  Act
	text string
}

// signed is an act with its counter. Of the root key and the evil admin the model has no counters: their events are
// made at will.
type signed struct {
	act     Act
	counter uint64
}

// scenario is where a play starts.
type scenario struct {
	name      string
	parents   []int // of each device the one that introduced it; of the first -1
	stolen    uint  // bit set of devices
	evilAdmin bool
	lost      bool // the owner has neither devices nor the recovery key, and admins fill the places of re-admissions
	rules     *ruleset
	counters  bool // false loosens them
}

func (s *scenario) isStolen(i int) bool { return s.stolen>>i&1 == 1 }

// thieves returns the devices stolen at the start.
func (s *scenario) thieves() (list []Key) {
	for i := range s.parents {
		if s.isStolen(i) {
			list = append(list, device(i))
		}
	}
	return list
}

// start is the position from which the thief acts.
func (s *scenario) start() uint64 { return uint64(len(s.parents)) }

// world is one state of a play.
type world struct {
	*scenario
	account  *Account
	counters Counters
	index    uint64
	now      int64
	past     []signed // on the roll
	withheld []signed // signed by the owner, kept back by the sequencer
	holdEnd  int64    // until when a freeze by the owner must hold
	holder   Key      // who froze then
	trace    []step
}

func newWorld(s *scenario) *world {
	w := &world{scenario: s, counters: make(Counters), now: 1000 * day}
	w.account = New(device(0), ownRecovery, 0)
	w.account.rules = s.rules
	w.index = 1
	for i, parent := range s.parents[1:] {
		w.play(signed{act: Act{Kind: Add, As: AsDevice, Signer: device(parent), Device: device(i + 1)}, counter: w.counters.Next(device(parent))})
	}
	w.past = nil
	for i := range MaxReadmissions - 1 {
		if !s.lost {
			break
		}
		key := named(fmt.Sprint("filler ", i))
		w.account.Apply(Act{Kind: Readmit, As: AsAdmin, Signer: key, Device: key, Event: keys.EventID{9, byte(i)}}, w.moment())
	}
	return w
}

func (w *world) clone() *world {
	clone := *w
	clone.account = w.account.Clone()
	clone.counters = maps.Clone(w.counters)
	clone.past, clone.withheld, clone.trace = slices.Clip(w.past), slices.Clip(w.withheld), slices.Clip(w.trace)
	return &clone
}

func (w *world) moment() Moment {
	return Moment{Index: w.index, Time: w.now, Freeze: hold, Readmit: hold}
}

// counted reports whether the model counts a signer's events.
func counted(key Key) bool { return key != root && key != evilAdmin }

func (a Act) unnumbered() signed { return signed{act: a} }

func (w *world) sign(act Act) signed { return signed{act, w.counters.Next(act.Signer)} }

// check is what the roll says of an event.
func (w *world) check(s signed) error {
	if w.scenario.counters && counted(s.act.Signer) && !w.counters.Due(s.act.Signer, s.counter) {
		return fmt.Errorf("counter %d", s.counter)
	}
	return w.account.Check(s.act, w.moment())
}

// play puts an event on the roll if the rules allow it.
func (w *world) play(s signed) bool {
	if w.check(s) != nil {
		return false
	}
	w.account.Apply(s.act, w.moment())
	if counted(s.act.Signer) {
		w.counters.Use(s.act.Signer, max(s.counter, w.counters[s.act.Signer]))
		w.past = append(w.past, s)
	}
	w.index++
	w.trace = append(w.trace, step{act: s.act})
	return true
}

func (w *world) pause() {
	w.now += hold
	w.trace = append(w.trace, step{text: "a pause"})
}

// mine reports whether a key is the thief's.
func (w *world) mine(key Key) bool {
	return slices.Contains(evilDevices, key) || key == evilNewcomer || slices.Contains(w.thieves(), key)
}

// state encodes what the future depends on.
func (w *world) state() string {
	var b []byte
	number := func(n uint64) { b = binary.AppendUvarint(b, n) }
	key := func(k Key) { b = append(b, k[:4]...) }
	after := func(stamp int64) { number(uint64(max(0, stamp-w.now) / day)) }
	flags := func(list ...bool) {
		for _, flag := range list {
			b = append(b, map[bool]byte{true: 1}[flag])
		}
	}
	number(w.index)
	for _, d := range w.account.devices {
		key(d.Key)
		key(d.By)
		key(d.Elder)
		number(d.Since)
		number(d.Cut)
		flags(d.Barred, d.Resigned, d.Expelled, d.Ended)
		number(w.counters[d.Key])
	}
	for _, bar := range w.account.bars {
		key(bar.signer)
		key(bar.device)
		number(bar.index)
		number(bar.after)
		for _, kept := range bar.keep {
			key(kept)
		}
	}
	for _, waiting := range w.account.waiting {
		key(waiting.Device)
		after(waiting.Due)
	}
	key(w.account.recovery)
	key(w.account.freezer)
	key(w.holder)
	after(w.account.frozenUntil)
	after(w.account.coolUntil)
	after(w.holdEnd)
	flags(w.account.suspended)
	for _, s := range w.withheld {
		b = append(b, s.act.text()...)
		number(s.counter)
	}
	return string(b)
}

func (a Act) text() string {
	kinds := [...]string{Add: "add", Bar: "bar", Freeze: "freeze", Lift: "lift", Order: "order", Replace: "replace", Readmit: "readmit",
		Enter: "enter", Refuse: "refuse"}
	text := fmt.Sprintf("%s by %s", kinds[a.Kind], nameOf(a.Signer))
	if !a.Device.IsZero() {
		text += " of " + nameOf(a.Device)
	}
	if a.Kind == Bar {
		text += fmt.Sprintf(" after %d", a.After)
	}
	for _, kept := range a.Keep {
		text += " keeping " + nameOf(kept)
	}
	return text
}

func nameOf(key Key) string {
	names := map[Key]string{
		evilDevices[0]: "x", evilDevices[1]: "y", evilAdmin: "evil admin", evilNewcomer: "evil newcomer", ownRecovery: "recovery key",
		nextRecovery: "next recovery key", lastRecovery: "last recovery key", ownDevice: "own new device", lateDevice: "own last device",
		ownNewcomer: "re-admitted device", root: "root",
	}
	for i := range 5 {
		names[device(i)] = fmt.Sprint("device ", i)
	}
	if text, ok := names[key]; ok {
		return text
	}
	return key.Short()
}

func (w *world) story() string {
	var stolen, steps []string
	for _, key := range w.thieves() {
		stolen = append(stolen, nameOf(key))
	}
	for _, s := range w.trace[len(w.parents)-1:] {
		if s.text == "" {
			s.text = s.act.text()
		}
		steps = append(steps, s.text)
	}
	return fmt.Sprintf("%s, stolen %v, evil admin %t: %s", w.name, stolen, w.evilAdmin, strings.Join(steps, "; "))
}

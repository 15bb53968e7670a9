package authority

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// topologies are who introduced whom, for each number of devices.
var topologies = map[int]map[string][]int{
	1: {"one": {-1}},
	2: {"two": {-1, 0}},
	3: {"chain of 3": {-1, 0, 1}, "star of 3": {-1, 0, 0}},
	4: {"chain of 4": {-1, 0, 1, 2}, "star of 4": {-1, 0, 0, 0}, "fork of 4": {-1, 0, 1, 1}},
	5: {"chain of 5": {-1, 0, 1, 2, 3}, "star of 5": {-1, 0, 0, 0, 0}, "tree of 5": {-1, 0, 0, 1, 2}},
}

// depths are how many moves are played for each number of devices. MUSTER_MODEL_DEEPER adds to each.
var depths = map[int]int{1: 4, 2: 3, 3: 2, 4: 2, 5: 2}

// TestModel plays every sequence of events to a fixed depth, in every scenario of at most three devices, and looks after each for a
// way in which the owner no longer ends with the account. [ROLL-70] to [ROLL-81]
func TestModel(t *testing.T) { playAll(t, 3, 50_000) }

// TestLongModel plays those of up to five devices.
func TestLongModel(t *testing.T) {
	if testing.Short() {
		t.Skip("these plays are long: make long plays them")
	}
	playAll(t, 5, 300_000)
}

// playAll plays every sequence in the scenarios of at most so many devices, which have at least so many states.
func playAll(t *testing.T, devices int, least int64) {
	t.Helper()
	deeper, _ := strconv.Atoi(os.Getenv("MUSTER_MODEL_DEEPER"))
	var states, moves atomic.Int64
	scenarios := slices.DeleteFunc(allScenarios(&strict, true), func(s *scenario) bool { return len(s.parents) > devices })
	each(scenarios, func(s *scenario) {
		p := player{}
		depth := depths[len(s.parents)] + deeper
		if s.lost {
			depth++ // two re-admissions, a pause and two entries
		}
		p.explore(newWorld(s), depth)
		states.Add(int64(len(p.seen)))
		moves.Add(p.moves)
		if p.broken != nil {
			t.Error(p.broken)
		}
	})
	t.Logf("%d scenarios, %d states visited, %d moves tried, to depth %v and %d more", len(scenarios), states.Load(), moves.Load(), depths, deeper)
	if states.Load() < least {
		t.Errorf("only %d states: the model does not explore", states.Load())
	}
}

// The plays make much garbage that is dead at once: collecting it rarely is twice as fast.
func init() { debug.SetGCPercent(600) }

// each runs a function for every scenario on all cores.
func each(scenarios []*scenario, play func(*scenario)) {
	var wait sync.WaitGroup
	queue := make(chan *scenario)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for s := range queue {
				play(s)
			}
		})
	}
	for _, s := range scenarios {
		queue <- s
	}
	close(queue)
	wait.Wait()
}

func allScenarios(rules *ruleset, counters bool) (list []*scenario) {
	for devices := 5; devices >= 1; devices-- {
		for name, parents := range topologies[devices] {
			for stolen := range uint(1) << devices {
				for _, evil := range []bool{false, true} {
					list = append(list, &scenario{name: name, parents: parents, stolen: stolen, evilAdmin: evil, rules: rules, counters: counters})
				}
			}
		}
	}
	for _, devices := range []int{1, 2} { // who lost all devices, and the recovery key
		for name, parents := range topologies[devices] {
			list = append(list, &scenario{
				name: name + ", lost", parents: parents, stolen: uint(1)<<devices - 1, evilAdmin: true, lost: true, rules: rules, counters: counters,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b *scenario) int {
		if c := len(b.parents) - len(a.parents); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return list
}

// player explores one scenario.
type player struct {
	seen   map[string]bool
	moves  int64
	broken error
}

func (p *player) explore(w *world, depth int) {
	if p.seen == nil {
		p.seen = make(map[string]bool)
	}
	if depth < 0 {
		return
	}
	state := w.state()
	if p.broken != nil || p.seen[fmt.Sprint(depth, state)] {
		return
	}
	p.seen[fmt.Sprint(depth, state)] = true
	if err := w.judge(); err != nil {
		p.broken = fmt.Errorf("%s: %w", w.story(), err)
		return
	}
	if depth == 0 {
		return
	}
	for _, next := range w.successors(p) {
		p.explore(next, depth-1)
		if p.broken != nil {
			return
		}
	}
}

// successors are the states that one move leads to.
func (w *world) successors(p *player) (list []*world) {
	attempt := func(s signed, owner bool) {
		p.moves++
		if w.check(s) != nil {
			return
		}
		next := w.clone()
		next.play(s)
		if err := next.watch(w, s.act, owner); err != nil && p.broken == nil {
			p.broken = fmt.Errorf("%s: %w", next.story(), err)
		}
		list = append(list, next)
	}
	for _, act := range w.evilMoves() {
		attempt(w.sign(act), false)
	}
	for _, act := range w.ownMoves() {
		attempt(w.sign(act), true)
	}
	for i, s := range w.withheld {
		p.moves++
		if w.check(s) != nil {
			continue
		}
		next := w.clone()
		next.withheld = slices.Delete(slices.Clone(w.withheld), i, i+1)
		next.play(s)
		list = append(list, next)
	}
	if withheld := w.withhold(); withheld != nil {
		list = append(list, withheld)
	}
	if w.evilAdmin {
		next := w.clone()
		next.account.SetSuspended(!w.account.Suspended())
		next.trace = append(next.trace, step{text: "suspended, or reinstated"})
		list = append(list, next)
	}
	next, err := w.vigilantPause()
	if err != nil && p.broken == nil {
		p.broken = fmt.Errorf("%s: %w", w.story(), err)
	}
	return append(list, next)
}

// withhold: an honest device has signed the adding of a device that turns out to be bad, the sequencer kept that back,
// and the device then cancelled it by using the counter up. What was kept back must be dead.
func (w *world) withhold() *world {
	honest := w.honest()
	if len(honest) == 0 || len(w.withheld) > 0 {
		return nil
	}
	if _, there := w.account.Device(evilDevices[created-1]); there {
		return nil
	}
	next := w.clone()
	signer := honest[0]
	next.withheld = append(next.withheld, next.sign(Act{Kind: Add, As: AsDevice, Signer: signer, Device: evilDevices[created-1]}))
	next.counters.Use(signer, next.counters.Next(signer)) // the cancelling event
	next.trace = append(next.trace, step{text: "an add by " + nameOf(signer) + " withheld and cancelled"})
	return next
}

// vigilantPause lets a delay pass. The owner refuses in time what the compromised admin tries; that must be possible.
func (w *world) vigilantPause() (*world, error) {
	next := w.clone()
	if _, waits := next.account.Readmission(evilReadmit); waits && !w.lost {
		if err := next.refuseEvil(); err != nil {
			return next, err
		}
	}
	next.pause()
	return next, nil
}

// refuseEvil: any device of the owner that the account itself has not barred refuses, whatever an admin has done to it,
// and so does the recovery key.
func (w *world) refuseEvil() error {
	for _, d := range w.account.devices {
		if w.mine(d.Key) || d.Barred || d.Resigned || d.Ended {
			continue
		}
		refusal := Act{Kind: Refuse, As: AsDevice, Signer: d.Key, Event: evilReadmit}
		if err := w.check(w.sign(refusal)); err != nil {
			return fmt.Errorf("%s cannot refuse a re-admission: %w", nameOf(d.Key), err)
		}
	}
	if !w.play(w.sign(Act{Kind: Refuse, As: AsRecovery, Signer: w.account.recovery, Event: evilReadmit})) {
		return errors.New("the recovery key cannot refuse a re-admission")
	}
	return nil
}

// watch looks at a single step for what no step may do.
func (w *world) watch(before *world, act Act, owner bool) error {
	if owner && act.Kind == Freeze {
		w.holdEnd, w.holder = w.now+hold, act.Signer
	}
	if act.Kind == Lift || act.Kind == Enter {
		w.holdEnd = 0
	}
	if w.lost { // holdEnd is until when the one who entered has time
		if act.Kind == Enter && owner {
			w.holdEnd = w.now + hold
		}
		return nil
	}
	holds := before.now < before.holdEnd && act.As == AsDevice
	switch {
	case holds && act.Kind == Add:
		return errors.New("a device was added while the owner had frozen the account")
	case holds && act.Kind == Bar && act.Device != act.Signer && act.Device != before.holder:
		return errors.New("a device was barred while the owner had frozen the account")
	case act.As == AsDevice && w.account.recovery != before.account.recovery:
		return errors.New("a device changed the recovery key")
	case act.As == AsAdmin && act.Kind != Readmit && gained(before.account, w.account):
		return errors.New("an admin's act made a device active")
	case act.As == AsDevice && act.Kind == Bar:
		return w.sparesSeniors(before, act)
	}
	return nil
}

// sparesSeniors: no bar by a device ends one above it, whoever introduced whom.
func (w *world) sparesSeniors(before *world, act Act) error {
	for _, d := range before.account.devices {
		if then, _ := w.account.Device(d.Key); d.Active() && !then.Active() && before.account.Senior(d.Key, act.Signer) {
			return fmt.Errorf("a bar ended %s, which is senior to its signer", nameOf(d.Key))
		}
	}
	return nil
}

// gained reports whether a device is active that was not.
func gained(before, after *Account) bool {
	return slices.ContainsFunc(after.devices, func(d Device) bool {
		earlier, _ := before.Device(d.Key)
		return d.Active() && !earlier.Active()
	})
}

// judge looks at a state: nothing can be played twice, nothing dead comes back, and the owner ends with the account,
// with the recovery key, and with a device senior to every stolen one.
func (w *world) judge() error {
	for _, s := range w.past {
		if w.check(s) == nil {
			return fmt.Errorf("an event is taken twice: %s", s.act.text())
		}
	}
	for _, s := range w.withheld {
		if w.check(s) == nil {
			return fmt.Errorf("a cancelled event is taken: %s", s.act.text())
		}
	}
	if w.lost {
		return w.endWithReadmission()
	}
	if err := w.endWithRecovery(); err != nil {
		return fmt.Errorf("with the recovery key: %w", err)
	}
	return w.endWithSenior()
}

// endWithRecovery plays the owner's last moves with the recovery key. An honest holder of the root key has the member
// reinstated if need be. The owner knows which devices were stolen, and not what the thief made since.
func (w *world) endWithRecovery() error {
	end := w.clone()
	end.account.SetSuspended(false)
	if _, waits := end.account.Readmission(evilReadmit); waits {
		if err := end.refuseEvil(); err != nil {
			return err
		}
	}
	recovery := end.account.recovery
	for _, thief := range end.bySeniority(end.thieves()) {
		if err := end.finish(Act{Kind: Bar, As: AsRecovery, Signer: recovery, Device: thief, After: end.start()}); err != nil {
			return err
		}
	}
	if err := end.finish(Act{Kind: Add, As: AsRecovery, Signer: recovery, Device: lateDevice}); err != nil {
		return err
	}
	if d, _ := end.account.Device(lateDevice); !d.Active() {
		return errors.New("the owner's new device is not active")
	}
	return end.owned(true)
}

// endWithReadmission: whoever lost everything is re-admitted by the root key, enters unless the thief's devices refuse,
// and then has the whole delay to refuse another re-admission.
func (w *world) endWithReadmission() error {
	if _, entered := w.account.Device(ownNewcomer); entered {
		if w.check(w.sign(Act{Kind: Enter, As: AsNewcomer, Signer: evilNewcomer, Event: evilReadmit})) == nil && w.now < w.holdEnd {
			return errors.New("the owner has had no time to refuse a re-admission")
		}
		return nil
	}
	if _, waits := w.account.Readmission(ownReadmit); waits {
		return nil
	}
	if err := w.check(Act{Kind: Readmit, As: AsAdmin, Signer: root, Device: ownNewcomer, Recovery: lastRecovery, Event: ownReadmit, Rooted: true}.unnumbered()); err != nil {
		return fmt.Errorf("the root key cannot re-admit: %w", err)
	}
	return nil
}

// finish plays a move that the owner must be able to make, unless it is made already.
func (w *world) finish(act Act) error {
	if err := w.check(w.sign(act)); errors.Is(err, ErrAlready) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s is refused: %w", act.text(), err)
	}
	w.play(w.sign(act))
	return nil
}

// endWithSenior plays the last moves with a device senior to every stolen one, if there is one and no admin interferes.
// A freeze by the thief costs the owner one delay, in which, at its very end, the thief makes one more move.
func (w *world) endWithSenior() error {
	if w.evilAdmin || w.account.Suspended() || w.stolen == 0 {
		return nil
	}
	for _, senior := range w.honest() {
		if !w.above(senior) {
			continue
		}
		if _, by, frozen := w.account.Frozen(w.now); !frozen {
			return w.barAll(senior)
		} else if !w.mine(by) {
			continue // the owner can wait for that
		} else if by != senior && w.check(w.sign(Act{Kind: Bar, As: AsDevice, Signer: senior, Device: by, After: w.start()})) != nil && w.canBar(by) {
			return errors.New("the senior device cannot bar the one that froze the account")
		}
		return w.outlast(senior)
	}
	return nil
}

// canBar reports whether a bar from the start would still change something.
func (w *world) canBar(key Key) bool {
	d, _ := w.account.Device(key)
	return d.Active()
}

func (w *world) outlast(senior Key) error {
	later, err := w.vigilantPause()
	if err != nil {
		return err
	}
	for _, act := range append(later.evilMoves(), Act{}) {
		last := later.clone()
		if act.Kind != 0 {
			last.play(last.sign(act))
		}
		if err := last.barAll(senior); err != nil {
			return fmt.Errorf("after a freeze, and %s: %w", act.text(), err)
		}
	}
	return nil
}

// above reports whether a device is senior to all that were stolen, and to all that the thief made: the owner may have
// put one of these on top by mistake, and then needs the recovery key.
func (w *world) above(senior Key) bool {
	for _, d := range w.account.devices {
		if w.mine(d.Key) && !w.account.Senior(senior, d.Key) {
			return false
		}
	}
	return true
}

func (w *world) barAll(senior Key) error {
	end := w.clone()
	for _, thief := range end.bySeniority(end.thieves()) {
		if err := end.finish(Act{Kind: Bar, As: AsDevice, Signer: senior, Device: thief, After: end.start()}); err != nil {
			return fmt.Errorf("with the senior %s: %w", nameOf(senior), err)
		}
	}
	if d, _ := end.account.Device(senior); !d.Active() {
		return errors.New("the senior device has barred itself")
	}
	if err := end.owned(true); err != nil {
		return fmt.Errorf("with the senior %s: %w", nameOf(senior), err)
	}
	return nil
}

// bySeniority sorts devices so that none comes before one that is senior to it.
func (w *world) bySeniority(list []Key) []Key {
	height := func(key Key) (n int) {
		for _, other := range list {
			if w.account.Senior(other, key) {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(list, func(a, b Key) int { return height(a) - height(b) })
	return list
}

// owned: the thief has no active device, the owner's are back but for those that an admin or a re-admission ended, the
// recovery key is the owner's, and nothing that the thief can still sign changes that.
func (w *world) owned(closed bool) error {
	for _, d := range w.account.devices {
		switch {
		case w.mine(d.Key) && d.Active():
			return fmt.Errorf("%s is still active", nameOf(d.Key))
		case !w.mine(d.Key) && d.Barred:
			return fmt.Errorf("the owner's %s is barred", nameOf(d.Key))
		}
	}
	if w.account.recovery == evilRecovery {
		return errors.New("the recovery key is the thief's")
	}
	if !closed {
		return nil
	}
	for _, act := range w.evilMoves() {
		if w.check(w.sign(act)) != nil {
			continue
		}
		next := w.clone()
		next.play(next.sign(act))
		if err := next.owned(false); err != nil {
			return fmt.Errorf("then %s: %w", act.text(), err)
		}
	}
	return nil
}

// mutant is a way to loosen the rules that the model must notice.
type mutant struct {
	name     string
	counters bool
	loosen   func(*ruleset)
}

var mutants = []mutant{
	{"without seniority", true, func(r *ruleset) { r.allow[Bar] = without(r.allow[Bar], 2) }},
	{"without the cool-down", true, func(r *ruleset) { r.allow[Freeze] = without(r.allow[Freeze], 3) }},
	{"a freeze without limit", true, func(r *ruleset) {
		r.effect[Freeze] = func(a *Account, act Act, at Moment) {
			at.Freeze *= 1000
			applyFreeze(a, act, at)
		}
	}},
	{"a freeze that binds the recovery key", true, func(r *ruleset) {
		r.allow[Add] = append(slices.Clone(r.allow[Add]), thawed)
		r.allow[Bar] = append(slices.Clone(r.allow[Bar]), thawed)
	}},
	{"a freeze that ends with its freezer", true, func(r *ruleset) {
		r.effect[Bar] = func(a *Account, act Act, at Moment) {
			applyBar(a, act, at)
			if act.Device == a.freezer {
				a.frozenUntil = 0
			}
		}
	}},
	{"a freeze that shields its freezer", true, func(r *ruleset) { r.allow[Bar][4] = unfrozen }},
	{"a device that may replace the recovery key", true, func(r *ruleset) { r.allow[Replace] = []rule{byOwner} }},
	{"an admin that may add a device", true, func(r *ruleset) { r.allow[Add] = []rule{byOwnerOrAdmin} }},
	{"a re-admission without delay", true, func(r *ruleset) { r.allow[Enter] = without(r.allow[Enter], 1) }},
	{"a re-admission without refusal", true, func(r *ruleset) { r.allow[Refuse] = []rule{waits, byAdmin} }},
	{"a re-admission that expelled devices cannot refuse", true, func(r *ruleset) { r.allow[Refuse] = []rule{waits, byOwner} }},
	{"no cascade", true, func(r *ruleset) { r.fold = plainFold{levels: 0}.fold }},
	{"one level of cascade", true, func(r *ruleset) { r.fold = plainFold{levels: 1}.fold }},
	{"bars of a barred device that stand", true, func(r *ruleset) { r.fold = plainFold{levels: all, standing: true}.fold }},
	{"earlier bars first", true, func(r *ruleset) { r.fold = plainFold{levels: all, earlierFirst: true}.fold }},
	{"a bar of a device that is now senior", true, func(r *ruleset) { r.fold = plainFold{levels: all, ofSeniors: true}.fold }},
	{"a bar that others' lists of kept devices make superfluous", true, func(r *ruleset) {
		r.allow[Bar][5] = func(a *Account, act Act, at Moment) error {
			list := act.Keep
			for _, d := range a.devices {
				list = append(slices.Clip(list), d.Key)
			}
			act.Keep = list
			return barsMore(a, act, at)
		}
	}},
	{"a limit of re-admissions that binds the root key", true, func(r *ruleset) {
		r.allow[Readmit][1] = func(a *Account, act Act, at Moment) error {
			act.Rooted = false
			return fewReadmissions(a, act, at)
		}
	}},
	{"a re-admission that is due right after another", true, func(r *ruleset) {
		r.effect[Enter] = func(a *Account, act Act, at Moment) {
			at.Readmit = 0
			applyEnter(a, act, at)
		}
	}},
	{"a barred device that may sign", true, func(r *ruleset) {
		r.allow[Add] = without(r.allow[Add], 0)
		r.allow[Bar] = without(r.allow[Bar], 0)
	}},
	{"an admin's bar that voids", true, func(r *ruleset) {
		r.effect[Bar] = func(a *Account, act Act, at Moment) {
			if act.As == AsAdmin {
				a.bars = append(a.bars, bar{recovery: true, device: act.Device, index: at.Index})
				r.fold(a)
				return
			}
			applyBar(a, act, at)
		}
	}},
	{"a cascade that reaches seniors", true, func(r *ruleset) { r.fold = plainFold{levels: all, upwards: true}.fold }},
	{"events without counters", false, func(*ruleset) {}},
}

func without(rules []rule, i int) []rule { return slices.Delete(slices.Clone(rules), i, i+1) }

// TestModelNoticesEachLoosenedRule plays against rules that are loosened in one place, and must find the harm.
func TestModelNoticesEachLoosenedRule(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			rules := strict
			for kind := range rules.allow {
				rules.allow[kind] = slices.Clone(rules.allow[kind])
			}
			m.loosen(&rules)
			scenarios := allScenarios(&rules, m.counters)
			const largest = 6 // of devices and moves together: small plays first
			for size := 2; size <= largest; size++ {
				for _, s := range scenarios {
					p := player{}
					p.explore(newWorld(s), size-len(s.parents))
					if p.broken != nil {
						t.Logf("caught: %v", p.broken)
						return
					}
				}
			}
			t.Error("the model does not notice it")
		})
	}
}

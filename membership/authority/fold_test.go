package authority

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const all = 1 << 20 // levels of a cascade

// plainFold is the fold as the specification says it, whatever it costs, and ways to get it wrong. [ROLL-74]
type plainFold struct {
	levels       int
	standing     bool // bars of a barred device stand
	earlierFirst bool
	ofSeniors    bool // bars of a device above the signer count
	upwards      bool // the cascade reaches those above the signer
}

func (p plainFold) fold(a *Account) {
	for i := range a.devices {
		a.devices[i].Barred, a.devices[i].Cut = false, 0
	}
	for n := range a.bars {
		b := &a.bars[len(a.bars)-1-n]
		if p.earlierFirst {
			b = &a.bars[n]
		}
		b.counts = b.recovery || (p.standing || !a.Void(b.signer, b.index)) && (p.ofSeniors || !a.Senior(b.device, b.signer))
		if b.counts {
			a.devices[a.places[b.device]].cutAt(b.after)
			p.cascade(a, b, b.device, b.after, p.levels)
		}
	}
}

func (p plainFold) cascade(a *Account, b *bar, from Key, after uint64, levels int) {
	for i := range a.devices {
		d := &a.devices[i]
		if levels == 0 || d.By != from || d.Since < after || slices.Contains(b.keep, d.Key) || d.Key == b.signer && !p.upwards || !p.upwards && a.Senior(d.Key, b.signer) {
			continue
		}
		d.cutAt(d.Since)
		p.cascade(a, b, d.Key, d.Since, levels-1)
	}
}

// TestFoldIsThePlainOne plays random adds, bars and orders, and folds both ways after each. [ROLL-74]
func TestFoldIsThePlainOne(t *testing.T) {
	full, flipped := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		words := named("words")
		a := New(named("first"), words, 0)
		list := []Key{named("first")}
		pick := func(label string) Key { return rapid.SampledFrom(list).Draw(t, label) }
		for index := uint64(1); index < 80; index++ {
			act := Act{As: AsDevice, Signer: pick("signer")}
			if rapid.IntRange(0, 5).Draw(t, "recovery") == 0 {
				act.As, act.Signer = AsRecovery, words
			}
			switch rapid.IntRange(0, 12).Draw(t, "kind") {
			case 0, 1, 2:
				act.Kind, act.Device = Add, named(fmt.Sprint("device ", index))
			case 3:
				act.Kind, act.As, act.Signer, act.Order = Order, AsRecovery, words, []Key{pick("order")}
			default:
				act.Kind, act.Device, act.After = Bar, pick("device"), rapid.Uint64Range(0, index).Draw(t, "after")
				act.Keep = rapid.SliceOfNDistinct(rapid.SampledFrom(list), 0, min(2, len(list)), rapid.ID[Key]).Draw(t, "keep")
				if !act.cuts() {
					act.Keep = nil
				}
			}
			at := Moment{Index: index, Time: 1, Freeze: 1, Readmit: 1}
			if a.Check(act, at) != nil {
				continue
			}
			before := a.Clone()
			a.Apply(act, at)
			if act.Kind == Add {
				list = append(list, act.Device)
			}
			plain := a.Clone()
			plainFold{levels: all}.fold(plain)
			same := func(x, y bar) bool { return x.counts == y.counts }
			if !slices.Equal(a.devices, plain.devices) || !slices.EqualFunc(a.bars, plain.bars, same) {
				t.Fatalf("%s: %v, plainly %v", act.text(), a.devices, plain.devices)
			}
			if act.Kind == Bar && act.cuts() {
				full++
				if !slices.EqualFunc(before.bars, a.bars[:len(before.bars)], same) {
					flipped++
				}
			}
		}
	})
	t.Logf("%d bars, %d of which changed what counts", full, flipped)
	if flipped == 0 {
		t.Error("no bar changed what counts")
	}
}

// play is an account that must allow what the test plays.
type play struct {
	testing.TB
	*Account
	index uint64
}

func (p *play) at() Moment {
	return Moment{Index: p.index, Time: int64(p.index), Freeze: 1, Readmit: 10}
}

func (p *play) must(act Act) {
	p.Helper()
	p.index++
	if err := p.Check(act, p.at()); err != nil {
		p.Fatalf("%s: %v", act.text(), err)
	}
	p.Apply(act, p.at())
}

func (p *play) is(want error, act Act) {
	p.Helper()
	p.index++
	if err := p.Check(act, p.at()); err != want {
		p.Errorf("%s: %v, want %v", act.text(), err, want)
	}
}

func (p *play) active(key Key) bool {
	d, _ := p.Device(key)
	return d.Active()
}

var top, words = named("top"), named("words")

func started(t testing.TB) *play { return &play{TB: t, Account: New(top, words, 0)} }

// bombed is an account whose first device has a chain of devices below it, and which bars the top of that ever earlier.
func bombed(t testing.TB, chain, bars int) *play {
	p := started(t)
	last := named("chain")
	p.must(Act{Kind: Add, As: AsDevice, Signer: top, Device: last})
	after := p.index + 1000
	p.index += 1000
	for i := range chain {
		d := named(fmt.Sprint("chain ", i))
		p.must(Act{Kind: Add, As: AsDevice, Signer: last, Device: d})
		p.must(Act{Kind: Bar, As: AsDevice, Signer: last, Device: last})
		last = d
	}
	for range bars {
		after--
		p.must(Act{Kind: Bar, As: AsDevice, Signer: top, Device: named("chain"), After: after})
	}
	return p
}

// TestFoldCost: what bars cost grows with devices and bars, also if all is folded anew.
func TestFoldCost(t *testing.T) {
	const chain, bars = 1000, 200
	p := bombed(t, chain, bars)
	t.Logf("%d devices, %d bars: %d visits", chain, bars, p.visits)
	if p.visits > 2*chain*bars {
		t.Errorf("%d visits of devices, want one for each bar and device", p.visits)
	}
	p.visits = 0
	p.must(Act{Kind: Order, As: AsRecovery, Signer: words, Order: []Key{top}})
	if p.visits > 2*chain {
		t.Errorf("%d visits of devices in one fold", p.visits)
	}
}

func BenchmarkFold(b *testing.B) {
	for b.Loop() {
		bombed(b, 1000, 200)
	}
}

func TestBarsOfOneSignerAreLimited(t *testing.T) {
	p := started(t)
	x := named("x")
	p.must(Act{Kind: Add, As: AsDevice, Signer: top, Device: x})
	p.index = 2 * MaxBars
	for i := range uint64(MaxBars) {
		p.must(Act{Kind: Bar, As: AsDevice, Signer: top, Device: x, After: MaxBars + 1 - i})
	}
	p.is(ErrLimit, Act{Kind: Bar, As: AsDevice, Signer: top, Device: x, After: 0})
	p.must(Act{Kind: Bar, As: AsRecovery, Signer: words, Device: x, After: 0})
	p.must(Act{Kind: Bar, As: AsDevice, Signer: top, Device: top})
}

// TestKeptDevicesBindNoOtherBar: a bar that keeps a device makes none superfluous that does not keep it.
func TestKeptDevicesBindNoOtherBar(t *testing.T) {
	for as, by := range map[Capacity]Key{AsDevice: top, AsRecovery: words} {
		p := started(t)
		s, x := named("s"), named("x")
		p.must(Act{Kind: Add, As: AsDevice, Signer: top, Device: s})
		p.must(Act{Kind: Add, As: AsDevice, Signer: s, Device: x})
		p.must(Act{Kind: Bar, As: as, Signer: by, Device: s, After: 2, Keep: []Key{x}})
		p.is(ErrAlready, Act{Kind: Bar, As: as, Signer: by, Device: s, After: 2, Keep: []Key{x}})
		p.must(Act{Kind: Bar, As: as, Signer: by, Device: s, After: 2})
		p.is(ErrAlready, Act{Kind: Bar, As: as, Signer: by, Device: s, After: 2, Keep: []Key{x}})
		if p.active(x) {
			t.Error("the second bar did not end the device that the first kept")
		}
	}
}

// TestBarOfANewSeniorDoesNotComeBack: a new order put a device above one that had barred it.
func TestBarOfANewSeniorDoesNotComeBack(t *testing.T) {
	p := started(t)
	d := []Key{top, named("1"), named("2"), named("3")} // a chain; 0 and 2 are stolen
	for i := range 3 {
		p.must(Act{Kind: Add, As: AsDevice, Signer: d[i], Device: d[i+1]})
	}
	start := p.index + 1
	p.must(Act{Kind: Bar, As: AsDevice, Signer: d[2], Device: d[3], After: start})
	p.must(Act{Kind: Bar, As: AsDevice, Signer: d[0], Device: d[2], After: start}) // 3 is back
	p.must(Act{Kind: Order, As: AsRecovery, Signer: words, Order: []Key{d[3]}})
	p.must(Act{Kind: Bar, As: AsDevice, Signer: d[3], Device: d[0], After: start})
	if !p.active(d[3]) {
		t.Error("a bar by what is now its junior ended the most senior device")
	}
	p.must(Act{Kind: Bar, As: AsDevice, Signer: d[3], Device: d[2], After: start})
}

// TestPlacesOfAThiefAreFreeAgain: after its bar, or a re-admission, the owner's device can add others.
func TestPlacesOfAThiefAreFreeAgain(t *testing.T) {
	p := started(t)
	thief := named("thief")
	p.must(Act{Kind: Add, As: AsDevice, Signer: top, Device: thief})
	theft := p.index + 1
	for i := range MaxDevices - 2 {
		d := named(fmt.Sprint("burn ", i))
		p.must(Act{Kind: Add, As: AsDevice, Signer: thief, Device: d})
		p.must(Act{Kind: Bar, As: AsDevice, Signer: d, Device: d})
	}
	p.is(ErrLimit, Act{Kind: Add, As: AsDevice, Signer: thief, Device: named("new")})
	taken := &play{TB: t, Account: p.Clone(), index: p.index}
	p.must(Act{Kind: Bar, As: AsDevice, Signer: top, Device: thief, After: theft})
	for i := range MaxActive - 1 {
		p.must(Act{Kind: Add, As: AsDevice, Signer: top, Device: named(fmt.Sprint("new ", i))})
	}
	taken.must(Act{Kind: Readmit, As: AsAdmin, Signer: root, Device: ownNewcomer, Event: ownReadmit})
	taken.index += 10
	taken.must(Act{Kind: Enter, As: AsNewcomer, Signer: ownNewcomer, Event: ownReadmit})
	taken.must(Act{Kind: Add, As: AsDevice, Signer: ownNewcomer, Device: named("new")})
}

// TestReadmissionsThatWait: admins cannot shut out the root key, each signer has one, and an enter restarts the others.
func TestReadmissionsThatWait(t *testing.T) {
	p := started(t)
	readmit := func(by string, n int) Act {
		return Act{Kind: Readmit, As: AsAdmin, Signer: named(by), Device: named(fmt.Sprint("new ", n)), Event: [32]byte{byte(n)}}
	}
	for n := range MaxReadmissions {
		p.must(readmit("admin", n))
	}
	if list := p.Readmissions(); len(list) != 1 || list[0].Device != named("new 7") {
		t.Errorf("%d re-admissions by one signer wait", len(list))
	}
	for n := range MaxReadmissions - 1 {
		p.must(readmit(fmt.Sprint("admin ", n), 10+n))
	}
	p.is(ErrLimit, readmit("another", 20))
	p.must(readmit("admin", 21))
	rooted := readmit("root", 22)
	rooted.Rooted = true
	p.must(rooted)
	p.index += 10
	p.must(Act{Kind: Enter, As: AsNewcomer, Signer: rooted.Device, Event: rooted.Event})
	p.is(ErrEarly, Act{Kind: Enter, As: AsNewcomer, Signer: named("new 21"), Event: [32]byte{21}})
	p.index += 10
	p.is(nil, Act{Kind: Enter, As: AsNewcomer, Signer: named("new 21"), Event: [32]byte{21}})
}

// TestModelRandomPlays plays deeper than TestModel, at random.
func TestModelRandomPlays(t *testing.T) {
	const plays, moves = 20_000, 7
	r := rand.New(rand.NewPCG(14, 74))
	scenarios := slices.DeleteFunc(allScenarios(&strict, true), func(s *scenario) bool { return len(s.parents) < 3 })
	played := 0
	for range plays {
		w := newWorld(scenarios[r.IntN(len(scenarios))])
		for range moves {
			next, err := w.random(r)
			if next == nil {
				continue
			}
			played++
			w = next
			if err != nil {
				t.Fatalf("%s: %v", w.story(), err)
			}
		}
		if err := w.judge(); err != nil {
			t.Fatalf("%s: %v", w.story(), err)
		}
	}
	t.Logf("%d plays, %d moves", plays, played)
}

// random plays one move, or returns nil if the rules refuse it.
func (w *world) random(r *rand.Rand) (*world, error) {
	if r.IntN(8) == 0 {
		return w.vigilantPause()
	}
	owner := r.IntN(2) == 0
	acts := w.evilMoves()
	if owner {
		acts = w.ownMoves()
	}
	if len(acts) == 0 {
		return nil, nil
	}
	act := acts[r.IntN(len(acts))]
	next := w.clone()
	if !next.play(next.sign(act)) {
		return nil, nil
	}
	return next, next.watch(w, act, owner)
}

package reconcile_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"muster.example/sync/reconcile"
)

// item makes up an item: n names it, and time says when it came into being.
func item(n, time uint64) reconcile.Item {
	var data [8]byte
	binary.LittleEndian.PutUint64(data[:], n)
	return reconcile.Item{Time: time, ID: sha256.Sum256(data[:])}
}

// cost is what a reconciliation took.
type cost struct{ rounds, up, down int }

// reconcileSets has two sets reconciled, and returns what each side lacks by what the first was told.
func reconcileSets(t testing.TB, here, there *reconcile.Set) (lacks, excess []reconcile.Item, c cost) {
	t.Helper()
	s := reconcile.NewSession(here, reconcile.Bound{})
	for !s.Done() {
		ask := s.Ask()
		answer, err := reconcile.Answer(there, ask)
		if err != nil {
			t.Fatal(err)
		}
		if len(ask) > reconcile.MaxFrame || len(answer) > reconcile.MaxFrame {
			t.Fatalf("frames of %d and %d bytes", len(ask), len(answer))
		}
		if err := s.Take(answer); err != nil {
			t.Fatal(err)
		}
		c.rounds, c.up, c.down = c.rounds+1, c.up+len(ask), c.down+len(answer)
	}
	for _, m := range s.Lacks() {
		found := there.Slice(m.From, m.To)
		if m.Names != nil {
			found = slices.DeleteFunc(slices.Clone(found), func(i reconcile.Item) bool { return !slices.Contains(m.Names, i.Name()) })
		}
		if uint64(len(found)) != m.Count {
			t.Fatalf("%d items where %d were announced", len(found), m.Count)
		}
		lacks = append(lacks, found...)
	}
	return lacks, s.Excess(), c
}

// minus returns the items of a that are not in b, in order.
func minus(a, b []reconcile.Item) []reconcile.Item {
	in := make(map[reconcile.Item]bool, len(b))
	for _, i := range b {
		in[i] = true
	}
	left := make(map[reconcile.Item]bool)
	for _, i := range a {
		if !in[i] {
			left[i] = true
		}
	}
	return slices.SortedFunc(maps.Keys(left), reconcile.Item.Compare)
}

// Whatever two sets are, each side learns just what it lacks. [SYNC-7]
func TestEachSideLearnsWhatItLacks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		shared := rapid.SampledFrom([]int{0, 1, 10, 33, 500, 20_000}).Draw(rt, "shared")
		times := rapid.SampledFrom([]uint64{1, 2, 50, 1 << 40}).Draw(rt, "times")
		draw := func(n int) (items []reconcile.Item) {
			for range n {
				items = append(items, item(random.Uint64(), random.Uint64N(times)))
			}
			return items
		}
		both := draw(shared)
		sizes := []int{0, 1, 7, 40, 3000}
		first, second := draw(rapid.SampledFrom(sizes).Draw(rt, "first")), draw(rapid.SampledFrom(sizes).Draw(rt, "second"))
		a, b := slices.Concat(both, first), slices.Concat(both, second)
		key := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, seed))
		lacks, excess, _ := reconcileSets(t, reconcile.NewSet(key, slices.Clone(a)), reconcile.NewSet(key, slices.Clone(b)))
		if want := minus(b, a); !slices.Equal(lacks, want) {
			rt.Fatalf("it lacks %d items, and was told of %d", len(want), len(lacks))
		}
		if want := minus(a, b); !slices.Equal(excess, want) {
			rt.Fatalf("the other lacks %d items, of which %d were found", len(want), len(excess))
		}
	})
}

// million is a set of a million items that came into being over three years.
func million(without func(i int) bool) []reconcile.Item {
	const n = 1_000_000
	items := make([]reconcile.Item, 0, n)
	for i := range n {
		if !without(i) {
			items = append(items, item(uint64(i), 1_700_000_000_000+uint64(i)*94_608))
		}
	}
	return items
}

func every(n int) func(int) bool { return func(i int) bool { return n > 0 && i%n == n/2 } }

// The costs that docs/benchmarks.md promises do not grow unseen.
func TestCostsOfAMillion(t *testing.T) {
	var key [32]byte
	all := reconcile.NewSet(key, million(every(0)))
	for _, c := range []struct {
		name          string
		without       func(int) bool
		lacks, rounds int
		bytes         int
	}{
		{"none", every(0), 0, 1, 512},
		{"ten, scattered", every(100_000), 10, 3, 24 << 10},
		{"ten, the last", func(i int) bool { return i >= 999_990 }, 10, 3, 4 << 10},
		{"all", func(int) bool { return true }, 1_000_000, 1, 512},
	} {
		lacks, excess, cost := reconcileSets(t, reconcile.NewSet(key, million(c.without)), all)
		if len(lacks) != c.lacks || len(excess) > 0 {
			t.Errorf("%s: %d lacked, %d in excess", c.name, len(lacks), len(excess))
		}
		t.Logf("%s: %d rounds, %d bytes up, %d down", c.name, cost.rounds, cost.up, cost.down)
		if cost.rounds > c.rounds || cost.up+cost.down > c.bytes {
			t.Errorf("%s: %d rounds and %d bytes, where %d and %d are allowed", c.name, cost.rounds, cost.up+cost.down, c.rounds, c.bytes)
		}
	}
}

// A frame that says something else than it may is refused, and what it says is not believed. [SYNC-5] [SYNC-7]
func TestWrongAnswers(t *testing.T) {
	var key [32]byte
	var here, there []reconcile.Item
	for i := range uint64(1000) {
		here = append(here, item(i, i))
		there = append(there, item(i+500, i+500))
	}
	set, other := reconcile.NewSet(key, here), reconcile.NewSet(key, there)
	ask := reconcile.NewSession(set, reconcile.Bound{}).Ask()
	answer, err := reconcile.Answer(other, ask)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string][]byte{
		"its own question":  ask,
		"nothing":           nil,
		"an empty list":     {0x80},
		"cut":               answer[:len(answer)-1],
		"something after":   append(slices.Clone(answer), 0),
		"another encoding":  append([]byte{0x98, answer[0] & 0x1f}, answer[1:]...),
		"too much":          make([]byte, reconcile.MaxFrame+1),
		"an end before all": {0x81, 0x85, 0x01, 0x40, 0x00, 0x00, 0x40},
	} {
		s := reconcile.NewSession(set, reconcile.Bound{})
		s.Ask()
		if err := s.Take(wrong); !errors.Is(err, reconcile.ErrFrame) {
			t.Errorf("%s as an answer: %v", name, err)
		}
	}
	few, none := reconcile.NewSet(key, here[:3]), reconcile.NewSet(key, nil)
	for name, sets := range map[string][2]*reconcile.Set{"a difference": {few, reconcile.NewSet(key, there[:3])}, "all": {none, few}} {
		answer, err := reconcile.Answer(sets[1], reconcile.NewSession(sets[0], reconcile.Bound{}).Ask())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reconcile.Answer(other, answer); !errors.Is(err, reconcile.ErrFrame) {
			t.Errorf("%s as a question: %v", name, err)
		}
	}
}

// A side that always claims to differ, and never gets to the point, is given up.
func TestEndlessAnswers(t *testing.T) {
	var items, others []reconcile.Item
	for i := range uint64(5000) {
		items = append(items, item(i, i))
		others = append(others, item(i+10_000, i))
	}
	s := reconcile.NewSession(reconcile.NewSet([32]byte{1}, items), reconcile.Bound{})
	for rounds := 0; ; rounds++ {
		// A set under another key each time differs in every range, and its items are others than the last time.
		answer, err := reconcile.Answer(reconcile.NewSet([32]byte{2, byte(rounds)}, slices.Clone(others)), s.Ask())
		if err == nil {
			err = s.Take(answer)
		}
		if errors.Is(err, reconcile.ErrFrame) || s.Done() {
			return
		}
		if err != nil || rounds > 100 {
			t.Fatalf("round %d: %v", rounds, err)
		}
	}
}

func FuzzFrames(f *testing.F) {
	var here, there []reconcile.Item
	for i := range uint64(300) {
		here = append(here, item(i, i/2))
		there = append(there, item(i+10, (i+10)/2))
	}
	set, other := reconcile.NewSet([32]byte{}, here), reconcile.NewSet([32]byte{}, there)
	s := reconcile.NewSession(set, reconcile.Bound{})
	for !s.Done() {
		ask := s.Ask()
		answer, err := reconcile.Answer(other, ask)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ask)
		f.Add(answer)
		if err := s.Take(answer); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if answer, err := reconcile.Answer(other, frame); err == nil && len(answer) > reconcile.MaxFrame {
			t.Errorf("an answer of %d bytes", len(answer))
		}
		s := reconcile.NewSession(set, reconcile.Bound{})
		s.Ask()
		if err := s.Take(frame); err == nil {
			if next := s.Ask(); len(next) > reconcile.MaxFrame {
				t.Errorf("a question of %d bytes", len(next))
			}
		}
		for _, i := range s.Excess() {
			if !slices.Contains(set.Slice(reconcile.Bound{}, reconcile.End), i) {
				t.Error("in excess is what there is not")
			}
		}
	})
}

func BenchmarkReconcile(b *testing.B) {
	var key [32]byte
	all := reconcile.NewSet(key, million(every(0)))
	for _, c := range []struct {
		name    string
		without func(int) bool
	}{
		{"0", every(0)}, {"10_scattered", every(100_000)}, {"1000_scattered", every(1000)}, {"100000_scattered", every(10)},
		{"10_last", func(i int) bool { return i >= 999_990 }}, {"1000_last", func(i int) bool { return i >= 999_000 }},
		{"100000_last", func(i int) bool { return i >= 900_000 }},
	} {
		here := reconcile.NewSet(key, million(c.without))
		b.Run(c.name, func(b *testing.B) {
			var sum cost
			for b.Loop() {
				_, _, sum = reconcileSets(b, here, all)
			}
			b.ReportMetric(float64(sum.rounds), "rounds")
			b.ReportMetric(float64(sum.up)/1024, "KiB_up")
			b.ReportMetric(float64(sum.down)/1024, "KiB_down")
		})
	}
}

func BenchmarkNewSet(b *testing.B) {
	items := million(every(0))
	b.ReportAllocs()
	for b.Loop() {
		reconcile.NewSet([32]byte{}, slices.Clone(items))
	}
}

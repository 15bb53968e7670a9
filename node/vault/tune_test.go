package vault

import (
	"testing"
	"time"
)

// The cost that is chosen takes the time that was wanted on machines fast and slow, within the memory that there is, and never less
// than the floor.
func TestTuneToTheMachine(t *testing.T) {
	for _, memory := range []uint64{0, 128 << 20, 256 << 20, 1 << 30, 4 << 30, 64 << 30} {
		for _, processors := range []int{0, 1, 2, 64} {
			for _, speed := range []float64{1, 20, 400, 1e7} { // MiB of one pass in a millisecond
				for _, wanted := range []time.Duration{MinCost, DefaultCost, MaxCost} {
					took := func(p Parameters) time.Duration {
						return time.Duration(float64(p.Memory>>10) * float64(p.Time) / speed * float64(time.Millisecond))
					}
					p, floor := tune(memory, processors, wanted, took), Tune(memory)
					if err := p.check(); err != nil {
						t.Fatal(err)
					}
					if p.Memory < floor.Memory || p.Time < floor.Time {
						t.Errorf("%d MiB, speed %g, %s: %+v is below the floor", memory>>20, speed, wanted, p)
					}
					if most := max(min(uint64(mostMemory)<<10, memory/ofMemory), uint64(floor.Memory)<<10); memory > 0 && uint64(p.Memory)<<10 > most {
						t.Errorf("%d MiB, speed %g, %s: it takes %d KiB", memory>>20, speed, wanted, p.Memory)
					}
					if got := took(p); got > wanted && p != floor || got < wanted/2 && p.Time < maxArgonTime {
						t.Errorf("%d MiB, speed %g: %+v takes %s, wanted %s", memory>>20, speed, p, got, wanted)
					}
				}
			}
		}
	}
}

func TestMeasureRefuses(t *testing.T) {
	for _, wanted := range []time.Duration{-1, 0, MinCost - 1, MaxCost + 1} {
		if p, err := Measure(wanted); err == nil {
			t.Errorf("%s: %+v", wanted, p)
		}
	}
}

// BenchmarkUnlock measures how long a person waits after a passphrase, at the cost that is chosen by itself.
func BenchmarkUnlock(b *testing.B) {
	cost, err := Measure(DefaultCost)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	unlock := func() {
		u := passphrase("correct horse battery staple")
		u.Parameters = &cost
		v, err := Open(dir, u)
		if err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
	unlock() // makes it
	for b.Loop() {
		unlock()
	}
	b.ReportMetric(float64(cost.Memory>>10), "MiB")
	b.ReportMetric(float64(cost.Time), "passes")
	b.ReportMetric(float64(cost.Threads), "lanes")
}

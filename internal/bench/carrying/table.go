package carrying

import (
	"fmt"
	"strings"
	"time"

	"muster.example/node/router"
)

// Way is one way of bringing messages through that is measured.
type Way struct {
	Name   string
	Bounds router.Bounds
}

// Default is what an organization's policy allows if it says nothing else, and what a device carries at most.
var Default = router.Bounds{Copies: 12, Hops: 6, Bytes: 256 << 20, Count: 16384, Age: 7 * 24 * time.Hour}

// Ways returns what the table compares.
func Ways() []Way {
	direct, small, flood := Default, Default, Default
	direct.Copies = 0
	small.Bytes = 8 << 20
	flood.Copies, flood.Hops, flood.Bytes, flood.Count = 1<<20, 1<<20, 1<<40, 1<<30
	return []Way{{"directly alone", direct}, {"carriers", Default}, {"carriers with room for 8 MiB each", small}, {"everything to everybody", flood}}
}

// Movements returns the movements by name.
func Movements() []struct {
	Name string
	Move Movement
} {
	return []struct {
		Name string
		Move Movement
	}{{"habits", Habits}, {"walks", Walk}}
}

// PerDay is how many messages each person writes a day for the table.
const PerDay = 10

// Table measures all ways under some seeds and returns the table of docs/benchmarks.md. It takes minutes.
func Table(seeds int, progress func(string)) string {
	var b strings.Builder
	b.WriteString("| movement | way | of what could arrive in time, arrived | median | nine of ten | handings a message | bytes sent a byte delivered | carried by one device, mean / most | let go or not taken for want of room |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, movement := range Movements() {
		sums := make([]sum, len(Ways()))
		for seed := range seeds {
			trace := NewTrace(movement.Move, uint64(seed+1))
			load := NewLoad(trace, PerDay, uint64(seed+1))
			best := NewBest(trace)
			for i, way := range Ways() {
				r := Play(trace, load, way.Bounds)
				r.Against(load, best)
				sums[i].add(r.Figures)
				progress(fmt.Sprintf("%s, seed %d, %s", movement.Name, seed+1, way.Name))
			}
		}
		for i, way := range Ways() {
			sums[i].row(&b, movement.Name, way.Name)
		}
		sums[len(sums)-1].bestRow(&b, movement.Name)
	}
	return b.String()
}

// sum adds up the figures of several seeds.
type sum struct {
	of                   []Figures
	reached, possible    int
	pressed              int
	handings, perByte    float64
	mean                 float64
	most                 uint64
	median, p90          time.Duration
	bestMedian, bestTail time.Duration
}

func (s *sum) add(f Figures) {
	s.of = append(s.of, f)
	s.reached, s.possible, s.pressed = s.reached+f.Reached, s.possible+f.Possible, s.pressed+f.Dropped+f.Refused
	s.handings, s.perByte, s.mean = s.handings+f.Copies, s.perByte+f.PerByte, s.mean+f.MeanCarried
	s.most = max(s.most, f.MostCarried)
	s.median, s.p90 = s.median+f.Median, s.p90+f.P90
	s.bestMedian, s.bestTail = s.bestMedian+f.BestMedian, s.bestTail+f.BestP90
}

func (s *sum) row(b *strings.Builder, movement, way string) {
	n := len(s.of)
	fmt.Fprintf(b, "| %s | %s | %.2f %% | %s | %s | %.1f | %.1f | %.1f / %.0f MiB | %d |\n", movement, way,
		100*float64(s.reached)/float64(s.possible), hours(s.median, n), hours(s.p90, n), s.handings/float64(n), s.perByte/float64(n),
		s.mean/float64(n)/(1<<20), float64(s.most)/(1<<20), s.pressed/n)
}

func (s *sum) bestRow(b *strings.Builder, movement string) {
	n := len(s.of)
	fmt.Fprintf(b, "| %s | the best, as if each message were alone | %d deliveries | %s | %s | | | | |\n", movement, s.possible/n, hours(s.bestMedian, n), hours(s.bestTail, n))
}

// hours writes the mean of n times.
func hours(total time.Duration, n int) string {
	return fmt.Sprintf("%.1f h", (total / time.Duration(n)).Hours())
}

package membership_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"muster.example/membership"
)

// rollSizes are events of rolls that are measured, of half as many members with two devices each.
var rollSizes = []int{20_000, 100_000, 400_000}

// BenchmarkRollSize has a new device take a whole roll, verify and fold it. It reports what a roll costs, an event: bytes that are
// fetched, processor time whatever else the machine does, and memory for state and tree, beside the entries' bytes.
//
//	go test -run - -bench RollSize -benchtime 1x -timeout 30m ./membership
func BenchmarkRollSize(b *testing.B) {
	for _, events := range rollSizes {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) { benchRollSize(b, events) })
	}
}

func benchRollSize(b *testing.B, events int) {
	o := benchmarkOrg(b, events)
	note, count := o.Checkpoint(), float64(len(o.Entries))
	bytes := 0
	for _, entry := range o.Entries {
		bytes += len(entry.Marshal())
	}
	var before, after runtime.MemStats
	var roll *membership.Roll
	used := 0.0
	for b.Loop() {
		roll = nil
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := processorTime(b)
		roll = membership.NewRoll(o.ID)
		if _, err := roll.Extend(note, o.Node.Public(), o.Entries, nil); err != nil {
			b.Fatal(err)
		}
		used += processorTime(b) - began
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(bytes)/count, "B/event")
	b.ReportMetric(used/float64(b.N), "CPU-s")
	b.ReportMetric(used*1e6/float64(b.N)/count, "CPU-µs/event")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/count, "memory-B/event")
	b.ReportMetric(0, "ns/op")
	runtime.KeepAlive(roll)
}

// processorTime returns the seconds that this process has used.
func processorTime(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

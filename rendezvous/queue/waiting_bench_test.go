package queue_test

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"muster.example/rendezvous/queue"
)

// BenchmarkWaiting has b.N bodies of 1 KiB wait for 100 devices, then stops, opens the folder again, and drains it:
//
//	go test -run - -bench Waiting -benchtime 1000000x ./rendezvous/queue
//
// It reports the memory of the whole process while they wait, what of it a message takes, and how long opening takes.
func BenchmarkWaiting(b *testing.B) {
	dir := b.TempDir()
	before := residentBytes(b)
	e, stop := start(b, dir, queue.Options{})
	b.ResetTimer()
	putMany(b, e, b.N)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
	b.ReportMetric(residentBytes(b)/(1<<20), "full-MiB")
	stop()
	clean := timeToOpen(b, dir)
	began := time.Now()
	e, _ = start(b, dir, queue.Options{})
	opened := time.Since(began)
	after := residentBytes(b)
	b.ReportMetric(opened.Seconds()*1000, "open-ms")
	b.ReportMetric(clean.Seconds()*1000, "again-ms")
	b.ReportMetric(after/(1<<20), "opened-MiB")
	b.ReportMetric((after-before)/float64(b.N), "B/message")
	began = time.Now()
	var wait sync.WaitGroup
	for part := range 4 {
		wait.Go(func() {
			for d := part; d < 100; d += 4 {
				drain(b, e, benchItem(uint64(d)).Recipients[0])
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "drained/s")
	b.ReportMetric(0, "ns/op")
}

func putMany(b *testing.B, e *queue.Embedded, n int) {
	const callers, batch = 20, 32
	var wait sync.WaitGroup
	for c := range callers {
		wait.Go(func() {
			for at := c * batch; at < n; at += callers * batch {
				items := make([]queue.Item, 0, batch)
				for i := at; i < min(n, at+batch); i++ {
					items = append(items, benchItem(uint64(i)))
				}
				for _, err := range e.Put(context.Background(), items) {
					if err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

func timeToOpen(b *testing.B, dir string) time.Duration {
	began := time.Now()
	e, err := queue.Open(dir, queue.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	return time.Since(began)
}

// residentBytes returns what the process has in memory, once what it does not need was given back.
func residentBytes(b *testing.B) float64 {
	runtime.GC()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc here")
	}
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kib, err := strconv.Atoi(string(bytes.Fields(rest)[0]))
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) * 1024
		}
	}
	return 0
}

package replicated_test

import (
	"context"
	"encoding/binary"
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
	"time"

	"muster.example/internal/cluster"
	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
	"muster.example/rendezvous/queue/replicated"
)

const benchBody = 1024

// benchItem makes an item of 1 KiB with an id of its own for one of 200 devices.
func benchItem(n uint64) queue.Item {
	item := queue.Item{
		Org: queuetest.Org(0), Kind: queue.Envelope, Body: make([]byte, benchBody),
		Recipients: []keys.PublicKey{queuetest.Device(int(n % 200))}, Expires: time.Unix(1<<33, 0),
	}
	binary.BigEndian.PutUint64(item.ID[:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(item.Body, n)
	return item
}

func benchOptions(b *testing.B, c *cluster.Cluster) replicated.Options {
	opt := optionsFor(b, c, newPrefix())
	opt.MaxBytes = 1 << 30
	return opt
}

// BenchmarkPutAndDrain accepts b.N bodies of 1 KiB of many callers, and then has 200 devices fetch and acknowledge all of them, 48 at a
// time, from a process that did not put them: each from the cluster's servers.
func BenchmarkPutAndDrain(b *testing.B) {
	c := startCluster(b, 3)
	for _, shape := range []struct{ callers, batch int }{{1, 1}, {20, 32}, {256, 1}} {
		b.Run(fmt.Sprintf("callers=%d/batch=%d", shape.callers, shape.batch), func(b *testing.B) {
			opt := benchOptions(b, c)
			e, _ := open(b, opt)
			other, _ := open(b, opt)
			var at atomic.Int64
			var wait sync.WaitGroup
			b.ResetTimer()
			for range shape.callers {
				wait.Go(func() {
					for {
						from := at.Add(int64(shape.batch)) - int64(shape.batch)
						if from >= int64(b.N) {
							return
						}
						var items []queue.Item
						for i := from; i < min(int64(b.N), from+int64(shape.batch)); i++ {
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
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
			b.ReportMetric(0, "ns/op")
			began := time.Now()
			drained := drainAll(b, other, b.N)
			b.ReportMetric(float64(drained)/time.Since(began).Seconds(), "drains/s")
		})
	}
}

// drainAll has 200 devices fetch and acknowledge until n were.
func drainAll(b *testing.B, e *replicated.Engine, n int) int {
	var drained atomic.Int64
	var wait sync.WaitGroup
	turns := make(chan struct{}, 48)
	for d := range 200 {
		wait.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			key := queuetest.Device(d)
			for after := uint64(0); ; {
				list, err := e.Next(context.Background(), key, after, 256, 256<<10)
				if err != nil {
					b.Error(err)
					return
				}
				if len(list) == 0 {
					return
				}
				var ids []keys.EnvelopeID
				for _, d := range list {
					ids, after = append(ids, d.ID), d.Number
				}
				if err := e.Ack(context.Background(), key, ids); err != nil {
					b.Error(err)
				}
				drained.Add(int64(len(ids)))
			}
		})
	}
	wait.Wait()
	if got := drained.Load(); got < int64(n)*99/100 {
		b.Errorf("%d of %d were drained", got, n)
	}
	return int(drained.Load())
}

// BenchmarkWake puts at one process and waits for the device's signal at another.
func BenchmarkWake(b *testing.B) {
	c := startCluster(b, 3)
	opt := benchOptions(b, c)
	from, _ := open(b, opt)
	to, _ := open(b, opt)
	changed, stop := to.Watch(queuetest.Device(0))
	defer stop()
	var heard, answered []time.Duration
	b.ResetTimer()
	for i := range b.N {
		began := time.Now()
		done := make(chan struct{})
		go func() {
			put(b, from, benchItem(uint64(i)*200))
			answered = append(answered, time.Since(began))
			close(done)
		}()
		<-changed
		heard = append(heard, time.Since(began))
		<-done
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op")
	for name, times := range map[string][]time.Duration{"heard": heard, "accepted": answered} {
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, name+"-p99-ms")
	}
}

// BenchmarkMillion gives each of 1,000,000 devices a message, has all but each hundredth acknowledge it, and opens the queue anew.
func BenchmarkMillion(b *testing.B) {
	c := startCluster(b, 3)
	opt := replicated.Hurry(benchOptions(b, c))
	e, stop := open(b, opt)
	const devices, portion = 1_000_000, 50_000
	for from := 0; from < devices; from += portion {
		set := queuetest.Set(from, from+portion-1)
		item := queuetest.ForSet(from, set)
		put(b, e, item)
		b.Logf("%d devices", from+portion)
	}
	b.ReportMetric(heapMiB(), "all-waiting-MiB")
	for from := 0; from < devices; from += portion {
		for d := from; d < from+portion; d++ {
			if d%100 != 0 {
				ack(b, e, d, from)
			}
		}
	}
	stop()
	empty := heapMiB()
	began := time.Now()
	e, _ = open(b, opt)
	opened := time.Since(began)
	b.ReportMetric(opened.Seconds()*1000, "open-ms")
	b.ReportMetric(heapMiB()-empty, "waiting-MiB")
	if n := e.Stats()[queuetest.Org(0)].Entries; n != devices/100 {
		b.Errorf("%d entries wait", n)
	}
	began = time.Now()
	for d := 0; d < devices; d += devices / 100 {
		if len(next(b, e, d)) != 1 {
			b.Errorf("device %d has nothing", d)
		}
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/1000/100, "next-ms")
	for _, s := range c.Servers {
		b.ReportMetric(float64(residentKiB(s.ID()))/1024, s.Name+"-MiB")
	}
	b.ReportMetric(0, "ns/op")
}

func heapMiB() float64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func residentKiB(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, is := strings.CutPrefix(line, "VmRSS:"); is {
			n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			return n
		}
	}
	return 0
}

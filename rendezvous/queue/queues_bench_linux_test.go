package queue_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

const (
	activePart   = 100    // one queue in so many is active
	queuesBatch  = 32     // bodies in a call, while queues are filled
	queuesPutter = 8      // callers that put one body at a time for active devices
	queuesPosts  = 20_000 // at most
)

// BenchmarkQueues has b.N devices with a body of 1 KiB waiting for each, and one in a hundred of them there: it watches, and
// fetches and acknowledges what comes.
//
//	go test -run - -bench Queues -benchtime 1000000x ./rendezvous/queue
//
// It reports the memory of all these queues, and how long a post to an active one takes: until it is answered, and until the
// device has it. An operation is one queue.
func BenchmarkQueues(b *testing.B) {
	dir := b.TempDir()
	before := residentBytes(b)
	e, stop := start(b, dir, queue.Options{})
	fillQueues(b, e, b.N)
	b.ReportMetric(float64(onDisk(b, dir))/float64(b.N), "disk-B/queue")
	stop()
	began, used := time.Now(), processorTime(b)
	e, _ = start(b, dir, queue.Options{})
	b.ReportMetric(time.Since(began).Seconds()*1000, "open-ms")
	b.ReportMetric((processorTime(b)-used)*1000, "open-CPU-ms")
	exist := residentBytes(b)
	b.ReportMetric((exist-before)/float64(b.N), "B/queue")
	posts := int64(min(b.N, queuesPosts))
	devices := watchActive(b, e, max(1, b.N/activePart))
	b.ReportMetric((residentBytes(b)-exist)/float64(len(devices)), "B/active")
	b.ReportMetric(residentBytes(b)/(1<<20), "MiB")
	used = processorTime(b)
	answered, arrived, took := postActive(b, e, posts, devices)
	for name, times := range map[string][]time.Duration{"answer": answered, "arrival": arrived} {
		slices.Sort(times)
		b.ReportMetric(times[len(times)/2].Seconds()*1000, name+"-p50-ms")
		b.ReportMetric(times[len(times)*99/100].Seconds()*1000, name+"-p99-ms")
	}
	b.ReportMetric((processorTime(b)-used)*1e6/float64(posts), "CPU-µs/post")
	b.ReportMetric(float64(posts)/took.Seconds(), "posts/s")
	b.ReportMetric(0, "ns/op")
}

// processorTime returns the seconds that this process has used, which other programs falsify little.
func processorTime(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// queueItem is the n-th body for a device.
func queueItem(n uint64, device int) queue.Item {
	item := benchItem(n)
	item.Recipients = []keys.PublicKey{queuetest.Device(device)}
	return item
}

// fillQueues has one body wait for each device.
func fillQueues(b *testing.B, e *queue.Embedded, count int) {
	var at atomic.Int64
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			for first := int(at.Add(queuesBatch)) - queuesBatch; first < count; first = int(at.Add(queuesBatch)) - queuesBatch {
				var items []queue.Item
				for n := first; n < min(count, first+queuesBatch); n++ {
					items = append(items, queueItem(uint64(n), n))
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

// activeDevice is one that is there, and when each post for it came.
type activeDevice struct {
	number  int
	left    *sync.WaitGroup // posts for any device that have not come
	mu      sync.Mutex
	waiting map[uint64]time.Time // when each post for it went out, by the number in its body
	took    []time.Duration
}

// watchActive has devices come: each takes what waits and then all that comes, until the benchmark ends.
func watchActive(b *testing.B, e *queue.Embedded, count int) []*activeDevice {
	ctx, cancel := context.WithCancel(context.Background())
	var wait, ready sync.WaitGroup
	b.Cleanup(func() { cancel(); wait.Wait() })
	devices := make([]*activeDevice, count)
	ready.Add(count)
	left := new(sync.WaitGroup)
	for i := range devices {
		d := &activeDevice{number: i * activePart, left: left, waiting: make(map[uint64]time.Time)}
		devices[i] = d
		wait.Go(func() { d.serve(ctx, b, e, ready.Done) })
	}
	ready.Wait()
	return devices
}

func (d *activeDevice) serve(ctx context.Context, b *testing.B, e *queue.Embedded, idle func()) {
	key := queuetest.Device(d.number)
	changed, stop := e.Watch(key)
	defer stop()
	for after := uint64(0); ; {
		list, err := e.Next(ctx, key, after, 128, 4<<20)
		if err != nil {
			return
		}
		if len(list) == 0 {
			if idle != nil {
				idle()
				idle = nil
			}
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return
			}
		}
		now := time.Now()
		var ids []keys.EnvelopeID
		d.mu.Lock()
		for i := range list {
			ids, after = append(ids, list[i].ID), list[i].Number
			if sent, ok := d.waiting[binary.BigEndian.Uint64(list[i].Body)]; ok {
				d.took = append(d.took, now.Sub(sent))
				d.left.Done()
			}
		}
		d.mu.Unlock()
		if err := e.Ack(ctx, key, ids); err != nil && ctx.Err() == nil {
			b.Error(err)
		}
	}
}

// postActive puts bodies for active devices, drawn at random, and waits until all have come.
func postActive(b *testing.B, e *queue.Embedded, posts int64, devices []*activeDevice) (answered, arrived []time.Duration, took time.Duration) {
	var at atomic.Int64
	var mu sync.Mutex
	var wait sync.WaitGroup
	began := time.Now()
	for part := range queuesPutter {
		wait.Go(func() {
			draw, own := rand.New(rand.NewPCG(1, uint64(part))), []time.Duration(nil)
			for n := at.Add(1) - 1; n < posts; n = at.Add(1) - 1 {
				d := devices[draw.IntN(len(devices))]
				number := uint64(b.N) + uint64(n)
				item, sent := queueItem(number, d.number), time.Now()
				d.mu.Lock()
				d.waiting[number] = sent
				d.left.Add(1)
				d.mu.Unlock()
				if err := e.Put(context.Background(), []queue.Item{item})[0]; err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(sent))
			}
			mu.Lock()
			answered = append(answered, own...)
			mu.Unlock()
		})
	}
	wait.Wait()
	took = time.Since(began)
	devices[0].left.Wait()
	for _, d := range devices {
		d.mu.Lock()
		arrived = append(arrived, d.took...)
		d.mu.Unlock()
	}
	return answered, arrived, took
}

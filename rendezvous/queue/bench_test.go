package queue_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// countingFiles counts what reaches the disk.
type countingFiles struct {
	queue.Files
	syncs, bytes atomic.Int64
}

type countingFile struct {
	queue.File
	c *countingFiles
}

func (c *countingFiles) Create(name string) (queue.File, error) {
	f, err := c.Files.Create(name)
	return countingFile{f, c}, err
}

func (c *countingFiles) Open(name string) (queue.File, error) {
	f, err := c.Files.Open(name)
	return countingFile{f, c}, err
}

func (c *countingFiles) Sync() error { c.syncs.Add(1); return c.Files.Sync() }

func (f countingFile) Sync() error { f.c.syncs.Add(1); return f.File.Sync() }

func (f countingFile) WriteAt(p []byte, off int64) (int, error) {
	f.c.bytes.Add(int64(len(p)))
	return f.File.WriteAt(p, off)
}

const benchBody = 1024

// benchItem makes an item with an id of its own for one of 100 devices.
func benchItem(n uint64) queue.Item {
	item := queue.Item{
		Org: queuetest.Org(0), Kind: queue.Envelope, Body: make([]byte, benchBody),
		Recipients: []keys.PublicKey{queuetest.Device(int(n % 100))}, Expires: time.Unix(1<<33, 0),
	}
	binary.BigEndian.PutUint64(item.ID[:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(item.Body, n)
	return item
}

func benchStart(b *testing.B) (*queue.Embedded, *countingFiles) {
	files := &countingFiles{Files: queue.OSFiles(b.TempDir())}
	e, _ := start(b, "", queue.Options{Files: files})
	return e, files
}

func report(b *testing.B, c *countingFiles, items int) {
	b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "puts/s")
	b.ReportMetric(float64(c.syncs.Load())*1000/float64(items), "flushes/1000")
	b.ReportMetric(float64(c.bytes.Load())/float64(items*benchBody), "written/payload")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPut puts bodies of 1 KiB, each call waiting for its answer; the devices acknowledge nothing.
func BenchmarkPut(b *testing.B) {
	for _, shape := range []struct{ callers, batch int }{{1, 1}, {1, 32}, {20, 1}, {20, 32}, {256, 1}} {
		b.Run(fmt.Sprintf("callers=%d/batch=%d", shape.callers, shape.batch), func(b *testing.B) {
			e, c := benchStart(b)
			batches := make([][]queue.Item, (b.N+shape.batch-1)/shape.batch)
			for i := range batches {
				for j := range shape.batch {
					batches[i] = append(batches[i], benchItem(uint64(i*shape.batch+j)))
				}
			}
			var at atomic.Int64
			var wait sync.WaitGroup
			b.ResetTimer()
			for range shape.callers {
				wait.Go(func() {
					for i := at.Add(1) - 1; i < int64(len(batches)); i = at.Add(1) - 1 {
						for _, err := range e.Put(context.Background(), batches[i]) {
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
			report(b, c, len(batches)*shape.batch)
		})
	}
}

// BenchmarkPutDrain has 20 callers with batches of 32 while 100 devices fetch and acknowledge: the queue as it is used.
func BenchmarkPutDrain(b *testing.B) {
	e, c := benchStart(b)
	const devices, batch = 100, 32
	var acked, at atomic.Int64
	n := (b.N + batch - 1) / batch
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wait sync.WaitGroup
	for d := range devices {
		wait.Go(func() {
			key := queuetest.Device(d)
			changed, stop := e.Watch(key)
			defer stop()
			for after := uint64(0); ; {
				list, err := e.Next(ctx, key, after, 256, 4<<20)
				if err != nil {
					return
				}
				if len(list) == 0 {
					select {
					case <-changed:
						continue
					case <-ctx.Done():
						return
					}
				}
				var ids []keys.EnvelopeID
				for _, d := range list {
					ids, after = append(ids, d.ID), d.Number
				}
				e.Ack(ctx, key, ids)
				if acked.Add(int64(len(ids))) == int64(n*batch) {
					cancel()
				}
			}
		})
	}
	b.ResetTimer()
	for range 20 {
		wait.Go(func() {
			for i := at.Add(1) - 1; i < int64(n); i = at.Add(1) - 1 {
				items := make([]queue.Item, 0, batch)
				for j := range batch {
					items = append(items, benchItem(uint64(int(i)*batch+j)))
				}
				for _, err := range e.Put(context.Background(), items) {
					if err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	report(b, c, n*batch)
}

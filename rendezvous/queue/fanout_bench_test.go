package queue_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// BenchmarkFanOut puts bodies of 1 KiB, each for the devices of a group of which none is there, from 20 callers with 32
// in a call; then the devices come and fetch all of it. One operation is one body. It reports what the log takes at its peak,
// and how fast the devices get theirs. As lists, the devices are named anew for each body.
func BenchmarkFanOut(b *testing.B) {
	for _, devices := range []int{100, 300} {
		for _, lists := range []bool{false, true} {
			name := fmt.Sprintf("devices=%d", devices)
			if lists {
				name += "/as lists"
			}
			b.Run(name, func(b *testing.B) { benchFanOut(b, devices, lists) })
		}
	}
}

func benchFanOut(b *testing.B, devices int, lists bool) {
	const callers, batch = 20, 32
	dir := b.TempDir()
	files := &countingFiles{Files: queue.OSFiles(dir)}
	e, _ := start(b, "", queue.Options{Files: files})
	group := queuetest.Set(0, devices-1)
	ctx := context.Background()
	var wait sync.WaitGroup
	b.ResetTimer()
	for c := range callers {
		wait.Go(func() {
			for at := c * batch; at < b.N; at += callers * batch {
				var items []queue.Item
				for n := at; n < min(b.N, at+batch); n++ {
					item := benchItem(uint64(n))
					if item.Recipients = nil; lists {
						item.Recipients = group.Devices()
					} else {
						item.Set = group
					}
					items = append(items, item)
				}
				for _, err := range e.Put(ctx, items) {
					if err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	report(b, files, b.N)
	b.ReportMetric(float64(onDisk(b, dir))/float64(b.N), "disk-B/body")
	began, written := time.Now(), files.bytes.Load()
	for part := range callers {
		wait.Go(func() {
			for i := part; i < devices; i += callers {
				drain(b, e, group.Devices()[i])
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N*devices)/time.Since(began).Seconds(), "drained/s")
	b.ReportMetric(float64(files.bytes.Load()-written)/float64(b.N*devices), "ack-B")
	if left := e.Stats()[queuetest.Org(0)]; left != (queue.Stats{}) {
		b.Errorf("left behind: %+v", left)
	}
}

func drain(b *testing.B, e *queue.Embedded, device keys.PublicKey) {
	for after := uint64(0); ; {
		list, err := e.Next(context.Background(), device, after, 128, 4<<20)
		if err != nil {
			b.Error(err)
		}
		if len(list) == 0 {
			return
		}
		var ids []keys.EnvelopeID
		for i := range list {
			ids, after = append(ids, list[i].ID), list[i].Number
		}
		if err := e.Ack(context.Background(), device, ids); err != nil {
			b.Error(err)
		}
	}
}

// onDisk returns the bytes of the files in a folder.
func onDisk(b *testing.B, dir string) (total int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := os.Stat(filepath.Join(dir, entry.Name())); err == nil && !info.IsDir() {
			total += info.Size()
		}
	}
	return total
}

package queue_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// A queue that was long and is drained gives its memory back, whatever is left of it, which stays where it was.
func TestTheIndexGivesItsMemoryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count = 20_000
		e, stop := start(t, "", queue.Options{Files: newMemFiles()})
		put := func(items ...queue.Item) {
			t.Helper()
			for _, err := range e.Put(t.Context(), items) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		var items []queue.Item
		for n := range count {
			item := queuetest.Item(n, n%3)
			if n%10 == 0 {
				item = queuetest.ForSet(n, queuetest.Set(0, 2), 1)
			}
			items = append(items, item)
		}
		put(items...)
		put(queuetest.Item(count-1, 1), queuetest.Item(count-10, 1)) // gains
		full := e.IndexBytes()
		if full < count*60 {
			t.Fatalf("%d bytes for %d messages", full, count)
		}
		left := func(device int) (ids []keys.EnvelopeID) {
			for after := uint64(0); ; {
				list, err := e.Next(t.Context(), queuetest.Device(device), after, 1000, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				if len(list) == 0 {
					return ids
				}
				for _, d := range list {
					ids, after = append(ids, d.ID), d.Number
				}
			}
		}
		keep := 50
		for range 2 {
			want := make([][]keys.EnvelopeID, 3)
			for device := range want {
				ids := left(device)
				some := len(ids) - min(keep, len(ids))
				if err := e.Ack(t.Context(), queuetest.Device(device), ids[:some]); err != nil {
					t.Fatal(err)
				}
				want[device] = ids[some:]
			}
			synctest.Wait()
			time.Sleep(2 * queue.QuietTime)
			if now := e.IndexBytes(); now > full/4 {
				t.Errorf("%d of %d bytes are still held for %d a device", now, full, keep)
			}
			for device := range want {
				if got := left(device); !slices.Equal(got, want[device]) {
					t.Errorf("device %d: %d are left, want %d in their order", device, len(got), len(want[device]))
				}
			}
			put(queuetest.Item(count+keep, 0, 1, 2), queuetest.ForSet(count+keep+1, queuetest.Set(0, 2)))
			keep = 0
		}
		for device := range 3 {
			if err := e.Ack(t.Context(), queuetest.Device(device), left(device)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * queue.QuietTime)
		if now := e.IndexBytes(); now != 0 {
			t.Errorf("%d bytes are held for nothing", now)
		}
		stop()
	})
}

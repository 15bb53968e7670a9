package queue_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// model is what an engine promises, in the simplest form: the envelopes that wait for each device, in order.
type model struct{ waits [3][]int }

func (m *model) put(n int, devices []int) {
	for _, d := range slices.Compact(slices.Sorted(slices.Values(devices))) {
		if !slices.Contains(m.waits[d], n) {
			m.waits[d] = append(m.waits[d], n)
		}
	}
}

func (m *model) ack(d int, ns []int) {
	m.waits[d] = slices.DeleteFunc(m.waits[d], func(n int) bool { return slices.Contains(ns, n) })
}

// expire removes the envelopes below n: the time of each is its number.
func (m *model) expire(n int) (gone int) {
	for d := range m.waits {
		before := len(m.waits[d])
		m.waits[d] = slices.DeleteFunc(m.waits[d], func(x int) bool { return x <= n })
		gone += before - len(m.waits[d])
	}
	return gone
}

func (m *model) stats() map[keys.OrgID]queue.Stats {
	all := map[keys.OrgID]queue.Stats{}
	bodies := map[int]bool{}
	var st queue.Stats
	for _, list := range m.waits {
		st.Entries += int64(len(list))
		for _, n := range list {
			bodies[n] = true
		}
	}
	for n := range bodies {
		st.Bodies++
		st.Bytes += int64(10 * n)
	}
	if st != (queue.Stats{}) {
		all[queuetest.Org(0)] = st
	}
	return all
}

func TestEngineAgreesWithAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			files := newMemFiles()
			opt := queue.Options{Files: files, SegmentBytes: 2000}
			opt.CacheBytes = rapid.SampledFrom([]int{1, 500}).Draw(rt, "cache")
			e, stop := start(t, "", opt)
			var m model
			envelope, device := rapid.IntRange(1, 30), rapid.IntRange(0, 2)
			rt.Repeat(map[string]func(*rapid.T){
				"put": func(rt *rapid.T) {
					var items []queue.Item
					for range rapid.IntRange(1, 5).Draw(rt, "items") {
						n := envelope.Draw(rt, "n")
						to := rapid.SliceOfN(device, 1, 3).Draw(rt, "to")
						item := queuetest.Item(n, to...)
						if rapid.Bool().Draw(rt, "for a set") {
							var without []int
							for d := range 3 {
								if !slices.Contains(to, d) {
									without = append(without, d)
								}
							}
							item = queuetest.ForSet(n, queuetest.Set(0, 2), without...)
						}
						item.Body, item.Expires = queuetest.Body(n, 10*n), time.Unix(int64(n), 0)
						items = append(items, item)
						m.put(n, to)
					}
					for _, err := range e.Put(t.Context(), items) {
						if err != nil {
							rt.Fatal(err)
						}
					}
				},
				"ack": func(rt *rapid.T) {
					d, ns := device.Draw(rt, "d"), rapid.SliceOfN(envelope, 1, 10).Draw(rt, "ns")
					var ids []keys.EnvelopeID
					for _, n := range ns {
						ids = append(ids, queuetest.ID(n))
					}
					m.ack(d, ns)
					if err := e.Ack(t.Context(), queuetest.Device(d), ids); err != nil {
						rt.Fatal(err)
					}
				},
				"drop": func(rt *rapid.T) {
					d := device.Draw(rt, "d")
					m.waits[d] = nil
					if err := e.Drop(t.Context(), queuetest.Device(d)); err != nil {
						rt.Fatal(err)
					}
				},
				"expire": func(rt *rapid.T) {
					n := rapid.IntRange(1, 8).Draw(rt, "n")
					over, err := e.Expired(t.Context(), time.Unix(int64(n), 0), 1<<20)
					if want := m.expire(n); err != nil || len(over) != want {
						rt.Fatalf("expired %d, %v; want %d", len(over), err, want)
					}
					for _, x := range over {
						if err := e.Ack(t.Context(), x.Device, []keys.EnvelopeID{x.ID}); err != nil {
							rt.Fatal(err)
						}
					}
				},
				"time passes": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.SampledFrom([]int{1, 11, 40, 400}).Draw(rt, "seconds")) * time.Second)
					synctest.Wait()
				},
				"reopen": func(rt *rapid.T) {
					stop()
					e, stop = start(t, "", opt)
				},
				"": func(rt *rapid.T) { compare(rt, e, &m) },
			})
			stop()
		})
	})
}

func compare(rt *rapid.T, e *queue.Embedded, m *model) {
	for d, want := range m.waits {
		var got []int
		for after := uint64(0); ; {
			list, err := e.Next(context.Background(), queuetest.Device(d), after, 4, 1000)
			if err != nil {
				rt.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for _, x := range list {
				n := len(x.Body) / 10
				if x.ID != queuetest.ID(n) || x.Number <= after || !cmp.Equal(x.Body, queuetest.Body(n, 10*n)) {
					rt.Fatalf("device %d: a wrong delivery after %d", d, after)
				}
				after = x.Number
				got = append(got, n)
			}
		}
		if !sameOrder(want, got) {
			rt.Fatalf("device %d has %v, want %v", d, got, want)
		}
	}
	if diff := cmp.Diff(m.stats(), e.Stats()); diff != "" {
		rt.Fatalf("stats (-want +got):\n%s", diff)
	}
}

// sameOrder compares lists. Items of one call for one body share a number, so their place is that of the first.
func sameOrder(want, got []int) bool {
	return slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)))
}

// The second life of an id is told from its first one, of which the log has a record still.
func TestAnIDThatComesBackForASetIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		h.share(1, 2)
		h.send(2, 2) // a neighbour keeps the segment
		h.drop(1)
		h.drop(3)
		h.reopen()
		h.share(1, 1)
		h.send(3, 1)
		h.ack(3, 1)
		h.ack(1, 3)
		for range 3 {
			h.reopen()
			h.wait(2 * queue.QuietTime) // copied forward
			for _, err := range h.e.Damage() {
				t.Error(err)
			}
		}
		h.stop()
		h.check()
	})
}

func TestAnAckDuringACommitIsNotForgotten(t *testing.T) {
	// during runs act while the n-th fsync of a segment from now waits for the disk.
	during := func(files *memFiles, act func()) {
		done := false
		files.failing(func(op, name string) error {
			if op == "fsync" && !done && name[:4] == "seg-" && name[20:] == ".log" {
				done = true
				act()
			}
			return nil
		})
	}
	ack := func(h *history, device, n int) {
		err := h.e.Ack(context.Background(), queuetest.Device(device), []keys.EnvelopeID{queuetest.ID(n)})
		if err != nil {
			h.t.Error(err)
		}
	}
	t.Run("of the last entry, while the body gains one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := play(t, newMemFiles())
			h.send(1, 1)
			h.reopen() // the body lies in a sealed segment, which the ack drains
			during(h.files, func() { ack(h, 1, 1) })
			h.send(1, 2)
			delete(h.must, [2]int{1, 1})
			h.mustNot[[2]int{1, 1}] = true
			h.wait(queue.QuietTime)
			h.reopen()
			h.stop()
			h.check()
		})
	})
	t.Run("while the entry is copied forward", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := play(t, newMemFiles())
			h.send(1, 1)
			h.send(2, 2)
			h.send(3, 2)
			h.ack(1, 1)
			during(h.files, func() { ack(h, 2, 2) })
			h.wait(queue.QuietTime)
			delete(h.must, [2]int{2, 2})
			h.mustNot[[2]int{2, 2}] = true
			left := h.files.after(func() bool { return false }) // before the copy is freed itself
			h.stop()
			h.files = left
			h.check()
		})
	})
}

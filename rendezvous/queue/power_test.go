package queue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// history plays a script against an engine in a bubble and keeps the books: what must be there after a power cut now,
// and what must not.
type history struct {
	t       *testing.T
	e       *queue.Embedded
	files   *memFiles
	stop    func()
	must    map[[2]int]bool // (device, envelope) put, answered and not acknowledged
	mustNot map[[2]int]bool // acknowledged longer than AckDelay ago, or dropped and answered
	fading  map[[2]int]bool // acknowledged since
	put     map[[2]int]bool // ever asked for

	fault error // what changes of the folder fail with now; nil for none
	log   *slog.Logger
}

func play(t *testing.T, files *memFiles) *history {
	h := &history{t: t, files: files}
	h.must, h.mustNot = map[[2]int]bool{}, map[[2]int]bool{}
	h.fading, h.put = map[[2]int]bool{}, map[[2]int]bool{}
	h.open()
	return h
}

func (h *history) open() bool {
	e, err := queue.Open("", queue.Options{Files: h.files, SegmentBytes: 1500, CacheBytes: 1, Logger: h.log})
	if err != nil {
		if !h.files.powerOff() && h.fault == nil {
			h.t.Fatal(err)
		}
		h.e = nil
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	h.e = e
	h.stop = func() {
		cancel()
		if h.fault != nil {
			clear(h.fading) // it may have ended before they were on the disk
		}
		if err := <-ended; err != nil && !h.files.powerOff() && h.fault == nil {
			h.t.Error(err)
		}
		if err := e.Close(); err != nil {
			h.t.Error(err)
		}
		h.e = nil
	}
	return true
}

func (h *history) send(n int, devices ...int) {
	h.offer(queuetest.Item(n, devices...), n, devices)
}

// offer sends the n-th item, which is for devices.
func (h *history) offer(item queue.Item, n int, devices []int) {
	if h.e == nil {
		return
	}
	for _, d := range devices {
		h.put[[2]int{d, n}] = true
		delete(h.mustNot, [2]int{d, n})
	}
	err := h.e.Put(context.Background(), []queue.Item{item})[0]
	if err != nil {
		if h.fault != nil {
			h.refused(err, n, devices)
		} else if !h.files.powerOff() {
			h.t.Fatal(err)
		}
		return
	}
	for _, d := range devices {
		h.must[[2]int{d, n}] = true
		delete(h.fading, [2]int{d, n})
	}
}

// share sends to a set of devices 1 to 3, but for one.
func (h *history) share(n, without int) {
	var devices, except []int
	for d := 1; d <= 3; d++ {
		if d != without {
			devices = append(devices, d)
		} else {
			except = append(except, d)
		}
	}
	h.offer(queuetest.ForSet(n, queuetest.Set(1, 3), except...), n, devices)
}

func (h *history) ack(device int, ns ...int) {
	if h.e == nil {
		return
	}
	var ids []keys.EnvelopeID
	for _, n := range ns {
		ids = append(ids, queuetest.ID(n))
		delete(h.must, [2]int{device, n})
		h.fading[[2]int{device, n}] = true
	}
	if err := h.e.Ack(context.Background(), queuetest.Device(device), ids); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) drop(device int) {
	if h.e == nil {
		return
	}
	var gone [][2]int
	for at := range h.put {
		if at[0] == device {
			delete(h.must, at)
			gone = append(gone, at)
		}
	}
	if err := h.e.Drop(context.Background(), queuetest.Device(device)); err != nil {
		if !h.files.powerOff() && h.fault == nil {
			h.t.Fatal(err)
		}
		return
	}
	for _, at := range gone {
		h.mustNot[at] = true
	}
}

// wait lets time pass. Acknowledgements from before have reached the disk then.
func (h *history) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	if d >= queue.AckDelay && !h.files.powerOff() && h.fault == nil {
		for at := range h.fading {
			h.mustNot[at] = true
		}
		clear(h.fading)
	}
}

func (h *history) reopen() {
	if h.e != nil {
		h.stop()
	}
	if !h.files.powerOff() {
		h.open()
	}
}

// script goes through everything that writes: puts, gains, acks, full segments, drops, copying forward, a new root key,
// a clean stop.
func (h *history) script() {
	h.send(1, 1)
	h.send(2, 1, 2)
	h.send(3, 2)
	h.send(2, 3) // a gain
	h.wait(time.Second)
	h.ack(1, 1)
	h.wait(time.Second)
	for n := 10; n < 22; n++ {
		h.send(n, 1+n%3)
	}
	for n := 22; n < 28; n++ {
		h.share(n, n%4)
	}
	h.ack(1, 12, 15, 22, 23, 26)
	h.ack(2, 25)
	h.send(15, 1) // comes back
	h.send(26, 1)
	h.wait(queue.QuietTime)
	h.ack(2, 2, 3, 10)
	h.wait(2 * time.Second)
	h.send(2, 2) // its body still waits for others
	h.wait(queue.QuietTime)
	h.reopen()
	h.send(30, 1)
	h.share(29, 0)
	h.ack(3, 2, 11, 22, 29)
	h.share(28, 3)
	h.wait(queue.RotateEvery + time.Minute)
	h.drop(2)
	h.send(31, 2)
	for n := 10; n < 28; n++ {
		h.ack(1, n)
		h.ack(3, n)
	}
	h.wait(queue.QuietTime)
	h.send(32, 3)
	if h.e != nil {
		h.stop()
	}
}

// check compares what is there after a power cut with the books, and that it can be emptied and goes away.
func (h *history) check() {
	t := h.t
	if !h.open() {
		t.Fatal("no opening")
	}
	defer func() { h.stop() }()
	for _, err := range h.e.Damage() {
		t.Errorf("a power cut looks like damage: %v", err)
	}
	for device := 1; device <= 3; device++ {
		list, err := h.e.Next(context.Background(), queuetest.Device(device), 0, 1000, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		var there []keys.EnvelopeID
		for n := range 40 {
			at, id := [2]int{device, n}, queuetest.ID(n)
			i := slices.IndexFunc(list, func(d queue.Delivery) bool { return d.ID == id })
			switch {
			case i < 0 && h.must[at]:
				t.Errorf("device %d lost envelope %d", device, n)
			case i >= 0 && h.mustNot[at]:
				t.Errorf("device %d has envelope %d again", device, n)
			case i >= 0 && !h.put[at]:
				t.Errorf("device %d has envelope %d that was never put", device, n)
			case i >= 0 && !bytes.Equal(list[i].Body, queuetest.Body(n, 100)):
				t.Errorf("device %d has a wrong body for envelope %d", device, n)
			}
		}
		for _, d := range list {
			there = append(there, d.ID)
		}
		if err := h.e.Ack(context.Background(), queuetest.Device(device), there); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * queue.QuietTime)
	synctest.Wait()
	if n := h.files.count("seg-"); n > 0 {
		t.Errorf("%d files of segments left after the last ack", n)
	}
	if n := h.files.count("root-") + h.files.count("slots-"); n != 2 {
		t.Errorf("%d key files, want 2", n)
	}
}

func TestNothingAnsweredIsLostInAPowerCut(t *testing.T)               { cutPower(t, 7) } // [STO-26]
func TestLongNothingAnsweredIsLostInAPowerCutAtAnyWrite(t *testing.T) { long(t); cutPower(t, 1) }

// long leaves a test at every write to `make long`; make test has it at some of them.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("this test is a long one: make long runs it")
	}
}

// cutPower cuts the power at every so manieth write of the script.
func cutPower(t *testing.T, stride int) {
	t.Helper()
	steps := 0
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		h.script()
		steps = h.files.steps
		h.check()
	})
	if steps < 100 {
		t.Fatalf("the script makes only %d changes", steps)
	}
	if t.Failed() {
		return
	}
	for cut := 1; cut <= steps && !t.Failed(); cut += stride {
		for name, keep := range manners(uint64(cut)) {
			synctest.Test(t, func(t *testing.T) {
				files := newMemFiles()
				files.cutAt = cut
				h := play(t, files)
				h.script()
				h.files = files.after(keep)
				h.check()
				if t.Failed() {
					t.Logf("power cut at change %d of %d, of what was not synced survives: %s", cut, steps, name)
				}
			})
		}
	}
}

// A process that is killed leaves behind what it had written and not synced. The next one sees that, and must not rely on it
// when the power fails.
func TestNothingIsLostWhenThePowerFailsAfterAKill(t *testing.T) { killBeforeCut(t, 7) } // [STO-26]
func TestLongNothingIsLostWhenThePowerFailsAfterAKillAtAnyWrite(t *testing.T) {
	long(t)
	killBeforeCut(t, 1)
}

// killBeforeCut kills the process at every so manieth write of the script, and cuts the power some time after.
func killBeforeCut(t *testing.T, stride int) {
	t.Helper()
	steps := 0
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		h.script()
		steps = h.files.steps
	})
	for kill := 1; kill <= steps && !t.Failed(); kill += stride {
		synctest.Test(t, func(t *testing.T) {
			files := newMemFiles()
			files.cutAt = kill
			h := play(t, files)
			h.script()
			files.revive()
			clear(h.fading)
			h.open()
			h.send(35, 1, 2)
			h.ack(3, 3, 23, 24)
			h.wait(queue.QuietTime)
			h.wait(queue.QuietTime)
			h.share(36, 2)
			left := files.after(func() bool { return false })
			h.stop()
			h.files = left
			h.check()
			if t.Failed() {
				t.Logf("killed at change %d of %d", kill, steps)
			}
		})
	}
}

func TestFullDiskRefusesAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		h.send(1, 1)
		for n, full := 10, 0; full < 20; n++ {
			h.files.limit(4000 + int64(full)) // stops at another byte each time
			err := h.e.Put(t.Context(), []queue.Item{queuetest.Item(n, 1), queuetest.Item(n+1000, 1)})
			switch {
			case err[0] == nil && err[1] == nil:
				h.must[[2]int{1, n}], h.put[[2]int{1, n}] = true, true
				ids := []keys.EnvelopeID{queuetest.ID(n + 1000)}
				if err := h.e.Ack(t.Context(), queuetest.Device(1), ids); err != nil {
					t.Fatal(err)
				}
			case err[0] == nil && errors.Is(err[1], queue.ErrFull): // the second would have begun a segment
				h.must[[2]int{1, n}], h.put[[2]int{1, n}] = true, true
				full++
			case errors.Is(err[0], queue.ErrFull) && errors.Is(err[1], queue.ErrFull):
				n--
				full++
			default:
				t.Fatal(err)
			}
		}
		list, err := h.e.Next(t.Context(), queuetest.Device(1), 0, 1000, 1<<20)
		if err != nil || len(list) != len(h.must) {
			t.Errorf("%d deliveries, %v; want %d", len(list), err, len(h.must))
		}
		h.files.limit(0)
		h.send(39, 1)
		h.wait(queue.QuietTime)
		h.stop()
		h.check()
	})
}

func TestAFullDiskStillGivesRoomBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		n := 1
		for ; n < 30; n++ {
			h.send(n, 1)
		}
		h.files.limit(1) // nothing can grow any more
		for n := range 30 {
			h.ack(1, n)
		}
		h.wait(2 * queue.QuietTime)
		if n := h.files.count("seg-"); n > 0 {
			t.Errorf("%d files of segments left", n)
		}
		h.files.limit(0)
		h.stop()
	})
}

func TestAFileWhoseFsyncFailedIsNotTrusted(t *testing.T) {
	for _, name := range []string{"seg-", "slots-"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := play(t, newMemFiles())
				h.send(1, 1)
				h.send(2, 2)
				failing := errors.New("input/output error")
				failed := false
				h.files.failing(func(op, file string) error {
					if op == "fsync" && !failed && len(file) > len(name) && file[:len(name)] == name {
						failed = true
						return failing
					}
					return nil
				})
				var err error
				for n := 3; n < 20 && err == nil; n++ {
					if err = h.e.Put(t.Context(), []queue.Item{queuetest.Item(n, 1)})[0]; err == nil {
						h.must[[2]int{1, n}], h.put[[2]int{1, n}] = true, true
					}
				}
				if !errors.Is(err, failing) || errors.Is(err, queue.ErrFull) {
					t.Fatalf("got %v, want the failure", err)
				}
				h.send(20, 1, 2)
				h.wait(queue.QuietTime)
				h.send(21, 1)
				h.stop()
				h.files = h.files.after(func() bool { return false })
				h.check()
			})
		})
	}
}

func TestDroppedBodiesCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		marker := []byte("the marker of this body")
		item := queuetest.Item(1, 1)
		item.Body = marker
		if err := h.e.Put(t.Context(), []queue.Item{item})[0]; err != nil {
			t.Fatal(err)
		}
		h.send(2, 2) // a neighbour that stays
		var log string
		synctest.Wait()
		for name, n := range h.files.now {
			for _, secret := range [][]byte{marker, item.Recipients[0][:8], item.ID[:8]} {
				if bytes.Contains(n.data, secret) {
					t.Errorf("%s shows what it holds", name)
				}
			}
			if name[:4] == "seg-" {
				log = name
			}
		}
		h.ack(1, 1)
		h.wait(queue.QuietTime)
		h.files.mu.Lock()
		if h.files.now[log] != nil {
			t.Errorf("%s is still there", log)
		}
		for name, n := range h.files.now {
			if len(name) > 6 && name[:6] == "slots-" {
				used := 0
				for slot := range slices.Chunk(n.data, queue.SlotSize) {
					if len(bytes.Trim(slot, "\x00")) > 0 {
						used++
					}
				}
				if used != 1 {
					t.Errorf("%d slots hold keys, want that of the neighbour", used)
				}
			}
		}
		h.files.mu.Unlock()
		list, err := h.e.Next(t.Context(), queuetest.Device(2), 0, 10, 1<<20)
		if err != nil || len(list) != 1 {
			t.Errorf("the neighbour: %d deliveries, %v", len(list), err)
		}
		h.stop()
	})
}

package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// refused checks an error of a put while the folder fails, and that nothing of it is there.
func (h *history) refused(err error, n int, devices []int) {
	full := errors.Is(h.fault, syscall.ENOSPC)
	if errors.Is(err, queue.ErrFull) != full || !full && !errors.Is(err, h.fault) {
		h.t.Errorf("with %v, a put is answered %v", h.fault, err)
	}
	for _, device := range devices {
		list, err := h.e.Next(context.Background(), queuetest.Device(device), 0, 1000, 1<<20)
		if err != nil {
			h.t.Error(err)
		}
		for _, d := range list {
			if d.ID == queuetest.ID(n) && !h.must[[2]int{device, n}] {
				h.t.Errorf("device %d gets envelope %d, which was refused", device, n)
			}
		}
	}
}

// Whatever fails, from one change of the folder on and for a while: what is accepted is durable, what is refused is not
// there, and when the fault ends the queue works again by itself, loses nothing and gives all its room back. [STO-26]
func TestAFailingDiskLosesNothingAndHeals(t *testing.T)         { failDisk(t, 11) }
func TestLongADiskThatFailsAtAnyWriteLosesNothing(t *testing.T) { long(t); failDisk(t, 1) }

// failDisk has the disk fail from every so manieth change on.
func failDisk(t *testing.T, stride int) {
	t.Helper()
	steps := 0
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		h.script()
		steps = h.files.steps
	})
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		for _, span := range []int{1, 2, 40} {
			for from := 1; from <= steps && !t.Failed(); from += stride {
				synctest.Test(t, func(t *testing.T) {
					playFault(t, fault, from, span)
					if t.Failed() {
						t.Logf("%v at change %d of %d, and %d more", fault, from, steps, span-1)
					}
				})
			}
		}
	}
}

// playFault plays the script while as many changes as span fail, from one on.
func playFault(t *testing.T, fault error, from, span int) {
	h := play(t, newMemFiles())
	tried := h.files.steps
	h.files.failing(func(op, name string) error {
		if tried++; tried >= from && tried < from+span {
			return fmt.Errorf("%s %s: %w", op, name, fault)
		}
		return nil
	})
	h.fault = fault
	h.script()
	h.files.failing(nil)
	h.fault = nil
	if h.e == nil {
		h.open()
	}
	h.send(35, 1, 2)
	h.share(36, 2)
	for _, err := range h.e.Damage() {
		t.Errorf("named as damage: %v", err)
	}
	h.wait(queue.QuietTime)
	h.wait(queue.QuietTime)
	left := h.files.after(func() bool { return false }) // the power fails, too
	h.stop()
	h.files = left
	h.check()
}

// While a folder cannot be written, what is there is still served.
func TestAReadOnlyFolderIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := play(t, newMemFiles())
		h.send(1, 1)
		h.share(2, 3)
		h.fault = syscall.EROFS
		h.files.failing(func(string, string) error { return syscall.EROFS })
		h.send(3, 1)
		if list, err := h.e.Next(t.Context(), queuetest.Device(1), 0, 10, 1<<20); err != nil || len(list) != 2 {
			t.Errorf("%d deliveries, %v; want 2", len(list), err)
		}
		h.ack(1, 1)
		h.wait(queue.QuietTime)
		h.files.failing(nil)
		h.fault = nil
		h.send(4, 1)
		h.wait(queue.QuietTime)
		h.stop()
		h.check()
	})
}

// A disk that fails for a while is said to once a minute, however often it is tried.
func TestATroubleIsNotLoggedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		files := newMemFiles()
		h := play(t, files)
		h.stop()
		h.log = slog.New(slog.NewTextHandler(&log, nil))
		h.open()
		h.send(1, 1, 2)
		h.fault = syscall.EROFS
		h.files.failing(func(string, string) error { return syscall.EROFS })
		h.ack(1, 1)
		h.wait(10 * time.Minute)
		h.files.failing(nil)
		h.fault = nil
		h.stop()
		said := make(map[string]int)
		for line := range strings.Lines(log.String()) {
			_, what, _ := strings.Cut(line, "msg=")
			what, _, _ = strings.Cut(what, " error=")
			said[what]++
		}
		if len(said) == 0 {
			t.Error("nothing was said")
		}
		for what, times := range said {
			if times > 11 {
				t.Errorf("%s: %d times in 10 minutes", what, times)
			}
		}
	})
}

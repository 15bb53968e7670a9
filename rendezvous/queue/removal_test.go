package queue_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// usedSlots returns the key slots that hold something, of the generation that counts.
func (m *memFiles) usedSlots() (used int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.now {
		if len(name) > 6 && name[:6] == "slots-" {
			for slot := range slices.Chunk(n.data, queue.SlotSize) {
				if len(bytes.Trim(slot, "\x00")) > 0 {
					used++
				}
			}
		}
	}
	return used
}

// holding returns the logs that hold a stretch of bytes of what was once in another.
func (m *memFiles) holding(stretch []byte) (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.now {
		if bytes.Contains(n.data, stretch) || bytes.Contains(n.synced, stretch) {
			names = append(names, name)
		}
	}
	return names
}

// However a body comes to its end, a minute of quiet later its segment's key and its sealed bytes are gone from the folder,
// durably, and its neighbours are there. [STO-26]
func TestWhatHasEndedIsGoneWithinAMinute(t *testing.T) {
	ends := map[string]func(h *history){
		"by its last acknowledgement": func(h *history) {
			h.ack(1, 1)
			h.ack(2, 1)
		},
		"by dropping its devices": func(h *history) {
			h.drop(1)
			h.drop(2)
		},
		"by its time": func(h *history) {
			over, err := h.e.Expired(h.t.Context(), time.Now(), 100)
			if err != nil || len(over) != 2 {
				h.t.Fatalf("%d entries are over, %v", len(over), err)
			}
			for _, x := range over {
				if err := h.e.Ack(h.t.Context(), x.Device, []keys.EnvelopeID{x.ID}); err != nil {
					h.t.Fatal(err)
				}
			}
		},
	}
	for name, end := range ends {
		for kind, item := range map[string]queue.Item{
			"a list": queuetest.Item(1, 1, 2), "a set": queuetest.ForSet(1, queuetest.Set(1, 2)),
		} {
			for _, reopened := range []bool{false, true} {
				t.Run(name+" for "+kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := play(t, newMemFiles())
						item.Expires = time.Now()
						if err := h.e.Put(t.Context(), []queue.Item{item})[0]; err != nil {
							t.Fatal(err)
						}
						h.put[[2]int{1, 1}], h.put[[2]int{2, 1}] = true, true
						h.send(2, 3) // a neighbour in the segment
						sealed := h.files.sealedBody(t)
						if reopened {
							h.reopen()
						}
						end(h)
						h.wait(time.Minute)
						if names := h.files.holding(sealed); len(names) > 0 {
							t.Errorf("the sealed bytes are still in %v", names)
						}
						if used := h.files.usedSlots(); used != 1 {
							t.Errorf("%d keys are left, want that of the neighbour", used)
						}
						report, err := h.e.Report(t.Context())
						if err != nil || report.Bodies != 1 || report.Dead != 0 || report.Segments != 1 {
							t.Errorf("the report says %+v, %v", report, err)
						}
						h.wait(time.Hour + time.Minute) // the root key goes too
						if h.files.count("root-0000000000000001") > 0 {
							t.Error("the root key that had wrapped the key is still there")
						}
						h.stop()
						h.files = h.files.after(func() bool { return false })
						h.check()
					})
				})
			}
		}
	}
}

// sealedBody returns bytes from the midst of the only segment.
func (m *memFiles) sealedBody(t *testing.T) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.now {
		if name[:4] == "seg-" {
			return bytes.Clone(n.data[100:164])
		}
	}
	t.Fatal("no segment")
	return nil
}

package rendezvous

import (
	"context"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// How fast one device may open streams: so many at once, and how often beyond. A device opens some dozens when it connects, and one
// for each thing that it asks. [RV-133]
const (
	streamBurst   = 512
	streamEvery   = time.Second / 16
	oversizeCost  = 32          // an oversize post counts as so many streams: no program of ours makes one
	patienceTime  = time.Minute // for which a device that goes on regardless is not let in
	refusedAtOnce = 256         // streams that are refused until then, within the time in which they would have been let in
	mostHasty     = 1 << 12     // devices that are kept out at once; with more, those who were kept out first come back
)

// haste bounds how fast devices open streams, whatever they then say. Who goes on though streams are refused is cut off, and kept
// out for a while: a refusal costs the node about as much as the device.
type haste struct {
	opened  *rate[keys.PublicKey]
	refused *rate[keys.PublicKey]

	mu   sync.Mutex // guards the following
	out  map[keys.PublicKey]time.Time
	cut  []keys.PublicKey
	wake chan struct{} // capacity 1
}

func newHaste() *haste {
	return &haste{
		opened: newRate[keys.PublicKey](), refused: newRate[keys.PublicKey](),
		out: make(map[keys.PublicKey]time.Time), wake: make(chan struct{}, 1),
	}
}

// mayOpen reports whether a device may open one more stream.
func (h *haste) mayOpen(device keys.PublicKey) bool { return h.spend(device, 1, time.Now()) }

// spend takes so many streams from what a device may open.
func (h *haste) spend(device keys.PublicKey, streams int, now time.Time) bool {
	if h.opened.take(device, time.Duration(streams)*streamEvery, streamBurst*streamEvery, now) == 0 {
		return true
	}
	if h.refused.take(device, streamEvery, refusedAtOnce*streamEvery, now) > 0 {
		h.keepOut(device, now)
	}
	return false
}

// keepOut has a device cut off.
func (h *haste) keepOut(device keys.PublicKey, now time.Time) {
	h.mu.Lock()
	if now.After(h.out[device]) {
		if len(h.out) >= mostHasty {
			clear(h.out)
		}
		h.cut = append(h.cut, device)
	}
	h.out[device] = now.Add(patienceTime)
	h.mu.Unlock()
	wake(h.wake)
}

// isOut reports whether a device is kept out now.
func (h *haste) isOut(device keys.PublicKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	until, kept := h.out[device]
	if kept && time.Now().After(until) {
		delete(h.out, device)
		kept = false
	}
	return kept
}

// take returns who is to be cut off.
func (h *haste) take() []keys.PublicKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	cut := h.cut
	h.cut = nil
	return cut
}

// cutHasty closes the connections of those who open streams too fast.
func (n *Node) cutHasty(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.haste.wake:
		}
		for _, device := range n.haste.take() {
			n.counters.hasty.Add(1)
			_ = n.host.Network().ClosePeer(p2p.PeerID(device))
		}
	}
}

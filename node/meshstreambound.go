package node

import (
	"fmt"
	"time"
)

// What another member's device may have this one do on a stream. [MSH-21]
const (
	// patience is how much it may ask for at once, in units of about the work of checking a signature, and patienceBack how much of
	// that it may again each second.
	patience     = 1000.0
	patienceBack = 10.0
	// mostStream is how many bytes of one stream are read. Another one may follow.
	mostStream = 4 << 30
	// mostReceipts is how many receipts wait to be told on one stream: who sends that much more than it was told of does not keep to
	// the window.
	mostReceipts = 1024

	costFrame    = 1.0
	costKnown    = 20.0 // with entries and proofs
	costPrekey   = 1.0
	costAsked    = 1.0
	costAnnounce = 2.0  // who has no leave may announce
	costUseless  = 10.0 // an envelope or receipt that is not taken
)

// tolerance is how much somebody may still ask for: it comes back with time.
type tolerance struct {
	left float64
	at   time.Time
}

func newTolerance(now time.Time) tolerance { return tolerance{left: patience, at: now} }

// spend takes a cost off, and reports whether it was there.
func (a *tolerance) spend(cost float64, now time.Time) bool {
	a.left = min(patience, a.left+patienceBack*max(0, now.Sub(a.at).Seconds()))
	a.at = now
	if a.left < cost {
		return false
	}
	a.left -= cost
	return true
}

// spend counts what the other side had this device do. The error ends the stream.
func (p *meshPeer) spend(cost float64, on string) error {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	if !p.patient.spend(cost, time.Now()) {
		return fmt.Errorf("%w: too much of %s", errMisbehaved, on)
	}
	return nil
}

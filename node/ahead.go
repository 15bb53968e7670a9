package node

import (
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

const (
	// firstFutile is how long an author's envelopes are no reason to fetch the roll after the first that was none; each
	// further one doubles that, up to longestFutile.
	firstFutile   = 4 * time.Second
	longestFutile = 4 * time.Hour
)

// futile is what is remembered of a member whose envelopes spoke of a roll that there was not.
type futile struct {
	size  uint64    // of that roll: once there is one, all is forgotten
	until time.Time // before that their envelopes are no reason to fetch
	pause time.Duration
}

// claim is what the headers of a member's envelopes say of the roll.
type claim struct {
	size    uint64           // the largest that one was sealed for
	devices []keys.PublicKey // authors that the own roll does not know
}

// fetchFirst has the roll fetched before deliveries are opened that are from somebody unknown, or were sealed for a larger
// roll than the own: a new member's message can be faster than the news of them. A header is nobody's word until its seal
// is open, and then its author's alone: who has the roll fetched in vain is no reason to for a while, and hinders nobody
// else. What was sealed for a roll that does not come is judged by the one that there is. [ENV-35]
func (o *organization) fetchFirst(batch []rvproto.DeliverFrame, now time.Time, fetch func() error) error {
	claims := o.claims(batch, now)
	if len(claims) == 0 {
		return nil
	}
	if err := fetch(); err != nil {
		return err
	}
	o.settleClaims(claims, now)
	return nil
}

// claims returns what envelopes say of a roll that is larger than the own, by their authors' members: of those whose word is a
// reason to fetch. All devices that nobody knows count as one member.
func (o *organization) claims(batch []rvproto.DeliverFrame, now time.Time) map[keys.MemberID]claim {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make(map[keys.MemberID]claim)
	for _, frame := range batch {
		if frame.Kind != rvproto.KindEnvelope {
			continue
		}
		e, err := envelope.View(frame.Body, envelope.MaxEnvelope)
		if err != nil {
			continue
		}
		header := e.ParsedHeader()
		member, known := o.roll.State().AccountOf(header.Sender)
		if before := o.futileLocked(member); known && header.RollSize <= o.roll.Size() || now.Before(before.until) {
			continue
		}
		c := all[member]
		if c.size = max(c.size, header.RollSize); !known {
			c.devices = append(c.devices, header.Sender)
		}
		all[member] = c
	}
	return all
}

// futileLocked returns what is remembered of a member. Callers hold mu.
func (o *organization) futileLocked(member keys.MemberID) futile {
	f := o.futile[member]
	if f.size <= o.roll.Size() {
		return futile{}
	}
	return f
}

// settleClaims remembers, after a fetch, whose claims came to nothing.
func (o *organization) settleClaims(claims map[keys.MemberID]claim, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for member, c := range claims {
		unknown := filter(c.devices, func(d keys.PublicKey) bool { _, known := o.roll.State().AccountOf(d); return !known })
		if len(unknown) > 0 { // they may be on the next one
			c.size = max(c.size, o.roll.Size()+1)
		}
		if c.size <= o.roll.Size() {
			delete(o.futile, member)
			continue
		}
		before := o.futileLocked(member)
		pause := min(max(2*before.pause, firstFutile), longestFutile)
		o.futile[member] = futile{size: max(c.size, before.size), until: now.Add(pause), pause: pause}
	}
}

package rendezvous

import (
	"sync"
	"time"

	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// tallyHours is how far back a tally goes.
const tallyHours = 7 * 24

// tally counts what of an organization was not delivered, by the hour, for a week. It is in memory alone: a restart forgets.
type tally struct {
	mu    sync.Mutex // guards the following
	hours [tallyHours]struct {
		hour   int64 // since 1970; another one than is looked for: nothing happened then
		counts rvproto.Tally
	}
}

// note counts something of now.
func (t *tally) note(now time.Time, count func(*rvproto.Tally)) {
	hour := now.Unix() / 3600
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := &t.hours[uint64(hour)%tallyHours]
	if slot.hour != hour {
		slot.hour, slot.counts = hour, rvproto.Tally{}
	}
	count(&slot.counts)
}

// last returns what was counted in a number of hours, this one included.
func (t *tally) last(now time.Time, hours int64) (sum rvproto.Tally) {
	hour := now.Unix() / 3600
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.hours {
		if slot := &t.hours[i]; slot.hour > hour-hours && slot.hour <= hour {
			add(&sum, slot.counts)
		}
	}
	return sum
}

// add adds what one hour had.
func add(sum *rvproto.Tally, hour rvproto.Tally) {
	sum.Expired += hour.Expired
	sum.Parked += hour.Parked
	sum.Shut += hour.Shut
	sum.Full += hour.Full
	sum.Leave += hour.Leave
	sum.Allowance += hour.Allowance
	sum.Other += hour.Other
}

// giveUp counts what was given up for one reason.
func giveUp(sum *rvproto.Tally, reason rvproto.Reason, pairs uint64) {
	switch reason {
	case rvproto.ReasonTime:
		sum.Expired += pairs
	case rvproto.ReasonParked:
		sum.Parked += pairs
	case rvproto.ReasonBarred, rvproto.ReasonRemoved:
		sum.Shut += pairs
	}
}

// answered counts the refusals among the answers to posts: of the whole, or for single devices.
func (t *tally) answered(now time.Time, answers []rvproto.AnswerFrame) {
	for i := range answers {
		if answers[i].Status == wire.StatusOK && len(answers[i].Refused) == 0 {
			continue
		}
		t.note(now, func(sum *rvproto.Tally) {
			count(sum, answers[i].Status)
			for _, refused := range answers[i].Refused {
				count(sum, refused.Status)
			}
		})
	}
}

// count counts one answer, unless it is no refusal.
func count(sum *rvproto.Tally, status wire.Status) {
	switch status {
	case wire.StatusOK:
	case wire.StatusFull:
		sum.Full++
	case wire.StatusNoLeave, wire.StatusRefused:
		sum.Leave++
	case wire.StatusLimit:
		sum.Allowance++
	default:
		sum.Other++
	}
}

package queue

import (
	"context"
	"errors"
	"math"
	"time"
)

// Expired implements Engine. What cannot be read back can be named to nobody: it is reported as damage, and removed.
func (e *Embedded) Expired(ctx context.Context, now time.Time, limit int) ([]Expired, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	var over []Expired
	var reader logReader
	defer reader.close()
	found := e.overAt(seconds(now.Unix()), limit)
	for i := range found {
		body, err := e.fetch(&reader, []place{found[i].place})
		switch {
		case errors.Is(err, errMoved): // the next call finds it where it is now, if it is
		case errors.Is(err, ErrCorrupt):
			e.removeUnread(&found[i])
		case err != nil:
			return over, err
		default:
			found[i].ID = body.id
			over = append(over, found[i].Expired)
		}
	}
	return over, nil
}

// overdue is an entry whose time is over.
type overdue struct {
	Expired
	place
}

// overAt returns entries that are over at a time, at most limit of them.
func (e *Embedded) overAt(now uint32, limit int) (found []overdue) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now < e.soonest {
		return nil
	}
	soonest := uint32(math.MaxUint32)
	e.table.each(func(_ handle, c cell) { soonest = min(soonest, c.expires()) })
	e.soonest = soonest
	if now < soonest {
		return nil
	}
	for _, d := range e.devices {
		if len(found) >= limit {
			break
		}
		e.eachLocked(d, func(_ entry, r ref) bool {
			h := e.messageOf(r)
			c := e.table.at(h)
			if c.expires() > now {
				return true
			}
			if len(found) >= limit {
				return false
			}
			p := e.bodyLocked(h, e.numberOf(r))
			found = append(found, overdue{Expired{
				Org: e.accounts[c.account()].org.org, Kind: c.kind(), Device: d.key, Number: p.number,
			}, p})
			return true
		})
	}
	return found
}

// removeUnread removes an entry whose body is lost.
func (e *Embedded) removeUnread(o *overdue) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h, d := e.table.findPart(o.part[:]), e.devices[o.Device]
	if h == 0 || d == nil || !e.table.at(h).is(markUnread) {
		return
	}
	if en, waits := e.entryLocked(d, h); waits {
		e.now = time.Now()
		e.noteLocked(d, []removal{e.removeLocked(d, en)})
		e.forgetLocked(d)
	}
}

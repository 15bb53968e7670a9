package replicated

import (
	"context"
	"math"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// Watch implements queue.Engine. What another process puts is signalled as what this one does.
func (e *Engine) Watch(key keys.PublicKey) (changed <-chan struct{}, stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	watcher := make(chan struct{}, 1)
	d := e.device(key)
	d.watchers = append(d.watchers, watcher)
	return watcher, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		d := e.devices[key]
		if d == nil {
			return
		}
		for i, w := range d.watchers {
			if w == watcher {
				d.watchers = append(d.watchers[:i:i], d.watchers[i+1:]...)
				break
			}
		}
		e.forget(d)
	}
}

// Era implements queue.Engine: it counts the logs that were made anew, or went back.
func (e *Engine) Era() (losses uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.shards {
		losses += s.losses
	}
	return losses
}

// Holds implements queue.Engine.
func (e *Engine) Holds(id keys.EnvelopeID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.newest(id) != nil
}

// Stats implements queue.Engine.
func (e *Engine) Stats() map[keys.OrgID]queue.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make(map[keys.OrgID]queue.Stats, len(e.orgs))
	for org, o := range e.orgs {
		if o.stats != (queue.Stats{}) {
			all[org] = o.stats
		}
	}
	return all
}

// Usage implements queue.Engine.
func (e *Engine) Usage(org keys.OrgID, payer keys.MemberID) (all, of, payers queue.Usage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.orgs[org]
	if o == nil {
		return e.used, of, payers
	}
	if p := o.payers[payer]; p != nil {
		payers = p.used
	}
	return e.used, o.used, payers
}

// Payers implements queue.Engine.
func (e *Engine) Payers(org keys.OrgID, visit func(payer keys.MemberID, used queue.Usage)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o := e.orgs[org]; o != nil {
		for payer, p := range o.payers {
			if p.used != (queue.Usage{}) {
				visit(payer, p.used)
			}
		}
	}
}

// Expired implements queue.Engine.
func (e *Engine) Expired(ctx context.Context, now time.Time, limit int) (over []queue.Expired, err error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Unix() < e.soonest {
		return nil, nil
	}
	e.soonest = math.MaxInt64
	for _, s := range e.shards {
		for it := range s.items {
			if it.visible > 0 {
				e.soonest = min(e.soonest, it.expires)
			}
		}
	}
	if now.Unix() < e.soonest {
		return nil, nil
	}
	for key, d := range e.devices {
		for i := range d.entries {
			at := &d.entries[i]
			if at.hidden || at.item.expires > now.Unix() {
				continue
			}
			if len(over) >= limit {
				return over, nil
			}
			over = append(over, queue.Expired{
				Org: at.item.payer.org.org, ID: at.item.id, Kind: at.item.kind, Device: key, Number: at.number,
			})
		}
	}
	return over, nil
}

// Volume returns how many bytes may still wait in the cluster, and how many may in all.
func (e *Engine) Volume() (free, size uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return uint64(max(0, e.opt.MaxBytes-max(e.used.Bytes, e.stored))), uint64(e.opt.MaxBytes), nil
}

package replicated

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// reload reads the log from its beginning. What was known before is served until all of it is read, and then replaced at once:
// nobody sees a queue of which a part is missing, and no acknowledgement meets an entry that is not there yet.
func (s *shard) reload(ctx context.Context) error {
	read, info, err := s.reread(ctx)
	if err != nil {
		return err
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if !info.Created.Equal(s.made) || info.State.LastSeq < s.applied {
		s.losses++
		s.made = info.Created
	}
	s.replaceLocked(read)
	return nil
}

// reread makes an index of its own of the log as it is now. Of the records there is one page in memory: what they say that holds no more takes
// none. [STO-85]
func (s *shard) reread(ctx context.Context) (read *shard, info *jetstream.StreamInfo, err error) {
	if info, err = s.log.Info(ctx); err != nil {
		return nil, nil, unavailable("looking at the log", err)
	}
	made := info.Created
	read = s.apart(max(info.State.FirstSeq, 1))
	for read.applied < info.State.LastSeq {
		page, err := s.page(ctx, read.applied+1)
		if err != nil {
			return nil, nil, err
		}
		read = s.takePage(read, page)
		if len(page) > 0 {
			continue
		}
		if err := pause(ctx, retryPause); err != nil { // from a server that is behind
			return nil, nil, err
		}
		if info, err = s.log.Info(ctx); err != nil {
			return nil, nil, unavailable("looking at the log", err)
		}
		if !info.Created.Equal(made) {
			return nil, nil, fmt.Errorf("%w: the log was made anew while it was read", queue.ErrUnavailable)
		}
		if info.State.FirstSeq > read.applied+1 {
			read = s.apart(info.State.FirstSeq)
		}
	}
	return read, info, nil
}

// takePage applies a page to what was read before. What comes before a gap was purged while it was read: whatever of it lives was stated
// anew behind the gap. [STO-85]
func (s *shard) takePage(read *shard, page []logged) *shard {
	for _, m := range page {
		if m.seq != read.applied+1 {
			read = s.apart(m.seq)
		}
		read.applyLocked(m.seq, s.parse(m)) // nobody else knows of it: there is nothing to lock
	}
	return read
}

// apart returns a shard like this one that knows nothing, in an index where nobody else is, of a log that begins with a record.
func (s *shard) apart(first uint64) *shard {
	alone := &Engine{opt: s.engine.opt, log: s.engine.log, index: newIndex()}
	alone.cache.clear()
	read := newShard(alone, s.n, 1)
	read.applied = first - 1
	return read
}

// replaceLocked forgets the shard, and makes true what was read, which is used up. What was acknowledged here stays out of sight.
func (s *shard) replaceLocked(read *shard) {
	e := s.engine
	type hidden struct {
		device keys.PublicKey
		number uint64
		id     keys.EnvelopeID // a log that was made anew gives its numbers to others
	}
	var acknowledged []hidden
	now := time.Now()
	for _, d := range e.devices {
		for i := len(d.entries) - 1; i >= 0; i-- {
			at := &d.entries[i]
			if at.item.shard != s {
				continue
			}
			if at.hidden {
				acknowledged = append(acknowledged, hidden{d.key, at.number, at.item.id})
			}
			e.remove(d, i, now)
		}
	}
	s.packs, s.commits, s.applied = read.packs, read.commits, read.applied
	for _, c := range s.commits {
		c.shard = s
	}
	items := make([]*item, 0, len(read.items))
	for it := range read.items {
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.numbers[0], b.numbers[0]) })
	for _, it := range items {
		s.adoptLocked(it)
	}
	for _, h := range acknowledged {
		if d := e.devices[h.device]; d != nil {
			if at := d.at(h.number); at != nil && at.item.shard == s && at.item.id == h.id {
				e.hide(d, at)
			}
		}
	}
	s.renewAcksLocked()
	s.progressLocked()
}

// adoptLocked takes an item of another index into this one, with its entries.
func (s *shard) adoptLocked(it *item) {
	e, holders := s.engine, it.holders
	it.older, it.shard, it.payer = e.byID[it.id], s, e.account(it.payer.org.org, it.payer.payer)
	it.entries, it.visible, it.holders = 0, 0, nil
	e.byID[it.id] = it
	s.items[it] = struct{}{}
	e.soonest = min(e.soonest, it.expires)
	for _, h := range holders {
		if h.waiting(it) { // by what was read
			e.enter(e.device(h.device.key), it, h.number)
		}
	}
}

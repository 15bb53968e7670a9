package replicated

import (
	"context"
	"slices"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// request is the items of one Put that go to one shard.
type request struct {
	items []*queue.Item
	slots []int // of errs
	errs  []error
	size  int
	begun bool          // guarded by the engine's mu: the writer has it
	done  chan struct{} // closed when each slot has its error
}

func (r *request) fail(err error) {
	for _, slot := range r.slots {
		r.errs[slot] = err
	}
	close(r.done)
}

// Put implements queue.Engine.
func (e *Engine) Put(ctx context.Context, items []queue.Item) []error {
	errs := make([]error, len(items))
	requests := make(map[*shard]*request)
	for i := range items {
		if !items[i].Valid() || len(items[i].Devices()) == 0 {
			errs[i] = queue.ErrItem
			continue
		}
		s := e.shardOf(items[i].Org)
		r := requests[s]
		if r == nil {
			r = &request{errs: errs, done: make(chan struct{})}
			requests[s] = r
		}
		r.items, r.slots = append(r.items, &items[i]), append(r.slots, i)
		r.size += len(items[i].Body) + noteBytes
	}
	for s, r := range requests {
		if err := s.enqueue(ctx, r); err != nil {
			r.fail(err)
		}
	}
	for s, r := range requests {
		select {
		case <-r.done:
		case <-ctx.Done():
			if s.withdraw(r) {
				r.fail(ctx.Err())
			}
			<-r.done
		}
	}
	return errs
}

// enqueue gives a request to the writer, waiting until there is room for it.
func (s *shard) enqueue(ctx context.Context, r *request) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.engine.mu.Lock()
		if s.engine.refusing {
			s.engine.mu.Unlock()
			return queue.ErrClosed
		}
		if s.waiting == 0 || s.waiting+r.size <= pendingBytes {
			s.pending = append(s.pending, r)
			s.waiting += r.size
			s.engine.mu.Unlock()
			poke(s.wakeWriter)
			return nil
		}
		room := s.room
		s.engine.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
	}
}

// roomLocked tells those who wait that there is more room.
func (s *shard) roomLocked() {
	close(s.room)
	s.room = make(chan struct{})
}

// withdraw takes a request back; false if it was begun.
func (s *shard) withdraw(r *request) bool {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if r.begun {
		return false
	}
	for i, other := range s.pending {
		if other == r {
			s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
			s.waiting -= r.size
			s.roomLocked()
			break
		}
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// take returns what one record takes of what waits: at least one request if there is one.
func (s *shard) take() (taken []*request, acks []acked) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	size, count := 0, 0
	for len(s.pending) > 0 {
		r := s.pending[0]
		if len(taken) > 0 && (size+r.size > commitBytes || count+len(r.items) > commitItems) {
			break
		}
		s.pending = s.pending[1:]
		r.begun = true
		size, count = size+r.size, count+len(r.items)
		s.waiting -= r.size
		taken = append(taken, r)
	}
	if len(taken) > 0 {
		s.roomLocked()
	}
	return taken, s.takeAcksLocked()
}

func (s *shard) takeAcksLocked() (acks []acked) {
	left := maxAcked
	for device, numbers := range s.acks {
		n := min(left, len(numbers))
		acks = append(acks, acked{Device: device, Numbers: numbers[:n:n]})
		if left -= n; n == len(numbers) {
			delete(s.acks, device)
		} else {
			s.acks[device] = numbers[n:]
		}
		s.unsent -= n
		if left == 0 {
			break
		}
	}
	return acks
}

// ackLocked notes that an entry is done with: at once here, and soon in the log.
func (s *shard) ackLocked(d *device, at *entry) {
	s.engine.hide(d, at)
	s.acks[d.key] = append(s.acks[d.key], at.number)
	s.unsent++
	poke(s.wakeAcks)
}

// giveBack takes acknowledgements in again of which it is not known that they were appended.
func (s *shard) giveBack(acks []acked) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	for _, a := range acks {
		s.acks[a.Device] = append(s.acks[a.Device], a.Numbers...)
	}
	s.renewAcksLocked()
}

// renewAcksLocked leaves of the acknowledgements that wait those of entries that are there. Others were appended all the same, or are
// of a log that is lost, in whose place another gives the numbers to other entries.
func (s *shard) renewAcksLocked() {
	s.unsent = 0
	for key, numbers := range s.acks {
		d := s.engine.devices[key]
		numbers = slices.DeleteFunc(numbers, func(number uint64) bool {
			if d == nil {
				return true
			}
			at := d.at(number)
			return at == nil || !at.hidden || at.item.shard != s
		})
		if len(numbers) == 0 {
			delete(s.acks, key)
			continue
		}
		s.acks[key] = numbers
		s.unsent += len(numbers)
	}
}

// Ack implements queue.Engine. The note of it is in the cluster within queue.AckDelay, or once the cluster is there again.
func (e *Engine) Ack(ctx context.Context, key keys.PublicKey, ids []keys.EnvelopeID) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.devices[key]
	if d == nil {
		return nil
	}
	for i := range ids {
		for it := e.byID[ids[i]]; it != nil; it = it.older {
			for at := d.of(it); at != nil; at = d.of(it) {
				it.shard.ackLocked(d, at)
			}
		}
	}
	return nil
}

// Drop implements queue.Engine.
func (e *Engine) Drop(ctx context.Context, key keys.PublicKey) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	touched := make(map[*shard]struct{})
	if d := e.devices[key]; d != nil {
		for i := range d.entries {
			if at := &d.entries[i]; !at.hidden {
				at.item.shard.ackLocked(d, at)
				touched[at.item.shard] = struct{}{}
			}
		}
	}
	e.mu.Unlock()
	for s := range touched {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

package replicated

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
)

// write appends what waits, one record after another, until ctx ends: then what was acknowledged and nothing more.
func (s *shard) write(ctx context.Context) error {
	linger := time.NewTimer(ackLinger)
	linger.Stop()
	lingering := false
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTime)
			defer cancel()
			if err := s.settle(last); err != nil {
				s.engine.troubles.warn("noting what was acknowledged", err)
			}
			return nil
		case <-s.wakeAcks:
			if !lingering {
				lingering = true
				linger.Reset(ackLinger)
			}
			continue
		case <-linger.C:
			lingering = false
		case <-s.wakeWriter:
		}
		for ctx.Err() == nil { // then what waits is refused, and acknowledgements are settled above
			requests, acks := s.take()
			if len(requests) == 0 && len(acks) == 0 {
				break
			}
			if !s.commitAll(context.WithoutCancel(ctx), requests, acks) && len(requests) == 0 {
				lingering = true
				linger.Reset(4 * ackLinger)
				break
			}
		}
	}
}

// settle appends the acknowledgements that wait.
func (s *shard) settle(ctx context.Context) error {
	for {
		s.engine.mu.Lock()
		acks := s.takeAcksLocked()
		s.engine.mu.Unlock()
		if len(acks) == 0 {
			return nil
		}
		if err := s.append(ctx, &record{Acks: acks}); err != nil {
			s.giveBack(acks)
			return err
		}
	}
}

// commitAll carries requests out, with acknowledgements in the first record. False if these could not be appended.
func (s *shard) commitAll(ctx context.Context, requests []*request, acks []acked) (acknowledged bool) {
	writes := s.plan(ctx, requests)
	acknowledged = true
	for first := true; first || len(writes) > 0; first = false {
		n, devices := 0, 0
		for n < len(writes) && n < commitItems && (n == 0 || devices+len(writes[n].devices) <= commitDevices) {
			devices += len(writes[n].devices)
			n++
		}
		if n == 0 && len(acks) == 0 {
			break
		}
		if !s.commit(ctx, writes[:n], acks) {
			acknowledged = false
		}
		writes, acks = writes[n:], nil
	}
	for _, r := range requests {
		close(r.done)
	}
	return acknowledged
}

// plan decides what is to be written of requests, and looks whether bodies are there that are held for long.
func (s *shard) plan(ctx context.Context, requests []*request) []*write {
	e := s.engine
	for looked := false; ; looked = true {
		p := &plan{shard: s, byID: make(map[keys.EnvelopeID]*write)}
		e.mu.Lock()
		now := time.Now()
		for _, r := range requests {
			for i, it := range r.items {
				r.errs[r.slots[i]] = nil
				p.addLocked(it, answer{r, r.slots[i]}, now)
			}
		}
		if len(p.doubt) > 0 && !looked {
			for _, w := range p.writes {
				e.releaseLocked(w)
			}
			e.mu.Unlock()
			if err := e.look(ctx, p.doubt); err != nil {
				e.troubles.warn("looking for bodies", err)
			}
			continue
		}
		doubted := make(map[*item]bool, len(p.doubt))
		for _, it := range p.doubt {
			doubted[it] = true
		}
		if len(doubted) > 0 { // it could not be seen whether these are there: nothing is said of them
			p.refuseLocked(requests, doubted)
		}
		e.mu.Unlock()
		return p.writes
	}
}

// refuseLocked answers what is about items that are in doubt with "try later".
func (p *plan) refuseLocked(requests []*request, doubted map[*item]bool) {
	err := fmt.Errorf("%w: a body that is held cannot be read now", queue.ErrUnavailable)
	p.writes = slices.DeleteFunc(p.writes, func(w *write) bool {
		if w.existing == nil || !doubted[w.existing] {
			return false
		}
		p.shard.engine.releaseLocked(w)
		return true
	})
	for _, r := range requests {
		for i, it := range r.items {
			if held := p.shard.engine.newest(it.ID); held != nil && doubted[held] {
				r.errs[r.slots[i]] = err
			}
		}
	}
}

// commit makes writes and acknowledgements durable with one record and answers the writes. False if it could not be appended.
func (s *shard) commit(ctx context.Context, writes []*write, acks []acked) bool {
	e := s.engine
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, w := range writes {
			e.releaseLocked(w)
		}
	}()
	token, err := s.store(ctx, writes)
	stored := err == nil
	r := record{Acks: acks}
	if stored {
		var lists lister
		for _, w := range writes {
			r.Items = append(r.Items, w.note(&lists, token))
		}
		r.Lists = lists.lists
	}
	appended := true
	if !r.empty() {
		failed := s.append(ctx, &r)
		if err = errors.Join(err, failed); failed != nil {
			appended = false
			s.giveBack(acks)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range writes {
		switch {
		case err != nil:
			w.answer(err)
		case w.existing == nil:
			e.cache.add(e.newest(w.item.ID), w.item.Body)
		case !w.gainedLocked(s):
			w.answer(fmt.Errorf("%w: what was to gain recipients has gone meanwhile", queue.ErrUnavailable))
		}
	}
	return appended
}

// gainedLocked reports whether the item that was to gain devices has, or has served them already.
func (w *write) gainedLocked(s *shard) bool {
	_, living := s.items[w.existing]
	return living
}

// store makes bodies and their keys durable, before anything points to them.
func (s *shard) store(ctx context.Context, writes []*write) (token uint64, err error) {
	var fresh []*write
	for _, w := range writes {
		if w.existing == nil {
			fresh = append(fresh, w)
		}
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	if token, err = newToken(); err != nil {
		return 0, err
	}
	keyring := make(ring, len(fresh))
	indexes := make([]uint32, len(fresh))
	for i, w := range fresh {
		if w.key, err = newBodyKey(); err != nil {
			return 0, err
		}
		w.index, indexes[i] = uint32(i), uint32(i)
		keyring[w.index] = w.key
	}
	packs, err := packed(fresh)
	if err != nil {
		return 0, err
	}
	id := strconv.FormatUint(token, 16)
	messages := []*nats.Msg{message(s.keySubject(token), keyring.marshal(indexes), id)}
	for i, p := range packs {
		messages = append(messages, message(s.bodySubject(), p, id+"."+strconv.Itoa(i)))
	}
	seqs, err := s.publish(ctx, messages)
	if err != nil {
		return 0, err
	}
	for _, w := range fresh {
		for i := range w.parts {
			w.parts[i].Seq = seqs[1+w.parts[i].Seq]
		}
	}
	return token, nil
}

// packed seals bodies and lays them together, those for one device side by side. The parts of the writes name the packs by
// their indexes.
func packed(writes []*write) (packs [][]byte, err error) {
	order := slices.Clone(writes)
	slices.SortStableFunc(order, func(a, b *write) int { return cmp.Or(a.devices[0].Compare(b.devices[0])) })
	var pack []byte
	end := func() {
		if len(pack) > 0 {
			packs = append(packs, pack)
			pack = nil
		}
	}
	for _, w := range order {
		if length := len(w.item.Body) + sealOverhead; len(pack) > 0 && len(pack)+length > packBytes {
			end()
		}
		offset := len(pack)
		if pack, err = w.key.seal(pack, w.item.ID, uint8(w.item.Kind), w.item.Body); err != nil {
			return nil, err
		}
		w.parts = nil
		for ; len(pack) > chunkBytes; pack = pack[chunkBytes:] {
			w.parts = append(w.parts, part{Seq: uint64(len(packs)), Length: chunkBytes})
			packs = append(packs, pack[:chunkBytes:chunkBytes])
		}
		w.parts = append(w.parts, part{Seq: uint64(len(packs)), Offset: uint32(offset), Length: uint32(len(pack) - offset)})
		if len(pack) > packBytes {
			end()
		}
	}
	end()
	return packs, nil
}

// publish stores messages, trying again while that may help: each has an id, so that none is stored twice.
func (s *shard) publish(ctx context.Context, messages []*nats.Msg) ([]uint64, error) {
	for {
		seqs, err := s.link.publish(ctx, publishTime, messages...)
		s.engine.health(err)
		if err == nil || !errors.Is(err, queue.ErrUnavailable) {
			return seqs, err
		}
		if pause(ctx, retryPause) != nil {
			return nil, err
		}
	}
}

// append makes a record durable and waits until it is known here. A record that was answered by nobody is sent again under the
// same id, so that it is there once.
func (s *shard) append(ctx context.Context, r *record) error {
	ctx, cancel := context.WithTimeout(ctx, commitTime) // others wait for it
	defer cancel()
	leave, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer leave()
	id, err := newToken()
	if err != nil {
		return err
	}
	data := wire.Encode(r)
	if len(data) > maxRecord {
		return fmt.Errorf("%w: a record of %d bytes", queue.ErrItem, len(data))
	}
	seqs, err := s.publish(ctx, []*nats.Msg{message(s.logSubject(), data, strconv.FormatUint(id, 16))})
	if err != nil {
		return err
	}
	if err := s.reached(ctx, seqs[0]); err != nil {
		return unavailable("waiting for a record", err)
	}
	return nil
}

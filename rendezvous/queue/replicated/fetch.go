package replicated

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// sought is an item whose body is wanted, as it stood when it was chosen.
type sought struct {
	item   *item
	number uint64
	id     keys.EnvelopeID
	kind   queue.Kind
	shard  *shard
	parts  []part
	token  uint64
	key    uint32

	body []byte
	err  error // errLost, errMoved or one of reading
}

// errLost means that a body or its key is not in the cluster any more, though somebody waits for it.
var errLost = errors.New("a body is lost")

// errMoved means that an item is not where it was a moment ago: it was acknowledged, or lies elsewhere.
var errMoved = errors.New("a body moved")

func seek(it *item, number uint64) *sought {
	return &sought{
		item: it, number: number, id: it.id, kind: it.kind, shard: it.shard, parts: it.parts, token: it.commit.token, key: it.key,
	}
}

// Next implements queue.Engine. A body that is lost is reported, and what waits for it is done with: its sender offers it
// again.
func (e *Engine) Next(ctx context.Context, key keys.PublicKey, after uint64, maxItems, maxBytes int) ([]queue.Delivery, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	var out []queue.Delivery
	for {
		wants := e.choose(key, after, maxItems, maxBytes)
		if len(wants) == 0 {
			return out, nil
		}
		if err := e.fetch(ctx, wants); err != nil {
			return out, err
		}
		for _, w := range wants {
			if errors.Is(w.err, errMoved) {
				break // look once more
			}
			if after = w.number; w.err == nil {
				out = append(out, queue.Delivery{Number: w.number, ID: w.id, Kind: w.kind, Body: w.body})
			}
		}
		if len(out) > 0 { // only a page of nothing but losses goes on to the next
			return out, nil
		}
	}
}

// choose returns the next items of a device, within the limits but at least one.
func (e *Engine) choose(key keys.PublicKey, after uint64, maxItems, maxBytes int) (wants []*sought) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.devices[key]
	if d == nil || after == ^uint64(0) {
		return nil
	}
	for i := d.find(after + 1); i < len(d.entries) && len(wants) < maxItems; i++ {
		at := &d.entries[i]
		if at.hidden {
			continue
		}
		if maxBytes -= int(at.item.size); maxBytes < 0 && len(wants) > 0 {
			break
		}
		w := seek(at.item, at.number)
		w.body = e.cache.bodies[at.item]
		wants = append(wants, w)
	}
	return wants
}

// fetch reads the bodies that are wanted and not there yet. What became of each stands in it; an error is one of the cluster.
func (e *Engine) fetch(ctx context.Context, wants []*sought) error {
	var missing []*sought
	for _, w := range wants {
		if w.body == nil {
			missing = append(missing, w)
		}
	}
	for len(missing) > 0 {
		n := min(len(missing), fetchAtOnce)
		if err := e.fetchSome(ctx, missing[:n]); err != nil {
			return err
		}
		missing = missing[n:]
	}
	return e.confirm(ctx, wants)
}

// fetchSome reads what a few bodies need: packs, and keys, each once.
// Few calls do so at once: what one has read the next may find on the shelf, and answers do not pile up.
func (e *Engine) fetchSome(ctx context.Context, wants []*sought) error {
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	have := make(map[wanted][]byte)
	var asked []wanted
	need := func(w wanted, known []byte) {
		if _, there := have[w]; !there {
			if have[w] = known; known == nil {
				asked = append(asked, w)
			}
		}
	}
	e.mu.Lock()
	for _, w := range wants {
		for _, p := range w.parts {
			need(wanted{stream: w.shard.bodyName, seq: p.Seq}, e.shelf.packs[place{w.shard.n, p.Seq}])
		}
		need(wanted{stream: w.shard.keyName, subject: w.shard.keySubject(w.token)}, nil)
	}
	e.mu.Unlock()
	answers, err := e.link.read(ctx, asked)
	if e.health(err); err != nil {
		return err
	}
	for i, w := range asked {
		have[w] = answers[i]
	}
	rings := make(map[wanted]ring)
	for _, w := range wants {
		name := wanted{stream: w.shard.keyName, subject: w.shard.keySubject(w.token)}
		if _, parsed := rings[name]; !parsed && have[name] != nil {
			if rings[name], err = parseRing(have[name]); err != nil {
				e.damaged(w.shard.keyName, err)
			}
		}
		key, known := rings[name][w.key]
		if !known {
			w.err = errLost
			continue
		}
		w.body, w.err = w.open(&key, func(seq uint64) []byte { return have[wanted{stream: w.shard.bodyName, seq: seq}] })
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, w := range wants {
		if w.err != nil {
			continue
		}
		w.item.checked = now
		for _, p := range w.parts {
			e.shelf.add(place{w.shard.n, p.Seq}, have[wanted{stream: w.shard.bodyName, seq: p.Seq}])
		}
	}
	return nil
}

// open puts a body together and opens it.
func (w *sought) open(key *bodyKey, pack func(seq uint64) []byte) ([]byte, error) {
	var sealed []byte
	for _, p := range w.parts {
		data := pack(p.Seq)
		if uint64(p.Offset)+uint64(p.Length) > uint64(len(data)) {
			return nil, errLost
		}
		sealed = append(sealed, data[p.Offset:p.Offset+p.Length]...)
	}
	body, err := key.open(w.id, uint8(w.kind), sealed)
	if err != nil {
		return nil, errLost
	}
	if body == nil {
		body = []byte{}
	}
	return body, nil
}

// confirm looks again for what was not found: a server may be behind, or the item may have moved. What is lost indeed is done
// with. [STO-88]
func (e *Engine) confirm(ctx context.Context, wants []*sought) error {
	var lost []*sought
	for _, w := range wants {
		if w.err == nil {
			continue
		}
		if err := e.fetchFromLeader(ctx, w); err != nil {
			return err
		}
		if w.err != nil {
			lost = append(lost, w)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for _, s := range e.shards {
		if err := s.upToDate(ctx); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	gone := make(map[*item]bool)
	for _, w := range lost {
		_, living := w.shard.items[w.item]
		if !living || w.item.commit.token != w.token || w.item.lost {
			w.err = errMoved
			continue
		}
		gone[w.item] = true
	}
	e.loseLocked(gone)
	return nil
}

// fetchFromLeader reads one body from the servers that know what is not there.
func (e *Engine) fetchFromLeader(ctx context.Context, w *sought) error {
	data, err := e.link.readFromLeader(ctx, wanted{stream: w.shard.keyName, subject: w.shard.keySubject(w.token)})
	if errors.Is(err, errAbsent) {
		return nil
	}
	if err != nil {
		return unavailable("reading keys", err)
	}
	keyring, err := parseRing(data)
	key, known := keyring[w.key]
	if err != nil || !known {
		return nil //nolint:nilerr // damaged keys are lost ones
	}
	packs := make(map[uint64][]byte)
	for _, p := range w.parts {
		pack, err := e.link.readFromLeader(ctx, wanted{stream: w.shard.bodyName, seq: p.Seq})
		if errors.Is(err, errAbsent) {
			return nil
		}
		if err != nil {
			return unavailable("reading a body", err)
		}
		packs[p.Seq] = pack
	}
	w.body, w.err = w.open(&key, func(seq uint64) []byte { return packs[seq] })
	return nil
}

// upToDate waits until everything is known that the log has now.
func (s *shard) upToDate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	info, err := s.log.Info(ctx)
	if err != nil {
		return unavailable("looking at the log", err)
	}
	return unavailable("waiting for the log", s.reached(ctx, info.State.LastSeq))
}

// loseLocked takes items out of the queue whose bodies are lost, here at once and everywhere by the log.
func (e *Engine) loseLocked(gone map[*item]bool) {
	if len(gone) == 0 {
		return
	}
	e.log.Error("queue: the cluster has lost bodies that were waiting; their senders offer them again", "bodies", len(gone))
	e.losses += int64(len(gone))
	for it := range gone {
		it.lost = true
		for _, h := range it.holders {
			if at := h.device.at(h.number); at != nil && at.item == it && !at.hidden {
				it.shard.ackLocked(h.device, at)
			}
		}
	}
}

// look sees whether the bodies of items are there. Those that are lost are done with.
func (e *Engine) look(ctx context.Context, items []*item) error {
	e.mu.Lock()
	var wants []*sought
	for _, it := range items {
		if _, living := it.shard.items[it]; living {
			wants = append(wants, seek(it, it.numbers[0]))
		}
	}
	e.mu.Unlock()
	if err := e.fetch(ctx, wants); err != nil {
		return fmt.Errorf("looking whether bodies are there: %w", err)
	}
	return nil
}

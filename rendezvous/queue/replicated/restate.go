package replicated

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
)

// holder is who waits, or waited, for an item, under which number.
type holder struct {
	device *device
	number uint64
}

// waiting reports whether the entry is there, by the log.
func (h holder) waiting(it *item) bool {
	at := h.device.at(h.number)
	return at != nil && at.item == it
}

// restate appends where items stand now, so that nothing before it needs to be read for them. It is appended only if the log
// did not go on since it was made: so it is exact. [STO-85] moved says of some of them where their bodies lie from now on, sealed anew
// under the keys of token. It ends in time: puts and acknowledgements wait for it.
func (s *shard) restate(ctx context.Context, items []*item, moved map[*item]*write, token uint64) error {
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	leave, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for range restateTries {
		last, data := s.statement(items, moved, token)
		if data == nil {
			return nil
		}
		id, err := newToken()
		if err != nil {
			return err
		}
		m := message(s.logSubject(), data, strconv.FormatUint(id, 16))
		m.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(last, 10))
		// An answer that is lost is asked for again under the same id; a refusal for the order is final for this try.
		seqs, err := s.publish(ctx, []*nats.Msg{m})
		switch {
		case errors.Is(err, errOrder):
			if err := s.upToDate(ctx); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		return unavailable("waiting for a record", s.reached(ctx, seqs[0]))
	}
	return fmt.Errorf("%w: the log goes on too fast to state anything anew", queue.ErrUnavailable)
}

// statement makes the record, nil if none of the items lives, and says behind which record it holds.
func (s *shard) statement(items []*item, moved map[*item]*write, token uint64) (last uint64, data []byte) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	var r record
	var lists lister
	for _, it := range items {
		if _, living := s.items[it]; !living {
			continue
		}
		n := it.note(&lists)
		if w := moved[it]; w != nil {
			n.Token, n.Key, n.Parts = token, w.index, w.parts
		}
		r.States = append(r.States, n)
	}
	if r.Lists = lists.lists; r.empty() {
		return s.applied, nil
	}
	return s.applied, wire.Encode(&r)
}

// note says where an item stands.
func (it *item) note(lists *lister) note {
	n := note{
		ID: it.id, Org: it.payer.org.org, Kind: uint8(it.kind), Payer: it.payer.payer, Size: it.size, Expires: uint64(it.expires),
		Of: it.numbers[0], Token: it.commit.token, Key: it.key, Parts: it.parts,
	}
	it.holders = slices.DeleteFunc(it.holders, func(h holder) bool { return !h.waiting(it) })
	for _, number := range it.numbers {
		var devices []keys.PublicKey
		for _, h := range it.holders {
			if h.number == number {
				devices = append(devices, h.device.key)
			}
		}
		if len(devices) > 0 {
			slices.SortFunc(devices, keys.PublicKey.Compare)
			n.Groups = append(n.Groups, group{Number: number, List: lists.add(devices)})
		}
	}
	return n
}

// compact states everything anew that lives, in portions. What came before can then go.
func (s *shard) compact(ctx context.Context) error {
	s.engine.mu.Lock()
	start := s.applied
	var items []*item
	for it := range s.items {
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.record, b.record) })
	s.engine.mu.Unlock()
	for len(items) > 0 {
		n, entries := 0, 0
		s.engine.mu.Lock()
		for n < len(items) && n < maxItems && (n == 0 || entries+int(items[n].entries) <= restateDevices) {
			entries += int(items[n].entries) + 1
			n++
		}
		portion := slices.DeleteFunc(slices.Clone(items[:n]), func(it *item) bool { return it.record > start })
		s.engine.mu.Unlock()
		if err := s.restate(ctx, portion, nil, 0); err != nil {
			return fmt.Errorf("stating anew what waits: %w", err)
		}
		items = items[n:]
	}
	return nil
}

// move lays the bodies of items elsewhere, which lie among the bodies of the dead.
func (s *shard) move(ctx context.Context, items []*item) error {
	s.engine.mu.Lock()
	var wants []*sought
	for _, it := range items {
		if _, living := s.items[it]; living {
			wants = append(wants, seek(it, it.numbers[0]))
		}
	}
	s.engine.mu.Unlock()
	if err := s.engine.fetch(ctx, wants); err != nil {
		return err
	}
	moved := make(map[*item]*write)
	var writes []*write
	var living []*item
	for _, w := range wants {
		if w.err != nil {
			continue
		}
		to := &write{item: &queue.Item{ID: w.id, Kind: w.kind, Body: w.body}, devices: make([]keys.PublicKey, 1)}
		moved[w.item] = to
		writes, living = append(writes, to), append(living, w.item)
	}
	token, err := s.store(ctx, writes)
	if err != nil || len(writes) == 0 {
		return err
	}
	return s.restate(ctx, living, moved, token)
}

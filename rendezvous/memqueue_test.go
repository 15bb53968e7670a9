package rendezvous

import (
	"context"
	"slices"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// memQueue is an engine in memory, for tests in a bubble and for looking into.
type memQueue struct {
	mu       sync.Mutex
	number   uint64
	era      uint64
	bodies   map[keys.EnvelopeID]*queue.Item
	waiting  map[keys.PublicKey][]queue.Delivery
	watchers map[keys.PublicKey][]chan struct{}
	fail     error                       // what every Put answers, if set
	acked    func(device keys.PublicKey) // called at the end of each Ack, if set
	put      func()                      // called at the end of each Put, if set
}

var _ Queue = (*memQueue)(nil)

func newMemQueue() *memQueue {
	return &memQueue{
		bodies:   make(map[keys.EnvelopeID]*queue.Item),
		waiting:  make(map[keys.PublicKey][]queue.Delivery),
		watchers: make(map[keys.PublicKey][]chan struct{}),
	}
}

func (q *memQueue) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (q *memQueue) Close() error { return nil }

func (q *memQueue) Put(_ context.Context, items []queue.Item) []error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.put != nil {
		defer q.put()
	}
	errs := make([]error, len(items))
	for i, item := range items {
		if errs[i] = q.fail; q.fail != nil {
			continue
		}
		if q.bodies[item.ID] == nil {
			q.bodies[item.ID] = &item
		}
		for _, device := range item.Devices() {
			if slices.ContainsFunc(q.waiting[device], func(d queue.Delivery) bool { return d.ID == item.ID }) {
				continue
			}
			q.number++
			q.waiting[device] = append(q.waiting[device], queue.Delivery{
				Number: q.number, ID: item.ID, Kind: item.Kind, Body: q.bodies[item.ID].Body,
			})
			for _, changed := range q.watchers[device] {
				select {
				case changed <- struct{}{}:
				default:
				}
			}
		}
	}
	return errs
}

// setFail sets what every Put answers from now on.
func (q *memQueue) setFail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fail = err
}

func (q *memQueue) Next(_ context.Context, device keys.PublicKey, after uint64, maxItems, maxBytes int) ([]queue.Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var found []queue.Delivery
	bytes := 0
	for _, d := range q.waiting[device] {
		if d.Number <= after {
			continue
		}
		if bytes += len(d.Body); len(found) == maxItems || bytes > maxBytes && len(found) > 0 {
			break
		}
		found = append(found, d)
	}
	return found, nil
}

func (q *memQueue) Era() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.era
}

func (q *memQueue) Watch(device keys.PublicKey) (<-chan struct{}, func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	changed := make(chan struct{}, 1)
	q.watchers[device] = append(q.watchers[device], changed)
	return changed, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.watchers[device] = slices.DeleteFunc(q.watchers[device], func(c chan struct{}) bool { return c == changed })
	}
}

func (q *memQueue) Ack(ctx context.Context, device keys.PublicKey, ids []keys.EnvelopeID) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	q.mu.Lock()
	q.waiting[device] = slices.DeleteFunc(q.waiting[device], func(d queue.Delivery) bool { return slices.Contains(ids, d.ID) })
	acked := q.acked
	q.mu.Unlock()
	if acked != nil {
		acked(device)
	}
	return nil
}

func (q *memQueue) Holds(id keys.EnvelopeID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, deliveries := range q.waiting {
		if slices.ContainsFunc(deliveries, func(d queue.Delivery) bool { return d.ID == id }) {
			return true
		}
	}
	return false
}

func (q *memQueue) Drop(_ context.Context, device keys.PublicKey) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, device)
	return nil
}

func (q *memQueue) Stats() map[keys.OrgID]queue.Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats := make(map[keys.OrgID]queue.Stats)
	for _, deliveries := range q.waiting {
		for _, d := range deliveries {
			if d.Kind == queue.Envelope {
				org := q.bodies[d.ID].Org
				s := stats[org]
				s.Entries++
				stats[org] = s
			}
		}
	}
	return stats
}

func (q *memQueue) Usage(org keys.OrgID, payer keys.MemberID) (all, of, payers queue.Usage) {
	q.Payers(org, func(p keys.MemberID, used queue.Usage) {
		of.Entries, of.Bodies, of.Bytes = of.Entries+used.Entries, of.Bodies+used.Bodies, of.Bytes+used.Bytes
		if p == payer {
			payers = used
		}
	})
	return of, of, payers
}

func (q *memQueue) Payers(org keys.OrgID, visit func(payer keys.MemberID, used queue.Usage)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	used, counted := make(map[keys.MemberID]queue.Usage), make(map[keys.EnvelopeID]bool)
	for _, deliveries := range q.waiting {
		for _, d := range deliveries {
			item := q.bodies[d.ID]
			if item.Org != org {
				continue
			}
			u := used[item.Payer]
			if u.Entries++; !counted[d.ID] {
				counted[d.ID] = true
				u.Bodies++
				u.Bytes += int64(len(d.Body))
			}
			used[item.Payer] = u
		}
	}
	for payer, u := range used {
		visit(payer, u)
	}
}

func (q *memQueue) Expired(_ context.Context, now time.Time, limit int) (over []queue.Expired, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for device, waiting := range q.waiting {
		for _, d := range waiting {
			if item := q.bodies[d.ID]; item.Expires.Unix() <= now.Unix() && len(over) < limit {
				over = append(over, queue.Expired{Org: item.Org, ID: d.ID, Kind: d.Kind, Device: device, Number: d.Number})
			}
		}
	}
	return over, nil
}

// held returns what waits for a device, by kind.
func (q *memQueue) held(device keys.PublicKey, kind queue.Kind) (ids []keys.EnvelopeID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range q.waiting[device] {
		if d.Kind == kind {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

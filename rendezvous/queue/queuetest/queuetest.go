// Package queuetest checks that an engine keeps the promises of queue.Engine: each engine's tests call Run.
//
// It must not know how an engine stores anything.
package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// Limits are the quotas that Open sets; 0 for none.
type Limits struct {
	DeviceEntries int
	DeviceBytes   int64
}

// Open opens an engine that is running, on a storage of its own that is empty at first. reopen stops the engine as a
// clean stop does and opens it again on the same storage. Both end with the test.
type Open func(t *testing.T, limits Limits) (engine queue.Engine, reopen func() queue.Engine)

// Org returns the n-th organization of a test.
func Org(n int) keys.OrgID { return keys.Hash[keys.Org](keys.DomainOrg, fmt.Append(nil, n)) }

// ID returns the n-th envelope id of a test.
func ID(n int) keys.EnvelopeID {
	return keys.Hash[keys.Envelope](keys.DomainEnvelope, fmt.Append(nil, n))
}

// Device returns the n-th device of a test.
func Device(n int) keys.PublicKey {
	return keys.PublicKey(keys.Hash[keys.Member](keys.DomainMember, fmt.Append(nil, n)))
}

// Body returns the body that goes with ID(n).
func Body(n, size int) []byte { return bytes.Repeat(fmt.Appendf(nil, "<%d>", n), size/3+1)[:size] }

// Item returns the n-th envelope, of 100 bytes, for devices.
func Item(n int, devices ...int) queue.Item {
	item := queue.Item{
		ID: ID(n), Org: Org(0), Kind: queue.Envelope, Body: Body(n, 100), Expires: time.Unix(1<<40, 0),
	}
	for _, d := range devices {
		item.Recipients = append(item.Recipients, Device(d))
	}
	return item
}

// Payer is who pays for an item of a test by what it holds: the engine is to be opened with it.
func Payer(item *queue.Item) keys.MemberID {
	if item.Kind == queue.Receipt {
		return keys.MemberID(item.Recipients[0])
	}
	return keys.Hash[keys.Member](keys.DomainMember, item.Body[:2])
}

// suite is one engine under test.
type suite struct {
	*testing.T
	queue.Engine
	reopen func() queue.Engine
}

// Run checks an engine.
func Run(t *testing.T, open Open) {
	run := func(name string, limits Limits, check func(s *suite)) {
		t.Run(name, func(t *testing.T) {
			engine, reopen := open(t, limits)
			check(&suite{T: t, Engine: engine, reopen: reopen})
		})
	}
	run("delivers in the order of acceptance", Limits{}, delivers)
	run("pages by items and by bytes", Limits{}, pages)
	run("keeps everything over a reopening", Limits{}, reopens)
	run("an acknowledged entry is gone", Limits{}, acks)
	run("a body lives until its last ack", Limits{}, lastAck)
	run("an id that is there gains recipients", Limits{}, gains)
	run("an id within one call twice is one body", Limits{}, twice)
	run("an id may come back after its last ack", Limits{}, returns)
	run("signals those who watch", Limits{}, watches)
	run("drops a device", Limits{}, drops)
	run("expires", Limits{}, expires)
	run("counts per organization, envelopes alone", Limits{}, counts)
	run("counts per payer", Limits{}, payers)
	run("is full for a device by entries", Limits{DeviceEntries: 2}, fullEntries)
	run("is full for a device by bytes", Limits{DeviceBytes: 250}, fullBytes)
	run("keeps what is for a set", Limits{}, sets)
	run("a message for a set gains recipients", Limits{}, setGains)
	run("signals those of a set who watch", Limits{}, setWatches)
	run("is full for some of a set", Limits{DeviceEntries: 2}, fullInSet)
	run("refuses what is for no set", Limits{}, refusesSets)
	run("refuses what is no item", Limits{}, refuses)
	run("serves many callers at once", Limits{}, concurrent)
	run("returns the context's error", Limits{}, cancelled)
	run("keeps large and empty bodies", Limits{}, sizes)
}

func (s *suite) put(items ...queue.Item) {
	s.Helper()
	for i, err := range s.Put(s.Context(), items) {
		if err != nil {
			s.Fatalf("putting item %d: %v", i, err)
		}
	}
}

func (s *suite) ack(device int, ns ...int) {
	s.Helper()
	var ids []keys.EnvelopeID
	for _, n := range ns {
		ids = append(ids, ID(n))
	}
	if err := s.Ack(s.Context(), Device(device), ids); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) next(device int, after uint64, maxItems, maxBytes int) []queue.Delivery {
	s.Helper()
	list, err := s.Next(s.Context(), Device(device), after, maxItems, maxBytes)
	if err != nil {
		s.Fatal(err)
	}
	for i, d := range list {
		if d.Number <= after {
			s.Fatalf("delivery %d has number %d after %d", i, d.Number, after)
		}
		after = d.Number
	}
	return list
}

// want checks that exactly the envelopes ns wait for device, in this order.
func (s *suite) want(device int, ns ...int) {
	s.Helper()
	list := s.next(device, 0, 1000, 1<<30)
	if len(list) != len(ns) {
		s.Fatalf("device %d: %d deliveries, want %v", device, len(list), ns)
	}
	for i, d := range list {
		if d.ID != ID(ns[i]) || !bytes.Equal(d.Body, Body(ns[i], len(d.Body))) || d.Kind != queue.Envelope {
			s.Errorf("device %d: delivery %d is not envelope %d", device, i, ns[i])
		}
	}
}

func (s *suite) wantStats(want map[keys.OrgID]queue.Stats) {
	s.Helper()
	got := maps.Clone(s.Stats())
	maps.DeleteFunc(got, func(_ keys.OrgID, st queue.Stats) bool { return st == queue.Stats{} })
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("stats (-want +got):\n%s", diff)
	}
}

func (s *suite) again() { s.Engine = s.reopen() }

func delivers(s *suite) {
	s.put(Item(1, 1), Item(2, 2), Item(3, 1, 2))
	s.put(Item(4, 1))
	s.want(1, 1, 3, 4)
	s.want(2, 2, 3)
	s.want(3)
}

func pages(s *suite) {
	for n := range 10 {
		s.put(Item(n, 1))
	}
	first := s.next(1, 0, 3, 1<<20)
	if len(first) != 3 {
		s.Fatalf("%d deliveries, want 3", len(first))
	}
	second := s.next(1, first[2].Number, 100, 250)
	if len(second) != 2 || second[0].ID != ID(3) {
		s.Fatalf("%d deliveries of 100 bytes within 250", len(second))
	}
	third := s.next(1, second[1].Number, 100, 1)
	if len(third) != 1 || third[0].ID != ID(5) {
		s.Fatalf("%d deliveries of 100 bytes within 1, want the one that waits longest", len(third))
	}
	if rest := s.next(1, third[0].Number, 100, 1<<20); len(rest) != 4 {
		s.Fatalf("%d deliveries left, want 4", len(rest))
	}
}

func reopens(s *suite) {
	s.put(Item(1, 1, 2), Item(2, 1), Item(3, 2))
	s.put(Item(1, 3))
	s.ack(1, 1)
	last := s.next(2, 0, 10, 1<<20)[1].Number
	before := maps.Clone(s.Stats())
	s.again()
	s.want(1, 2)
	s.want(2, 1, 3)
	s.want(3, 1)
	s.wantStats(before)
	s.put(Item(4, 2))
	if list := s.next(2, last, 10, 1<<20); len(list) != 1 || list[0].ID != ID(4) {
		s.Errorf("%d deliveries behind the last number from before the reopening", len(list))
	}
	s.again()
	s.want(2, 1, 3, 4)
}

func acks(s *suite) {
	s.put(Item(1, 1), Item(2, 1), Item(3, 1))
	s.ack(1, 2, 99)
	s.ack(2, 1)
	s.want(1, 1, 3)
	s.ack(1, 1, 3)
	s.ack(1, 3)
	s.want(1)
	s.again()
	s.want(1)
}

func lastAck(s *suite) {
	s.put(Item(1, 1, 2))
	s.ack(1, 1)
	s.wantStats(map[keys.OrgID]queue.Stats{Org(0): {Entries: 1, Bodies: 1, Bytes: 100}})
	s.want(2, 1)
	if !s.Holds(ID(1)) || s.Holds(ID(2)) {
		s.Error("what it holds is not what waits")
	}
	s.ack(2, 1)
	s.wantStats(map[keys.OrgID]queue.Stats{})
	if s.Holds(ID(1)) {
		s.Error("it holds what nobody waits for")
	}
}

func gains(s *suite) {
	s.put(Item(1, 1))
	s.put(Item(2, 2))
	s.put(Item(1, 1, 2))
	s.want(1, 1)
	s.want(2, 2, 1)
	s.wantStats(map[keys.OrgID]queue.Stats{Org(0): {Entries: 3, Bodies: 2, Bytes: 200}})
	s.ack(1, 1)
	s.want(2, 2, 1)
	s.again()
	s.want(1)
	s.want(2, 2, 1)
	s.put(Item(1, 1))
	s.want(1, 1)
	s.ack(2, 1, 2)
	s.again()
	s.want(1, 1)
	s.want(2)
}

func twice(s *suite) {
	s.put(Item(1, 1, 1), Item(1, 1, 2))
	s.want(1, 1)
	s.want(2, 1)
	s.wantStats(map[keys.OrgID]queue.Stats{Org(0): {Entries: 2, Bodies: 1, Bytes: 100}})
}

func returns(s *suite) {
	for range 3 {
		s.put(Item(1, 1))
		s.want(1, 1)
		s.ack(1, 1)
		s.want(1)
	}
	s.again()
	s.want(1)
}

func watches(s *suite) {
	changed, stop := s.Watch(Device(1))
	s.put(Item(1, 2))
	select {
	case <-changed:
		s.Error("signalled for another device")
	default:
	}
	s.put(Item(2, 1))
	s.put(Item(3, 1))
	<-changed
	select {
	case <-changed:
		s.Error("two signals wait where one is enough")
	default:
	}
	other, stopOther := s.Watch(Device(1))
	defer stopOther()
	stop()
	s.put(Item(4, 1))
	<-other
	select {
	case <-changed:
		s.Error("signalled after stop")
	default:
	}
}

func drops(s *suite) {
	s.put(Item(1, 1, 2), Item(2, 1))
	if err := s.Drop(s.Context(), Device(1)); err != nil {
		s.Fatal(err)
	}
	s.want(1)
	s.want(2, 1)
	if err := s.Drop(s.Context(), Device(9)); err != nil {
		s.Errorf("dropping a device without entries: %v", err)
	}
	s.again()
	s.want(1)
	s.want(2, 1)
}

func counts(s *suite) {
	a, b, receipt, notice, silence := Item(1, 1, 2), Item(2, 1), Item(3, 1), Item(4, 1), Item(5, 1)
	b.Org, receipt.Kind, notice.Kind, silence.Kind = Org(7), queue.Receipt, queue.Return, queue.Silence
	s.put(a, b, receipt, notice, silence)
	s.wantStats(map[keys.OrgID]queue.Stats{
		Org(0): {Entries: 2, Bodies: 1, Bytes: 100},
		Org(7): {Entries: 1, Bodies: 1, Bytes: 100},
	})
	list := s.next(1, 0, 10, 1<<20)
	if len(list) != 5 || list[2].Kind != queue.Receipt || list[3].Kind != queue.Return || list[4].Kind != queue.Silence {
		s.Errorf("a receipt is not delivered as one: %v", list)
	}
	s.ack(1, 1, 2, 3, 4, 5)
	s.wantStats(map[keys.OrgID]queue.Stats{Org(0): {Entries: 1, Bodies: 1, Bytes: 100}})
}

func fullEntries(s *suite) {
	s.put(Item(1, 1), Item(2, 1))
	errs := s.Put(s.Context(), []queue.Item{Item(3, 1, 2), Item(4, 2)})
	full, ok := errors.AsType[*queue.FullError](errs[0])
	if !ok || !errors.Is(errs[0], queue.ErrFull) || len(full.Devices) != 1 || full.Devices[0] != Device(1) {
		s.Errorf("got %v, want full for device 1", errs[0])
	}
	if errs[1] != nil {
		s.Errorf("another item of the call: %v", errs[1])
	}
	s.want(1, 1, 2)
	s.want(2, 4) // nothing of the refused item
	s.put(Item(1, 1))
	s.ack(1, 1)
	s.put(Item(3, 1, 2))
	s.want(1, 2, 3)
}

func fullBytes(s *suite) {
	s.put(Item(1, 1), Item(2, 1))
	if errs := s.Put(s.Context(), []queue.Item{Item(3, 1)}); !errors.Is(errs[0], queue.ErrFull) {
		s.Errorf("got %v, want ErrFull", errs[0])
	}
	s.ack(1, 1)
	s.put(Item(3, 1))
	s.again()
	if errs := s.Put(s.Context(), []queue.Item{Item(4, 1)}); !errors.Is(errs[0], queue.ErrFull) {
		s.Errorf("after reopening: got %v, want ErrFull", errs[0])
	}
}

func refuses(s *suite) {
	noKind := Item(2, 1)
	noKind.Kind = 0
	unknown := Item(4, 1)
	unknown.Kind = queue.Gap + 1
	large := Item(3, 1)
	large.Body = make([]byte, queue.MaxBody+1)
	for i, err := range s.Put(s.Context(), []queue.Item{Item(1), noKind, large, unknown}) {
		if !errors.Is(err, queue.ErrItem) {
			s.Errorf("item %d: got %v, want ErrItem", i, err)
		}
	}
	if errs := s.Put(s.Context(), nil); len(errs) != 0 {
		s.Errorf("%d answers for no items", len(errs))
	}
	s.want(1)
}

func concurrent(s *suite) {
	const callers, calls, batch = 8, 20, 5
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			for call := range calls {
				var items []queue.Item
				for i := range batch {
					items = append(items, Item((caller*calls+call)*batch+i, caller, 100))
				}
				for _, err := range s.Put(s.Context(), items) {
					if err != nil {
						s.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
	for caller := range callers {
		list := s.next(caller, 0, 1000, 1<<30)
		if len(list) != calls*batch {
			s.Fatalf("caller %d: %d of %d put", caller, len(list), calls*batch)
		}
		for i, d := range list {
			if d.ID != ID(caller*calls*batch+i) {
				s.Fatalf("caller %d: delivery %d out of order", caller, i)
			}
		}
	}
	if list := s.next(100, 0, 10000, 1<<30); len(list) != callers*calls*batch {
		s.Errorf("%d of %d for the common device", len(list), callers*calls*batch)
	}
}

func cancelled(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if _, err := s.Next(ctx, Device(1), 0, 1, 1); !errors.Is(err, context.Canceled) {
		s.Errorf("Next: %v", err)
	}
	if err := s.Ack(ctx, Device(1), nil); !errors.Is(err, context.Canceled) {
		s.Errorf("Ack: %v", err)
	}
	if err := s.Drop(ctx, Device(1)); !errors.Is(err, context.Canceled) {
		s.Errorf("Drop: %v", err)
	}
	if _, err := s.Expired(ctx, time.Now(), 1); !errors.Is(err, context.Canceled) {
		s.Errorf("Expired: %v", err)
	}
}

func sizes(s *suite) {
	list := []int{0, 1, 1 << 20, 100}
	var ns []int
	for n, size := range list {
		item := Item(n, 1)
		item.Body = Body(n, size)
		s.put(item)
		ns = append(ns, n)
	}
	s.want(1, ns...)
	s.again()
	s.want(1, ns...)
	for n, d := range s.next(1, 0, 10, 1<<30) {
		if len(d.Body) != list[n] {
			s.Errorf("body %d has %d bytes, want %d", n, len(d.Body), list[n])
		}
	}
}

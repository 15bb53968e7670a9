package queuetest

import (
	"errors"
	"slices"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// Set returns the set of the devices of a test from one number up to another.
func Set(from, to int) *queue.Set {
	var devices []keys.PublicKey
	for n := from; n <= to; n++ {
		devices = append(devices, Device(n))
	}
	return queue.NewSet(devices)
}

// ForSet returns the n-th envelope for a set but some of its devices.
func ForSet(n int, set *queue.Set, except ...int) queue.Item {
	item := Item(n)
	item.Set = set
	for _, d := range except {
		item.Except = append(item.Except, Device(d))
	}
	return item
}

func sets(s *suite) {
	group, pair := Set(1, 70), Set(69, 70)
	s.put(Item(1, 2, 70))
	s.put(ForSet(2, group, 2))
	s.put(ForSet(3, pair), Item(4, 2), ForSet(5, Set(1, 70), 1))
	for range 2 {
		s.want(1, 2)
		s.want(2, 1, 4, 5)
		s.want(69, 2, 3, 5)
		s.want(70, 1, 2, 3, 5)
		s.want(71)
		s.wantStats(map[keys.OrgID]queue.Stats{Org(0): {Entries: 2 + 69 + 2 + 1 + 69, Bodies: 5, Bytes: 500}})
		s.again()
	}
	s.ack(70, 2, 5)
	s.ack(69, 3)
	s.ack(2, 5)
	if err := s.Drop(s.Context(), Device(1)); err != nil {
		s.Fatal(err)
	}
	for range 2 {
		s.want(1)
		s.want(2, 1, 4)
		s.want(69, 2, 5)
		s.want(70, 1, 3)
		s.again()
	}
	for d := 1; d <= 70; d++ {
		s.ack(d, 1, 2, 3, 4, 5)
	}
	s.wantStats(map[keys.OrgID]queue.Stats{})
	s.again()
	s.want(3)
	s.put(ForSet(2, group))
	s.want(2, 2)
}

// setGains has messages that are there offered to others, by lists and by sets.
func setGains(s *suite) {
	s.put(ForSet(1, Set(1, 5), 3), ForSet(1, Set(1, 6), 4), Item(1, 3, 7))
	s.put(Item(2, 1))
	s.put(ForSet(2, Set(1, 3)))
	s.ack(1, 1)
	s.put(ForSet(1, Set(1, 5)))
	for range 2 {
		s.want(1, 2, 1)
		s.want(2, 1, 2)
		s.want(3, 1, 2)
		s.want(4, 1)
		s.want(6, 1)
		s.want(7, 1)
		s.wantStats(map[keys.OrgID]queue.Stats{Org(0): {Entries: 10, Bodies: 2, Bytes: 200}})
		s.again()
	}
	for d := 1; d <= 7; d++ {
		s.ack(d, 1)
	}
	s.want(1, 2)
	s.wantStats(map[keys.OrgID]queue.Stats{Org(0): {Entries: 3, Bodies: 1, Bytes: 100}})
}

func setWatches(s *suite) {
	member, stop := s.Watch(Device(2))
	defer stop()
	left, stopLeft := s.Watch(Device(3))
	defer stopLeft()
	s.put(ForSet(1, Set(1, 4), 3))
	<-member
	select {
	case <-left:
		s.Error("signalled though it was left out")
	default:
	}
}

func fullInSet(s *suite) {
	group := Set(1, 4)
	s.put(Item(1, 1), Item(2, 1))
	errs := s.Put(s.Context(), []queue.Item{ForSet(3, group), ForSet(4, group, 1)})
	full, ok := errors.AsType[*queue.FullError](errs[0])
	if !ok || len(full.Devices) != 1 || full.Devices[0] != Device(1) || errs[1] != nil {
		s.Fatalf("got %v, want full for device 1", errs)
	}
	s.want(2, 4)
	s.put(ForSet(5, group, 1))
	errs = s.Put(s.Context(), []queue.Item{ForSet(6, group, 1)})
	if full, ok = errors.AsType[*queue.FullError](errs[0]); !ok || len(full.Devices) != 3 {
		s.Errorf("got %v, want full for three", errs[0])
	}
	s.ack(1, 1)
	s.ack(2, 4)
	s.put(ForSet(7, group, 3, 4))
	s.again()
	s.want(1, 2, 7)
	s.want(2, 5, 7)
	if !slices.Equal(group.Devices(), Set(1, 4).Devices()) {
		s.Error("a set was changed")
	}
}

func refusesSets(s *suite) {
	both := ForSet(1, Set(1, 2))
	both.Recipients = []keys.PublicKey{Device(3)}
	for i, err := range s.Put(s.Context(), []queue.Item{both, ForSet(2, Set(1, 2), 1, 2), ForSet(3, queue.NewSet(nil))}) {
		if !errors.Is(err, queue.ErrItem) {
			s.Errorf("item %d: got %v, want ErrItem", i, err)
		}
	}
}

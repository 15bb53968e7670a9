package queuetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

func expires(s *suite) {
	now := time.Unix(1_700_000_000, 0)
	for n := range 4 {
		item := Item(n, 1, 2)
		item.Expires = now.Add(time.Duration(n-1) * time.Minute)
		s.put(item)
	}
	s.ack(1, 0)
	over := s.expired(now, 1000)
	got := map[queue.Expired]int{}
	for _, x := range over {
		list := s.next(0, 0, 1, 1) // nobody's
		for d := range 3 {
			if x.Device == Device(d) {
				list = s.next(d, x.Number-1, 1, 1)
			}
		}
		if len(list) != 1 || list[0].ID != x.ID || list[0].Number != x.Number {
			s.Errorf("number %d does not lead to the entry", x.Number)
		}
		x.Number = 0
		got[x]++
	}
	want := map[queue.Expired]int{}
	for _, x := range [][2]int{{0, 2}, {1, 1}, {1, 2}} {
		want[queue.Expired{Org: Org(0), ID: ID(x[0]), Kind: queue.Envelope, Device: Device(x[1])}]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("expired (-want +got):\n%s", diff)
	}
	if few := s.expired(now, 2); len(few) != 2 {
		s.Errorf("%d of at most 2", len(few))
	}
	s.want(1, 1, 2, 3) // nothing goes before it is acknowledged
	for _, x := range over {
		if err := s.Ack(s.Context(), x.Device, []keys.EnvelopeID{x.ID}); err != nil {
			s.Fatal(err)
		}
	}
	s.want(1, 2, 3)
	s.again()
	s.want(1, 2, 3)
	s.want(2, 2, 3)
	if over := s.expired(now, 1000); len(over) > 0 {
		s.Errorf("expired a second time: %v", over)
	}
}

func (s *suite) expired(now time.Time, limit int) []queue.Expired {
	s.Helper()
	over, err := s.Expired(s.Context(), now, limit)
	if err != nil {
		s.Fatal(err)
	}
	return over
}

package queuetest

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// payers checks what Usage and Payers say, through gains, acknowledgements and a reopening.
func payers(s *suite) {
	put := func(items ...queue.Item) {
		for i := range items {
			items[i].Payer = Payer(&items[i])
		}
		s.put(items...)
	}
	counts := func(org int, payer keys.MemberID) [3][2]int64 {
		all, of, its := s.Usage(Org(org), payer)
		return [3][2]int64{{all.Entries, all.Bodies}, {of.Entries, of.Bodies}, {its.Entries, its.Bodies}}
	}
	a, b, c, receipt := Item(1, 1, 2), Item(2, 1), Item(3, 1), Item(4, 3)
	c.Org, receipt.Kind = Org(7), queue.Receipt
	one, two, three := Payer(&a), Payer(&b), Payer(&receipt)
	put(a, b, c, receipt)
	gain := Item(1, 4)
	put(gain, gain)
	want := func(when string, org int, payer keys.MemberID, want [3][2]int64) {
		s.Helper()
		if got := counts(org, payer); got != want {
			s.Errorf("%s: entries and bodies of all, the organization and the payer are %v, want %v", when, got, want)
		}
	}
	for _, when := range []string{"at first", "after a reopening"} {
		want(when, 0, one, [3][2]int64{{6, 4}, {5, 3}, {3, 1}})
		want(when, 0, two, [3][2]int64{{6, 4}, {5, 3}, {1, 1}})
		want(when, 0, three, [3][2]int64{{6, 4}, {5, 3}, {1, 1}})
		want(when, 7, Payer(&c), [3][2]int64{{6, 4}, {1, 1}, {1, 1}})
		want(when, 7, one, [3][2]int64{{6, 4}, {1, 1}, {}})
		all, of, its := s.Usage(Org(0), one)
		if its.Bytes < 100 || of.Bytes < 3*its.Bytes/2 || all.Bytes <= of.Bytes {
			s.Errorf("%s: bytes of all %d, of the organization %d, of the payer %d", when, all.Bytes, of.Bytes, its.Bytes)
		}
		seen := make(map[keys.MemberID]queue.Usage)
		s.Payers(Org(0), func(payer keys.MemberID, used queue.Usage) { seen[payer] = used })
		if len(seen) != 3 || seen[one] != its {
			s.Errorf("%s: payers %v", when, seen)
		}
		s.again()
	}
	s.ack(1, 1, 2, 3)
	want("after acknowledgements", 0, one, [3][2]int64{{3, 2}, {3, 2}, {2, 1}})
	want("after the last of a payer", 0, two, [3][2]int64{{3, 2}, {3, 2}, {}})
	if err := s.Drop(s.Context(), Device(2)); err != nil {
		s.Fatal(err)
	}
	for _, x := range s.expired(time.Unix(1<<40, 0), 1000) {
		if err := s.Engine.Ack(s.Context(), x.Device, []keys.EnvelopeID{x.ID}); err != nil {
			s.Fatal(err)
		}
	}
	all, _, _ := s.Usage(Org(0), one)
	if all != (queue.Usage{}) {
		s.Errorf("of an empty queue: %v", all)
	}
	s.Payers(Org(0), func(payer keys.MemberID, used queue.Usage) { s.Errorf("%s has still %v", payer.Short(), used) })
}

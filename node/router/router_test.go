package router

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
)

var (
	noon   = time.Unix(1_800_000_000, 0)
	bounds = Bounds{Copies: 12, Hops: 6, Bytes: 1 << 20, Count: 100, Age: 24 * time.Hour}
)

func device(n int) keys.PublicKey { return keys.PublicKey{0: byte(n), 1: byte(n >> 8)} }

func newRouter(n int) *Router {
	return &Router{Own: device(n), Bounds: bounds, Meetings: &Meetings{}}
}

func item(n int, change func(*Item)) Item {
	i := Item{ID: keys.EnvelopeID{byte(n), byte(n >> 8)}, Author: keys.MemberID{1}, Wanted: []keys.PublicKey{device(99)}, Size: 1000, Copies: 4, Hops: 1}
	if change != nil {
		change(&i)
	}
	return i
}

func TestOfferShares(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Item)
		share  uint32
		moves  bool
		isFor  bool
	}{
		{"half to the next", nil, 2, false, false},
		{"an odd one stays with a carrier", func(i *Item) { i.Copies = 5 }, 2, false, false},
		{"an odd one goes from its sender", func(i *Item) { i.Copies, i.Own = 5, true }, 3, false, false},
		{"the last of its sender goes", func(i *Item) { i.Copies, i.Own = 1, true }, 1, false, false},
		{"the last of a carrier may move", func(i *Item) { i.Copies = 1 }, 0, true, false},
		{"none without copies", func(i *Item) { i.Copies = 0 }, 0, false, false},
		{"no more than the policy allows", func(i *Item) { i.Copies = 1000 }, 6, false, false},
		{"none after the last hop", func(i *Item) { i.Hops = bounds.Hops }, 0, false, false},
		{"none of what is too old", func(i *Item) { i.Age = bounds.Age }, 0, false, false},
		{"a large one slowly", func(i *Item) { i.Own, i.Copies, i.Size = true, 12, 1<<20 }, 3, false, false},
		{"a huge one more slowly", func(i *Item) { i.Own, i.Copies, i.Size = true, 12, 8<<20 }, 2, false, false},
		{"a huge one all the same", func(i *Item) { i.Own, i.Copies, i.Size, i.Age = true, 12, 8<<20, spreadLater }, 6, false, false},
		{"an announcement at once", func(i *Item) { i.Own, i.Copies, i.Size, i.Opens = true, 12, 1<<20, true }, 6, false, false},
		{"to whom it is for, after the last hop too", func(i *Item) { i.Wanted, i.Hops = []keys.PublicKey{device(2)}, bounds.Hops }, 0, false, true},
		{"for it and for others", func(i *Item) { i.Wanted = []keys.PublicKey{device(2), device(3)} }, 2, false, true},
		{"for it alone, and no copies", func(i *Item) { i.Wanted = []keys.PublicKey{device(2)} }, 0, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			offer, ok := newRouter(1).Offer(device(2), item(1, tt.change), noon)
			if offer.Share != tt.share || offer.Moves != tt.moves || offer.For != tt.isFor || ok != (tt.share > 0 || tt.moves || tt.isFor) {
				t.Errorf("share %d, moves %v, for %v, offered %v", offer.Share, offer.Moves, offer.For, ok)
			}
		})
	}
}

func TestTakeRefuses(t *testing.T) {
	plain := Offer{Item: item(1, nil), Share: 2}
	tests := []struct {
		name   string
		change func(*Offer, *Router)
		held   bool
		want   uint32
	}{
		{"nothing that is right", func(*Offer, *Router) {}, false, 2},
		{"what it has or had", func(*Offer, *Router) {}, true, 0},
		{"what came by too many", func(o *Offer, _ *Router) { o.Hops = bounds.Hops }, false, 0},
		{"what is too old", func(o *Offer, _ *Router) { o.Age = bounds.Age }, false, 0},
		{"more copies than the policy allows", func(o *Offer, _ *Router) { o.Share = math.MaxUint32 }, false, 12},
		{"all where nobody carries", func(_ *Offer, r *Router) { r.Bounds.Copies = 0 }, false, 0},
		{"what nobody wants", func(o *Offer, _ *Router) { o.Wanted = nil }, false, 0},
		{"to carry what only it wants", func(o *Offer, r *Router) { o.Wanted = []keys.PublicKey{r.Own} }, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			offer, r := plain, newRouter(2)
			tt.change(&offer, r)
			if take := r.Take(offer, tt.held, noon); take.Share != tt.want || take.For {
				t.Errorf("takes %+v, want %d copies", take, tt.want)
			}
		})
	}
	forIt := Offer{Item: item(1, func(i *Item) { i.Wanted, i.Hops = []keys.PublicKey{device(2)}, 200 }), For: true}
	if take := newRouter(2).Take(forIt, true, noon); !take.For || take.Share != 0 {
		t.Errorf("of what is for it, it takes %+v", take)
	}
}

// The last copy moves only to who meets the receiver far more often.
func TestLastCopyMovesNearer(t *testing.T) {
	giver, taker := newRouter(1), newRouter(2)
	meet := func(r *Router, times int) {
		for i := range times {
			r.Meetings.Met(device(99), noon.Add(time.Duration(i-times)*occasion))
		}
	}
	last := item(1, func(i *Item) { i.Copies = 1 })
	moves := func() bool {
		offer, _ := giver.Offer(taker.Own, last, noon)
		return taker.Take(offer, false, noon).Moves
	}
	if moves() {
		t.Error("it moves to who never met the receiver")
	}
	meet(taker, 1)
	if moves() {
		t.Error("it moves to who met the receiver once")
	}
	meet(taker, 5)
	if !moves() {
		t.Error("it does not move to who meets the receiver often")
	}
	meet(giver, 5)
	if moves() {
		t.Error("it moves to who meets the receiver no more often")
	}
}

// However copies are handed about, no more devices carry an envelope than the policy allows, and none by more hops.
func TestCopiesAreBounded(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		routers := make([]*Router, 40)
		holds := make([]Item, len(routers))
		was := make([]bool, len(routers))
		for n := range routers {
			routers[n] = newRouter(n)
		}
		holds[0] = item(1, func(i *Item) { i.Copies, i.Own, i.Hops = bounds.Copies, true, 0 })
		was[0] = true
		carriers := 0
		for step := range 2000 {
			a, b := random.IntN(len(routers)), random.IntN(len(routers))
			now := noon.Add(time.Duration(step) * time.Minute)
			routers[random.IntN(len(routers))].Meetings.Met(device(99), now)
			offer, ok := routers[a].Offer(routers[b].Own, holds[a], now)
			if a == b || !ok {
				continue
			}
			take := routers[b].Take(offer, was[b], now)
			if !take.Any() {
				continue
			}
			was[b] = true
			holds[b] = holds[a]
			holds[b].Own, holds[b].Copies, holds[b].Hops = false, take.Share, holds[a].Hops+1
			holds[a].Copies -= take.Share
			if take.Moves {
				holds[a] = Item{}
			}
			total := uint32(0)
			carriers = 0
			for _, h := range holds {
				total += h.Copies
				if h.Hops > bounds.Hops {
					t.Fatalf("seed %d: %d hops", seed, h.Hops)
				}
				if !h.Own && h.Copies > 0 {
					carriers++
				}
			}
			if total != bounds.Copies || carriers > int(bounds.Copies) {
				t.Fatalf("seed %d: %d copies at %d carriers", seed, total, carriers)
			}
		}
		if carriers != int(bounds.Copies) {
			t.Errorf("seed %d: %d carriers in the end, want %d", seed, carriers, bounds.Copies)
		}
	}
}

func TestOffersOrder(t *testing.T) {
	r := newRouter(1)
	forIt := []keys.PublicKey{device(2)}
	items := []Item{
		item(1, func(i *Item) { i.Size = 1 << 20 }),
		item(2, func(i *Item) { i.Hops = 3 }),
		item(3, nil),
		item(4, func(i *Item) { i.Size, i.Opens = 1<<15, true }),
		item(5, func(i *Item) { i.Size, i.Wanted = 1<<22, forIt }),
		item(6, func(i *Item) { i.Wanted = forIt }),
		item(7, func(i *Item) { i.Hops = bounds.Hops }),
	}
	var order []byte
	for _, offer := range r.Offers(device(2), items, noon) {
		order = append(order, offer.ID[0])
	}
	if want := []byte{6, 5, 4, 3, 2, 1}; !slices.Equal(order, want) {
		t.Errorf("offered in the order %v, want %v", order, want)
	}
}

func TestExcess(t *testing.T) {
	from := func(author byte) func(*Item) { return func(i *Item) { i.Author = keys.MemberID{author} } }
	var items []Item
	for n := range 40 { // a flood by one member, each as large as what the others sent in all
		items = append(items, item(n, func(i *Item) { from(1)(i); i.Size, i.Age = 100<<10, time.Hour }))
	}
	for n := 40; n < 60; n++ {
		items = append(items, item(n, func(i *Item) { from(byte(n))(i); i.Size, i.Age = 5<<10, 23*time.Hour }))
	}
	old := item(60, func(i *Item) { from(3)(i); i.Age = bounds.Age })
	own := item(61, func(i *Item) { i.Own, i.Size, i.Age = true, 10<<20, 240*time.Hour })
	r := newRouter(1)
	gone := r.Excess(append(items, old, own))
	left := uint64(0)
	for _, i := range items {
		left += i.Size
	}
	for _, g := range gone {
		switch {
		case g.Own:
			t.Error("an own envelope went")
		case g.ID == old.ID:
			continue
		case g.Author != keys.MemberID{1}:
			t.Errorf("%v of another went for the flood of one", g.ID[0])
		}
		left -= g.Size
	}
	if left > bounds.Bytes || left < bounds.Bytes-100<<10 || !slices.ContainsFunc(gone, func(i Item) bool { return i.ID == old.ID }) {
		t.Errorf("%d bytes are left of %d", left, bounds.Bytes)
	}
	if full := slices.Clone(items[31:]); !r.Fits(full, item(70, from(50))) || r.Fits(full, item(71, func(i *Item) { from(1)(i); i.Size, i.Age = 200<<10, time.Hour })) {
		t.Error("a full carrier does not take what others sent, or takes more of the flood")
	}
	var many []Item
	for n := range 2 * bounds.Count {
		many = append(many, item(n, func(i *Item) { from(byte(n % 7))(i); i.Size = 10 }))
	}
	if gone := r.Excess(many); len(gone) != bounds.Count {
		t.Errorf("%d of %d went, the bound is %d", len(gone), len(many), bounds.Count)
	}
}

func TestMeetings(t *testing.T) {
	var m Meetings
	if !m.Met(device(1), noon) || m.Met(device(1), noon.Add(occasion-1)) || !m.Met(device(1), noon.Add(occasion)) {
		t.Error("meetings within an hour count more than once, or later ones not")
	}
	one := []keys.PublicKey{device(1)}
	soon, later := m.Near(one, noon.Add(occasion)), m.Near(one, noon.Add(4*halfLife))
	if later >= soon || soon == 0 || m.Near([]keys.PublicKey{device(2)}, noon) != 0 {
		t.Errorf("nearness is %d, and %d after long", soon, later)
	}
	for hour := range 3000 {
		m.Met(device(1), noon.Add(time.Duration(hour)*time.Hour))
	}
	if meeting, _ := m.Of(device(1)); meeting.Weight < 100 || meeting.Weight > maxWeight {
		t.Errorf("a device that is always there weighs %v", meeting.Weight)
	}
	for n := range maxMeetings + 100 {
		m.Met(device(n), noon.Add(3000*time.Hour))
	}
	if _, kept := m.Of(device(1)); !kept || len(m.of) != maxMeetings {
		t.Errorf("%d devices are remembered, the one that was always there among them: %v", len(m.of), kept)
	}
	m.Set(device(9999), Meeting{Last: noon, Weight: math.NaN()})
	if near := m.Near([]keys.PublicKey{device(9999)}, noon); near != 0 {
		t.Errorf("what is not a number makes %d", near)
	}
}

func BenchmarkOffers(b *testing.B) {
	r := newRouter(1)
	var items []Item
	for n := range 1000 {
		items = append(items, item(n, func(i *Item) { i.Copies = uint32(1 + n%3) }))
		r.Meetings.Met(device(n), noon)
	}
	for b.Loop() {
		r.Offers(device(2), items, noon)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(items)), "ns/item")
}

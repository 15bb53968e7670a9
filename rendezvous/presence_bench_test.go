package rendezvous

import (
	"crypto/rand"
	"runtime"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// BenchmarkPresence is what presence costs a node in an organization of 1,000 members who are online with one device each,
// share their presence with everybody, and watch 50 others. Streams are left out: what goes to them is counted.
func BenchmarkPresence(b *testing.B) {
	const members, watched = 1000, 50
	r := crowd(b, members)
	p := newPresence(r.store, r.org, &grants{leave: make(map[pair]leave)})
	var ids []keys.MemberID
	r.read(func(state *membership.State) {
		for _, m := range state.Members() {
			ids = append(ids, m.ID)
		}
	})
	before := heap()
	var onlookers []*onlooker
	for i, id := range ids {
		p.personLocked(id).share = &rvproto.Share{Number: 1, With: rvproto.ShareEverybody, Grain: rvproto.GrainHour}
		l := p.enter(keys.PublicKey(id), id, false, &session{wake: make(chan struct{}, 1)})
		p.say(l, rvproto.StateOnline)
		var others []keys.MemberID
		for n := range watched {
			others = append(others, ids[(i+1+n)%len(ids)])
		}
		p.want(l, others)
		onlookers = append(onlookers, l)
	}
	flush := func() {
		if err := p.flush(r, 0); err != nil {
			b.Fatal(err)
		}
	}
	drain := func() (frames, bytes int) {
		for _, l := range onlookers {
			for _, frame := range p.take(l) {
				frames++
				bytes += len(wire.AppendFrame(nil, frame))
			}
		}
		return frames, bytes
	}
	begin := time.Now()
	flush()
	took := time.Since(begin)
	frames, bytes := drain()
	b.Logf("%d members who all come at once: %v, %d frames of %d bytes in all; %d bytes of memory a member, %d a pair",
		len(ids), took.Round(time.Millisecond), frames, bytes, int(heap()-before)/len(ids), int(heap()-before)/p.pairs)

	turn := rvproto.StateOnline
	flip := func(l []*onlooker) {
		turn = rvproto.StateOnline + rvproto.StateAway - turn
		for _, one := range l {
			p.say(one, turn)
		}
		flush()
	}
	b.Run("one changes", func(b *testing.B) {
		b.ReportAllocs()
		sum, size := 0, 0
		for b.Loop() {
			flip(onlookers[:1])
			frames, bytes := 0, 0
			for _, l := range onlookers[len(onlookers)-watched-1:] {
				for _, frame := range p.take(l) {
					frames, bytes = frames+1, bytes+len(wire.AppendFrame(nil, frame))
				}
			}
			sum, size = sum+frames, size+bytes
		}
		b.ReportMetric(float64(sum)/float64(b.N), "frames/op")
		b.ReportMetric(float64(size)/float64(b.N), "wire-bytes/op")
	})
	b.Run("all change", func(b *testing.B) {
		sum := 0
		for b.Loop() {
			flip(onlookers)
			_, bytes := drain()
			sum += bytes
		}
		b.ReportMetric(float64(sum)/float64(b.N), "wire-bytes/op")
	})
	b.Run("all judged anew", func(b *testing.B) {
		for b.Loop() {
			p.reconsider()
			flush()
		}
		if frames, _ := drain(); frames > 0 {
			b.Errorf("%d frames of nothing new", frames)
		}
	})
	runtime.KeepAlive(onlookers)
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// crowd returns the roll of an organization with n members, folded in memory beside a store for what presence keeps.
func crowd(b *testing.B, n int) *roll {
	b.Helper()
	store := newTestApplications(b).store
	founder, root, node := keyOf("founder"), keyOf("root"), keyOf("node")
	found := membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: "Crowd", Root: root.Public(), Member: "Founder", Recovery: keyOf("recovery").Public(), Policy: membership.DefaultPolicy(),
	}}, founder, &root)
	org := membership.OrgOf(found)
	r := blankRoll(store, node, org, tableRoll)
	now := time.Now()
	counter := uint64(1)
	add := func(event membership.SignedEvent) {
		b.Helper()
		if _, err := r.follow(rand.Reader, now, event); err != nil {
			b.Fatal(err)
		}
	}
	add(found)
	byFounder := func(e membership.Event) {
		counter++
		e.Org, e.Counter, e.At = org, counter, r.roll.Size()
		add(membership.SignEvent(e, founder, nil))
	}
	byFounder(membership.Event{Rendezvous: &membership.Rendezvous{Node: node.Public(), Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}, Term: 1}})
	for i := 0; i < n-1; {
		invitation := keys.Generate()
		const uses = 100
		byFounder(membership.Event{Invite: &membership.Invite{
			Key: invitation.Public(), Role: membership.RoleMember, Uses: uses, Expires: now.Add(time.Hour).Unix(),
		}})
		for range min(uses, n-1-i) {
			device := keys.Generate()
			add(membership.SignEvent(membership.Event{Org: org, Counter: 1, At: r.roll.Size(), Join: &membership.Join{
				Invitation: invitation.Public(), Name: nameOf(i), Recovery: keys.Generate().Public(),
			}}, device, &invitation))
			i++
		}
	}
	return r
}

// nameOf makes names of letters alone, none of which looks like another.
func nameOf(i int) string {
	name := "Member "
	for range 4 {
		name += string(rune('a' + i%8*3))
		i /= 8
	}
	return name
}

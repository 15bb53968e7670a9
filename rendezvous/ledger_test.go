package rendezvous

import (
	"errors"
	"testing"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// books is a queue of which only the counts are there.
type books struct {
	queue.Engine
	used map[keys.OrgID]map[keys.MemberID]queue.Usage
}

func (b books) Usage(org keys.OrgID, payer keys.MemberID) (all, of, payers queue.Usage) {
	for id, members := range b.used {
		for member, u := range members {
			all = plus(all, u)
			if id == org {
				of = plus(of, u)
			}
			if id == org && member == payer {
				payers = u
			}
		}
	}
	return all, of, payers
}

func plus(a, b queue.Usage) queue.Usage {
	return queue.Usage{Entries: a.Entries + b.Entries, Bodies: a.Bodies + b.Bodies, Bytes: a.Bytes + b.Bytes}
}

// fill has a member post until there is no more room, one envelope of so many bytes after another.
func (b books) fill(l *ledger, org keys.OrgID, member keys.MemberID, body, recipients int) amount {
	if b.used[org] == nil {
		b.used[org] = make(map[keys.MemberID]queue.Usage)
	}
	size := sizeOf(body, recipients)
	for t := l.open(org, member); t.take(size); t = l.open(org, member) {
		b.used[org][member] = plus(b.used[org][member], queue.Usage{Entries: size.entries, Bodies: 1, Bytes: size.bytes})
	}
	return amountOf(b.used[org][member])
}

func newBooks(quotas Quotas) (books, *ledger) {
	b := books{used: make(map[keys.OrgID]map[keys.MemberID]queue.Usage)}
	return b, &ledger{quotas: quotas.withDefaults(), queue: b, volume: func() (uint64, uint64, error) { return 0, 0, errors.ErrUnsupported }}
}

func TestSharesAreFair(t *testing.T) { // [RV-130]
	const room = 100 << 20
	b, l := newBooks(Quotas{Bytes: room, Entries: 1 << 30})
	hostile, good := keys.OrgID{1}, keys.OrgID{2}
	first := b.fill(l, hostile, keys.MemberID{0}, 32<<10, 1)
	if most := int64(room) * 8 / 100; first.bytes > most || first.bytes < most*9/10 {
		t.Errorf("one member has %d of %d bytes", first.bytes, room)
	}
	var all int64
	for n := range 200 {
		all += b.fill(l, hostile, keys.MemberID{byte(n)}, 1<<10, 1).bytes
	}
	if most := int64(room) * 80 / 100; all > most {
		t.Errorf("one organization has %d of %d bytes", all, room)
	}
	if tab := l.open(hostile, keys.MemberID{250}); tab.full() < shedIntroductions {
		t.Errorf("an organization that is full is %d %% full", tab.full())
	}
	if tab := l.open(good, keys.MemberID{1}); tab.full() >= shedGuests {
		t.Errorf("another organization is %d %% full", tab.full())
	}
	if other := b.fill(l, good, keys.MemberID{1}, 1<<10, 1); other.bytes < room/100 {
		t.Errorf("a member of another organization has %d of %d bytes", other.bytes, room)
	}
}

func TestEveryMemberFindsRoomBesideHostileOnes(t *testing.T) { // [RV-130]
	b, l := newBooks(Quotas{Bytes: 100 << 20, Entries: 1000})
	for n := range 10 {
		b.fill(l, keys.OrgID{1}, keys.MemberID{byte(n)}, 1, 1)
	}
	if late := b.fill(l, keys.OrgID{1}, keys.MemberID{99}, 1, 1); late.entries < 20 {
		t.Errorf("after ten members took what they could, another one has room for %d", late.entries)
	}
}

func TestOneMemberFillsNoDevice(t *testing.T) { // [RV-130]
	b, l := newBooks(Quotas{DeviceEntries: 400, DeviceBytes: 1 << 20})
	if got := b.fill(l, keys.OrgID{1}, keys.MemberID{1}, 1, 2); got.bodies != 100 {
		t.Errorf("%d envelopes of one member wait", got.bodies)
	}
	if got := b.fill(l, keys.OrgID{1}, keys.MemberID{2}, 10_000, 1); got.bytes > 1<<18 || got.bytes < 1<<17 {
		t.Errorf("%d bytes of one member wait", got.bytes)
	}
}

func TestFilesLeaveRoomForWords(t *testing.T) { // [RV-130]
	b, l := newBooks(Quotas{Bytes: 1 << 30})
	files := b.fill(l, keys.OrgID{1}, keys.MemberID{1}, 256<<10, 1)
	if all := b.fill(l, keys.OrgID{1}, keys.MemberID{1}, 1<<10, 1); files.bytes < 1<<26-1<<24-1<<20 || all.bytes < files.bytes*5/4 {
		t.Errorf("files have %d bytes, and with words there are %d", files.bytes, all.bytes)
	}
}

func TestRoomFollowsTheVolume(t *testing.T) { // [RV-130]
	const mebi = 1 << 20
	for _, c := range []struct{ free, size, used, want int64 }{
		{20 * 1024 * mebi, 32 * 1024 * mebi, 0, 19 * 1024 * mebi},    // a sixteenth, at most 1 GiB
		{4 * 1024 * mebi, 8 * 1024 * mebi, 0, (4*1024 - 512) * mebi}, // a sixteenth
		{90 * mebi, 192 * mebi, 7 * mebi, 7 * mebi},                  // only the reserve is left
		{160 * mebi, 192 * mebi, 7 * mebi, (7 + 160 - 96) * mebi},    // and something more
		{0, 192 * mebi, 0, 0}, // nothing at all
		{1 << 62, 1 << 62, 3 * mebi, 1<<62 - 1024*mebi + 3*mebi}, // no end of it
	} {
		_, l := newBooks(Quotas{})
		l.volume = func() (uint64, uint64, error) { return uint64(c.free), uint64(c.size), nil }
		if got := l.capacity(amount{bytes: c.used}, false); got.bytes != c.want {
			t.Errorf("free %d of %d, used %d: %d bytes may wait, want %d", c.free, c.size, c.used, got.bytes, c.want)
		}
	}
	_, l := newBooks(Quotas{Bytes: 10, Reserve: 5})
	l.volume = func() (uint64, uint64, error) { return 1000, 1000, nil }
	if got := l.capacity(amount{}, false); got.bytes != 10 {
		t.Errorf("%d bytes may wait, where the operator says 10", got.bytes)
	}
}

func TestReceiptsPassWherePostsDoNot(t *testing.T) { // [RV-131]
	b, l := newBooks(Quotas{})
	free := uint64(leastReserve - leastReserve/8) // what waits has reached into the reserve
	l.volume = func() (uint64, uint64, error) { return free, 192 << 20, nil }
	b.used[keys.OrgID{1}] = map[keys.MemberID]queue.Usage{{1}: {Entries: 10, Bodies: 10, Bytes: 1 << 20}}
	tab := l.open(keys.OrgID{1}, keys.MemberID{2})
	if tab.full() != shedNothing || tab.take(sizeOf(1, 1)) {
		t.Errorf("%d %% full, and a post is taken", tab.full())
	}
	if !l.receipt(keys.OrgID{1}, keys.MemberID{2}, 200) {
		t.Error("no room for a receipt")
	}
	free = leastReserve / 2
	l.looked = l.looked.Add(-lookPause)
	if l.receipt(keys.OrgID{1}, keys.MemberID{2}, 200) {
		t.Error("room for a receipt in the rest of the reserve")
	}
}

func TestFillSaysHowFull(t *testing.T) {
	for _, c := range []struct {
		used, limit amount
		want        int
	}{
		{amount{entries: 1, bytes: 79}, amount{entries: 100, bytes: 100}, 79},
		{amount{entries: 80}, amount{entries: 100, bytes: 100}, 80},
		{amount{}, amount{entries: 100}, 100},
		{amount{entries: 101}, amount{entries: 100, bytes: 1}, 100},
		{amount{}, amount{entries: 1, bytes: 1}, 0},
	} {
		if got := c.used.fill(c.limit); got != c.want {
			t.Errorf("%+v of %+v: %d %%, want %d", c.used, c.limit, got, c.want)
		}
	}
}

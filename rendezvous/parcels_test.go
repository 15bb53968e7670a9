package rendezvous

import (
	"bytes"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/rvproto"
)

// What comes in pieces goes on where it broke, is given out whole alone, and is forgotten after a day. [RV-201]
func TestParcels(t *testing.T) {
	p, now := newParcels(0), time.Unix(1000, 0)
	device, id := keys.PublicKey{1}, keys.EnvelopeID{2}
	if !p.begin(device, rvproto.BeginFrame{ID: id, Size: 6}, false, now) || !p.add(device, []byte("abc"), now) {
		t.Fatal("not begun")
	}
	if p.take(device, id) != nil {
		t.Error("half an envelope was given out")
	}
	if held, ok := p.held(device, now); !ok || held != (rvproto.HeldFrame{ID: id, Bytes: 3}) {
		t.Errorf("held %+v", held)
	}
	if !p.begin(device, rvproto.BeginFrame{ID: id, Size: 6, Offset: 2}, false, now) || !p.add(device, []byte("CDEF"), now) {
		t.Fatal("it does not go on")
	}
	if p.add(device, []byte("g"), now) {
		t.Error("more than its size was taken")
	}
	if got := p.take(device, id); !bytes.Equal(got, []byte("abCDEF")) || p.bytes != 0 {
		t.Errorf("%q, %d bytes are left", got, p.bytes)
	}
	if p.begin(device, rvproto.BeginFrame{ID: id, Size: 6, Offset: 2}, false, now) {
		t.Error("the end of an envelope whose beginning is gone was taken")
	}
	p.begin(device, rvproto.BeginFrame{ID: id, Size: 6}, false, now)
	if _, ok := p.held(device, now.Add(rvproto.KeepPieces+time.Second)); ok || p.bytes != 0 {
		t.Error("it is kept for longer than a day")
	}
}

// Without room what has not grown for longest goes, guests' first; what grows now stays, and a guest takes no member's room. [RV-201]
func TestParcelsWithoutRoom(t *testing.T) {
	p, now := newParcels(0), time.Unix(1000, 0)
	begin := func(i int, guest bool, at time.Time) bool {
		return p.begin(keys.PublicKey{byte(i)}, rvproto.BeginFrame{ID: keys.EnvelopeID{1}, Size: rvproto.MaxInPieces}, guest, at)
	}
	most := leastParcels / rvproto.MaxInPieces
	for i := range most {
		if !begin(i, i == 5, now.Add(time.Duration(i)*time.Second)) {
			t.Fatalf("no room for number %d", i)
		}
	}
	later := now.Add(10 * time.Minute)
	p.add(keys.PublicKey{0}, []byte("x"), later)
	for _, want := range []int{5, 1} { // the guest's, then the oldest that has not grown
		if !begin(100+want, false, later) || p.of[keys.PublicKey{byte(want)}] != nil || p.of[keys.PublicKey{0}] == nil {
			t.Errorf("number %d is still there", want)
		}
	}
	if begin(200, true, later) {
		t.Error("a guest took a member's room")
	}
	if begin(201, false, now.Add(40*time.Second)) {
		t.Error("what has just grown was dropped")
	}
	if p.bytes > p.most {
		t.Errorf("%d bytes are promised, of %d", p.bytes, p.most)
	}
}

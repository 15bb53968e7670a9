package rendezvous

import (
	"bytes"
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// read returns how many bodies were read for a device.
func (q *slowQueue) read(d *device) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items[d.key.Public()]
}

// stingy is a device that reads whatever comes.
type stingy struct {
	*device
	came chan []byte // bodies; it has room for more than a window
	ack  func(ids ...keys.EnvelopeID) error
}

func (d *device) readsAll() stingy {
	stream := d.openDeliver()
	r := stingy{d, make(chan []byte, 8*rvproto.DeliverWindow), func(ids ...keys.EnvelopeID) error {
		return stream.Ack(rvproto.AckFrame{IDs: ids})
	}}
	go func() {
		defer close(r.came)
		for {
			in, err := stream.Next()
			if err != nil {
				return
			}
			if in.Deliver != nil {
				r.came <- in.Deliver.Body
			}
		}
	}()
	return r
}

// comes waits for an envelope, which must be this one.
func (r stingy) comes(t *testing.T, body []byte) {
	t.Helper()
	if got, open := <-r.came; !open || !bytes.Equal(got, body) {
		t.Fatalf("another body came, or the stream ended (%v)", !open)
	}
}

// TestAcksWithheldCostNothing has devices beside a good one that read all and acknowledge nothing for long. One then does so one by one,
// one says that it has what it was never given, again and again. No more than a window is read for any of them, nothing is lost of what
// is theirs, and the good one waits for none. [RV-5] [RV-51] [RV-132]
func TestAcksWithheldCostNothing(t *testing.T) {
	q := &slowQueue{memQueue: newMemQueue(), items: make(map[keys.PublicKey]int), bytes: make(map[keys.PublicKey]int)}
	s := newSite(t, func(c *Config) { c.OpenQueue = func() (Queue, error) { return q, nil } })
	s.queue = q.memQueue
	anna := s.found("Acme")
	good := anna.add("good").readsAll()
	hoarder, miser, liar := anna.add("hoarder").readsAll(), anna.add("miser").readsAll(), anna.add("liar").readsAll()
	const window, posts = rvproto.DeliverWindow, rvproto.DeliverWindow + 100
	post := anna.openPost()
	var bodies [][]byte
	var ids []keys.EnvelopeID
	for range posts {
		body := anna.sealed(1 << 10)
		bodies, ids = append(bodies, body), append(ids, envelopeID(t, body))
		wantAnswer(t, "a post", post.post(t, body, good.device, hoarder.device, miser.device, liar.device), wire.StatusOK)
		good.comes(t, body)
		if err := good.ack(envelopeID(t, body)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []stingy{hoarder, miser, liar} {
		for _, body := range bodies[:window] {
			r.comes(t, body)
		}
		if read := q.read(r.device); read != window {
			t.Errorf("%d bodies were read for a device that acknowledges nothing", read)
		}
	}

	for range 20 { // what was never given counts for nothing, however often it is named
		if err := liar.ack(ids[window:]...); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 { // and what was, once
		if err := liar.ack(ids[0]); err != nil {
			t.Fatal(err)
		}
	}
	liar.comes(t, bodies[window])
	for i := range posts { // the miser's acknowledgements make room for one each
		if err := miser.ack(ids[i]); err != nil {
			t.Fatal(err)
		}
		if i+window < posts {
			miser.comes(t, bodies[i+window])
		}
	}
	if err := liar.ack(ids[1]); err != nil {
		t.Fatal(err)
	}
	liar.comes(t, bodies[window+1])
	if read := q.read(liar.device); read != window+2 {
		t.Errorf("%d bodies were read for a device that had two of %d", read, window)
	}
	for _, c := range []struct {
		stingy
		left []keys.EnvelopeID
	}{{good, nil}, {hoarder, ids}, {miser, nil}, {liar, ids[2:]}} {
		held := func() []keys.EnvelopeID { return q.held(c.key.Public(), queue.Envelope) }
		if !await(func() bool { return slices.Equal(held(), c.left) }) {
			t.Errorf("%d envelopes wait for a device, not %d", len(held()), len(c.left))
		}
	}
}

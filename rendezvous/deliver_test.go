package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// mail posts count envelopes from anna to her phone and returns their ids.
func mail(t *testing.T, anna, phone *device, count int) (ids []keys.EnvelopeID) {
	t.Helper()
	stream := anna.openPost()
	for range count {
		answer := stream.post(t, anna.sealed(10), phone)
		if answer.Status != 0 || len(answer.Refused) != 0 {
			t.Fatalf("answer %+v", answer)
		}
		ids = append(ids, answer.ID)
	}
	return ids
}

func TestUnacknowledgedComesAgain(t *testing.T) { // [RV-50]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ids := mail(t, anna, phone, 3)
	for range 2 {
		stream := phone.openDeliver()
		var last uint64
		for _, id := range ids {
			got := nextDeliver(t, stream)
			e, err := envelope.Parse(got.Body, rvproto.MaxEnvelope)
			if err != nil || e.ID() != id || got.Number <= last {
				t.Fatalf("delivered %v number %d after %d, want %s", err, got.Number, last, id.Short())
			}
			last = got.Number
		}
		stream.Close()
	}
}

func TestReceiptsThatDoNotCount(t *testing.T) { // [RV-51]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben := anna.join("Ben")
	ids := mail(t, anna, phone, 2)
	held := func() int { return len(s.queue.held(phone.key.Public(), queue.Envelope)) }
	fence := func(stream interface{ Ack(rvproto.AckFrame) error }) { // returns when what was sent before is worked off
		t.Helper()
		good := phone.receipt(anna, ids[0])
		if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{good}}); err != nil {
			t.Fatal(err)
		}
		back := anna.openDeliver()
		if got := nextDeliver(t, back); !bytes.Equal(got.Body, good) {
			t.Fatal("something else was forwarded")
		}
		if err := back.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{rvproto.ReceiptID(good)}}); err != nil {
			t.Fatal(err)
		}
	}

	stream := phone.openDeliver()
	nextDeliver(t, stream)
	nextDeliver(t, stream)
	for name, ack := range map[string]rvproto.AckFrame{
		"for what was not delivered": {Receipts: [][]byte{phone.receipt(anna, keys.EnvelopeID{1})}},
		"that names another sender":  {Receipts: [][]byte{phone.receipt(ben, ids[1])}},
	} {
		if err := stream.Ack(ack); err != nil {
			t.Fatalf("a receipt %s: %v", name, err)
		}
	}
	fence(stream)
	waitHeld(t, held, 1)
	stream.Close()

	// Forged ones end the stream and count for nothing.
	forged := ben.receipt(anna, ids[1])
	elsewhere, err := envelope.SignReceipt(envelope.Receipt{Org: keys.OrgID{1}, Sender: anna.key.Public(), Opened: ids[1:]}, phone.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, receipt := range map[string][]byte{
		"of another device": forged, "of another organization": elsewhere, "that is none": {1}, "cut short": forged[:len(forged)-1],
	} {
		stream := phone.openDeliver()
		nextDeliver(t, stream)
		if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{receipt}}); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Next(); err == nil {
			t.Errorf("a receipt %s did not end the stream", name)
		}
		if held() != 1 {
			t.Errorf("a receipt %s counted", name)
		}
	}
	if got := s.queue.held(anna.key.Public(), queue.Receipt); len(got) > 1 {
		t.Errorf("%d receipts for Anna", len(got))
	}
}

// The node does not look at the signature of a receipt: it is a delivery given up, and what its sender gets to judge. [RV-51]
func TestSignatureOfAReceiptIsForItsSender(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ids := mail(t, anna, phone, 1)
	stream := phone.openDeliver()
	nextDeliver(t, stream)
	unsigned := phone.receipt(anna, ids[0])
	clear(unsigned[len(unsigned)-keys.SignatureSize:])
	if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{unsigned}}); err != nil {
		t.Fatal(err)
	}
	if got := nextDeliver(t, anna.openDeliver()); got.Kind != rvproto.KindReceipt || !bytes.Equal(got.Body, unsigned) {
		t.Error("it was not passed on as it came")
	}
	waitHeld(t, func() int { return len(s.queue.held(phone.key.Public(), queue.Envelope)) }, 0)
	more := mail(t, anna, phone, 1)
	if e, err := envelope.Parse(nextDeliver(t, stream).Body, rvproto.MaxEnvelope); err != nil || e.ID() != more[0] {
		t.Errorf("the stream does not go on: %v", err)
	}
}

// A stream that ends while a receipt is being queued takes what it is for out of the queue all the same: it would be delivered
// again for nothing.
func TestAStreamEndsBetweenReceiptAndRemoval(t *testing.T) { // [RV-52]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.join("Ben")
	if err := phone.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	ids := mail(t, anna, phone, 1)
	d := &deliverer{node: s.node, org: s.node.directory.org(anna.Org), device: phone.key.Public(), session: new(session),
		unread: map[keys.EnvelopeID]pending{ids[0]: {kind: rvproto.KindEnvelope, queued: ids[0], sender: anna.key.Public()}}}
	var a acks
	ack := rvproto.AppendAck(nil, rvproto.AckFrame{Receipts: [][]byte{phone.receipt(anna, ids[0])}})
	if err := d.collect(&a, ack); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	s.queue.put = end
	if err := d.settle(ctx, &a); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() == nil || len(s.queue.held(phone.key.Public(), queue.Envelope)) > 0 {
		t.Error("an envelope is there still that was receipted")
	}
}

// waitHeld waits until so many envelopes are held: a receipt is on its way before what it is for is given up. [RV-52]
func waitHeld(t *testing.T, held func() int, want int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); held() != want; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d held, want %d", held(), want)
		}
	}
}

// A device gives up by their ids what came from members who are to hear nothing, however much of it there is. [RV-51]
func TestGivenUpWithoutAReceipt(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ids := mail(t, anna, phone, rvproto.DeliverWindow+1)
	stream := phone.openDeliver()
	for range rvproto.DeliverWindow {
		nextDeliver(t, stream)
	}
	if err := stream.Ack(rvproto.AckFrame{IDs: ids[:rvproto.DeliverWindow]}); err != nil {
		t.Fatal(err)
	}
	nextDeliver(t, stream) // there is room again
	waitHeld(t, func() int { return len(s.queue.held(phone.key.Public(), queue.Envelope)) }, 1)
	if got := s.queue.held(anna.key.Public(), queue.Receipt); len(got) != 0 {
		t.Errorf("%d receipts for Anna", len(got))
	}
}

func TestCannotOpenIsForwardedToo(t *testing.T) { // [RV-51]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ids := mail(t, anna, phone, 1)
	stream := phone.openDeliver()
	nextDeliver(t, stream)
	receipt, err := envelope.SignReceipt(envelope.Receipt{Org: anna.Org, Sender: anna.key.Public(), Failed: ids}, phone.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{receipt}}); err != nil {
		t.Fatal(err)
	}
	if got := nextDeliver(t, anna.openDeliver()); !bytes.Equal(got.Body, receipt) {
		t.Error("not forwarded")
	}
}

func TestWindowOfDeliveries(t *testing.T) { // [RV-5]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	const count = rvproto.DeliverWindow + 40
	ids := mail(t, anna, phone, count)
	stream := phone.openDeliver()
	var got []keys.EnvelopeID
	for range rvproto.DeliverWindow {
		e, err := envelope.Parse(nextDeliver(t, stream).Body, rvproto.MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.ID())
	}
	// News of the roll comes through a full window; no body does before it.
	anna.invite(1)
	in, err := stream.Next()
	if err != nil || in.Head == nil {
		t.Fatalf("beyond the window came %+v, %v", in, err)
	}
	for len(got) < count {
		if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{phone.receipt(anna, got[len(got)-rvproto.DeliverWindow:][:40]...)}}); err != nil {
			t.Fatal(err)
		}
		for range min(40, count-len(got)) {
			e, err := envelope.Parse(nextDeliver(t, stream).Body, rvproto.MaxEnvelope)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.ID())
		}
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Error("not delivered in the order of acceptance")
	}
}

// A body that would go beyond the bytes of the window waits, though there are bytes left.
func TestWindowOfBytes(t *testing.T) { // [RV-5]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	const size, fit = 900_000, rvproto.DeliverWindowBytes / 900_000
	post := anna.openPost()
	for range fit + 1 {
		wantAnswer(t, "posting", post.post(t, anna.sealed(size), phone), wire.StatusOK)
	}
	stream := phone.openDeliver()
	var first *rvproto.DeliverFrame
	bytes := 0
	for range fit {
		got := nextDeliver(t, stream)
		if bytes += len(got.Body); first == nil {
			first = got
		}
	}
	if bytes > rvproto.DeliverWindowBytes {
		t.Fatalf("the test's bodies are too large: %d bytes", bytes)
	}
	anna.invite(1)
	if in, err := stream.Next(); err != nil || in.Head == nil {
		t.Fatalf("beyond the window came a body, %v", err)
	}
	e, err := envelope.Parse(first.Body, rvproto.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{phone.receipt(anna, e.ID())}}); err != nil {
		t.Fatal(err)
	}
	nextDeliver(t, stream)
}

// Who was sent one envelope gets one receipt through, whatever they sign: the author's queue is not theirs to fill.
func TestOneReceiptForOneDelivery(t *testing.T) { // [RV-51]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ids := mail(t, anna, phone, 2)
	stream := phone.openDeliver()
	nextDeliver(t, stream)
	nextDeliver(t, stream)
	var many rvproto.AckFrame
	for i := range byte(50) {
		many.Receipts = append(many.Receipts, phone.receipt(anna, ids[0], keys.EnvelopeID{i}))
	}
	last := phone.receipt(anna, ids[1])
	for _, ack := range []rvproto.AckFrame{many, {Receipts: [][]byte{last}}} {
		if err := stream.Ack(ack); err != nil {
			t.Fatal(err)
		}
	}
	back, count := anna.openDeliver(), 1
	for !bytes.Equal(nextDeliver(t, back).Body, last) {
		count++
	}
	if count != 2 {
		t.Errorf("%d receipts for two deliveries", count)
	}
}

// An envelope that is offered again the moment it is acknowledged, and delivered before the acknowledgement is worked
// off, is a delivery of its own.
func TestOfferedAgainWhileAcknowledged(t *testing.T) { // [RV-50]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ids := mail(t, anna, phone, 1)
	item := *s.queue.bodies[ids[0]]
	again := make(chan struct{})
	offered := false
	s.queue.acked = func(device keys.PublicKey) {
		if device == phone.key.Public() && !offered {
			offered = true
			s.queue.Put(t.Context(), []queue.Item{item})
			<-again
		}
	}
	stream := phone.openDeliver()
	ack := func(id keys.EnvelopeID) []byte {
		t.Helper()
		nextDeliver(t, stream)
		signed := phone.receipt(anna, id)
		if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{signed}}); err != nil {
			t.Fatal(err)
		}
		return signed
	}
	ack(ids[0])
	ack(ids[0]) // the second delivery came
	close(again)
	last := ack(mail(t, anna, phone, 1)[0])
	for back := anna.openDeliver(); !bytes.Equal(nextDeliver(t, back).Body, last); {
	}
	if held := s.queue.held(phone.key.Public(), queue.Envelope); len(held) > 1 || slices.Contains(held, ids[0]) {
		t.Errorf("%d still wait: the second acknowledgement was not taken", len(held))
	}
}

func TestNewerSessionReplacesOlder(t *testing.T) { // [RV-11]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	older := phone.openDeliver()
	newer := phone.openDeliver()
	if _, err := older.Next(); err == nil {
		t.Fatal("the older stream goes on")
	}
	mail(t, anna, phone, 1)
	nextDeliver(t, newer)
	if online := s.node.Status().Orgs[0].DevicesOnline; online != 1 {
		t.Errorf("%d devices online, want 1", online)
	}
	olderPost := anna.openPost()
	newerPost := anna.openPost()
	if err := <-olderPost.failed; err == nil {
		t.Error("the older post stream goes on")
	}
	wantAnswer(t, "on the newer post stream", newerPost.post(t, anna.sealed(1), phone), 0)
}

// A device that connects and rests leaves memory to be given back, and does not keep the node from giving it back.
func TestSessionsAreCountedApartFromTraffic(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	sessions, traffic := s.node.counters.sessions.Load(), s.node.counters.traffic()
	phone.openDeliver()
	anna.openPost()
	if got := s.node.counters.sessions.Load() - sessions; got != 2 {
		t.Errorf("%d sessions were counted, of 2", got)
	}
	if s.node.counters.traffic() != traffic {
		t.Error("a session without a message is traffic")
	}
}

func TestNewsOfTheRollIsPushed(t *testing.T) { // [RV-21]
	s := newSite(t)
	anna := s.found("Acme")
	stream := anna.openDeliver()
	before, err := membership.OpenCheckpoint(stream.Checkpoint(), anna.Org, anna.Node)
	if err != nil {
		t.Fatal(err)
	}
	anna.invite(1)
	in, err := stream.Next()
	if err != nil {
		t.Fatal(err)
	}
	after, err := membership.OpenCheckpoint(in.Head, anna.Org, anna.Node)
	if err != nil {
		t.Fatal(err)
	}
	if after.Size != before.Size+1 {
		t.Errorf("size %d after %d", after.Size, before.Size)
	}
}

func TestSlowDeviceCostsOthersNothing(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	slow, quick := anna.add("slow"), anna.add("quick")
	slow.openDeliver() // reads nothing
	stream := anna.openPost()
	for range 20 {
		wantAnswer(t, "post", stream.post(t, anna.sealed(300_000), slow, quick), 0)
	}
	fast := quick.openDeliver()
	for range 10 { // up to the window's bytes
		nextDeliver(t, fast)
	}
}

func TestStopDuringTraffic(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	stream := anna.openPost()
	delivery := phone.openDeliver()
	body := anna.sealed(10)
	posts := []rvproto.PostFrame{{Recipients: keysOf([]*device{phone}), Envelope: body}}
	ended := make(chan error, 2)
	go func() {
		for {
			if err := stream.Send(posts); err != nil {
				ended <- err
				return
			}
		}
	}()
	go func() {
		for {
			if _, err := delivery.Next(); err != nil {
				ended <- err
				return
			}
		}
	}()
	<-stream.answers
	begin := time.Now()
	s.end()
	if took := time.Since(begin); took > softTime+time.Minute {
		t.Errorf("the stop took %v", took)
	}
	if err := errors.Join(<-ended, <-ended); err == nil {
		t.Error("the streams go on")
	}
}

// A receipt that is queued is memory of its own: the frame that it came in can be two thousand times as long.
func TestForwardedReceiptsKeepNoFrames(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	id := keys.EnvelopeID{1}
	d := &deliverer{
		node: s.node, org: s.node.directory.of(phone.key.Public()), device: phone.key.Public(),
		unread: map[keys.EnvelopeID]pending{id: {kind: rvproto.KindEnvelope, sender: anna.key.Public()}},
	}
	signed := phone.receipt(anna, id)
	frame := rvproto.AppendAck(nil, rvproto.AckFrame{Receipts: [][]byte{signed}})
	var taken acks
	if err := d.collect(&taken, frame); err != nil || len(taken.said) != 1 {
		t.Fatalf("%d receipts, %v", len(taken.said), err)
	}
	clear(frame)
	if !bytes.Equal(taken.said[0].Body, signed) {
		t.Error("the body lies in the frame")
	}
}

package node

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/exchange"
	"muster.example/sync/history"
)

// landingBehind returns the history in an exchange of which a number of records are taken in as they come.
func (o *organization) landingBehind(records int64) siblingHistory {
	left := new(atomic.Int64)
	left.Store(records)
	return siblingHistory{o: o, left: left}
}

// twoDevices returns two devices of one account: one that received messages, and one without a history.
func twoDevices(t *testing.T, messages int) (full, fresh *organization) {
	t.Helper()
	org := newRoll(t, "Bo")
	second := org.AddDevice(org.Founder)
	full = newDevice(t, org, org.Founder)
	full.receives(t, org.Members[1], messages)
	return full, newDevice(t, org, &membershiptest.Member{ID: org.Founder.ID, Name: org.Founder.Name, Devices: []keys.PrivateKey{second}})
}

// meets has one device begin an exchange with another, over a link that may be cut.
func meets(t *testing.T, own siblingHistory, other *organization, link func(net.Conn) io.ReadWriter) (exchange.Progress, error) {
	t.Helper()
	here, there := net.Pipe()
	group := task.New(t.Context())
	group.Go("answer", func(ctx context.Context) error {
		_, _ = exchange.Answer(ctx, there, siblingHistory{o: other})
		there.Close()
		return nil
	})
	var stream io.ReadWriter = here
	if link != nil {
		stream = link(here)
	}
	done, err := exchange.Begin(t.Context(), stream, own, exchange.Options{})
	here.Close()
	_ = group.Wait()
	return done, err
}

// afterCrash returns the organization of a node that is made anew on the same folder, as after a crash.
func afterCrash(t *testing.T, o *organization) *organization {
	t.Helper()
	config := o.node.config
	if err := o.node.Close(); err != nil {
		t.Fatal(err)
	}
	n, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n.organizations[o.org]
}

// takesIn takes in what was landed.
func (o *organization) takesIn(t *testing.T) {
	t.Helper()
	if _, err := o.takeInAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := o.landing.State(); s.Records != 0 || s.Bytes != 0 {
		t.Errorf("%+v is still landed", s)
	}
	if left, _ := os.ReadDir(o.node.config.Landing); len(left) != 0 {
		t.Errorf("%d files are still there", len(left))
	}
}

// shares returns how many records are shared.
func (o *organization) shares(t *testing.T) uint64 {
	t.Helper()
	d, err := siblingHistory{o: o}.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.Count
}

// What is landed is durable and not fetched again, does not count as the same history before it is taken in, and is taken in after a
// crash, also one in the midst of that. [SYNC-13] [STO-43]
func TestLanded(t *testing.T) {
	const messages, first = 900, 200
	full, fresh := twoDevices(t, messages)
	done, err := meets(t, fresh.landingBehind(first), full, nil)
	if err != nil || done.Taken != messages || done.Equal {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := fresh.shares(t); got != first {
		t.Errorf("%d records were taken in at once", got)
	}
	var said api.DeviceHistory
	fresh.describeLanded(&said, time.Now())
	if said.Waiting != messages-first {
		t.Errorf("it says %+v", said)
	}
	fresh = afterCrash(t, fresh)
	if done, err := meets(t, fresh.landingBehind(0), full, nil); err != nil || done.Taken+done.Missing+done.Given != 0 || done.Equal {
		t.Errorf("the next exchange did %+v, %v", done, err)
	}
	if more, err := fresh.takeInFirst(t.Context()); err != nil || !more {
		t.Fatalf("nothing was taken in: %v", err)
	}
	if got := fresh.shares(t); got <= first || got == messages {
		t.Errorf("then %d records are taken in", got)
	}
	fresh = afterCrash(t, fresh)
	fresh.takesIn(t)
	if done, err := meets(t, fresh.landingBehind(0), full, nil); err != nil || !done.Equal || done.Found {
		t.Errorf("in the end %+v, %v", done, err)
	}
	if got, _, _ := fresh.view.Threads().Unread(); fresh.shares(t) != messages || len(fresh.gives(t)) != messages {
		t.Errorf("%d are here, %d unread", fresh.shares(t), got)
	}
}

// brokenLink breaks after so many bytes.
type brokenLink struct {
	net.Conn
	left int
}

func (l *brokenLink) Read(data []byte) (int, error) {
	if l.left <= 0 {
		l.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := l.Conn.Read(data[:min(len(data), l.left)])
	l.left -= n
	return n, err
}

// Wherever the link breaks, each record comes once, whether what came is taken in meanwhile or not. [SYNC-13]
func TestLandedAfterBreaks(t *testing.T) {
	const messages = 3000
	full, fresh := twoDevices(t, messages)
	random := rand.New(rand.NewPCG(5, 6))
	taken, breaks := uint64(0), 0
	for {
		done, err := meets(t, fresh.landingBehind(10), full, func(c net.Conn) io.ReadWriter { return &brokenLink{c, 1 + random.IntN(900_000)} })
		if taken += done.Taken; err == nil {
			break
		}
		if breaks++; breaks > 100 {
			t.Fatal("it does not get on")
		}
		switch random.IntN(3) {
		case 0:
			fresh = afterCrash(t, fresh)
		case 1:
			if _, err := fresh.takeInFirst(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if breaks < 3 || taken != messages {
		t.Errorf("%d records came of %d, with %d breaks", taken, messages, breaks)
	}
	fresh.takesIn(t)
	if done, err := meets(t, fresh.landingBehind(0), full, nil); err != nil || !done.Equal || fresh.shares(t) != messages {
		t.Errorf("in the end %+v, %v", done, err)
	}
}

// What a stolen device gave is refused when it is taken in, and before that nobody sees anything of it. A true record that it gave with
// a false signature, so that it counted as had, comes from another device afterwards. [HIST-25] [SYNC-13]
func TestForgedRecordsLanded(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, thief, bo := p.all[0], p.all[1], p.all[2]
	id := p.sends(t, bo, api.SendRequest{Text: "the truth"}, desk)
	carry(t, only(p.seal(t, bo), thief)...)
	genuine := messageAmong(t, thief.gives(t), id)
	before := len(desk.gives(t))

	withered := genuine
	m := *genuine.Message
	proof, err := history.DecodeProof(m.Signed)
	if err != nil {
		t.Fatal(err)
	}
	proof.Signature[7] ^= 1
	m.Signed = proof.Encode()
	withered.Message = &m
	lie := genuine
	lied := *genuine.Message
	lied.Text.Text, lied.Text.Nonce = "a lie", [history.NonceSize]byte{9}
	content := wire.Encode(envelope.Content{Org: desk.org, Conversation: lied.Conversation, Kind: uint8(history.KindText), Body: wire.Encode(lied.Text)})
	lied.Signed = history.Proof{Content: content, Signature: thief.self.Sign(keys.DomainContent, desk.org, content)}.Encode()
	lie.Message, lie.Sequence = &lied, genuine.Sequence+1000
	lie = lie.Sign(thief.org, thief.self)
	rubbish := wire.Encode(map[uint64]any{3: []uint64{5, 0}, 4: uint64(1)})

	items, err := desk.landingBehind(0).Take(t.Context(), [][]byte{wire.Encode(withered), wire.Encode(lie), rubbish})
	if err != nil || len(items) != 3 {
		t.Fatal(items, err)
	}
	had, err := siblingHistory{o: desk}.Items(0)
	if err != nil || len(had) != before+3 {
		t.Errorf("%d count as had, %v", len(had), err)
	}
	for _, when := range []string{"landed", "taken in"} {
		if when == "taken in" {
			desk.takesIn(t)
		}
		if got := len(desk.gives(t)); got != before || desk.has(id) || desk.has(lied.ID()) {
			t.Errorf("%s: %d records, where %d were", when, got, before)
		}
	}
	desk.takes(t, thief.gives(t)...)
	if !desk.has(id) || desk.sees(t, id).Text != "the truth" {
		t.Error("the truth did not come afterwards")
	}
}

// Who may write to this account, and what it chose, is taken in at once, however much comes before it.
func TestLandingLeavesOutWhatIsSmall(t *testing.T) {
	p := newParties(t, 2, "bo")
	desk, phone := p.all[0], p.all[1]
	phone.chosen(t, "receipts", "off")
	var data [][]byte
	for _, r := range phone.gives(t) {
		data = append(data, wire.Encode(r))
	}
	tag := history.Record{Device: phone.device, Sequence: 500, Clock: history.Clock{Wall: time.Now().UnixMilli()},
		Kind: history.RecordTag, Tag: &history.Tag{Message: keys.MessageID{1}, Tag: "later"}}.Sign(phone.org, phone.self)
	if _, err := desk.landingBehind(0).Take(t.Context(), append(data, wire.Encode(tag))); err != nil {
		t.Fatal(err)
	}
	if v, _ := desk.view.Setting("receipts"); v != "off" || desk.landing.State().Records != 1 {
		t.Errorf("receipts are %q, %+v", v, desk.landing.State())
	}
	desk.takesIn(t)
	tagAmong(t, desk.gives(t), "later")
}

// Who leaves nothing of an organization leaves nothing that was landed.
func TestLandedIsErased(t *testing.T) {
	full, fresh := twoDevices(t, 100)
	if _, err := meets(t, fresh.landingBehind(0), full, nil); err != nil {
		t.Fatal(err)
	}
	if fresh.landing.State().Records != 100 {
		t.Fatalf("%+v", fresh.landing.State())
	}
	fresh.landing.Close()
	update(t, fresh.node.store, func(tx *store.Tx) error { return tx.PutWiped(store.Wiped{Org: fresh.org}) })
	if err := fresh.node.wipe(fresh.org); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(fresh.node.config.Landing); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// TestSimMessageReachesOfflineMember is the first story: a message with a file waits at the rendezvous node for a
// member who is away, comes whole, and is gone from the node.
func TestSimMessageReachesOfflineMember(t *testing.T) {
	simulate(t, 1, func(w *world) {
		t := w.t
		alice, bob, _ := w.trio()
		bob.stop()

		file := make([]byte, 700<<10)
		rand.Read(file)
		upload, err := alice.node.Upload(w.t.Context(), "chart.bin", bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		sent, err := alice.node.Send(w.t.Context(), api.SendRequest{
			To: []string{"bob"}, Subject: "The chart", Text: "as promised", Attachments: []string{upload.ID},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.await(time.Minute, "the message is queued", func() bool {
			return slices.Equal(alice.states(sent.ID), []api.State{api.StateQueued})
		})
		if queued := w.node.queued(); queued < 7 { // the text and six chunks; the chain was announced before
			t.Errorf("%d entries wait, where a text and six chunks should", queued)
		}

		bob.start()
		w.await(time.Minute, "the message and its file have come", func() bool {
			return slices.Equal(alice.states(sent.ID), []api.State{api.StateDelivered})
		})
		page, err := bob.node.Inbox(w.t.Context(), api.InboxQuery{})
		if err != nil || len(page.Messages) != 1 {
			t.Fatalf("bob's inbox: %+v, %v", page, err)
		}
		got := page.Messages[0]
		if got.Subject != "The chart" || got.Text != "as promised" || got.From != "alice" || !got.Unread {
			t.Errorf("bob reads %+v", got)
		}
		_, reader, err := bob.node.Attachment(w.t.Context(), got.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if received, err := io.ReadAll(reader); err != nil || !bytes.Equal(received, file) {
			t.Errorf("the file that came is not the one that was sent: %d bytes, %v", len(received), err)
		}
		w.await(time.Minute, "the queue is empty", func() bool { return w.node.queued() == 0 })
		w.await(time.Minute, "alice's outbox is empty", func() bool { return alice.status().Outbox == 0 })
	})
}

// TestSimComingAndGoing has three people send to one another and to both others while each of them, and the rendezvous
// node, vanishes and returns at random moments and packets are lost and doubled. In the end each message is in each
// history exactly once, and nothing is left in the queue or in an outbox.
func TestSimComingAndGoing(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, seed, func(w *world) { comingAndGoing(w, seed) })
		})
	}
}

func comingAndGoing(w *world, seed uint64) {
	alice, bob, carol := w.trio()
	people := []*person{alice, bob, carol}
	random := newChoices(seed)
	for _, p := range people {
		for _, link := range [][2]string{{p.address(), serverAddress}, {serverAddress, p.address()}} {
			w.net.SetLoss(link[0], link[1], 0.1)
			w.net.SetDuplication(link[0], link[1], 0.1)
		}
	}
	want := make(map[*person][]string)
	for round := range 25 {
		if from := people[random.below(3)]; from.running != nil {
			to := others(people, from)
			if random.below(2) == 0 {
				to = to[random.below(2):][:1]
			}
			text := fmt.Sprintf("%s's message %d", from.name, round)
			from.send(text, to...)
			for _, p := range to {
				want[p] = append(want[p], text)
			}
		}
		switch p := people[random.below(3)]; {
		case random.below(6) == 0:
			w.node.crash()
			w.pause(random, 2*time.Minute)
			w.node.start()
		case p.running == nil:
			p.start()
		case random.below(2) == 0:
			p.crash()
		default:
			p.stop()
		}
		w.pause(random, 20*time.Second)
	}
	for _, p := range people {
		if p.running == nil {
			p.start()
		}
	}
	w.await(2*time.Hour, "everything has come everywhere", func() bool {
		for _, p := range people {
			slices.Sort(want[p])
			if !slices.Equal(p.inbox(), want[p]) {
				return false
			}
		}
		return true
	})
	w.await(2*time.Hour, "nothing is left", func() bool {
		return w.node.queued() == 0 && alice.status().Outbox+bob.status().Outbox+carol.status().Outbox == 0
	})
	for _, p := range people {
		if diff := cmp.Diff(want[p], p.inbox()); diff != "" {
			w.t.Errorf("%s's inbox (-want +got):\n%s", p.name, diff)
		}
		if status := p.status(); status.Missing != 0 || len(status.Alarms) != 0 {
			w.t.Errorf("%s: %d messages missing, alarms %q", p.name, status.Missing, status.Alarms)
		}
	}
}

func others(people []*person, but *person) []*person {
	return slices.DeleteFunc(slices.Clone(people), func(p *person) bool { return p == but })
}

// TestSimRefusals has the node and the receiving side refuse what nobody gave leave for.
func TestSimRefusals(t *testing.T) {
	simulate(t, 1, func(w *world) {
		t := w.t
		alice, bob := w.person("alice"), w.person("bob")
		alice.found("Harbour")
		invitation := alice.invite(api.InviteRequest{})
		bob.join(invitation)
		alice.follow(bob)

		ctx := context.Background()
		if _, err := alice.node.Send(ctx, api.SendRequest{To: []string{"bob"}, Text: "hello"}); code(err) != api.CodeRefused {
			t.Errorf("a message to a stranger: %v", err)
		}
		if _, err := alice.node.Send(ctx, api.SendRequest{To: []string{"nobody"}, Text: "hello"}); code(err) != api.CodeNotFound {
			t.Errorf("a message to nobody: %v", err)
		}
		if _, err := alice.node.Accept(ctx, api.AcceptRequest{Member: "bob"}); code(err) != api.CodeNotFound {
			t.Errorf("accepting who has not asked: %v", err)
		}
		if _, err := alice.node.Introduce(ctx, api.IntroduceRequest{Member: "bob", Text: "a\u202eb"}); code(err) != api.CodeUsage {
			t.Errorf("an introduction with a bidi override: %v", err)
		}
		carol := w.person("carol")
		if _, err := carol.node.Join(ctx, api.JoinRequest{Invitation: invitation, As: "carol"}); code(err) != api.CodeRefused {
			t.Errorf("joining by a used-up invitation: %v", err)
		}
		second := alice.invite(api.InviteRequest{ExpiresIn: 60})
		if _, err := carol.node.Join(ctx, api.JoinRequest{Invitation: second, As: "Bob"}); code(err) != api.CodeRefused {
			t.Errorf("joining under a name that is taken: %v", err)
		}
		carol.join(second) // the refusal used nothing up
		third := alice.invite(api.InviteRequest{ExpiresIn: 60})
		time.Sleep(2 * time.Minute)
		dave := w.person("dave")
		if _, err := dave.node.Join(ctx, api.JoinRequest{Invitation: third, As: "dave"}); code(err) != api.CodeRefused {
			t.Errorf("joining by an expired invitation: %v", err)
		}
	})
}

package sim

import (
	"os"
	"slices"
	"testing"
	"time"

	"muster.example/node/api"
)

// TestSimAuthorGivesWhatTheNodeLost: the rendezvous node loses its queue after it said that it had it, as a disk does that is put back.
// Nobody knows but the device that notices the hole by its author's numbers; it has no sibling. It asks the author, whose device
// would offer by itself only much later, and has it within the hour.
func TestSimAuthorGivesWhatTheNodeLost(t *testing.T) {
	simulate(t, 61, func(w *world) {
		t := w.t
		w.offerAgain = 1000 * time.Hour
		alice, bob, carol := w.trio()
		alice.send("before", bob, carol)
		w.await(time.Minute, "it came", func() bool { return len(bob.inbox()) == 1 && len(carol.inbox()) == 1 })
		bob.crash()
		w.node.stop()
		kept := w.node.dir + "-kept"
		if err := os.CopyFS(kept, os.DirFS(w.node.dir)); err != nil {
			t.Fatal(err)
		}
		w.node.start()
		id := alice.send("lost", bob, carol)
		w.await(5*time.Minute, "the node says that it has it", func() bool { return !slices.Contains(alice.states(id), api.StateHeld) && len(carol.inbox()) == 2 })
		w.node.stop()
		if err := os.RemoveAll(w.node.dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(kept, w.node.dir); err != nil {
			t.Fatal(err)
		}
		w.node.start()
		bob.start()
		alice.send("after", bob, carol)
		w.await(10*time.Minute, "bob notices", func() bool { return bob.status().Missing == 1 && slices.Contains(bob.inbox(), "after") })
		if slices.Contains(bob.inbox(), "lost") {
			t.Fatal("the node lost nothing: this test proves nothing")
		}
		state := func() string {
			losses, err := bob.node.Losses(t.Context(), api.LossesQuery{})
			if err != nil || len(losses.Gaps) == 0 {
				return ""
			}
			return losses.Gaps[0].State
		}
		if s := state(); s != "offered" {
			t.Errorf("the gap is %q", s)
		}
		w.await(time.Hour, "alice's device is asked, and gives it", func() bool { return slices.Contains(bob.inbox(), "lost") && bob.status().Missing == 0 })
		if s := state(); s != "" {
			t.Errorf("a gap that is closed is %q", s)
		}
		w.await(time.Minute, "alice knows", func() bool {
			states := alice.states(id)
			return len(states) == 2 && states[0] == api.StateDelivered && states[1] == api.StateDelivered
		})
		if alarms := bob.status().Alarms; len(alarms) > 0 {
			t.Errorf("alarms %q", alarms)
		}
	})
}

// TestSimNodeOffersWhatIsNotAcknowledged: what a device took and did not acknowledge, because its connection ended, the node offers again
// from the beginning on the next one: a device needs no request of its own for that. [RV-50]
func TestSimNodeOffersWhatIsNotAcknowledged(t *testing.T) {
	simulate(t, 62, func(w *world) {
		w.offerAgain = 1000 * time.Hour
		alice, bob, _ := w.trio()
		for i := range 5 {
			bob.crash()
			alice.send(string(rune('a'+i)), bob)
			w.await(time.Minute, "the node has it", func() bool { return w.node.queued() > 0 })
			bob.start()
			time.Sleep(time.Duration(i) * 30 * time.Millisecond) // as far as it comes
		}
		w.await(5*time.Minute, "bob has all", func() bool { return len(bob.inbox()) == 5 && bob.status().Missing == 0 })
	})
}

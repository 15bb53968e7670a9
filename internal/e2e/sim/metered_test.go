package sim

import (
	"slices"
	"testing"
	"time"

	"muster.example/node"
	"muster.example/node/api"
)

// TestSimMeteredLink has files wait while a device's link is metered, both ways, and texts not. [API-177] [RV-204]
func TestSimMeteredLink(t *testing.T) {
	simulate(t, 71, func(w *world) {
		w.change = func(p *person, config *node.Config) { config.NoDirect = p.place == 3 } // from carol all goes by the rendezvous node
		alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		carol.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		alice.acquaint(carol)
		choose := func(r api.LinkRequest, waiting int) {
			t.Helper()
			link, err := alice.node.SetLink(t.Context(), r)
			if err != nil || link.Waiting != waiting {
				t.Fatalf("%+v: %+v (%v), want %d that wait", r, link, err, waiting)
			}
		}
		choose(api.LinkRequest{Mode: api.LinkMetered}, 0)
		out := alice.sendFile(bob, "chart", 300<<10)
		other := alice.sendFile(bob, "map", 200<<10)
		small := alice.sendFile(bob, "note", 50<<10)
		in := carol.sendFile(alice, "log", 300<<10)
		text := bob.send("hello", alice)
		w.await(time.Minute, "what is small arrives", func() bool { return alice.delivered(small) && bob.delivered(text) })
		time.Sleep(time.Hour)
		if alice.delivered(out) || carol.delivered(in) {
			t.Errorf("a file went over a metered link: out %t, in %t", alice.delivered(out), carol.delivered(in))
		}
		if !slices.Contains(bob.inbox(), "chart") {
			t.Error("the text of the message with the file waits too")
		}
		if r := alice.recipients(out); r[0].State != api.StateHeld || r[0].Lack != api.LackLink {
			t.Errorf("the message with the file is %s, and lacks %q", r[0].State, r[0].Lack)
		}
		choose(api.LinkRequest{Now: out}, 1)
		w.await(time.Minute, "the file that was to go now", func() bool { return alice.delivered(out) })
		if alice.delivered(other) {
			t.Error("the other file went too")
		}
		alice.stop()
		alice.start()
		choose(api.LinkRequest{}, 1)
		choose(api.LinkRequest{Mode: api.LinkNormal}, 0)
		w.await(10*time.Minute, "everything", func() bool { return alice.delivered(other) && carol.delivered(in) })
	})
}

package sim

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"muster.example/node"
	"muster.example/node/api"
)

// TestSimMeteredLink has files wait while a device's link is metered, both ways, and texts not, as the person chose or as the system says. [API-177] [RV-204]
func TestSimMeteredLink(t *testing.T) {
	simulate(t, 71, func(w *world) {
		system := make(chan bool) // what alice's system says of her link
		w.change = func(p *person, config *node.Config) {
			config.NoDirect = p.place == 3 // from carol all goes by the rendezvous node
			if p.place == 1 {
				config.LinkCost = func(ctx context.Context, _ *slog.Logger, changed func(bool)) {
					for {
						select {
						case metered := <-system:
							changed(metered)
						case <-ctx.Done():
							return
						}
					}
				}
			}
		}
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

		choose(api.LinkRequest{Mode: api.LinkAuto}, 0)
		system <- true
		out, in = alice.sendFile(bob, "second chart", 300<<10), carol.sendFile(alice, "second log", 300<<10)
		text = alice.send("on the phone's link", carol)
		w.await(time.Minute, "a text", func() bool { return alice.delivered(text) })
		time.Sleep(time.Hour)
		if alice.delivered(out) || carol.delivered(in) {
			t.Errorf("a file went over a link that the system says is metered: out %t, in %t", alice.delivered(out), carol.delivered(in))
		}
		system <- false
		w.await(10*time.Minute, "everything again", func() bool { return alice.delivered(out) && carol.delivered(in) })
	})
}

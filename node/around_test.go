package node

import (
	"context"
	"slices"
	"testing"
	"time"

	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// Who is in reach is told while a direct connection stands, with what waits and is carried; watchers hear when somebody comes and goes. [API-181]
func TestSimAround(t *testing.T) {
	testnet.Run(t, 62, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "cleo")
		ann, ben, cleo := n.org.Members[0], n.org.Members[1], n.org.Members[2]
		a, b := n.device(ann), n.device(ben)
		a.acquainted(t, n.org, ann, ben, cleo)
		b.acquainted(t, n.org, ben, ann)
		a.setHost(n.hosts[a.device])
		n.group.Go("around", func(ctx context.Context) error {
			_ = a.keepTellingAround(ctx, n.hosts[a.device])
			return nil
		})
		events := a.node.hub.watch(t.Context(), a.org.String())
		hears := func(what string) {
			t.Helper()
			for limit := time.After(time.Minute); ; {
				select {
				case e := <-events:
					if e.Kind == api.EventAround {
						return
					}
				case <-limit:
					t.Fatalf("nothing is heard when %s", what)
				}
			}
		}
		around := func() api.Around {
			t.Helper()
			all, err := a.node.Around(t.Context(), api.AroundQuery{})
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			return all[0]
		}
		a.say(t, "for who is not there", cleo)
		if got := around(); len(got.Devices) != 0 || got.Connected || got.Waiting != 1 || got.Carried.Count != 0 {
			t.Errorf("alone: %+v", got)
		}
		n.call(a, b)
		hears("Ben comes")
		got := around()
		if len(got.Devices) != 1 {
			t.Fatalf("with Ben: %+v", got)
		}
		one := got.Devices[0]
		if one.Member != ben.ID.String() || one.Name != "ben" || one.Device != b.device.String() || one.Own || one.Path != api.PathDirect || one.Since.IsZero() || got.Waiting != 1 {
			t.Errorf("with Ben: %+v", got)
		}
		called, err := a.node.CallAround(t.Context(), api.AroundCall{Member: "ben"})
		if err != nil || !slices.Equal(called.Connected, api.List[string]{b.device.String()}) || len(called.Devices) != 0 {
			t.Errorf("a call of who is connected: %+v, %v", called, err)
		}
		a.presence.stream = new(rvclient.DeliverStream)
		if got := around().Devices[0].Present; got != "" {
			t.Errorf("Ben, who does not say whether he is there, is %q", got)
		}
		a.presence.near[b.device] = mesh.StateOnline
		if got := around().Devices[0].Present; got != api.PresenceOnline {
			t.Errorf("Ben, who says that he is there, is %q", got)
		}
		if err := n.hosts[a.device].Network().ClosePeer(p2p.PeerID(b.device)); err != nil {
			t.Fatal(err)
		}
		hears("Ben goes")
		if got := around(); len(got.Devices) != 0 {
			t.Errorf("once Ben is gone: %+v", got)
		}
	})
}

// A message that was handed to carriers, or written into a bundle, says so until it is delivered. [API-182]
func TestRecipientSaysWhoCarries(t *testing.T) {
	w := newIslands(t)
	job := w.ann.saved(t, "by many ways", nil, w.bobM)
	d := store.Delivery{Device: w.bob.device, Member: w.bobM.ID, State: store.StateHeld, Changed: 1}
	if all, err := w.ann.recipients(*job.Message); err != nil || len(all) != 1 || all[0].Carriers != 0 {
		t.Fatal(all, err)
	}
	d.Carriers, d.Carried, d.Bundled = 3, 2000, 1000
	w.ann.mu.Lock()
	r := w.ann.recipientLocked(d)
	w.ann.mu.Unlock()
	if r.State != api.StateCarried || r.Carriers != 3 || r.Time.UnixMilli() != 2000 || r.Carried.UnixMilli() != 2000 || r.Bundled.UnixMilli() != 1000 {
		t.Errorf("held: %+v", r)
	}
	sum := progress([]api.Recipient{r, {Member: r.Member, Device: "other", State: api.StateDelivered, Via: api.ViaDirect}, {Member: r.Member, Device: "third", State: api.StateDelivered, Via: api.ViaDirect}})
	if len(sum) != 1 || sum[0].State != api.StateDelivered || len(sum[0].Via) != 1 || sum[0].Via[0] != api.ViaDirect || sum[0].Carriers != 3 || sum[0].Bundled.IsZero() {
		t.Errorf("summed up: %+v", sum)
	}
	d.State = store.StateDelivered
	w.ann.mu.Lock()
	r = w.ann.recipientLocked(d)
	w.ann.mu.Unlock()
	if r.State != api.StateDelivered || r.Carriers != 0 || !r.Carried.IsZero() || !r.Bundled.IsZero() {
		t.Errorf("delivered: %+v", r)
	}
}

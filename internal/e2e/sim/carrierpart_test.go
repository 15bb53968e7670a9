package sim

import (
	"testing"
	"time"
)

// carriedBytes returns how many bytes somebody's device carries for others.
func (p *person) carriedBytes() int {
	all, err := p.node.Carrying(p.world.t.Context())
	if err != nil {
		p.world.t.Fatal(err)
	}
	return int(all[0].Bytes)
}

// TestSimHandingAcrossARestart ends the program of a carrier, or of the sender, in the middle of an envelope that goes over a slow link: when
// it runs again the envelope goes on where it broke off. [MSH-47] [CAR-23]
func TestSimHandingAcrossARestart(t *testing.T) {
	for i, name := range []string{"who takes it", "who hands it over"} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 131, func(w *world) {
				t := w.t
				w.direct(true)
				alice, bob, carol := w.trio()
				alice.send("by the node", carol)
				w.await(time.Minute, "it came", func() bool { return len(carol.inbox()) == 1 && alice.status().Outbox == 0 })
				w.places([]*person{alice, bob}, []*person{carol})
				w.await(10*time.Minute, "they are apart", func() bool { return !alice.connected() && !bob.connected() && len(alice.status().Peers) == 1 })
				w.net.SetBandwidth(alice.address(), bob.address(), 128_000, 128<<10)
				w.net.SetBandwidth(bob.address(), alice.address(), 128_000, 128<<10)
				const size = 120 << 10
				sent := func() int { return w.net.Carried(alice.address(), bob.address()) }
				before := sent()
				id := alice.sendFile(carol, "chart", size)
				for start := time.Now(); sent()-before < 60<<10; time.Sleep(100 * time.Millisecond) {
					if time.Since(start) > 10*time.Minute {
						t.Fatal("half of it does not come to bob")
					}
				}
				if bob.carriedBytes() >= size {
					t.Fatal("all of it is with bob: this proves nothing")
				}
				ends := []*person{bob, alice}[i]
				ends.crash()
				time.Sleep(time.Minute)
				ends.start()
				first := sent() - before
				w.await(time.Hour, "bob carries it", func() bool { return bob.carriedBytes() >= size })
				total := sent() - before
				t.Logf("%d bytes went before, %d in all; bob carries %d", first, total, bob.carriedBytes())
				if again := total - bob.carriedBytes(); again > 48<<10 {
					t.Errorf("%d bytes went again, or were overhead", again)
				}
				w.places([]*person{alice}, []*person{bob, carol})
				w.await(time.Hour, "it came, and nothing is carried", func() bool { return len(carol.inbox()) == 2 && bob.carrying() == 0 })
				w.places([]*person{alice, bob}, []*person{carol})
				w.await(time.Hour, "its sender knows", func() bool { return alice.delivered(id) })
			})
		})
	}
}

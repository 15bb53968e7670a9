package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// How many times a packet travels one way between a link that comes up and an envelope at the rendezvous node: two of a handshake of QUIC, and
// the one that brings it; two more, for the roll, if it is yet to be sealed. [RV-206]
const (
	flightsSealed   = 3
	flightsUnsealed = 5
)

// TestSimFlights counts the flights from a link that comes up to a text of 200 bytes with the one it is for, whose own link takes next to
// nothing: for a device that has had a session with the node before, over a link so long that nothing else takes time.
func TestSimFlights(t *testing.T) {
	const oneWay = time.Second
	text := strings.Repeat("x", 190)
	simulate(t, 77, func(w *world) {
		alice, bob := w.person("alice"), w.person("bob")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(bob)
		first := alice.send("first", bob)
		w.await(time.Hour, "the first is delivered", func() bool { return alice.delivered(first) })
		here, there := testnet.Address(serverPlace), alice.address()
		for _, c := range []struct {
			name   string
			before time.Duration // from the end of the link to the message
			most   int
		}{{"sealed", 0, flightsSealed}, {"unsealed", 5 * time.Minute, flightsUnsealed}} {
			w.net.Cut(here, there)
			w.net.Cut(there, here)
			time.Sleep(c.before)
			id := alice.send(text+c.name, bob)
			time.Sleep(10 * time.Minute)
			w.net.SetLatency(here, there, oneWay)
			w.net.SetLatency(there, here, oneWay)
			w.net.Heal()
			began := time.Now()
			alice.node.Reconnect()
			w.await(time.Hour, "bob has it", func() bool { return slices.Contains(bob.inbox(), text+c.name) })
			took := time.Since(began)
			flights := int(took / oneWay)
			t.Logf("%s: %d flights (%v)", c.name, flights, took)
			if flights > c.most {
				t.Errorf("%s: %d flights", c.name, flights)
			}
			w.await(time.Hour, "it is delivered", func() bool { return alice.delivered(id) })
			w.net.SetLatency(here, there, testnet.DefaultLatency)
			w.net.SetLatency(there, here, testnet.DefaultLatency)
			time.Sleep(5 * time.Minute)
		}
	})
}

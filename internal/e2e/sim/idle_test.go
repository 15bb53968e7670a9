package sim

import (
	"testing"
	"time"

	"muster.example/internal/testnet"
)

// traffic is what went between two places, both ways.
type traffic struct{ packets, bytes int }

// headers is what UDP and IPv4 add to a packet, in bytes.
const headers = 8 + 20

func (w *world) traffic(a, b string) traffic {
	packets := w.net.Delivered(a, b) + w.net.Delivered(b, a)
	return traffic{packets, w.net.Carried(a, b) + w.net.Carried(b, a) + packets*headers}
}

// idleBytes is the most that a device with nothing to do may exchange in a day, with everybody together. Without it a fault that makes
// devices talk for nothing would be seen by nobody but those who pay for their link.
const idleBytes = 3 << 20

// TestLongSimIdleDay is a day on which nothing happens: what it costs a device that is online, with another device of the account and
// people who are there too.
func TestLongSimIdleDay(t *testing.T) {
	long(t)
	simulate(t, 47, func(w *world) {
		w.near = true // own devices hear each other's beacons too
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, writer := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0]
		writer.send("good night", desk)
		w.alike(time.Minute, desk, phone)
		time.Sleep(time.Hour)

		places := map[string]string{"rendezvous node": testnet.Address(serverPlace), "own other device": phone.address(), "another member": writer.address()}
		before := make(map[string]traffic)
		for name, at := range places {
			before[name] = w.traffic(desk.address(), at)
		}
		time.Sleep(24 * time.Hour)
		all := 0
		for name, at := range places {
			now := w.traffic(desk.address(), at)
			packets, bytes := now.packets-before[name].packets, now.bytes-before[name].bytes
			all += bytes
			w.t.Logf("a day with the %s: %d packets, %d bytes", name, packets, bytes)
		}
		if all > idleBytes {
			w.t.Errorf("an idle device exchanged %d bytes in a day", all)
		}
	})
}

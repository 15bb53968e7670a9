package sim

import (
	"os"
	"strconv"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// envLANDevices is how many devices TestSimIdleCrowd has on its network; `scripts/bench.sh lan` takes twenty.
const envLANDevices = "MUSTER_LAN_DEVICES"

// What an idle device may exchange in an hour with each other one on its network: with a rendezvous node they hang up after two minutes,
// without one they stay connected, and QUIC keeps each connection alive.
const (
	idleHourServed   = 48 << 10
	idleHourUnserved = 96 << 10
)

// TestSimIdleCrowd is devices of so many members of one organization and one group on a local network, who have nothing to say: what a
// device exchanges in an hour with all others together, with a rendezvous node and without. Beacons, which are multicast, are beside it.
func TestSimIdleCrowd(t *testing.T) {
	devices := 5
	if text := os.Getenv(envLANDevices); text != "" {
		var err error
		if devices, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", envLANDevices, err)
		}
	}
	simulate(t, 96, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(devices, 1, func(int, *person) {})
		w.assemble(func(*person) {})
		w.inOneGroup(accounts)
		time.Sleep(time.Hour)
		w.idleHour("with a rendezvous node", idleHourServed)
		w.alone()
		w.again(w.all...) // without what they had of it
		time.Sleep(time.Hour)
		w.idleHour("without one", idleHourUnserved)
		t.Logf("connections of each device without one: %.1f", w.connections())
	})
}

// inOneGroup has everybody enter one group.
func (w *world) inOneGroup(accounts []*account) (group string) {
	t := w.t
	t.Helper()
	made, err := accounts[0].devices[0].node.ChangeGroup(t.Context(), api.GroupRequest{Do: api.GroupCreate, Name: "Crew", Admission: "open"})
	if err != nil {
		t.Fatal(err)
	}
	group = made.Group.Group
	w.await(time.Minute, "everybody has the roll", w.together)
	for _, a := range accounts[1:] {
		if _, err := a.devices[0].node.ChangeGroup(t.Context(), api.GroupRequest{Do: api.GroupJoin, Group: group}); err != nil {
			t.Fatal(err)
		}
	}
	w.await(10*time.Minute, "everybody has the roll", w.together)
	return group
}

// idleHour lets an hour pass, and holds what a device exchanges meanwhile with each other one, on average, against a bound.
func (w *world) idleHour(when string, most int) {
	w.t.Helper()
	among := func() (of []traffic, node traffic) {
		of = make([]traffic, len(w.all))
		for i, p := range w.all {
			for _, other := range w.all {
				if other != p {
					of[i] = of[i].plus(w.traffic(p.address(), other.address()))
				}
			}
			node = node.plus(w.traffic(p.address(), testnet.Address(serverPlace)))
		}
		return of, node
	}
	before, nodeBefore := among()
	time.Sleep(time.Hour)
	now, nodeNow := among()
	var all, highest traffic
	for i := range now {
		one := now[i].minus(before[i])
		all = all.plus(one)
		if one.bytes > highest.bytes {
			highest = one
		}
	}
	n := len(w.all)
	node := nodeNow.minus(nodeBefore)
	w.t.Logf("%d devices %s, an hour of one with all others: %d packets, %d bytes; at most %d, %d; with the node %d, %d", n, when,
		all.packets/n, all.bytes/n, highest.packets, highest.bytes, node.packets/n, node.bytes/n)
	if each := all.bytes / n / (n - 1); each > most {
		w.t.Errorf("%s an idle device exchanged %d bytes in an hour with each other one", when, each)
	}
}

func (t traffic) plus(other traffic) traffic {
	return traffic{t.packets + other.packets, t.bytes + other.bytes}
}

func (t traffic) minus(other traffic) traffic {
	return traffic{t.packets - other.packets, t.bytes - other.bytes}
}

// connections returns with how many others a device is connected, on average.
func (w *world) connections() float64 {
	count := 0
	for _, p := range w.all {
		for _, other := range w.all {
			if p != other && p.touches(other) {
				count++
			}
		}
	}
	return float64(count) / float64(len(w.all))
}

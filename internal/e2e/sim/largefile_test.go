package sim

import (
	"testing"
	"time"

	"muster.example/node/api"
)

// TestLongSimFileBeyondAllWindows sends a file that is larger than what may lie sealed, be on its way to a neighbour, or wait for a rendezvous
// node's answers: by each way, and by both, it goes on by itself as room comes, and not when a job is looked at again a minute later. [RV-203]
func TestLongSimFileBeyondAllWindows(t *testing.T) {
	long(t)
	const size, limit = 20 << 20, 50 * time.Second
	for name, ways := range map[string]struct{ direct, node bool }{
		"the node": {node: true}, "directly": {direct: true}, "both": {direct: true, node: true},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 96, func(w *world) {
				if ways.direct {
					w.direct(true)
				}
				accounts := w.crowd(2, 1, func(int, *person) {})
				w.assemble(func(*person) {})
				from, to := accounts[0].devices[0], accounts[1].devices[0]
				if !ways.node {
					w.alone()
				} else if !ways.direct {
					w.net.Partition([]string{from.address()}, []string{to.address()})
				}
				first := from.send("a word before", to)
				w.await(5*time.Minute, "the word came", func() bool { _, delivered := from.ways(first); return delivered })
				if via, _ := from.ways(first); ways.direct != ways.node && (via[0] == api.ViaDirect) != ways.direct {
					w.t.Fatalf("by %s alone it went by %v", name, via)
				}
				if ways.direct {
					w.await(time.Minute, "they are in reach", func() bool { return from.touches(to) })
				}
				id, data := from.sendChart(size, to)
				w.await(limit, "the file is there", func() bool { return to.isAt(id, data) })
				w.await(time.Minute, "its sender knows", func() bool { _, delivered := from.ways(id); return delivered })
				if via, _ := from.ways(id); ways.direct != ways.node && (via[0] == api.ViaDirect) != ways.direct {
					w.t.Errorf("by %s alone the file went by %v", name, via)
				}
			})
		})
	}
}

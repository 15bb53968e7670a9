package rendezvous

import "testing"

// The mark of connections leaves room for all else that a node needs: what a device takes was measured as 86 KiB, and the node
// with messages under way as 56 MiB (docs/benchmarks.md, docs/operating.md).
func TestMarkOfConnectionsFitsTheMemory(t *testing.T) {
	const mib, session = 1 << 20, 86 << 10
	const node = 56 * mib
	for _, memory := range []int64{384 * mib, 512 * mib, 1 << 30, 6 << 30, 8 << 30} {
		if taken := int64(connectionsOn(memory))*session + node; taken > memory {
			t.Errorf("on a machine of %d MiB the mark is %d connections, which take %d MiB with the node", memory/mib, connectionsOn(memory), taken/mib)
		}
	}
	if least, most := connectionsOn(1), connectionsOn(1<<50); least != leastConnections || most != mostConnections {
		t.Errorf("marks are from %d to %d, want %d to %d", least, most, leastConnections, mostConnections)
	}
}

//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"muster.example/internal/cluster"
	"muster.example/internal/e2e/program"
)

// TestPartitionWhileMessagesFlow has each server in a network namespace, and cuts one after the other off from its peers, while
// processes of the node still reach it; then from everybody.
func TestPartitionWhileMessagesFlow(t *testing.T) {
	_, noIP := exec.LookPath("ip")
	_, noNFT := exec.LookPath("nft")
	program.Need(t, os.Getuid() == 0 && noIP == nil && noNFT == nil, "root, iproute2 and nftables")
	n := newNetwork(t)
	w := newWorldIn(t, true, cluster.Options{
		Port: 4222, Hosts: n.hosts,
		Behind: func(i int) []string { return []string{"ip", "netns", "exec", n.spaces[i]} },
	})
	w.flow(time.Second)
	for i := range n.spaces {
		before := w.sent
		n.run("ip", "netns", "exec", n.spaces[i], "nft", "add table ip cut; add chain ip cut in { type filter hook input priority 0; }; "+
			"add rule ip cut in tcp dport 4223-4243 drop; add rule ip cut in tcp sport 4223-4243 drop")
		w.flow(6 * time.Second) // long enough for those who are connected to it to leave
		n.run("ip", "netns", "exec", n.spaces[i], "nft", "delete table ip cut")
		w.flow(time.Second)
		w.current()
		t.Logf("%s was cut off from its peers; %d messages were sent", w.nats.Servers[i].Name, w.sent-before)
	}
	n.run("ip", "link", "set", n.outside[0], "down")
	w.flow(5 * time.Second)
	n.run("ip", "link", "set", n.outside[0], "up")
	w.settled()
}

// network is three namespaces on one bridge. It goes with the test.
type network struct {
	t                      *testing.T
	hosts, spaces, outside []string
}

func newNetwork(t *testing.T) *network {
	n := &network{t: t}
	id := os.Getpid() % 10000
	bridge := fmt.Sprintf("mcb%d", id)
	t.Cleanup(func() {
		for _, space := range n.spaces {
			_ = exec.Command("ip", "netns", "del", space).Run()
		}
		_ = exec.Command("ip", "link", "del", bridge).Run()
	})
	subnet := fmt.Sprintf("10.231.%d", id%250)
	n.run("ip", "link", "add", bridge, "type", "bridge")
	n.run("ip", "addr", "add", subnet+".1/24", "dev", bridge)
	n.run("ip", "link", "set", bridge, "up")
	for i := range 3 {
		space, out, in := fmt.Sprintf("mcn%d-%d", id, i), fmt.Sprintf("mco%d-%d", id, i), fmt.Sprintf("mci%d-%d", id, i)
		host := fmt.Sprintf("%s.%d", subnet, 11+i)
		n.run("ip", "netns", "add", space)
		n.spaces, n.outside, n.hosts = append(n.spaces, space), append(n.outside, out), append(n.hosts, host)
		n.run("ip", "link", "add", out, "type", "veth", "peer", "name", in, "netns", space)
		n.run("ip", "link", "set", out, "master", bridge, "up")
		n.run("ip", "-n", space, "addr", "add", host+"/24", "dev", in)
		n.run("ip", "-n", space, "link", "set", in, "up")
		n.run("ip", "-n", space, "link", "set", "lo", "up")
	}
	return n
}

func (n *network) run(command ...string) {
	n.t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

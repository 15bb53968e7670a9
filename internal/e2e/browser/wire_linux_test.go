//go:build browser && linux

package browser

import (
	"encoding/binary"
	"net"
	"strings"
	"syscall"
	"testing"

	"muster.example/node/api"
	"muster.example/node/web/hostiletest"
)

// nowhere makes a network of loopback, and a wire with a default route that nobody answers.
const nowhere = `
ip link add wire type veth peer name nowhere
ip addr add 192.0.2.1/24 dev wire
ip link set nowhere up
ip link set wire up
echo 1 > /proc/sys/net/ipv6/conf/wire/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/nowhere/disable_ipv6
ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev wire nud permanent
ip route add default via 192.0.2.2`

// A node that is sent hostile messages, and serves them, puts nothing on the wire but to its own organization: in a network of
// its own, where the organization is on loopback, and everything else leads to a wire that leads nowhere, nothing comes there.
func TestNodeContactsOnlyItsOrganization(t *testing.T) {
	if alone(t, nowhere) {
		return
	}
	wire := capture(t)
	people := organization(t, "Ada", "Mallory")
	org := muster[[]api.OrgSummary](people[0], "org", "list")[0].Org
	for _, th := range sendCases(t, people[1], hostiletest.Cases()) {
		var page api.ThreadPage
		awaitThread(t, people[0], org, th, &page)
		for _, m := range page.Messages {
			if _, err := people[0].client.Read(t.Context(), api.ReadRequest{Org: org, ID: m.ID}); err != nil {
				t.Errorf("reading a message: %v", err)
			}
		}
	}
	for _, packet := range wire.seen(t) {
		t.Errorf("a packet left the machine: %s", packet)
	}
	// What is not seen at all would pass above.
	probe, err := net.Dial("udp4", "198.51.100.9:53")
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	if _, err := probe.Write([]byte("probe")); err != nil {
		t.Fatal(err)
	}
	if got := wire.seen(t); len(got) != 1 || !strings.Contains(got[0], "198.51.100.9") {
		t.Errorf("of a packet that was sent the capture saw %v", got)
	}
}

// wire is a socket that gets every packet of the interface that leads away.
type wire struct{ socket int }

func capture(t *testing.T) wire {
	t.Helper()
	leads, err := net.InterfaceByName("wire")
	if err != nil {
		t.Fatal(err)
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, syscall.ETH_P_ALL))
	socket, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, int(all))
	if err != nil {
		t.Fatalf("capturing packets: %v", err)
	}
	t.Cleanup(func() { syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: leads.Index}); err != nil {
		t.Fatalf("capturing packets: %v", err)
	}
	w := wire{socket}
	w.seen(t) // what the system said when the wire came up
	return w
}

// seen returns what was sent beyond the local network since it was last asked, in words.
func (w wire) seen(t *testing.T) (all []string) {
	t.Helper()
	packet := make([]byte, 2048)
	for {
		n, _, err := syscall.Recvfrom(w.socket, packet, 0)
		if err == syscall.EAGAIN {
			return all
		}
		if err != nil {
			t.Fatalf("reading the capture: %v", err)
		}
		if n >= 34 && packet[12] == 8 && packet[13] == 0 {
			if packet[30] == 224 && packet[31] == 0 && packet[32] == 0 {
				continue // what devices announce to those on the same network, and no router passes on (RFC 5771) [NEAR-20]
			}
			all = append(all, net.IP(packet[26:30]).String()+" to "+net.IP(packet[30:34]).String())
		} else {
			all = append(all, "a frame of "+net.HardwareAddr(packet[:6]).String())
		}
	}
}

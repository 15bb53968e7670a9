//go:build netns && linux

package netns

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// traffic is what went over a host's cable, both ways.
type traffic struct{ packets, bytes int64 }

func (t traffic) minus(other traffic) traffic {
	return traffic{t.packets - other.packets, t.bytes - other.bytes}
}

// traffic returns what went over a host's cable so far.
func (n network) traffic(host string) (t traffic) {
	n.t.Helper()
	for name, sum := range map[string]*int64{"rx_packets": &t.packets, "tx_packets": &t.packets, "rx_bytes": &t.bytes, "tx_bytes": &t.bytes} {
		text := strings.TrimSpace(n.do(host, "cat", "/sys/class/net/eth0/statistics/"+name))
		count, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			n.t.Fatalf("%s of %s: %q", name, host, text)
		}
		*sum += count
	}
	return t
}

// flow is what goes from one address to a port of another.
type flow struct {
	from, to netip.Addr
	protocol string
	port     int
}

func (f flow) String() string { return fmt.Sprintf("%s > %s %s %d", f.from, f.to, f.protocol, f.port) }

// Where a host counts what passes, in the words of nftables.
const (
	arriving = "prerouting" // before anything is translated or dropped
	leaving  = "output"
	passing  = "forward" // on a router
)

// families are the versions of IP by which packets are counted: the table's family, and the type of an address.
var families = map[string]string{"ip": "ipv4_addr", "ip6": "ipv6_addr"}

// counts has a host count the TCP and UDP packets that pass a hook from now on, for flows to read.
func (n network) counts(host, hook string) {
	n.t.Helper()
	for family, address := range families {
		n.do(host, "nft", fmt.Sprintf(`
			table %[1]s seen
			delete table %[1]s seen
			table %[1]s seen {
				set flows { type %[2]s . %[2]s . inet_proto . inet_service; flags dynamic; counter; size 65535; }
				chain each {
					type filter hook %[3]s priority -350;
					meta l4proto { tcp, udp } add @flows { %[1]s saddr . %[1]s daddr . meta l4proto . th dport }
				}
			}`, family, address, hook))
	}
}

// flows returns how many packets of each flow a host has counted.
func (n network) flows(host string) map[flow]int {
	n.t.Helper()
	all := make(map[flow]int)
	for family := range families {
		text := n.do(host, "nft", "-j", "-n", "list", "set", family, "seen", "flows")
		var said counted
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			n.t.Fatalf("what %s has counted: %v\n%s", host, err, text)
		}
		for _, part := range said.Nftables {
			for _, e := range part.Set.Elem {
				f, err := e.Elem.Val.flow()
				if err != nil {
					n.t.Fatalf("what %s has counted: %v\n%s", host, err, text)
				}
				all[f] = e.Elem.Counter.Packets
			}
		}
	}
	return all
}

// counted is a set of flows as nft prints it.
type counted struct {
	Nftables []struct {
		Set struct {
			Elem []struct {
				Elem struct {
					Val     concatenation `json:"val"`
					Counter struct {
						Packets int `json:"packets"`
					} `json:"counter"`
				} `json:"elem"`
			} `json:"elem"`
		} `json:"set"`
	} `json:"nftables"`
}

type concatenation struct {
	Concat []any `json:"concat"`
}

func (c concatenation) flow() (f flow, err error) {
	if len(c.Concat) != 4 {
		return f, fmt.Errorf("%d parts", len(c.Concat))
	}
	var errs [3]error
	f.from, errs[0] = netip.ParseAddr(fmt.Sprint(c.Concat[0]))
	f.to, errs[1] = netip.ParseAddr(fmt.Sprint(c.Concat[1]))
	f.protocol = fmt.Sprint(c.Concat[2])
	f.port, errs[2] = strconv.Atoi(fmt.Sprint(c.Concat[3]))
	return f, errors.Join(errs[:]...)
}

//go:build netns && linux

package netns

import (
	"crypto/rand"
	_ "embed"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"muster.example/internal/e2e/program"
)

func TestMain(m *testing.M) {
	if host() != "" {
		os.Exit(m.Run())
	}
	program.Build(m)
}

//go:embed lan.sh
var lanScript string

//go:embed homes.sh
var homesScript string

// network is a set of namespaces that belong to one test.
type network struct {
	t      *testing.T
	prefix string
}

// lan makes a LAN without a server: hosts "1" to its number, at lanAddress.
func lan(t *testing.T, hosts int) network { return setUp(t, lanScript, strconv.Itoa(hosts)) }

// lanAddress is the IPv4 address of a host of a LAN.
func lanAddress(host int) string { return "10.9.0." + strconv.Itoa(host) }

// Hosts between two homes.
const (
	public        = "pub" // the segment that both reach
	publicAddress = "192.0.0.130"
	homeA, homeB  = "a", "b"
)

// Kinds of router (homes.sh).
const (
	cone         = "cone"
	coneReject   = "cone-reject"
	symmetric    = "symmetric"
	carrierGrade = "carrier-grade"
)

// homes makes two homes behind routers of some kinds, and a public segment between them.
func homes(t *testing.T, kindA, kindB string) network { return setUp(t, homesScript, kindA, kindB) }

// setUp runs a script that makes a network, which is removed when the test ends, also if only a part of it was made.
func setUp(t *testing.T, script string, args ...string) network {
	t.Helper()
	for _, tool := range []string{"ip", "nft"} {
		_, err := exec.LookPath(tool)
		program.Need(t, err == nil, tool)
	}
	program.Need(t, os.Geteuid() == 0, "root")
	n := network{t: t, prefix: "muster-" + strings.ToLower(rand.Text()[:8])}
	t.Cleanup(n.remove)
	n.build(script, args...)
	return n
}

// build runs a script that makes a part of the network.
func (n network) build(script string, args ...string) {
	n.t.Helper()
	command := exec.CommandContext(n.t.Context(), "sh", append([]string{"-c", script, "sh", n.prefix}, args...)...)
	if out, err := command.CombinedOutput(); err != nil {
		n.t.Fatalf("making a network: %v\n%s", err, out)
	}
}

// remove ends the network. Programs on its hosts have ended before, since they were started later.
func (n network) remove() {
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		n.t.Errorf("listing network namespaces: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(name, n.prefix+"-") {
			if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
				n.t.Errorf("removing %s: %v\n%s", name, err, out)
			}
		}
	}
}

// on returns what a command runs behind to be on a host.
func (n network) on(host string) []string {
	return []string{"ip", "netns", "exec", n.prefix + "-" + host}
}

// command returns a command on a host, which ends with the test.
func (n network) command(host string, words ...string) *exec.Cmd {
	all := append(n.on(host), words...)
	return exec.CommandContext(n.t.Context(), all[0], all[1:]...)
}

// do runs a command on a host, which must succeed, and returns what it said.
func (n network) do(host string, words ...string) string {
	n.t.Helper()
	out, err := n.command(host, words...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("on %s: %s: %v\n%s", host, strings.Join(words, " "), err, out)
	}
	return string(out)
}

// rendezvous starts a rendezvous node on a host, at an address of it, for TCP and QUIC.
func (n network) rendezvous(host, address string) *program.Rendezvous {
	n.t.Helper()
	return program.StartRendezvous(n.t, n.on(host), "/ip4/"+address+"/tcp/4001", "/ip4/"+address+"/udp/4001/quic-v1")
}

// device starts a device node on a host, with further flags.
func (n network) device(host, name string, flags ...string) *program.Device {
	n.t.Helper()
	return program.StartDevice(n.t, name, n.on(host), flags...)
}

// onHost says to a run of this test binary on which host it is.
const onHost = "MUSTER_NETNS_HOST"

// again runs a test of this network once more, on a host, where host() is the name of it, and returns what it said.
func (n network) again(host string) string {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	command := n.command(host, self, "-test.run", "^"+n.t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), onHost+"="+host)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+n.t.Name()) {
		n.t.Errorf("on %s: %v\n%s", host, err, out)
	}
	return string(out)
}

// host is the host that this run of the test is on, empty in the run that makes the network.
func host() string { return os.Getenv(onHost) }

//go:build netns && linux

package netns

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/internal/nearby"
	"muster.example/internal/nearby/mdns"
	"muster.example/node/api"
)

// nearbyDir says to runs of the test on hosts where files are by which they tell one another how far they are.
const nearbyDir = "MUSTER_NETNS_DIR"

func mark(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(os.Getenv(nearbyDir), name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func awaitMark(t *testing.T, name string) {
	t.Helper()
	program.Await(t, program.StartTime, name, func() bool {
		_, err := os.Stat(filepath.Join(os.Getenv(nearbyDir), name))
		return err == nil
	})
}

// On a LAN without a default route what one host announces another one hears, with where it is; and again when it has moved, though its
// network was away.
func TestNearbyIsHeard(t *testing.T) {
	switch host() {
	case "1":
		hearNearby(t)
		return
	case "2":
		awaitMark(t, "browsing")
		network, ctx := mdns.New(nil), t.Context()
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		payload := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
		go func() {
			ended <- network.Announce(ctx, nearby.Announcement{Kind: nearby.Devices, Port: 4747, Payload: payload})
		}()
		awaitMark(t, "heard again")
		cancel()
		<-ended
		return
	}
	n := lan(t, 2)
	t.Setenv(nearbyDir, t.TempDir())
	ended := make(chan string, 2)
	for _, host := range []string{"1", "2"} {
		go func() { ended <- n.again(host) }()
	}
	awaitMark(t, "heard")
	n.do("2", "ip", "link", "set", "eth0", "down")
	n.do("2", "ip", "addr", "flush", "dev", "eth0")
	n.do("2", "ip", "addr", "add", "10.9.0.77/24", "dev", "eth0")
	n.do("2", "ip", "link", "set", "eth0", "up")
	awaitMark(t, "heard again")
	t.Log(<-ended, <-ended)
}

// hearNearby browses on one host.
func hearNearby(t *testing.T) {
	found := make(chan nearby.Found, 16)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- mdns.New(nil).Browse(ctx, nearby.Devices, func(f nearby.Found) { found <- f })
	}()
	defer func() { cancel(); <-ended }()
	time.AfterFunc(200*time.Millisecond, func() { mark(t, "browsing") })
	at := func(where string) nearby.Found {
		for {
			select {
			case f := <-found:
				if slices.Contains(f.Addresses, netip.MustParseAddrPort(where)) {
					return f
				}
			case err := <-ended:
				t.Fatal(err)
			case <-time.After(program.StartTime):
				t.Fatalf("nobody is heard at %s", where)
			}
		}
	}
	f := at("10.9.0.2:4747")
	t.Logf("heard after %v, at %v", time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(f.Payload)))), f.Addresses)
	mark(t, "heard")
	at("10.9.0.77:4747")
	mark(t, "heard again")
}

// desk is a device that has an account, and a code for another one.
func desk(t *testing.T, n network) (ada *program.Device, made api.AddDeviceResult) {
	t.Helper()
	node := n.rendezvous("1", lanAddress(1))
	ada = n.device("2", "Ada")
	if _, err := ada.Client.CreateOrg(t.Context(), api.CreateOrgRequest{Claim: node.Claim, Name: "Harbour", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	made, err := ada.Client.AddDevice(t.Context(), api.AddDeviceRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return ada, made
}

// enterCode has a new device enter a code or link, and a person say yes; it returns what the new device says in the end.
func enterCode(t *testing.T, old, next *program.Device, with string) api.Pairing {
	t.Helper()
	if _, err := next.Client.Pair(t.Context(), api.PairRequest{With: with}); err != nil {
		t.Fatal(err)
	}
	var words []string
	program.Await(t, program.StartTime, "both show words", func() bool {
		ofOld, err := old.Client.Pairing(t.Context(), api.PairingQuery{})
		ofNew, other := next.Client.Pairing(t.Context(), api.PairingQuery{})
		if err != nil || other != nil || ofNew.Over() {
			t.Fatalf("%+v, %v, %v", ofNew, err, other)
		}
		words = ofOld.Words
		return len(words) == 2 && slices.Equal(words, ofNew.Words)
	})
	if _, err := old.Client.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: words}); err != nil {
		t.Fatal(err)
	}
	var said api.Pairing
	program.Await(t, 2*program.StartTime, "the pairing is over", func() bool {
		said, _ = next.Client.Pairing(t.Context(), api.PairingQuery{})
		return said.Over()
	})
	if said.State != api.PairingDone || len(said.Orgs) != 1 {
		t.Fatalf("the new device says %+v, %v", said, said.Error)
	}
	return said
}

// A code alone finds the old device on a LAN without a default route.
func TestCodeIsFoundOnLAN(t *testing.T) {
	n := lan(t, 3)
	ada, made := desk(t, n)
	if said := enterCode(t, ada, n.device("3", "Phone"), made.Code); said.Orgs[0].State != "added" {
		t.Errorf("the new device says %+v", said)
	}
}

// So it does where the old device alone reaches the rendezvous node: the new one enters once it reaches it too.
func TestCodeIsFoundWithoutNode(t *testing.T) {
	n := lan(t, 3)
	ada, made := desk(t, n)
	phone := n.device("3", "Phone")
	n.do("3", "ip", "route", "add", "unreachable", lanAddress(1)+"/32")
	if said := enterCode(t, ada, phone, made.Code); said.Orgs[0].State != "waiting" {
		t.Errorf("the new device says %+v", said)
	}
	n.do("3", "ip", "route", "del", "unreachable", lanAddress(1)+"/32")
	program.Await(t, 2*time.Minute, "the new device is in", func() bool {
		status, err := phone.Client.Status(t.Context())
		return err == nil && len(status.Orgs) == 1
	})
}

// A link says where the old device is, so that it is found where nothing is announced, and the node is out of reach.
func TestLinkIsFoundWithoutMulticast(t *testing.T) {
	n := lan(t, 3)
	ada, made := desk(t, n)
	phone := n.device("3", "Phone")
	n.do("3", "nft", "add table inet deaf; add chain inet deaf in { type filter hook input priority 0; }; add rule inet deaf in udp dport 5353 drop")
	n.do("3", "ip", "route", "add", "unreachable", lanAddress(1)+"/32")
	if said := enterCode(t, ada, phone, made.Link); said.Orgs[0].State != "waiting" {
		t.Errorf("the new device says %+v", said)
	}
}

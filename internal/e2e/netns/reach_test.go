//go:build netns && linux

package netns

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"muster.example/node/api"
)

// On a LAN without a router a node on one host serves those on others.
func TestLANCarriesMessages(t *testing.T) {
	n := lan(t, 3)
	node := n.rendezvous("1", lanAddress(1))
	ada, ben := n.device("2", "Ada"), n.device("3", "Ben")
	if _, err := ada.Client.CreateOrg(t.Context(), api.CreateOrgRequest{Claim: node.Claim, Name: "Harbour", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	invited, err := ada.Client.Invite(t.Context(), api.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ben.Client.Join(t.Context(), api.JoinRequest{Invitation: invited.Invitation, As: "Ben"}); err != nil {
		t.Fatal(err)
	}
}

// What other tests build on: homes reach what is public, and nobody reaches into a home unasked, though there is a way.
func TestHomesAreBehindRouters(t *testing.T) {
	for _, kind := range []string{cone, coneReject, symmetric, carrierGrade} {
		t.Run(kind, func(t *testing.T) {
			switch host() {
			case homeA, homeB:
				if !answers(publicAddress) {
					t.Error("what is public cannot be reached from a home")
				}
				return
			case public:
				if answers("10.0.1.2") {
					t.Error("a home can be reached from outside")
				}
				return
			}
			n := homes(t, kind, kind)
			n.again(homeA)
			n.again(homeB)
			n.do(public, "ip", "route", "add", "10.0.1.0/24", "via", "192.0.0.140")
			n.again(public)
		})
	}
}

// answers reports whether a host says that nothing listens on a port of it.
func answers(address string) bool {
	connection, err := net.DialTimeout("tcp4", net.JoinHostPort(address, "9"), time.Second)
	if err == nil {
		connection.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

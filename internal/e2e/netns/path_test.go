//go:build netns && linux

package netns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// Two devices of one person in two homes find a path without the relay if the routers let them, and go on through the relay if not.
func TestPathsBetweenHomes(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want api.Path
	}{
		{cone, cone, api.PathDirect},
		{symmetric, cone, api.PathRelayed},
		{cone, symmetric, api.PathRelayed},
	} {
		t.Run(c.a+" "+c.b, func(t *testing.T) {
			n := homes(t, c.a, c.b)
			node := n.rendezvous(public, publicAddress)
			here, there := together(t, node, n.device(homeA, "here"), n.device(homeB, "there"))
			for _, d := range []*program.Device{here, there} {
				program.Await(t, 2*time.Minute, d.Name+" reaches the other one as it can", func() bool { return pathOf(t, d) == c.want })
			}
			inStep(t, here, there)
			inStep(t, there, here)
			for _, d := range []*program.Device{here, there} {
				if got := pathOf(t, d); got != c.want {
					t.Errorf("%s has path %q, not %q", d.Name, got, c.want)
				}
			}
		})
	}
}

// Without direct paths both stay with the relay, and listen on nothing that others reach.
func TestNoDirectPaths(t *testing.T) {
	n := homes(t, cone, cone)
	node := n.rendezvous(public, publicAddress)
	here, there := together(t, node, n.device(homeA, "here", "--no-direct"), n.device(homeB, "there"))
	program.Await(t, 2*time.Minute, "they meet through the relay", func() bool { return pathOf(t, here) == api.PathRelayed })
	inStep(t, there, here)
	if got := pathOf(t, here); got != api.PathRelayed {
		t.Errorf("the path is %q", got)
	}
	if ports := udpPorts(n.do(homeA, "cat", "/proc/net/udp", "/proc/net/udp6")); ports != 0 {
		t.Errorf("%d UDP ports are open", ports)
	}
	if ports := udpPorts(n.do(homeB, "cat", "/proc/net/udp", "/proc/net/udp6")); ports == 0 {
		t.Error("the other device has no UDP port: nothing is seen of ports")
	}
}

// udpPorts counts the sockets in the kernel's table.
func udpPorts(table string) (ports int) {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.Contains(fields[1], ":") && fields[0] != "sl" {
			ports++
		}
	}
	return ports
}

// together makes two devices one person's.
func together(t *testing.T, node *program.Rendezvous, first, second *program.Device) (*program.Device, *program.Device) {
	t.Helper()
	created, err := first.Client.CreateOrg(t.Context(), api.CreateOrgRequest{Claim: node.Claim, Name: "Harbour", As: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	back := api.ReturnRequest{Card: created.Card, Words: strings.Join(created.RecoveryWords, " ")}
	if _, err := second.Client.Return(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	return first, second
}

// pathOf returns how a device reaches the other one of its account.
func pathOf(t *testing.T, d *program.Device) api.Path {
	t.Helper()
	accounts, err := d.Client.Devices(context.Background(), api.DevicesQuery{})
	if err != nil || len(accounts) != 1 {
		t.Fatalf("devices of %s: %+v, %v", d.Name, accounts, err)
	}
	for _, other := range accounts[0].Devices {
		if !other.This {
			return other.Path
		}
	}
	return ""
}

// inStep has a draft of one device come to the other.
func inStep(t *testing.T, from, to *program.Device) {
	t.Helper()
	status, err := from.Client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint("half an answer, of ", from.Name)
	if _, err := from.Client.SaveDraft(t.Context(), api.Draft{To: []string{status.Orgs[0].Member}, Text: text}); err != nil {
		t.Fatal(err)
	}
	program.Await(t, 60*time.Second, "the draft is with "+to.Name, func() bool {
		drafts, err := to.Client.Drafts(context.Background(), api.DraftsQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(drafts, func(d api.Draft) bool { return d.Text == text })
	})
}

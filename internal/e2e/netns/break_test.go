//go:build netns && linux

package netns

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/internal/keys"
	"muster.example/node/api"
)

// envMessages is how many messages go over while the link breaks; `make soak` takes 100,000.
const envMessages = "MUSTER_BREAK_MESSAGES"

// account is one person's two devices on a LAN, with the rendezvous node on host 1: the desk on host 2, the phone on host 3.
type account struct {
	network
	desk, phone *program.Device
}

// TestHistorySurvivesBrokenLinks has a new device get the history of another one, while the link is cut, and both are killed, at random
// moments. It goes on where it was, and both end with the same records.
func TestHistorySurvivesBrokenLinks(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	messages := 5_000
	if text := os.Getenv(envMessages); text != "" {
		var err error
		if messages, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", envMessages, err)
		}
	}
	a := pair(t, messages)

	began, cuts, kills := time.Now(), 0, 0
	for before := a.has(); before < messages; before = a.has() {
		program.Await(t, 2*time.Minute, "the history goes on", func() bool { return a.has() > before })
		switch random.IntN(6) {
		case 0:
			a.do("3", "ip", "link", "set", "eth0", "down")
			<-time.After(time.Duration(random.IntN(2000)) * time.Millisecond)
			a.do("3", "ip", "link", "set", "eth0", "up")
			cuts++
		case 1:
			d := []*program.Device{a.desk, a.phone}[random.IntN(2)]
			d.End(syscall.SIGKILL)
			d.Start()
			kills++
		default:
			<-time.After(time.Duration(random.IntN(500)) * time.Millisecond)
		}
	}
	t.Logf("%d messages in %v, with %d cuts of the link and %d kills", messages, time.Since(began).Round(time.Second), cuts, kills)

	program.Await(t, 2*time.Minute, "both say that they have the same", func() bool { return a.equal(a.desk) && a.equal(a.phone) })
	a.desk.End(syscall.SIGTERM)
	a.phone.End(syscall.SIGTERM)
	if there, here := shared(t, a.desk), shared(t, a.phone); len(here) < messages || !slices.Equal(there, here) {
		t.Errorf("the desk has %d records, the phone %d, and they are not the same", len(there), len(here))
	}
}

// pair makes the account, and gives the desk a history that the phone does not have yet.
func pair(t *testing.T, messages int) *account {
	a := &account{network: lan(t, 3)}
	node := a.rendezvous("1", lanAddress(1))
	a.desk, a.phone = a.device("2", "desk"), a.device("3", "phone")
	if _, err := a.desk.Client.CreateOrg(t.Context(), api.CreateOrgRequest{Claim: node.Claim, Name: "Harbour", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	a.desk.End(syscall.SIGTERM)
	writeHistory(t, a.desk, keys.MemberID{1}, messages)
	a.desk.Start()
	program.Await(t, time.Minute, "the desk is connected", func() bool {
		status, err := a.desk.Client.Status(t.Context())
		return err == nil && status.Orgs[0].Rendezvous[0].Connected
	})
	added, err := a.desk.Client.AddDevice(t.Context(), api.AddDeviceRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.phone.Client.Pair(t.Context(), api.PairRequest{With: added.Link}); err != nil {
		t.Fatal(err)
	}
	words := a.pairing(a.desk, api.PairingCompare).Words
	if _, err := a.desk.Client.ConfirmPairing(t.Context(), api.ConfirmRequest{Words: words}); err != nil {
		t.Fatal(err)
	}
	a.pairing(a.phone, api.PairingDone)
	return a
}

// pairing waits until a pairing has come to a state.
func (a *account) pairing(d *program.Device, state api.PairingState) (said api.Pairing) {
	a.t.Helper()
	program.Await(a.t, time.Minute, d.Name+": the pairing is "+string(state), func() bool {
		var err error
		said, err = d.Client.Pairing(a.t.Context(), api.PairingQuery{})
		return err == nil && said.State == state
	})
	return said
}

// has returns how many messages the phone shows; it does not count on while the phone is down.
func (a *account) has() (messages int) {
	a.t.Helper()
	all, err := a.phone.Client.Threads(a.t.Context(), api.ThreadsQuery{})
	if err != nil {
		return 0
	}
	for _, thread := range all.Threads {
		messages += thread.Messages
	}
	return messages
}

// equal reports whether a device says that the other one has the same records as it.
func (a *account) equal(d *program.Device) bool {
	accounts, err := d.Client.Devices(a.t.Context(), api.DevicesQuery{})
	if err != nil || len(accounts) == 0 {
		return false
	}
	return slices.ContainsFunc(accounts[0].Devices, func(other api.Device) bool {
		return !other.This && other.History != nil && !other.History.Equal.IsZero() && !other.History.Calling
	})
}

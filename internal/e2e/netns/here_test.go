//go:build netns && linux

package netns

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// told is how long a change may take that is looked for once a minute, on a machine that is busy with other tests.
const told = 4 * time.Minute

// write sends a message and returns how it fared at first.
func write(t *testing.T, from *program.Device, to, text string) api.SendResult {
	t.Helper()
	sent, err := from.Client.Send(t.Context(), api.SendRequest{To: []string{to}, Text: text})
	if err != nil {
		t.Fatalf("%s writes to %s: %v", from.Name, to, err)
	}
	return sent
}

// texts returns what a device has received, in order.
func texts(d *program.Device) (all []string) {
	page, err := d.Client.Inbox(context.Background(), api.InboxQuery{})
	if err != nil {
		return nil
	}
	for _, m := range page.Messages {
		if m.Text != "" {
			all = append(all, m.Text)
		}
	}
	return all
}

func awaitText(t *testing.T, d *program.Device, text string) {
	t.Helper()
	program.Await(t, told, fmt.Sprintf("%s has %q", d.Name, text), func() bool { return slices.Contains(texts(d), text) })
}

// status returns what a device says of its one organization.
func status(t *testing.T, d *program.Device) api.OrgStatus {
	t.Helper()
	s, err := d.Client.Status(t.Context())
	if err != nil || len(s.Orgs) != 1 {
		t.Fatalf("status of %s: %+v, %v", d.Name, s, err)
	}
	return s.Orgs[0]
}

// An organization without a server on a LAN: members find its founder's computer wherever that is on the LAN, nothing is lost while it
// is off, and it moves to a server with messages on their way, after which nothing of it is left.
func TestOrganizationWithoutAServer(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n := lan(t, 3)
	ada, ben := n.device("1", "Ada"), n.device("2", "Ben")
	if _, err := ada.Client.CreateOrg(t.Context(), api.CreateOrgRequest{Here: true, Name: "Harbour", As: "Ada"}); err != nil {
		t.Fatal(err)
	}
	invited, err := ada.Client.Invite(t.Context(), api.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ben.Client.Join(t.Context(), api.JoinRequest{Invitation: invited.Invitation, As: "Ben"}); err != nil {
		t.Fatal(err)
	}
	if _, err := ben.Client.Introduce(t.Context(), api.IntroduceRequest{Member: "Ada", Text: "Ben"}); err != nil {
		t.Fatal(err)
	}
	program.Await(t, told, "Ada hears of Ben", func() bool {
		_, err := ada.Client.Accept(t.Context(), api.AcceptRequest{Member: "Ben"})
		return err == nil
	})
	write(t, ada, "Ben", "one")
	awaitText(t, ben, "one")
	write(t, ben, "Ada", "two")
	awaitText(t, ada, "two")
	if at := status(t, ben).Rendezvous[0].Address; !strings.Contains(at, lanAddress(1)) {
		t.Errorf("Ben knows the rendezvous node at %s", at)
	}

	// The network gives Ada's computer another address.
	for _, words := range [][]string{{"flush", "dev", "eth0"}, {"add", "10.9.0.77/24", "dev", "eth0"}} {
		n.do("1", append([]string{"ip", "addr"}, words...)...)
	}
	n.do("1", "ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")
	write(t, ben, "Ada", "three")
	awaitText(t, ada, "three")
	program.Await(t, told, "the roll says where it is now", func() bool {
		return strings.Contains(status(t, ben).Rendezvous[0].Address, "10.9.0.77")
	})

	// It is off; what Ben writes waits where he wrote it.
	ada.End(syscall.SIGKILL)
	if state := write(t, ben, "Ada", "four").Recipients[0].State; state != api.StateHeld {
		t.Errorf("while it is off a message is %s", state)
	}
	ada.Start()
	awaitText(t, ada, "four")

	// It moves to a server while Ben is away and something waits for him.
	ben.End(syscall.SIGTERM)
	write(t, ada, "Ben", "five")
	program.Await(t, told, "it waits", func() bool { return status(t, ada).Rendezvous[0].Here.Entries > 0 })
	server := n.rendezvous("3", lanAddress(3))
	if _, err := ada.Client.MoveRendezvous(t.Context(), api.MoveRequest{Claim: server.Claim}); err != nil {
		t.Fatal(err)
	}
	write(t, ada, "Ben", "six")
	folder := filepath.Join(ada.Dir, "rendezvous")
	if _, err := os.Stat(folder); err != nil {
		t.Fatalf("it is gone before Ben knows: %v", err)
	}
	ben.Start()
	awaitText(t, ben, "six")
	program.Await(t, told, "nothing of it is left", func() bool {
		left, err := filepath.Glob(folder + "*")
		return err == nil && len(left) == 0 && len(status(t, ada).Rendezvous) == 1
	})
	write(t, ben, "Ada", "seven")
	awaitText(t, ada, "seven")
	for d, want := range map[*program.Device][]string{
		ada: {"two", "three", "four", "seven"}, ben: {"one", "five", "six"},
	} {
		got := texts(d)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", d.Name, got, want)
		}
		if alarms := status(t, d).Alarms; len(alarms) > 0 {
			t.Errorf("%s is alarmed: %q", d.Name, alarms)
		}
	}
}
